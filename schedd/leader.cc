// SPDX-License-Identifier: Apache-2.0
//
// schedd/leader: a leader over its own threshold (spec Q12).
#include <config.h>

#include "schedd/steps.h"

namespace holdfast::schedd {

namespace {

void move_away(Plan& plan, Round& round, NodeId leader, const std::string& is)
{
    while (plan.load(leader) >= plan.policy().leader_threshold) {
        if (plan.full()) {
            round.stays.push_back({leader, is + ": " + plan.full_text()});
            return;
        }
        Tally tally;
        auto move = plan.best(leader, Gain::tenth, Why::leader, tally);
        if (!move) {
            round.stays.push_back({leader, is + ": nothing moves: " + tally.text()});
            return;
        }
        plan.decide(std::move(*move), round);
    }
}

} // namespace

void hand_over(const Plan& plan, Round& round, const std::string& because)
{
    const Environment& environment = plan.environment();
    NodeId next = no_node;
    for (std::uint32_t i = 0; i < environment.nodes.size(); ++i) {
        const NodeId node{i};
        if (node == environment.leader || plan.role(node) != Role::active ||
            plan.load(node) >= plan.policy().leader_threshold)
            continue;
        if (next == no_node || plan.node(node).average < plan.node(next).average)
            next = node;
    }
    if (next == no_node) {
        round.stays.push_back(
            {environment.leader, because + ": leadership stays, no other node is under " +
                                     load_text(plan.policy().leader_threshold)});
        return;
    }
    round.leader_rounds = 0;
    round.handovers.push_back({next, environment.term + 1,
                               because + ": " + plan.node(next).name + " leads, it is at " +
                                   load_text(plan.load(next)) + " with the lowest average, " +
                                   load_text(plan.node(next).average)});
}

void relieve_leader(Plan& plan, Round& round)
{
    const NodeId leader = plan.environment().leader;
    if (leader == no_node || plan.role(leader) != Role::active ||
        plan.load(leader) < plan.policy().leader_threshold)
        return;
    round.leader_rounds = plan.environment().leader_rounds + 1;
    const int n_pinned = count_pinned(plan, leader);
    const int n_movable = static_cast<int>(plan.processes_on(leader).size()) - n_pinned;
    const std::string is = "leader " + plan.node(leader).name + " is at " +
                           load_text(plan.load(leader)) + ", at or over " +
                           load_text(plan.policy().leader_threshold) + ", with " +
                           std::to_string(n_movable) + " movable and " + std::to_string(n_pinned) +
                           " pinned processes";
    if (round.leader_rounds < plan.policy().hold)
        round.stays.push_back({leader, is + ": round " + std::to_string(round.leader_rounds) +
                                           " of " + std::to_string(plan.policy().hold) +
                                           " that finds so"});
    else if (n_movable > 0 && n_movable >= n_pinned)
        move_away(plan, round, leader, is);
    else
        hand_over(plan, round, is);
}

} // namespace holdfast::schedd
