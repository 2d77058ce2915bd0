// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "schedd/main-nodes.h"

#include <algorithm>

namespace holdfast::schedd {

namespace {

using Nodes = std::vector<NodeId>;

/// Those of the environment that `keep` wants, in its order.
template <class Keep>
Nodes filtered(const Nodes& environment, Keep keep)
{
    Nodes kept;
    std::copy_if(environment.begin(), environment.end(), std::back_inserter(kept), keep);
    return kept;
}

std::vector<Nodes> grouped(const std::vector<Application>& applications, const Nodes& environment)
{
    std::vector<Nodes> groups;
    for (const Application& one : applications)
        groups.push_back(one.main_nodes);
    for (NodeId node : environment) {
        if (std::any_of(applications.begin(), applications.end(),
                        [&](const Application& one) { return contains(one.main_nodes, node); }))
            continue;
        std::min_element(groups.begin(), groups.end(), [](const Nodes& a, const Nodes& b) {
            return a.size() < b.size();
        })->push_back(node);
    }
    return groups;
}

Result<void> check(const Application& one, const Nodes& environment)
{
    if (one.main_nodes.empty())
        return Error{Errc::invalid, "application " + one.name + " has no main node: name one"};
    const auto inside = std::count_if(one.main_nodes.begin(), one.main_nodes.end(),
                                      [&](NodeId node) { return contains(environment, node); });
    if (static_cast<std::size_t>(inside) == one.main_nodes.size())
        return {};
    return Error{Errc::invalid,
                 "application " + one.name + ": " + std::to_string(inside) + " of its " +
                     count_text(static_cast<std::int64_t>(one.main_nodes.size()), "main node") +
                     " are in the environment: name those of its " +
                     std::to_string(environment.size()) + " nodes only"};
}

} // namespace

Result<std::vector<ApplicationNodes>>
place_applications(const std::vector<Application>& applications, const Nodes& environment,
                   Load load, const ApplicationPolicy& policy)
{
    for (const Application& one : applications)
        if (auto good = check(one, environment); !good)
            return good.error();
    const bool by_users = policy.by == ApplicationPolicy::By::users;
    const bool group = policy.otherwise == ApplicationPolicy::Else::grouped;
    const auto groups = group ? grouped(applications, environment) : std::vector<Nodes>{};
    std::vector<ApplicationNodes> found;
    for (std::size_t i = 0; i < applications.size(); ++i) {
        const Application& one = applications[i];
        const bool main_only = by_users ? one.users >= policy.users : load <= policy.load;
        const std::string fact =
            one.name + ": " +
            (by_users ? count_text(one.users, "user") + (main_only ? ", " : ", fewer than ") +
                            std::to_string(policy.users) + (main_only ? " or more" : "")
                      : "load " + load_text(load) + (main_only ? ", not over " : ", over ") +
                            load_text(policy.load));
        if (main_only)
            found.push_back(
                {filtered(environment, [&](NodeId n) { return contains(one.main_nodes, n); }),
                 fact + ": on its main nodes only"});
        else if (group)
            found.push_back(
                {filtered(environment, [&](NodeId n) { return contains(groups[i], n); }),
                 fact + ": on its group's nodes"});
        else
            found.push_back({environment, fact + ": on all nodes"});
    }
    return found;
}

} // namespace holdfast::schedd
