// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/answers: what the switch itself answers a director that asks for servers (spec B2,
// B12).
//
// By ARP (ovs-plugin/arp.h) and Neighbour Discovery (ovs-plugin/neighbour.h), where the switch
// receives the question: so that goes nowhere, and no flow of the datapath is spent on it.  Pure,
// and called by the datapath's threads: no lock, no memory taken.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "db/store.h"
#include "ovs-plugin/address.h"

namespace holdfast::plugin {

/// What a director is answered: servers' addresses with their synthetic MAC addresses.
struct Answers {
    std::vector<std::pair<Ip, Mac>> known; // Sorted, each address once.
    std::vector<Ip> vips = {}; // Of its balancers, sorted: what is for these goes to servers alone.
    std::vector<std::array<std::uint8_t, 2>> prefixes = {}; // Those of synthetic addresses alone.

    bool has(const Mac& synthetic) const;
    /// Whether it can be no machine's, a server's or not.
    bool has_prefix_of(const Mac& mac) const;
    /// Null if it is no server's.
    const Mac* find(const Ip& ip) const;
    bool operator==(const Answers&) const = default;
};

/// An answer, as a frame with up to two VLAN tags.
using Answer = std::array<std::uint8_t, 96>;

/// What each director is answered, by its VM id.
/// Shape:   O(servers * log) a director.
std::map<std::string, std::shared_ptr<const Answers>> answers_of(const db::Snapshot& snapshot);

/// What probes need: the same of all servers that the switches choose from.
/// Shape:   O(servers * log).
Answers answers_to_probes(const db::Snapshot& snapshot);

/// The answer to a director's `frame`.
/// Returns: the answer's size; 0 if there is nothing to answer.
std::size_t answer_to(const Answers& answers, Bytes frame, Answer& answer);

/// Begins an answer: to who asked, from `synthetic`, in the same VLANs.
/// Returns: where its packet begins; all behind it is 0.
std::size_t begin_answer(const Packet& asked, const Mac& synthetic, Answer& answer);

} // namespace holdfast::plugin
