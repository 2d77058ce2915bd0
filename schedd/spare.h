// SPDX-License-Identifier: Apache-2.0
//
// schedd/spare: which node is kept in reserve, and for whom (spec Q5).
//
// Pure.  Any thread.
#pragma once

#include "schedd/pool.h"

namespace holdfast::schedd {

/// The spare of the period that begins.
struct SpareChoice {
    NodeId spare = no_node;  // no_node: no node can be one.
    NodeId before = no_node; // The last period's; offered to all again.
    std::string reason;
};

/// The node with the lowest average load of those offered, or of the spares.
/// Source:  spec Q5.
SpareChoice choose_spare(const Pool& pool);

/// A user whose share the spare comes to, or goes from.
struct Loan {
    UserId user = no_user;
    NodeId spare = no_node;
    bool lent = false; // Else taken back.
    std::string reason;
};

/// Who has the spare in his share from now on: all whose nodes' average load is at or over the
/// threshold.  A loan of a node that is no spare any more ends.
/// Source:  spec Q5.
std::vector<Loan> share_spare(const Pool& pool, NodeId spare);

/// Makes it so.
void apply(Pool& pool, const SpareChoice& choice);
void apply(Pool& pool, const Loan& loan);

} // namespace holdfast::schedd
