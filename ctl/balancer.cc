// SPDX-License-Identifier: Apache-2.0
//
// ctl/balancer: see balancer.h.
#include <config.h>

#include "ctl/balancer.h"

#include <algorithm>

#include "common/text.h"
#include "db/balancer.h"

namespace holdfast::ctl {

namespace {

bool plugged(const db::Vm* vm)
{
    return vm && !vm->ports.empty() && vm->ports[0].ofport != 0;
}

std::vector<std::string> directors(const db::Balancer& balancer, const World& world)
{
    std::vector<std::string> names;
    for (const auto& id : balancer.directors)
        names.push_back(world.name_of(id));
    return names;
}

std::string joined(const std::vector<std::string>& words)
{
    std::string all;
    for (const auto& word : words)
        all += (all.empty() ? "" : ",") + one_line(word);
    return all;
}

/// A label before its text.
std::string field(const std::string& name, const std::string& text, const Style& style)
{
    return style.paint(name, Tone::dim) + std::string(12 - name.size(), ' ') + text + "\n";
}

std::size_t n_active(const db::Balancer& balancer)
{
    return static_cast<std::size_t>(
        std::count_if(balancer.servers.begin(), balancer.servers.end(),
                      [](const db::RealServer& row) { return row.state == "active"; }));
}

} // namespace

std::string balancer_table(const World& world, const Style& style)
{
    if (world.balancers.empty())
        return "There is no balancer. Make one with 'holdfast balancer add'.\n";
    Table table{{"NAME", "VIP", "DIRECTOR", ">ACTIVE", ">SERVERS"}};
    for (const auto& balancer : world.balancers) {
        const auto active = n_active(balancer);
        table.add({{balancer.name, Tone::head},
                   db::vip_text(balancer),
                   joined(directors(balancer, world)),
                   {std::to_string(active), active ? Tone::good : Tone::bad},
                   std::to_string(balancer.servers.size())});
    }
    return table.text(style);
}

std::string balancer_page(const db::Balancer& balancer, const World& world, const Style& style)
{
    std::string page =
        style.paint(one_line(balancer.name), Tone::head) + "  " + db::vip_text(balancer) + "\n";
    page += field("director", balancer.director + " " + joined(directors(balancer, world)), style);
    if (!balancer.policy.empty())
        page += field("policy", balancer.policy, style);
    if (!balancer.gateway.empty())
        page += field("gateway", balancer.gateway, style);
    page += field("MAC", balancer.mac_layout + " " + balancer.mac_prefix, style);
    Table table{{"SERVER", ">WEIGHT", "STATE", "SYNTHETIC MAC", "VM", "HYPERVISOR"}};
    for (const auto& server : balancer.servers) {
        const auto* vm = db::vm_with(world.vms, server.address);
        table.add({{server.address + ":" + std::to_string(server.port), Tone::head},
                   std::to_string(server.weight),
                   {server.state, server.state == "active" ? Tone::good : Tone::warn},
                   server.mac,
                   vm ? vm->name : "-",
                   plugged(vm) ? Cell{vm->hypervisor}
                   : vm && !vm->hypervisor.empty()
                       ? Cell{vm->hypervisor + " (not plugged in)", Tone::warn}
                       : Cell{"-", Tone::warn}});
    }
    return page + "\n" + table.text(style) + "\n" + routes_page(db::director_routes(balancer));
}

Json balancer_json(const db::Balancer& balancer, const World& world)
{
    Json servers = Json::array();
    for (const auto& server : balancer.servers) {
        const auto* vm = db::vm_with(world.vms, server.address);
        servers.push_back({{"address", server.address},
                           {"port", server.port},
                           {"weight", server.weight},
                           {"state", server.state},
                           {"mac", server.mac},
                           {"vm", vm ? vm->name : ""},
                           {"vm_id", vm ? vm->id : ""},
                           {"hypervisor", vm ? vm->hypervisor : ""},
                           {"plugged", plugged(vm)}});
    }
    return {{"name", balancer.name},
            {"vip", balancer.vip},
            {"port", balancer.port},
            {"protocol", balancer.protocol},
            {"director", balancer.director},
            {"directors", directors(balancer, world)},
            {"director_ids", balancer.directors},
            {"policy", balancer.policy},
            {"gateway", balancer.gateway},
            {"mac_prefix", balancer.mac_prefix},
            {"mac_layout", balancer.mac_layout},
            {"servers", std::move(servers)},
            {"routes", db::director_routes(balancer)}};
}

std::string routes_page(const std::vector<std::string>& routes)
{
    if (routes.empty())
        return "";
    std::string page = "The director needs these routes, DEV being its interface:\n";
    for (const auto& route : routes)
        page += "  " + one_line(route) + "\n";
    return page;
}

} // namespace holdfast::ctl
