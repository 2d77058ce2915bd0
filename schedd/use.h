// SPDX-License-Identifier: Apache-2.0
//
// schedd/use: which nodes of his share a user uses now, and what he pays for (spec Q4).
//
// Pure.  Any thread.
#pragma once

#include "schedd/pool.h"

namespace holdfast::schedd {

/// Whether a user can use these nodes now: a few for small work, all for large.
/// Errors:  invalid: one is outside of the share, or picked twice; not_found.
/// Source:  spec Q4.
Result<void> pick(const Pool& pool, UserId user, const std::vector<NodeId>& nodes);

/// What one user is to pay for one node.
struct Use {
    UserId user = no_user;
    NodeId node = no_node;
    std::int64_t unit_seconds = 0; // Thousandths of a unit, for so many seconds.

    bool operator==(const Use&) const = default;
};

/// What `elapsed` cost the user on each node that he had in use.
/// Source:  spec Q4.
std::vector<Use> uses(const Pool& pool, UserId user, Seconds elapsed);

} // namespace holdfast::schedd
