// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "schedd/balance.h"

#include "schedd/steps.h"

#include <algorithm>

namespace holdfast::schedd {

namespace {

/// Counts the rounds in a row that find a node crowded, or at the maximum.
void remember(const Plan& plan, Round& round)
{
    const BalancePolicy& policy = plan.policy();
    for (std::uint32_t i = 0; i < plan.environment().nodes.size(); ++i) {
        const NodeId node{i};
        if (plan.role(node) != Role::active) {
            round.memory.emplace_back();
            continue;
        }
        const Load load = plan.load(node);
        const bool over = load >= policy.threshold || plan.crowded(node, policy.imbalance);
        round.memory.push_back({over ? plan.node(node).rounds_over + 1 : 0,
                                load >= policy.maximum ? plan.node(node).rounds_maximum + 1 : 0});
    }
}

void say_that_all_is_even(const Plan& plan, Round& round)
{
    const auto most = plan.most_loaded(1);
    if (most.empty()) {
        round.stays.push_back({no_node, "nothing to balance: no node is active"});
        return;
    }
    round.stays.push_back(
        {no_node, "balanced: " + plan.node(most[0]).name + " is the most loaded at " +
                      load_text(plan.load(most[0])) + ", " + plan.node(plan.least()).name +
                      " the least at " + load_text(plan.least_load()) + ", none is at " +
                      load_text(plan.policy().threshold) +
                      " or has a process with a node in its share less loaded by " +
                      load_text(plan.policy().imbalance)});
}

} // namespace

void move_into_shares(Plan& plan, Round& round)
{
    Tally tally;
    for (std::uint32_t i = 0; i < plan.environment().processes.size(); ++i) {
        const Process& one = plan.process(i);
        if (one.user == no_user || one.node == no_node || one.to != no_node ||
            plan.role(one.node) == Role::failed || plan.in_share(one, one.node))
            continue;
        if (plan.full()) {
            round.stays.push_back(
                {one.node, "processes are outside of their users' shares: " + plan.full_text()});
            return;
        }
        if (auto move = plan.best_for(i, Gain::room, Why::share, tally))
            plan.decide(std::move(*move), round);
    }
    if (tally.pinned + tally.resting + tally.no_target + tally.no_gain > 0)
        round.stays.push_back(
            {no_node, "processes stay outside of their users' shares: " + tally.text()});
}

Round balance(const Environment& environment, const BalancePolicy& policy)
{
    Plan plan{environment, policy};
    Round round;
    round.term = environment.term;
    round.memory.reserve(environment.nodes.size());
    remember(plan, round);
    replace_failed(plan, round);
    take_back_returned(plan, round);
    move_into_shares(plan, round);
    relieve_leader(plan, round);
    relieve_maximum(plan, round);
    vacate(plan, round);
    welcome(plan, round);
    even_out(plan, round);
    if (round.moves.empty() && round.stays.empty())
        say_that_all_is_even(plan, round);
    return round;
}

Round consolidate(const Environment& environment, const BalancePolicy& policy)
{
    Plan plan{environment, policy};
    Round round;
    round.term = environment.term;
    put_aside(plan, round);
    merge(plan, round);
    if (round.roles.empty() && round.stays.empty())
        round.stays.push_back({no_node, "no node was at or under " + load_text(policy.aside_at) +
                                            ", nor several under " + load_text(policy.merge_at)});
    return round;
}

Trust judged(const Trust& before, const Outcome& outcome, Time now, const BalancePolicy& policy)
{
    const Load gap_before = std::abs(outcome.from_before - outcome.to_before);
    const Load gap_now = std::abs(outcome.from_now - outcome.to_now);
    Trust after;
    after.useless = gap_now * 10 > gap_before * 9 ? before.useless + 1 : 0;
    const int beyond = std::max(0, after.useless - policy.give_up_after + 1);
    after.rests_until = now + policy.rest * (1 << std::min(beyond, 10));
    return after;
}

} // namespace holdfast::schedd
