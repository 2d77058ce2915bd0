// SPDX-License-Identifier: Apache-2.0
//
// schedd/share-rows: the store's rows as the pool that decisions are made on, and back.
//
// Pure.
#pragma once

#include "db/store.h"
#include "schedd/pool.h"

namespace holdfast::schedd {

/// The pool that the rows are, at `now` (ns since the epoch).
/// Shape:   a hypervisor that gives nothing (capacity 0) is one of its nodes only while somebody
///          has it, and is not given; what a user has on one that the fleet does not have any more
///          is not counted.  A load that nobody has measured yet counts as none.
Pool pool_of(const db::ShareRows& rows, const SharePolicy& policy, db::TimeNs now);

/// The row of the pool's user as he is now; `before`: his row until then, or an empty one.
db::Quota row_of(const Pool& pool, UserId user, const db::Quota& before, db::TimeNs now);

/// The user's row; an empty one if he has none.
db::Quota quota_of(const db::ShareRows& rows, const std::string& user);

/// The lease of the daemons that decide; one with a term of 0 if there is none.
db::Lease lease_of(const db::ShareRows& rows);

} // namespace holdfast::schedd
