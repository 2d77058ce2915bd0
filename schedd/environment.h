// SPDX-License-Identifier: Apache-2.0
//
// schedd/environment: what the leader of an environment sees when it balances it, and what it
// decides (spec Q10 to Q17).
//
// Plain values: made of the rows of hypervisors, services and averages; what is decided becomes
// rows of tasks.  Loads are averages over some minutes, not of an instant.
#pragma once

#include "schedd/units.h"

#include <vector>

namespace holdfast::schedd {

/// What a node does in its environment.
enum class Role {
    active,   // It runs services, and gets more.
    spare,    // It is kept in reserve; what still runs there is led away.
    freeing,  // Its services are merged on another node, and it leaves.
    freed,    // It has left: another environment has it, or it forms one (spec Q16).
    joining,  // It has just come (spec Q14).
    failed,   // It is not heard of (spec Q15).
    returned, // It has failed and is repaired.
    drained,  // Its hypervisor is drained: hookd leads its services away.
};

/// A node of the environment: a row of Hypervisor, its loads, and what the balancer remembers.
struct BalanceNode {
    std::string name; // The hypervisor's.
    Cpu capacity = 0; // All its processors.
    Cpu system = 0;   // What the node's own processes take: they stay (spec Q10).
    Load average = 0; // Its load over the period (a week, a month).
    Role role = Role::active;
    int rounds_over = 0;            // Rounds in a row that found it crowded or over a threshold.
    int rounds_maximum = 0;         // The same, at or over the maximum.
    NodeId stands_in_for = no_node; // Whose role it took (spec Q15).
    NodeId into = no_node;          // Where its services are merged (spec Q16).
};

/// A service process: a row of Service, its load, and what the balancer remembers.
struct Process {
    std::string id;        // The service's.
    std::string name;      // The service's.
    NodeId node = no_node; // Where it runs.
    Cpu cpu = 0;           // What it takes.
    UserId user = no_user; // Whose share it must stay in; no_user: any node will do.
    bool pinned = false;   // It may not be moved.
    NodeId to = no_node;   // Where a move under way leads it; no_node: none is.
    Time rests_until{};    // It was moved, or is given up: until then it stays.
};

/// All that one round reads.
struct Environment {
    std::vector<BalanceNode> nodes;
    std::vector<Process> processes;
    std::vector<std::vector<NodeId>> shares; // Of each user, by UserId.
    NodeId leader = no_node;
    std::int64_t term = 0; // Of its leadership.
    int leader_rounds = 0; // Rounds in a row that found the leader over its threshold.
    Time now{};
};

/// What a move is for.
enum class Why {
    even,     // Q11
    leader,   // Q12: the leader is relieved.
    vacate,   // Q13, Q15: its node has become a spare.
    relieve,  // Q13: a spare takes part of what is on a node at the maximum.
    join,     // Q14
    failed,   // Q15: it is started elsewhere from what recovery holds.
    returned, // Q15: back to the repaired node.
    merge,    // Q16
    share,    // Q6: its node is outside of its user's share.
};

/// An action on one service; with `failed` a start, else a migration.
struct Move {
    std::uint32_t process = 0; // Index in Environment::processes.
    NodeId from = no_node;
    NodeId to = no_node;
    Why why = Why::even;
    std::string reason; // One sentence with its figures, for people.
};

/// A node's new role.
struct RoleChange {
    NodeId node = no_node;
    Role role = Role::active;
    NodeId stands_in_for = no_node;
    NodeId into = no_node;
    std::string reason;
};

/// Who leads from now on.
struct Handover {
    NodeId leader = no_node;
    std::int64_t term = 0; // One more than before: orders of an older term are refused.
    std::string reason;
};

/// Why nothing is done, or no more, about a node; or about all, with no_node.
struct Stay {
    NodeId node = no_node;
    std::string reason;
};

/// What is to be given to the next round about a node.
struct Memory {
    int rounds_over = 0;
    int rounds_maximum = 0;
};

/// What one round decides.  To show it without doing it is a dry run.
struct Round {
    std::int64_t term = 0; // Under which it was decided: the fencing token of each action.
    std::vector<Move> moves;
    std::vector<RoleChange> roles;
    std::vector<Handover> handovers; // One at most.
    std::vector<Stay> stays;
    std::vector<Memory> memory; // Of each node.
    int leader_rounds = 0;
};

} // namespace holdfast::schedd
