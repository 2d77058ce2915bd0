// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/neighbour: answers a director's Neighbour Solicitations for servers (spec B12), as
// ovs-plugin/arp its ARP requests.  Pure; see ovs-plugin/answers.h.
#pragma once

#include "ovs-plugin/answers.h"

namespace holdfast::plugin {

/// The Neighbour Advertisement that answers a valid Neighbour Solicitation (RFC 4861, 4.3, 4.4 and
/// 7.1.1) for one of the servers, to its solicited-node address or to itself (a probe whether it is
/// still there: 7.3.3).  One that asks whether an address is free (RFC 4862, 5.4.2) is none of
/// ours. Returns: the answer's size; 0 if there is nothing to answer.
std::size_t answer_solicitation(const Answers& answers, const Packet& asked, Answer& answer);

/// The packet of a Neighbour Advertisement to all nodes that nobody has asked for (RFC
/// 4861, 7.2.6): who knows the address takes this MAC address for it.
std::vector<std::uint8_t> unasked_advertisement(const Ip& target, const Mac& mac);

} // namespace holdfast::plugin
