// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/maglev: which server a hash belongs to, the same for every director (spec B9, B14).
//
// Maglev hashing (Eisenbud and others, NSDI 2016, section 3.4).  Each server has its own order of
// all slots; in turn, by weight, each takes the next of its slots that is free.  So every server
// has its share to a slot or so, and when one leaves, few slots of the others change hands.
//
// The table is made of all servers that are configured.  That one does not work is no matter of
// the table: who looks something up tries another slot then, and no other slot moves.  Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ovs-plugin/address.h"

namespace holdfast::plugin {

/// A number of an address, with every bit of it mixed.
std::uint64_t number_of(const Ip& id);

class Maglev {
public:
    /// How many slots: a prime.
    static constexpr std::size_t slots = 65537;

    struct Member {
        Ip id{};
        std::uint32_t weight = 0; // 0: it has no slot.  Else it has one at least.
    };

    /// The table of these members.
    /// Shape:   the ids differ; at most 65,535 members, in any order: who owns a slot is a matter
    ///          of ids and weights only.  Some ms: not for a datapath's thread.
    explicit Maglev(std::span<const Member> members);

    /// How many members there are, those without a slot too.
    std::size_t size() const { return size_; }
    /// Whether no slot has an owner: no member, or all weights 0.
    bool empty() const { return owners_.empty(); }
    /// The owner of the slot of `hash`, as an index into the members.
    /// Shape:   not if the table is empty.  Hashes that differ by 1 have neighbouring slots.
    std::size_t owner(std::uint64_t hash) const { return owners_[hash % slots]; }

private:
    std::size_t size_;
    std::vector<std::uint16_t> owners_; // By slot.
};

} // namespace holdfast::plugin
