// SPDX-License-Identifier: Apache-2.0
//
// schedd/policy: what the administrator sets: the thresholds of shares and of balance.
//
// Plain values, and whether they can hold together.  Used by everything that decides.
#pragma once

#include "common/result.h"
#include "schedd/units.h"

namespace holdfast::schedd {

/// Of users' shares (spec Q1 to Q5).
struct SharePolicy {
    Amount base = 30 * unit;    // What one node gives one user.
    Load candidate_load = 800;  // A node whose expected load is over this gets no more users.
    int most_processes = 1000;  // Nor does one on which as many service processes run.
    Load grow_at = 750;         // At or over this load of a user's nodes: more nodes.
    Load shrink_at = 300;       // Under it, and with as little use: fewer.
    Load use_at = 500;          // The part of his amount that a user must use to get more.
    int shrink_after = 2;       // Reviews in a row that must say so before a node is taken.
    Load spare_at = 850;        // At or over it the spare is in a user's share.
    bool own_hours = false;     // Loads of a review are those of the user's own hours only.
    Seconds period{30 * 86400}; // From one review to the next.
};

/// Which of several nodes at the maximum become spares at once (spec Q13).
enum class AtMaximum {
    worst, // The most loaded one.
    all,   // Each.
};

/// What a repaired node becomes for which a spare stood in (spec Q15).
enum class OnReturn {
    spare_again,   // It has its role back, and the spare is spare again.
    roles_changed, // It is the spare from now on.
};

/// What a node that was freed by merging does next (spec Q16).
enum class Freed {
    other,  // It serves another environment.
    second, // It forms a second environment of the same user.
};

/// What the strongest of the nodes that join takes (spec Q14).
enum class JoinTakes {
    several,  // Parts from several loaded nodes.
    heaviest, // The heaviest processes.
};

/// Of the balance within one environment (spec Q11 to Q17).
struct BalancePolicy {
    Load threshold = 800;        // A node at or over it is to be relieved.
    Load maximum = 950;          // A node at or over it becomes a spare.
    Load leader_threshold = 700; // At or over it the leader is to be relieved.
    Load imbalance = 150;        // So much over the least loaded node is crowded.
    Load even = 50;              // So much over it is even: moving ends there.
    int hold = 3;                // Rounds in a row that must see it before anything moves.
    int most_moves = 10;         // At once, with those under way.
    Seconds rest{1800};          // A process that was moved stays as long.
    int give_up_after = 3;       // Useless moves in a row until a process is left alone.
    Load aside_at = 100;         // At or under it, over a period, a node is put aside.
    Load merge_at = 250;         // Under it, over a period, nodes are merged.
    int join_from = 3;           // Nodes that a strong newcomer takes parts from.
    AtMaximum at_maximum = AtMaximum::worst;
    OnReturn on_return = OnReturn::spare_again;
    Freed freed = Freed::other;
    JoinTakes join_takes = JoinTakes::several;
};

/// Whether the thresholds can hold together.
/// Errors:  invalid, with the pair's names and figures.
Result<void> check(const SharePolicy& policy);
Result<void> check(const BalancePolicy& policy);

} // namespace holdfast::schedd
