// SPDX-License-Identifier: Apache-2.0
//
// ctl/env: see env.h.
#include <config.h>

#include "ctl/env.h"

#include <array>

#include "common/text.h"
#include "ctl/quota.h"
#include "env/members.h"

namespace holdfast::ctl {
namespace {

using env::Member;

/// What all nodes have together, of those that are known.
struct Sum {
    int cpus = 0;
    std::array<std::int64_t, 3> load{};     // Hundredths.
    std::int64_t memory = 0, available = 0; // KiB.
};

std::int64_t kib(const db::Resources& resources, const char* name)
{
    const auto found = resources.memory.find(name);
    return found == resources.memory.end() ? 0 : found->second;
}

Sum sum(const std::vector<Member>& nodes)
{
    Sum all;
    for (const Member& node : nodes) {
        if (!node.resources)
            continue;
        all.cpus += node.resources->cpus;
        for (std::size_t i = 0; i < all.load.size(); ++i)
            all.load[i] += node.resources->load[i];
        all.memory += kib(*node.resources, "MemTotal");
        all.available += kib(*node.resources, "MemAvailable");
    }
    return all;
}

std::string mib(std::int64_t kib)
{
    return std::to_string(kib / 1024) + " MiB";
}

std::string load(std::int64_t hundredths)
{
    return units_text(hundredths * 10);
}

/// Of the user's container there; empty if it has none.
std::string address(const Member& node, const std::string& user)
{
    if (!node.resources)
        return {};
    const auto found = node.resources->environments.find(user);
    return found == node.resources->environments.end() ? std::string{} : found->second;
}

std::string state(const Member& node)
{
    return !node.heard ? "lost" : node.resources ? "known" : "unknown";
}

std::string or_dash(const std::string& text)
{
    return text.empty() ? "-" : text;
}

Json node_view(const Member& node, const std::string& user)
{
    Json view{{"node", node.name}, {"state", state(node)}, {"address", address(node, user)}};
    if (node.resources) {
        view["cpus"] = node.resources->cpus;
        view["busy"] = env::busy(*node.resources);
        view["memory_kib"] = kib(*node.resources, "MemTotal");
        view["available_kib"] = kib(*node.resources, "MemAvailable");
    }
    return view;
}

} // namespace

std::string env_table(const db::ShareRows& rows, const Style& style)
{
    Table table{{"USER", "LEADER", "ADDRESS", ">NODES", ">CPUS", ">MEMORY", ">LOAD"}};
    for (const auto& quota : rows.quotas) {
        const auto nodes = env::members(quota, rows.hypervisors);
        if (nodes.empty())
            continue;
        const Sum all = sum(nodes);
        table.add({{quota.name, Tone::head},
                   nodes.front().name,
                   or_dash(address(nodes.front(), quota.name)),
                   std::to_string(nodes.size()),
                   std::to_string(all.cpus),
                   mib(all.memory),
                   load(all.load[0])});
    }
    return table.empty() ? "No user uses a node. 'holdfast quota request' gives some, and "
                           "'holdfast quota select' says which are used.\n"
                         : table.text(style);
}

std::string env_page(const db::Quota& quota, const db::ShareRows& rows, const Style& style)
{
    const auto nodes = env::members(quota, rows.hypervisors);
    const Sum all = sum(nodes);
    std::string page = style.paint(one_line(quota.name), Tone::head) + "  " +
                       std::to_string(all.cpus) + " processors, " + mib(all.memory) + " (" +
                       mib(all.available) + " available), load " + load(all.load[0]) + " " +
                       load(all.load[1]) + " " + load(all.load[2]) + "\n";
    Table table{{"NODE", "", ">CPUS", ">BUSY", ">MEMORY", ">AVAILABLE", "ADDRESS"}};
    for (const Member& node : nodes) {
        const auto& has = node.resources;
        table.add({{node.name, Tone::head},
                   has ? (&node == &nodes.front() ? "leader" : "") : state(node),
                   has ? std::to_string(has->cpus) : "-",
                   has ? units_text(env::busy(*has) * 100) + " %" : "-",
                   has ? mib(kib(*has, "MemTotal")) : "-",
                   has ? mib(kib(*has, "MemAvailable")) : "-",
                   or_dash(address(node, quota.name))});
    }
    return table.empty() ? page : page + "\n" + table.text(style);
}

Json env_view(const db::Quota& quota, const db::ShareRows& rows)
{
    const auto nodes = env::members(quota, rows.hypervisors);
    const Sum all = sum(nodes);
    Json views = Json::array();
    for (const Member& node : nodes)
        views.push_back(node_view(node, quota.name));
    Json load = Json::array();
    for (const auto hundredths : all.load)
        load.push_back(static_cast<double>(hundredths) / 100);
    return {{"user", quota.name},
            {"leader", nodes.empty() ? "" : nodes.front().name},
            {"address", nodes.empty() ? "" : address(nodes.front(), quota.name)},
            {"cpus", all.cpus},
            {"memory_kib", all.memory},
            {"available_kib", all.available},
            {"load", load},
            {"nodes", views}};
}

} // namespace holdfast::ctl
