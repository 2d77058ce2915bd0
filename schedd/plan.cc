// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "schedd/plan.h"

#include <algorithm>

namespace holdfast::schedd {

namespace {

const char* text(Why why)
{
    switch (why) {
    case Why::even:
        return "to even the loads";
    case Why::leader:
        return "to relieve the leader";
    case Why::vacate:
        return "its node is a spare";
    case Why::relieve:
        return "the spare takes part of a node at the maximum";
    case Why::join:
        return "a node joined";
    case Why::failed:
        return "its node failed";
    case Why::returned:
        return "its node is repaired";
    case Why::merge:
        return "to merge nodes";
    case Why::share:
        return "its node is outside of its user's share";
    }
    return "";
}

} // namespace

std::string Tally::text() const
{
    std::string text;
    const auto add = [&](int count, const char* what) {
        if (count > 0)
            text += (text.empty() ? "" : ", ") + std::to_string(count) + what;
    };
    add(pinned, " pinned");
    add(moving, " under way");
    add(resting, " rest after a move or are given up");
    add(no_target, " with no other node that may take them");
    add(no_gain, " whose move would gain too little");
    return text.empty() ? "no service process" : text;
}

Plan::Plan(const Environment& environment, const BalancePolicy& policy)
    : environment_{environment}, policy_{policy}, used_(environment.nodes.size()),
      roles_(environment.nodes.size()), on_(environment.nodes.size())
{
    std::vector<std::uint32_t> counts(environment.nodes.size());
    for (const Process& one : environment.processes)
        if (one.node != no_node)
            ++counts[at(one.node)];
    for (std::size_t i = 0; i < environment.nodes.size(); ++i) {
        used_[i] = environment.nodes[i].system;
        stands_in_for_.push_back(environment.nodes[i].stands_in_for);
        on_[i].reserve(counts[i]);
    }
    for (std::uint32_t i = 0; i < environment.processes.size(); ++i) {
        const Process& one = environment.processes[i];
        const bool moving = one.to != no_node;
        n_moves_ += moving;
        if (one.node != no_node)
            on_[at(one.node)].push_back(i);
        if (const NodeId where = moving ? one.to : one.node; where != no_node)
            used_[at(where)] += one.cpu;
    }
    for (std::uint32_t i = 0; i < environment.nodes.size(); ++i) {
        loads_.push_back(load_of(NodeId{i}, used_[i]));
        roles_[i] = Role::drained; // No rank yet.
        set_role(NodeId{i}, environment.nodes[i].role);
    }
}

Load Plan::load_of(NodeId node, Cpu used) const
{
    const Cpu capacity = environment_.nodes[at(node)].capacity;
    return capacity > 0 ? used * 1000 / capacity : 1000;
}

void Plan::set_role(NodeId node, Role role)
{
    if (roles_[at(node)] == Role::active)
        ranks_.erase({load(node), node});
    roles_[at(node)] = role;
    if (role == Role::active)
        ranks_.insert({load(node), node});
}

void Plan::add(NodeId node, Cpu cpu)
{
    const bool ranked = roles_[at(node)] == Role::active;
    if (ranked)
        ranks_.erase({load(node), node});
    used_[at(node)] += cpu;
    loads_[at(node)] = load_of(node, used_[at(node)]);
    if (ranked)
        ranks_.insert({load(node), node});
}

bool Plan::movable(std::uint32_t index) const
{
    const Process& one = process(index);
    return !one.pinned && one.to == no_node && one.rests_until <= environment_.now;
}

bool Plan::in_share(const Process& process, NodeId node) const
{
    if (process.user == no_user || at(process.user) >= environment_.shares.size())
        return process.user == no_user;
    const auto& share = environment_.shares[at(process.user)];
    const NodeId role = stands_in_for_[at(node)];
    return std::any_of(share.begin(), share.end(),
                       [&](NodeId one) { return one == node || (role != no_node && one == role); });
}

std::string Plan::full_text() const
{
    return std::to_string(policy_.most_moves) + " moves at once are the most";
}

std::vector<NodeId> Plan::most_loaded(std::size_t most) const
{
    std::vector<NodeId> found;
    for (auto next = ranks_.rbegin(); next != ranks_.rend() && found.size() < most; ++next)
        found.push_back(next->second);
    return found;
}

/// `to` if it may be; else the least loaded active node of the share, other than the process's.
NodeId Plan::target_for(const Process& process, NodeId to) const
{
    if (to != no_node)
        return to != process.node && in_share(process, to) ? to : no_node;
    if (process.user == no_user) {
        for (const auto& [load, node] : ranks_)
            if (node != process.node)
                return node;
        return no_node;
    }
    if (at(process.user) >= environment_.shares.size())
        return no_node;
    NodeId found = no_node;
    for (NodeId node : environment_.shares[at(process.user)])
        if (node != process.node && roles_[at(node)] == Role::active &&
            (found == no_node || load(node) < load(found)))
            found = node;
    return found;
}

bool Plan::crowded(NodeId node, Load gap) const
{
    // No target can be less loaded than the least: most nodes need no look at their processes.
    if (ranks_.empty() || load(node) - least_load() < gap)
        return false;
    return std::any_of(on_[at(node)].begin(), on_[at(node)].end(), [&](std::uint32_t index) {
        const Process& one = process(index);
        if (one.to != no_node)
            return false;
        const NodeId to = target_for(one, no_node);
        return to != no_node && load(node) - load(to) >= gap;
    });
}

bool Plan::worth(const Move& move, Gain gain) const
{
    const Cpu cpu = process(move.process).cpu;
    const Load to_after = load_with(move.to, cpu);
    if (gain == Gain::none)
        return true;
    if (gain == Gain::room)
        return to_after < policy_.threshold;
    const Load from = load(move.from), to = load(move.to);
    const Load from_after = load_with(move.from, -cpu);
    // Between the two loads of before, so that no spread of loads grows by it.
    if (std::max(from_after, to_after) > from || std::min(from_after, to_after) < to)
        return false;
    // A gap of nothing would shrink by a tenth of nothing each time.
    return from > to && std::abs(from_after - to_after) * 10 <= (from - to) * 9;
}

std::optional<Move> Plan::best_for(std::uint32_t index, Gain gain, Why why, Tally& tally,
                                   NodeId to) const
{
    const Process& one = process(index);
    // What has failed does not rest, nor is it held by being pinned: it runs nowhere.
    if (why != Why::failed) {
        tally.pinned += one.pinned;
        tally.moving += !one.pinned && one.to != no_node;
        tally.resting += !one.pinned && one.to == no_node && one.rests_until > environment_.now;
        if (!movable(index))
            return std::nullopt;
    }
    Move move{index, one.node, target_for(one, to), why, {}};
    if (move.to == no_node) {
        ++tally.no_target;
        return std::nullopt;
    }
    if (!worth(move, gain)) {
        ++tally.no_gain;
        return std::nullopt;
    }
    return move;
}

std::optional<Move> Plan::best(NodeId from, Gain gain, Why why, Tally& tally, NodeId to) const
{
    std::optional<Move> found;
    Load found_load = 0;
    for (const std::uint32_t index : processes_on(from)) {
        const auto move = best_for(index, gain, why, tally, to);
        if (!move)
            continue;
        const Cpu cpu = process(index).cpu;
        const Load after = std::max(load_with(from, -cpu), load_with(move->to, cpu));
        if (!found || after < found_load) {
            found = move;
            found_load = after;
        }
    }
    return found;
}

void Plan::decide(Move move, Round& round)
{
    const Process& one = process(move.process);
    const Load from = load(move.from), to = load(move.to);
    std::erase(on_[at(move.from)], move.process);
    add(move.from, -one.cpu);
    add(move.to, one.cpu);
    // A start after a failure is no migration: recovery bounds those.
    n_moves_ += move.why != Why::failed;
    move.reason = one.name + ": " + text(move.why) + "; " + node(move.from).name + " " +
                  load_text(from) + " to " + load_text(load(move.from)) + ", " +
                  node(move.to).name + " " + load_text(to) + " to " + load_text(load(move.to));
    round.moves.push_back(std::move(move));
}

} // namespace holdfast::schedd
