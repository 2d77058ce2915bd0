// SPDX-License-Identifier: Apache-2.0
//
// schedd/review: whether a user gets more nodes after a period, fewer, or as many (spec Q3).
//
// Pure.  Any thread.
#pragma once

#include "schedd/policy.h"

namespace holdfast::schedd {

/// What a period was like for one user.
struct Period {
    int n_nodes = 0;         // In his share.
    Load load = 0;           // Average of his nodes over the whole period.
    Load own_load = 0;       // The same over his own hours only.
    Load used = 0;           // Thousandths of what he has that he used.
    int low_reviews = 0;     // Reviews in a row that found too little, before this one.
    std::size_t n_fleet = 0; // Nodes that there are.
};

/// What follows.
struct Review {
    int change = 0;      // Nodes more, or fewer.
    Amount amount = 0;   // What he may have from now on; if nothing changes, as before.
    int low_reviews = 0; // To be given to the next review.
    std::string reason;  // One sentence for people.
};

/// More nodes as many as bring the load to the middle of the two thresholds, at once; fewer by
/// one, and only after several reviews in a row, if the rest can bear it.
/// Source:  spec Q3, Q17 (grow fast, shrink slowly).
Review review(const SharePolicy& policy, const std::string& user, Amount amount,
              const Period& period);

} // namespace holdfast::schedd
