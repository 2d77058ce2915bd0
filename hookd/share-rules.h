// SPDX-License-Identifier: Apache-2.0
//
// hookd/share-rules: where users' work may run, and which decisions of shares still count (spec
// Q6, Q7).
//
// Pure.  What schedd decides it decides elsewhere; here it is held to.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "db/fleet.h"
#include "db/rows.h"

namespace holdfast::hookd {

/// Whose work it is.
enum class Owner {
    named,  // A VM whose domain names its owner: one that has no share has no place.
    account // A service: a user of the system, who need be no user of the fleet.
};

/// Whether work of `user` may run on hypervisor `node`; no user: it is nobody's, and may.
/// Errors:  invalid, with what the user's share is.
/// Source:  spec Q6.
Result<void> may_use(const std::vector<db::Quota>& quotas, const std::string& user, Owner owner,
                     const std::string& node);

/// What is wrong where hypervisors offer themselves and nobody decides who gets them; empty if
/// nothing is.  `lease`: null if there is none.
std::string undecided(const std::vector<db::Hypervisor>& hypervisors, const db::Lease* lease);

/// Whether what was ordered in that term of the lease's may still be done; null: there is none.
/// Errors:  outdated, with both terms.
Result<void> may_order(std::int64_t term, const db::Lease* lease);

/// Whether the lease is still what `step` rests on; null: there is none.
bool rests_on(const db::LeaseStep& step, const db::Lease* now);
/// The lease once `step` was taken.
db::Lease stepped(const db::LeaseStep& step, const db::Lease* now);

} // namespace holdfast::hookd
