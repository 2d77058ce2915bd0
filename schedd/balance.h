// SPDX-License-Identifier: Apache-2.0
//
// schedd/balance: one round of the balancer of an environment (spec Q10 to Q17).
//
// Pure: reads an Environment, says what is to be done, why, and why nothing is.  Its caller asks
// for the actions, keeps the memory for the next round, and may as well only show it (dry run).
// Costs the number of processes, and the logarithm of the nodes for each move.
#pragma once

#include "schedd/environment.h"
#include "schedd/policy.h"

#include <optional>

namespace holdfast::schedd {

/// What is to be done now.
/// Shape:   `environment` names nodes and users by places that are in its own lists.
/// Source:  spec Q11 to Q15, Q17.
Round balance(const Environment& environment, const BalancePolicy& policy);

/// What is to be done at the end of a period: a week, a month.  Changes roles only; rounds of
/// balance() lead away what runs there.
/// Source:  spec Q15, Q16.
Round consolidate(const Environment& environment, const BalancePolicy& policy);

/// A move that has ended, and what is measured since.
struct Outcome {
    Load from_before = 0, to_before = 0; // The two nodes' loads when it was decided.
    Load from_now = 0, to_now = 0;       // Some rounds after it ended.
};

/// What is remembered of a process that was moved.
struct Trust {
    int useless = 0;    // Moves in a row that did not help.
    Time rests_until{}; // For Process::rests_until.
};

/// After a move ended: the process rests; if its moves were useless again and again (the load
/// went along with it, or came back), the longer the more often.
/// Source:  spec Q17.
Trust judged(const Trust& before, const Outcome& outcome, Time now, const BalancePolicy& policy);

} // namespace holdfast::schedd
