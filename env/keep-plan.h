// SPDX-License-Identifier: Apache-2.0
//
// env/keep-plan: which containers there are to be on a hypervisor, and what is to be done for it
// (spec Q8).
//
// Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "db/rows.h"

namespace holdfast::env {

/// Users who use `node` now, sorted: each has a container there.
std::vector<std::string> users_of(const std::string& node, const std::vector<db::Quota>& quotas);

/// What makes of the containers that there are those that are wanted.  `known`: users whose
/// container runs, or did and has its address still.
struct KeepPlan {
    std::vector<std::string> make, undo; // Of these users, sorted.
};
KeepPlan keep_plan(const std::vector<std::string>& wanted, const std::set<std::string>& running,
                   const std::set<std::string>& known);

} // namespace holdfast::env
