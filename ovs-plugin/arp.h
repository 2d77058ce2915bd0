// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/arp: answers a director's ARP requests for servers (spec B2).
//
// The switch answers where it receives the request, so that it goes nowhere, and no flow of the
// datapath is spent on it.  Pure, and called by the datapath's threads: no lock, no memory taken.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ovs-plugin/flows.h"
#include "ovs-plugin/origin.h"

namespace holdfast::plugin {

/// What a director is answered: servers' IPv4 addresses with their synthetic MAC addresses.
struct Answers {
    std::vector<std::pair<Ip4, Mac>> known; // Sorted, each address once.

    bool has(const Mac& synthetic) const;
    bool operator==(const Answers&) const = default;
};

/// An answer: Ethernet with up to two VLAN tags, padded to the shortest frame.
using ArpAnswer = std::array<std::uint8_t, 64>;

/// What each director is answered, by its VM id.
/// Shape:   O(servers * log) a director.
std::map<std::string, std::shared_ptr<const Answers>> answers_of(const db::Snapshot& snapshot);

/// The answer to `frame`, if it is an ARP request (RFC 826) for one of the servers, broadcast or to
/// the synthetic address itself (a probe whether it is still there: RFC 1122, 2.3.2.1).  One that
/// asks whether an address is free, or says that it is its own (RFC 5227), is none of ours.
/// Returns: the answer's size; 0 if there is nothing to answer.
std::size_t answer_arp(const Answers& answers, const std::uint8_t* frame, std::size_t size,
                       ArpAnswer& answer);

} // namespace holdfast::plugin
