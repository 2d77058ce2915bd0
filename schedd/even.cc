// SPDX-License-Identifier: Apache-2.0
//
// schedd/even: crowded nodes give to the least loaded ones until the loads are even (spec Q11).
#include <config.h>

#include "schedd/steps.h"

#include <iterator>
#include <set>

namespace holdfast::schedd {

namespace {

/// Whether moving from the node goes on: it begins at the wider threshold and ends at the
/// narrower one.
bool uneven(const Plan& plan, NodeId node)
{
    return plan.load(node) >= plan.policy().threshold || plan.crowded(node, plan.policy().even + 1);
}

/// One process of `node` goes to where it evens most; no if none does, which is said.
bool move_one(Plan& plan, Round& round, NodeId node)
{
    const std::string is = plan.node(node).name + " is at " + load_text(plan.load(node)) +
                           ", the least loaded node at " + load_text(plan.least_load());
    if (plan.full()) {
        round.stays.push_back({node, is + ": " + plan.full_text()});
        return false;
    }
    Tally tally;
    auto move = plan.best(node, Gain::tenth, Why::even, tally);
    if (move)
        plan.decide(std::move(*move), round);
    else
        round.stays.push_back({node, is + ": nothing moves: " + tally.text()});
    return move.has_value();
}

/// Those that have been crowded for long enough; the others are said.
std::set<std::pair<Load, NodeId>> crowded(const Plan& plan, Round& round)
{
    std::set<std::pair<Load, NodeId>> found;
    for (NodeId node : plan.most_loaded(round.memory.size())) {
        const int rounds = round.memory[at(node)].rounds_over;
        if (rounds >= plan.policy().hold)
            found.emplace(plan.load(node), node);
        else if (rounds > 0)
            round.stays.push_back(
                {node, plan.node(node).name + " is at " + load_text(plan.load(node)) + ": round " +
                           std::to_string(rounds) + " of " + std::to_string(plan.policy().hold) +
                           " that finds it crowded"});
    }
    return found;
}

} // namespace

void even_out(Plan& plan, Round& round)
{
    auto sources = crowded(plan, round);
    while (!sources.empty()) {
        // The most loaded gives first, one at a time, so that none is dug deeper than the others.
        const NodeId node = std::prev(sources.end())->second;
        sources.erase(std::prev(sources.end()));
        if (uneven(plan, node) && move_one(plan, round, node))
            sources.emplace(plan.load(node), node);
    }
}

} // namespace holdfast::schedd
