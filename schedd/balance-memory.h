// SPDX-License-Identifier: Apache-2.0
//
// schedd/balance-memory: what one round of balance leaves for the next, whoever leads then.
//
// A value, and its text in the row of the lease.  Bounded by nodes that are not simply active, and
// services that were moved of late.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "schedd/environment.h"

namespace holdfast::schedd {

/// A node that is not simply active.  Nodes are named here: their places change.
struct NodeMemory {
    Role role = Role::active;
    std::string stands_in_for; // Whose role it took; empty: nobody's.
    std::string into;          // Where its services are merged; empty: nowhere.

    bool operator==(const NodeMemory&) const = default;
};

/// A service that was moved, or is to be.
struct MoveMemory {
    std::string from, to;
    Time at{};          // When it was ordered.
    Cpu cpu = 0;        // What the service took then.
    Load from_load = 0; // Of the two nodes, then.
    Load to_load = 0;
    Time landed{};       // When it was first seen at its target; the epoch: not yet.
    bool judged = false; // Whether it helped is known, or that it came to nothing.
    int useless = 0;     // Moves in a row that did not help.
    Time rests_until{};

    bool operator==(const MoveMemory&) const = default;
};

struct BalanceMemory {
    std::map<std::string, NodeMemory> nodes; // By name.
    std::map<std::string, MoveMemory> moved; // By the service's id.
    std::int64_t consolidated = 0; // The lease's `reviewed` for which the period's end was decided.

    bool operator==(const BalanceMemory&) const = default;
};

std::string memory_text(const BalanceMemory& memory);
/// What is no memory is none: it is begun anew.
BalanceMemory memory_from(const std::string& text);

/// Rounds in a row that found something; of who leads alone, since another counts anew.
struct RoundCounts {
    struct Node {
        int over = 0;
        int maximum = 0;
    };
    std::map<std::string, Node> nodes; // By name; also: those that were there in the last round.
    int leader = 0;
};

} // namespace holdfast::schedd
