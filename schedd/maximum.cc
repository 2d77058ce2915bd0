// SPDX-License-Identifier: Apache-2.0
//
// schedd/maximum: nodes at the maximum become spares, or spares relieve them (spec Q13); and what
// is left on spares is led away.
#include <config.h>

#include "schedd/steps.h"

namespace holdfast::schedd {

namespace {

/// Of those that were spares before this round.
NodeId least_loaded_spare(const Plan& plan)
{
    NodeId found = no_node;
    for (std::uint32_t i = 0; i < plan.environment().nodes.size(); ++i)
        if (plan.node(NodeId{i}).role == Role::spare && plan.role(NodeId{i}) == Role::spare &&
            (found == no_node || plan.load(NodeId{i}) < plan.load(found)))
            found = NodeId{i};
    return found;
}

/// Part of what is on `node` goes to `spare`, which is active from then on.
void share_with(Plan& plan, Round& round, NodeId node, NodeId spare, const std::string& is)
{
    const auto n_before = round.moves.size();
    Tally tally;
    while (!plan.full() && plan.load(node) - plan.load(spare) > plan.policy().even) {
        tally = {};
        auto move = plan.best(node, Gain::tenth, Why::relieve, tally, spare);
        if (!move)
            break;
        plan.decide(std::move(*move), round);
    }
    if (round.moves.size() == n_before) {
        round.stays.push_back({node, is + ": nothing moves to the spare " + plan.node(spare).name +
                                         ": " +
                                         (plan.full() ? "no more moves at once" : tally.text())});
        return;
    }
    plan.set_role(spare, Role::active);
    round.roles.push_back({spare, Role::active, no_node, no_node,
                           is + ": the spare " + plan.node(spare).name + " takes part of it"});
}

void become_spare(Plan& plan, Round& round, NodeId node, Headroom& headroom, const std::string& is)
{
    const Cpu wanted = movable_cpu(plan, node);
    if (!headroom.take(node)) {
        round.stays.push_back({node, is + ": it cannot become a spare, its processes take " +
                                         amount_text(wanted) +
                                         " processors and the others have fewer under " +
                                         load_text(plan.policy().threshold)});
        return;
    }
    plan.set_role(node, Role::spare);
    round.roles.push_back(
        {node, Role::spare, no_node, no_node, is + ": it becomes a spare, its processes go"});
}

} // namespace

void relieve_maximum(Plan& plan, Round& round)
{
    std::optional<Headroom> headroom;
    for (NodeId node : plan.most_loaded(round.memory.size())) {
        if (plan.load(node) < plan.policy().maximum)
            return;
        // The leader is relieved by its own threshold, which is lower.
        if (node == plan.environment().leader ||
            round.memory[at(node)].rounds_maximum < plan.policy().hold)
            continue;
        const std::string is = plan.node(node).name + " is at " + load_text(plan.load(node)) +
                               ", at or over the maximum of " + load_text(plan.policy().maximum);
        if (const NodeId spare = least_loaded_spare(plan); spare != no_node) {
            share_with(plan, round, node, spare, is);
        } else {
            if (!headroom)
                headroom.emplace(plan);
            become_spare(plan, round, node, *headroom, is);
        }
        if (plan.policy().at_maximum == AtMaximum::worst)
            return;
    }
}

void vacate(Plan& plan, Round& round)
{
    for (std::uint32_t i = 0; i < plan.environment().nodes.size(); ++i) {
        const NodeId node{i};
        const bool freeing = plan.role(node) == Role::freeing;
        if (!freeing && plan.role(node) != Role::spare)
            continue;
        if (freeing && plan.processes_on(node).empty()) {
            plan.set_role(node, Role::freed);
            round.roles.push_back(
                {node, Role::freed, no_node, no_node,
                 plan.node(node).name + " is free: " +
                     (plan.policy().freed == Freed::other ? "it serves another environment"
                                                          : "it forms a second environment")});
        }
        while (!plan.processes_on(node).empty()) {
            Tally tally;
            std::optional<Move> move;
            if (const NodeId into = plan.node(node).into; !plan.full() && into != no_node)
                move = plan.best(node, Gain::room, Why::merge, tally, into);
            if (!plan.full() && !move) {
                tally = {};
                move = plan.best(node, Gain::room, Why::vacate, tally);
            }
            if (!move) {
                round.stays.push_back({node, plan.node(node).name + " is not empty yet: " +
                                                 (plan.full() ? plan.full_text() : tally.text())});
                break;
            }
            plan.decide(std::move(*move), round);
        }
    }
}

} // namespace holdfast::schedd
