// SPDX-License-Identifier: Apache-2.0
//
// env/keep-plan: see keep-plan.h.
#include <config.h>

#include "env/keep-plan.h"

#include <algorithm>
#include <iterator>

namespace holdfast::env {

std::vector<std::string> users_of(const std::string& node, const std::vector<db::Quota>& quotas)
{
    std::vector<std::string> users;
    for (const db::Quota& quota : quotas)
        if (std::ranges::find(quota.in_use, node) != quota.in_use.end())
            users.push_back(quota.name);
    std::ranges::sort(users);
    return users;
}

KeepPlan keep_plan(const std::vector<std::string>& wanted, const std::set<std::string>& running,
                   const std::set<std::string>& known)
{
    KeepPlan plan;
    const std::set<std::string> all{wanted.begin(), wanted.end()};
    std::ranges::set_difference(all, running, std::back_inserter(plan.make));
    std::ranges::set_difference(known, all, std::back_inserter(plan.undo));
    return plan;
}

} // namespace holdfast::env
