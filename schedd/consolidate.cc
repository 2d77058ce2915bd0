// SPDX-License-Identifier: Apache-2.0
//
// schedd/consolidate: nodes that had little to do over a period are put aside (spec Q15), or
// merged (spec Q16).
#include <config.h>

#include "schedd/steps.h"

#include <algorithm>

namespace holdfast::schedd {

namespace {

/// Active nodes whose average is low, other than the leader.
template <class Low>
std::vector<NodeId> low_nodes(const Plan& plan, Low low)
{
    std::vector<NodeId> found;
    for (std::uint32_t i = 0; i < plan.environment().nodes.size(); ++i)
        if (plan.role(NodeId{i}) == Role::active && NodeId{i} != plan.environment().leader &&
            low(plan.node(NodeId{i}).average))
            found.push_back(NodeId{i});
    return found;
}

std::string average_text(const Plan& plan, NodeId node)
{
    return plan.node(node).name + " had " + load_text(plan.node(node).average) + " on average";
}

/// Whether it is kept because something is pinned there, which is said.
bool kept_by_pinned(const Plan& plan, Round& round, NodeId node)
{
    const int n_pinned = count_pinned(plan, node);
    if (n_pinned > 0)
        round.stays.push_back({node, average_text(plan, node) + ": it stays, " +
                                         count_text(n_pinned, "process") +
                                         " there cannot be moved"});
    return n_pinned > 0;
}

/// Whether all that is on `node` may run on `into`, and leaves it under its threshold.
bool fits(const Plan& plan, NodeId node, NodeId into, Cpu taken)
{
    const auto& processes = plan.processes_on(node);
    return plan.load_with(into, taken + movable_cpu(plan, node)) < plan.policy().threshold &&
           std::all_of(processes.begin(), processes.end(), [&](std::uint32_t index) {
               return plan.in_share(plan.process(index), into);
           });
}

} // namespace

void put_aside(Plan& plan, Round& round)
{
    std::vector<NodeId> low =
        low_nodes(plan, [&](Load average) { return average <= plan.policy().aside_at; });
    std::stable_sort(low.begin(), low.end(), [&](NodeId a, NodeId b) {
        return plan.node(a).average < plan.node(b).average;
    });
    Headroom headroom{plan};
    for (NodeId node : low) {
        if (kept_by_pinned(plan, round, node))
            continue;
        if (plan.most_loaded(2).size() < 2 || !headroom.take(node)) {
            round.stays.push_back({node, average_text(plan, node) +
                                             ": it stays, the others have no room for what it "
                                             "runs"});
            continue;
        }
        plan.set_role(node, Role::spare);
        round.roles.push_back({node, Role::spare, no_node, no_node,
                               average_text(plan, node) + ", not over " +
                                   load_text(plan.policy().aside_at) +
                                   ": it is put aside as spare"});
    }
}

void merge(Plan& plan, Round& round)
{
    std::vector<NodeId> low =
        low_nodes(plan, [&](Load average) { return average < plan.policy().merge_at; });
    // The fullest is kept, so that least is moved; the leader's own are merged on nobody's.
    std::stable_sort(low.begin(), low.end(),
                     [&](NodeId a, NodeId b) { return plan.load(a) > plan.load(b); });
    NodeId into = no_node;
    Cpu taken = 0;
    for (NodeId node : low) {
        if (into != no_node && kept_by_pinned(plan, round, node))
            continue;
        if (into == no_node || !fits(plan, node, into, taken)) {
            into = node;
            taken = 0;
            continue;
        }
        taken += movable_cpu(plan, node);
        plan.set_role(node, Role::freeing);
        round.roles.push_back({node, Role::freeing, no_node, into,
                               average_text(plan, node) + ", under " +
                                   load_text(plan.policy().merge_at) + ": merged on " +
                                   plan.node(into).name + ", which will be at " +
                                   load_text(plan.load_with(into, taken))});
    }
}

} // namespace holdfast::schedd
