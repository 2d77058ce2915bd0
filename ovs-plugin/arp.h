// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/arp: answers a director's ARP requests for servers (spec B2).  Pure; see
// ovs-plugin/answers.h.
#pragma once

#include "ovs-plugin/answers.h"

namespace holdfast::plugin {

/// The answer, padded to the shortest frame, to an ARP request (RFC 826) for one of the servers,
/// broadcast or to the synthetic address itself (a probe whether it is still there: RFC 1122,
/// 2.3.2.1).  One that asks whether an address is free, or says that it is its own (RFC 5227), is
/// none of ours.
/// Returns: the answer's size; 0 if there is nothing to answer.
std::size_t answer_arp(const Answers& answers, const Packet& asked, Answer& answer);

} // namespace holdfast::plugin
