// SPDX-License-Identifier: Apache-2.0
//
// schedd/balance-rows: see balance-rows.h.
#include <config.h>

#include "schedd/balance-rows.h"

#include <algorithm>

#include "schedd/share-rows.h"

namespace holdfast::schedd {
namespace {

using nlohmann::json;

// By then a move that was ordered has begun.
constexpr Seconds begins_within{60};

using NodeIds = std::map<std::string, NodeId>;

NodeId id_of(const NodeIds& ids, const std::string& name)
{
    const auto found = ids.find(name);
    return found == ids.end() ? no_node : found->second;
}

bool used(const db::ShareRows& rows, const std::string& node)
{
    return std::ranges::any_of(rows.quotas, [&](const db::Quota& quota) {
        return contains(quota.borrowed, node) || contains(quota.in_use, node);
    });
}

Role role_of(const RoundInput& input, const db::Hypervisor& row)
{
    const auto known = input.memory.nodes.find(row.name);
    const Role before = known == input.memory.nodes.end() ? Role::active : known->second.role;
    if (row.lost)
        return Role::failed;
    // One whose schedd has just been started has hardly seen its services.
    const auto report = input.reports.find(row.name);
    if (row.drained || report == input.reports.end() ||
        report->second.seen < input.settings.average)
        return Role::drained;
    if (before == Role::failed)
        return Role::returned;
    if (before != Role::active)
        return before;
    if (row.name == lease_of(input.rows).spare && !used(input.rows, row.name))
        return Role::spare;
    const auto& last = input.counts.nodes;
    return last.empty() || last.contains(row.name) ? Role::active : Role::joining;
}

BalanceNode node_of(const RoundInput& input, const db::Hypervisor& row)
{
    BalanceNode node;
    node.name = row.name;
    node.average = std::max(0, row.period_load >= 0 ? row.period_load : row.load);
    node.role = role_of(input, row);
    if (const auto report = input.reports.find(row.name); report != input.reports.end()) {
        node.capacity = report->second.cpus * Cpu{1000};
        node.system = report->second.system;
    }
    if (const auto counts = input.counts.nodes.find(row.name); counts != input.counts.nodes.end()) {
        node.rounds_over = counts->second.over;
        node.rounds_maximum = counts->second.maximum;
    }
    return node;
}

/// Places that the memory names.
void place_names(const BalanceMemory& memory, const NodeIds& ids, std::vector<BalanceNode>& nodes)
{
    for (BalanceNode& node : nodes)
        if (const auto known = memory.nodes.find(node.name); known != memory.nodes.end()) {
            node.stands_in_for = id_of(ids, known->second.stands_in_for);
            node.into = id_of(ids, known->second.into);
        }
}

const MoveMemory* move_of(const BalanceMemory& memory, const std::string& service)
{
    const auto found = memory.moved.find(service);
    return found == memory.moved.end() ? nullptr : &found->second;
}

/// Whether the move that is remembered is yet to be seen.
bool under_way(const db::Service& row, const MoveMemory& move, Time now)
{
    if (move.judged || row.hypervisor != move.from)
        return false;
    return row.state == "moving" || now - move.at < begins_within;
}

Cpu cpu_of(const RoundInput& input, const db::Service& row)
{
    const MoveMemory* move = move_of(input.memory, row.id);
    const auto report = input.reports.find(row.hypervisor);
    const ServiceReport* measured = nullptr;
    if (report != input.reports.end())
        if (const auto found = report->second.services.find(row.id);
            found != report->second.services.end())
            measured = &found->second;
    // A service that has just come has hardly been seen there.
    if (move && (!measured || measured->seen < input.settings.average))
        return move->cpu;
    return measured ? measured->cpu : 0;
}

Process process_of(const RoundInput& input, const db::Service& row, const NodeIds& ids, UserId user)
{
    Process process;
    process.id = row.id;
    process.name = row.name;
    process.node = id_of(ids, row.hypervisor);
    process.cpu = cpu_of(input, row);
    process.user = user;
    process.pinned = row.pinned;
    // Of a move that somebody else asked for nobody has told us where it goes.
    if (row.state == "moving")
        process.to = process.node;
    if (const MoveMemory* move = move_of(input.memory, row.id)) {
        process.rests_until = move->rests_until;
        if (under_way(row, *move, input.now))
            process.to = id_of(ids, move->to);
    }
    return process;
}

std::vector<NodeId> share_of(const db::Quota& quota, const NodeIds& ids)
{
    std::vector<NodeId> share;
    const auto add = [&](const std::string& name) {
        if (const NodeId id = id_of(ids, name); id != no_node && !contains(share, id))
            share.push_back(id);
    };
    for (const std::string& name : quota.in_use)
        add(name);
    if (share.empty())
        for (const auto& [name, amount] : quota.share)
            add(name);
    for (const std::string& name : quota.borrowed)
        add(name);
    return share;
}

Load load_now(const Environment& environment, NodeId id)
{
    const BalanceNode& node = environment.nodes[at(id)];
    Cpu used = node.system;
    for (const Process& one : environment.processes)
        if (one.node == id)
            used += one.cpu;
    return node.capacity > 0 ? used * 1000 / node.capacity : 0;
}

/// A service that is not where it was to be, and does not move: it stays for longer each time.
void failed(MoveMemory& move, const BalancePolicy& policy, Time now)
{
    const Trust trust =
        judged({move.useless, move.rests_until},
               {move.from_load, move.to_load, move.from_load, move.to_load}, now, policy);
    move.judged = true;
    move.useless = trust.useless;
    move.rests_until = trust.rests_until;
}

void look_at(MoveMemory& move, const db::Service& row, const RoundInput& input,
             const Environment& environment, const NodeIds& ids)
{
    const BalancePolicy& policy = input.settings.balance;
    if (move.judged || row.state == "moving")
        return;
    if (row.hypervisor != move.to) {
        if (!under_way(row, move, input.now))
            failed(move, policy, input.now);
        return;
    }
    if (move.landed == Time{})
        move.landed = input.now;
    const NodeId from = id_of(ids, move.from), to = id_of(ids, move.to);
    if (input.now - move.landed < input.settings.round * policy.hold || from == no_node ||
        to == no_node)
        return;
    const Trust trust = judged(
        {move.useless, move.rests_until},
        {move.from_load, move.to_load, load_now(environment, from), load_now(environment, to)},
        input.now, policy);
    move.judged = true;
    move.useless = trust.useless;
    move.rests_until = trust.rests_until;
}

/// Nothing more follows from it.  What was useless is remembered for longer than it rests.
bool long_past(const MoveMemory& move, const BalancePolicy& policy, Time now)
{
    return move.judged && now > move.rests_until + (move.useless > 0 ? 4 * policy.rest : Seconds{});
}

const BalanceNode& node_at(const Environment& environment, NodeId id)
{
    return environment.nodes[at(id)];
}

std::string name_at(const Environment& environment, NodeId id)
{
    return id == no_node ? "" : node_at(environment, id).name;
}

NodeIds ids_in(const Environment& environment)
{
    NodeIds ids;
    for (std::uint32_t i = 0; i < environment.nodes.size(); ++i)
        ids.emplace(environment.nodes[i].name, NodeId{i});
    return ids;
}

/// A node takes the place of another.
struct Exchange {
    std::string from, to;
};

std::string stood_in_for(const BalanceMemory& memory, const std::string& node)
{
    const auto found = memory.nodes.find(node);
    return found == memory.nodes.end() ? "" : found->second.stands_in_for;
}

std::vector<Exchange> exchanges(const BalanceMemory& before, const Environment& environment,
                                const Round& round)
{
    std::vector<Exchange> all;
    for (const RoleChange& change : round.roles) {
        const std::string name = name_at(environment, change.node);
        const std::string former = stood_in_for(before, name);
        const std::string now = name_at(environment, change.stands_in_for);
        if (change.role == Role::active && !now.empty() && now != former)
            all.push_back({now, name});
        else if (change.role == Role::spare && !former.empty())
            all.push_back({name, former});
    }
    return all;
}

/// Whether anything changed.
bool exchange(db::Quota& quota, const Exchange& nodes)
{
    if (!quota.share.contains(nodes.from) || quota.share.contains(nodes.to))
        return false;
    quota.share[nodes.to] = quota.share[nodes.from];
    quota.share.erase(nodes.from);
    quota.given[nodes.to] = quota.given[nodes.from];
    quota.given.erase(nodes.from);
    std::ranges::replace(quota.in_use, nodes.from, nodes.to);
    std::ranges::sort(quota.in_use);
    quota.in_use.erase(std::ranges::unique(quota.in_use).begin(), quota.in_use.end());
    std::erase(quota.borrowed, nodes.to);
    return true;
}

NodeReport report_from(const json& row)
{
    NodeReport report;
    report.cpus = row.at("cpus");
    report.system = row.at("system");
    report.seen = Seconds{row.at("seconds").get<std::int64_t>()};
    for (const auto& [id, service] : row.at("services").items())
        report.services[id] = {service.at("cpu"),
                               Seconds{service.at("seconds").get<std::int64_t>()}};
    return report;
}

} // namespace

Reports reports_from(const json& answer)
{
    Reports reports;
    for (const auto& [name, row] : answer.items()) {
        try {
            if (auto report = report_from(row); report.cpus > 0)
                reports[name] = std::move(report);
        } catch (const json::exception&) {
            continue; // That node says why it cannot tell: nothing is known of its load.
        }
    }
    return reports;
}

Environment environment_of(const RoundInput& input)
{
    Environment environment;
    environment.now = input.now;
    environment.term = lease_of(input.rows).term;
    environment.leader_rounds = input.counts.leader;
    for (const db::Hypervisor& row : input.rows.hypervisors)
        if (row.capacity > 0)
            environment.nodes.push_back(node_of(input, row));
    const NodeIds ids = ids_in(environment);
    place_names(input.memory, ids, environment.nodes);
    environment.leader = id_of(ids, input.self);
    std::map<std::string, UserId> users;
    for (const db::Quota& quota : input.rows.quotas) {
        const auto user = static_cast<std::uint32_t>(environment.shares.size());
        users[quota.name] = quota.administrator ? no_user : UserId{user};
        environment.shares.push_back(share_of(quota, ids));
    }
    for (const db::Service& row : input.rows.services) {
        if (row.state == "stopped" || !ids.contains(row.hypervisor))
            continue;
        if (const auto user = users.find(row.user); user != users.end())
            environment.processes.push_back(process_of(input, row, ids, user->second));
        else
            environment.nodes[at(ids.at(row.hypervisor))].system += cpu_of(input, row);
    }
    return environment;
}

BalanceMemory looked_back(const RoundInput& input, const Environment& environment)
{
    BalanceMemory memory = input.memory;
    const NodeIds ids = ids_in(environment);
    std::map<std::string, const db::Service*> services;
    for (const db::Service& row : input.rows.services)
        services[row.id] = &row;
    const auto runs = [&](const std::string& id) {
        const auto row = services.find(id);
        return row != services.end() && row->second->state != "stopped";
    };
    std::erase_if(memory.moved, [&](const auto& entry) { return !runs(entry.first); });
    for (auto& [id, move] : memory.moved)
        look_at(move, *services.at(id), input, environment, ids);
    std::erase_if(memory.moved, [&](const auto& entry) {
        return long_past(entry.second, input.settings.balance, input.now);
    });
    std::erase_if(memory.nodes, [&](const auto& node) { return !ids.contains(node.first); });
    for (const BalanceNode& node : environment.nodes)
        if (node.role == Role::failed)
            memory.nodes[node.name].role = Role::failed;
    if (memory.consolidated == 0)
        memory.consolidated = lease_of(input.rows).reviewed;
    return memory;
}

BalanceMemory remembered(BalanceMemory before, const Environment& environment, const Round& round,
                         Time now)
{
    for (const Move& move : round.moves) {
        const Process& process = environment.processes[move.process];
        if (!is_migration(move))
            continue;
        MoveMemory& moved = before.moved[process.id];
        moved = {node_at(environment, move.from).name,
                 node_at(environment, move.to).name,
                 now,
                 process.cpu,
                 load_now(environment, move.from),
                 load_now(environment, move.to),
                 Time{},
                 false,
                 moved.useless,
                 moved.rests_until};
    }
    for (const RoleChange& change : round.roles) {
        const std::string& name = node_at(environment, change.node).name;
        if (change.role == Role::active && change.stands_in_for == no_node)
            before.nodes.erase(name);
        else
            before.nodes[name] = {change.role, name_at(environment, change.stands_in_for),
                                  name_at(environment, change.into)};
    }
    return before;
}

RoundCounts counted(const Environment& environment, const Round& round)
{
    RoundCounts counts;
    for (std::size_t i = 0; i < environment.nodes.size(); ++i)
        counts.nodes[environment.nodes[i].name] = {round.memory[i].rounds_over,
                                                   round.memory[i].rounds_maximum};
    counts.leader = round.leader_rounds;
    return counts;
}

std::vector<db::Quota> shares_after(const db::ShareRows& rows, const BalanceMemory& before,
                                    const Environment& environment, const Round& round)
{
    const auto all = exchanges(before, environment, round);
    std::vector<db::Quota> changed;
    for (db::Quota quota : rows.quotas) {
        bool any = false;
        for (const Exchange& nodes : all)
            any = exchange(quota, nodes) || any;
        if (any)
            changed.push_back(std::move(quota));
    }
    return changed;
}

bool period_ended(const BalanceMemory& memory, const db::Lease& lease)
{
    return memory.consolidated != 0 && lease.reviewed > memory.consolidated;
}

bool is_migration(const Move& move)
{
    return move.why != Why::failed;
}

json round_json(const Environment& environment, const Round& round)
{
    json moves = json::array(), roles = json::array(), leader = json::array(),
         stays = json::array();
    for (const Move& move : round.moves)
        if (const std::string& name = environment.processes[move.process].name; is_migration(move))
            moves.push_back({{"service", name},
                             {"from", node_at(environment, move.from).name},
                             {"to", node_at(environment, move.to).name},
                             {"reason", move.reason}});
        else
            stays.push_back(name + ": " + node_at(environment, move.from).name +
                            " is lost with it: run it again, on " +
                            node_at(environment, move.to).name);
    for (const RoleChange& change : round.roles)
        roles.push_back(change.reason);
    for (const Handover& handover : round.handovers)
        leader.push_back(handover.reason);
    for (const Stay& stay : round.stays)
        stays.push_back(stay.reason);
    return {{"moves", moves}, {"roles", roles}, {"leader", leader}, {"stays", stays}};
}

} // namespace holdfast::schedd
