// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/spread: which member of a group takes which share of the traffic (spec C9).
//
// The switch hashes a connection into one of a fixed number of slots; each slot belongs to one
// member by rendezvous hashing (Thaler and Ravishankar, 1998) over the members' ids.  So every
// switch of the fleet chooses the same member without asking, and when a member comes or goes,
// the slots of no other two change hands.  Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::plugin {

/// How many slots: with 3 members one has 85 of them, give or take 8; with 64, 4 give or take 2.
constexpr std::size_t spread_slots = 256;

/// The owner of each slot, as an index into `ids`; empty if there are no ids.
/// Shape:   spread_slots values; O(slots * ids).
std::vector<std::size_t> spread(const std::vector<std::string>& ids);

} // namespace holdfast::plugin
