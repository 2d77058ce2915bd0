// SPDX-License-Identifier: Apache-2.0
//
// schedd/join: what a node that has joined takes from the others (spec Q14).
#include <config.h>

#include "schedd/steps.h"

#include <algorithm>

namespace holdfast::schedd {

namespace {

struct Rank {
    int weaker = 0; // Active nodes with less capacity.
    int of = 0;     // Active nodes.
    bool high() const { return weaker > 0 && 2 * weaker >= of; }
};

Rank rank(const Plan& plan, NodeId node)
{
    Rank rank;
    for (std::uint32_t i = 0; i < plan.environment().nodes.size(); ++i)
        if (plan.role(NodeId{i}) == Role::active && NodeId{i} != node) {
            ++rank.of;
            rank.weaker += plan.node(NodeId{i}).capacity < plan.node(node).capacity;
        }
    return rank;
}

/// One process after the other from each of `sources` in turn, until none gains by it.
void take_parts(Plan& plan, Round& round, NodeId node, std::vector<NodeId> sources)
{
    while (!plan.full() && !sources.empty())
        std::erase_if(sources, [&](NodeId source) {
            Tally tally;
            if (plan.full() || plan.load(source) - plan.load(node) <= plan.policy().even)
                return true;
            auto move = plan.best(source, Gain::tenth, Why::join, tally, node);
            if (move)
                plan.decide(std::move(*move), round);
            return !move;
        });
}

void take_heaviest(Plan& plan, Round& round, NodeId node)
{
    std::vector<std::uint32_t> order;
    for (std::uint32_t i = 0; i < plan.environment().processes.size(); ++i) {
        const NodeId where = plan.process(i).node;
        if (plan.movable(i) && where != no_node && plan.role(where) == Role::active)
            order.push_back(i);
    }
    const auto heaviest =
        order.begin() + std::min<std::ptrdiff_t>(plan.policy().most_moves,
                                                 static_cast<std::ptrdiff_t>(order.size()));
    std::partial_sort(order.begin(), heaviest, order.end(), [&](std::uint32_t a, std::uint32_t b) {
        return plan.process(a).cpu > plan.process(b).cpu;
    });
    for (auto next = order.begin(); next != heaviest && !plan.full(); ++next) {
        Tally tally;
        if (auto move = plan.best_for(*next, Gain::tenth, Why::join, tally, node))
            plan.decide(std::move(*move), round);
    }
}

} // namespace

void welcome(Plan& plan, Round& round)
{
    for (std::uint32_t i = 0; i < plan.environment().nodes.size(); ++i) {
        const NodeId node{i};
        if (plan.role(node) != Role::joining)
            continue;
        const Rank its = rank(plan, node);
        std::vector<NodeId> sources =
            plan.most_loaded(its.high() ? static_cast<std::size_t>(plan.policy().join_from) : 1);
        plan.set_role(node, Role::active);
        const bool heaviest = its.high() && plan.policy().join_takes == JoinTakes::heaviest;
        const auto n_before = round.moves.size();
        if (heaviest)
            take_heaviest(plan, round, node);
        else
            take_parts(plan, round, node, sources);
        round.roles.push_back(
            {node, Role::active, no_node, no_node,
             plan.node(node).name + " joins with " + amount_text(plan.node(node).capacity) +
                 " processors, more than " + std::to_string(its.weaker) + " of " +
                 std::to_string(its.of) + ": it takes " +
                 count_text(static_cast<std::int64_t>(round.moves.size() - n_before), "service") +
                 (heaviest ? " of the heaviest"
                           : " of the " + count_text(static_cast<std::int64_t>(sources.size()),
                                                     "most loaded node"))});
    }
}

} // namespace holdfast::schedd
