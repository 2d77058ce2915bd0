// SPDX-License-Identifier: Apache-2.0
//
// schedd/stand-in: a spare takes the role of a node that fails, until it is repaired (spec Q15).
#include <config.h>

#include "schedd/steps.h"

namespace holdfast::schedd {

namespace {

NodeId standing_in_for(const Plan& plan, NodeId failed)
{
    for (std::uint32_t i = 0; i < plan.environment().nodes.size(); ++i)
        if (plan.role(NodeId{i}) == Role::active && plan.stands_in_for(NodeId{i}) == failed)
            return NodeId{i};
    return no_node;
}

/// The strongest spare, which from now on is active in the role of `failed`.
NodeId appoint(Plan& plan, Round& round, NodeId failed)
{
    NodeId spare = no_node;
    for (std::uint32_t i = 0; i < plan.environment().nodes.size(); ++i)
        if (plan.role(NodeId{i}) == Role::spare &&
            (spare == no_node || plan.node(NodeId{i}).capacity > plan.node(spare).capacity))
            spare = NodeId{i};
    if (spare == no_node)
        return no_node;
    plan.set_stand_in(spare, failed);
    plan.set_role(spare, Role::active);
    round.roles.push_back({spare, Role::active, failed, no_node,
                           plan.node(failed).name + " has failed: the spare " +
                               plan.node(spare).name + " takes its role"});
    return spare;
}

void start_elsewhere(Plan& plan, Round& round, NodeId failed, NodeId stand_in)
{
    Tally tally;
    // A copy: what is decided leaves the plan's own list.
    for (const std::uint32_t index : std::vector{plan.processes_on(failed)}) {
        if (plan.process(index).to != no_node)
            ++tally.moving;
        else if (auto move = plan.best_for(index, Gain::none, Why::failed, tally, stand_in))
            plan.decide(std::move(*move), round);
    }
    if (tally.moving + tally.no_target > 0)
        round.stays.push_back(
            {failed, plan.node(failed).name +
                         " has failed, and not all is started elsewhere: " + tally.text()});
}

void lead_instead(const Plan& plan, Round& round, NodeId failed, NodeId stand_in)
{
    const std::string because = "leader " + plan.node(failed).name + " has failed";
    if (stand_in == no_node)
        hand_over(plan, round, because);
    else
        round.handovers.push_back(
            {stand_in, plan.environment().term + 1,
             because + ": " + plan.node(stand_in).name + ", which stands in for it, leads"});
}

/// Moves back what the stand-in has; then both have their roles of before.
void give_back(Plan& plan, Round& round, NodeId node, NodeId stand_in)
{
    const int n_left =
        static_cast<int>(plan.processes_on(stand_in).size()) - count_pinned(plan, stand_in);
    if (n_left == 0) {
        plan.set_role(node, Role::active);
        plan.set_role(stand_in, Role::spare);
        const std::string reason = plan.node(node).name + " is repaired and has its role back, " +
                                   plan.node(stand_in).name + " is spare again";
        round.roles.push_back({node, Role::active, no_node, no_node, reason});
        round.roles.push_back({stand_in, Role::spare, no_node, no_node, reason});
        return;
    }
    plan.set_role(stand_in, Role::returned); // Nothing new is to come to it.
    Tally tally;
    while (!plan.full()) {
        tally = {};
        auto move = plan.best(stand_in, Gain::room, Why::returned, tally, node);
        if (!move) {
            tally = {};
            move = plan.best(stand_in, Gain::room, Why::returned, tally);
        }
        if (!move)
            break;
        plan.decide(std::move(*move), round);
    }
    if (!plan.processes_on(stand_in).empty())
        round.stays.push_back(
            {stand_in, plan.node(stand_in).name + " still stands in for " + plan.node(node).name +
                           ": " + (plan.full() ? "no more moves at once" : tally.text())});
}

} // namespace

void replace_failed(Plan& plan, Round& round)
{
    for (std::uint32_t i = 0; i < plan.environment().nodes.size(); ++i) {
        const NodeId failed{i};
        if (plan.role(failed) != Role::failed)
            continue;
        const bool leads = plan.environment().leader == failed;
        if (plan.processes_on(failed).empty() && !leads)
            continue;
        NodeId stand_in = standing_in_for(plan, failed);
        if (stand_in == no_node)
            stand_in = appoint(plan, round, failed);
        start_elsewhere(plan, round, failed, stand_in);
        if (leads)
            lead_instead(plan, round, failed, stand_in);
    }
}

void take_back_returned(Plan& plan, Round& round)
{
    for (std::uint32_t i = 0; i < plan.environment().nodes.size(); ++i) {
        const NodeId node{i};
        if (plan.node(node).role != Role::returned)
            continue;
        const NodeId stand_in = standing_in_for(plan, node);
        const std::string& name = plan.node(node).name;
        if (stand_in == no_node) {
            plan.set_role(node, Role::active);
            round.roles.push_back({node, Role::active, no_node, no_node,
                                   name + " is repaired, and nothing stands in for it"});
        } else if (plan.policy().on_return == OnReturn::roles_changed) {
            plan.set_role(node, Role::spare);
            const std::string reason = name + " is repaired and is the spare from now on, " +
                                       plan.node(stand_in).name + " keeps its role";
            round.roles.push_back({node, Role::spare, no_node, no_node, reason});
            // It stays so in users' shares.
            round.roles.push_back({stand_in, Role::active, node, no_node, reason});
        } else {
            give_back(plan, round, node, stand_in);
        }
    }
}

} // namespace holdfast::schedd
