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

/// Who chooses.
std::string director_text(const db::Balancer& balancer, const World& world)
{
    if (db::is_builtin(balancer))
        return "builtin";
    return balancer.director + " " + joined(directors(balancer, world));
}

/// A label before its text.
std::string field(const std::string& name, const std::string& text, const Style& style)
{
    return style.paint(name, Tone::dim) + std::string(12 - name.size(), ' ') + text + "\n";
}

const db::ServerHealth* health_of(const db::Balancer& balancer, const db::RealServer& server,
                                  const World& world)
{
    return db::health_of(world.health, world.vms, balancer.name, server.address);
}

/// How many servers get new connections.
std::size_t n_active(const db::Balancer& balancer, const World& world)
{
    return static_cast<std::size_t>(std::count_if(
        balancer.servers.begin(), balancer.servers.end(), [&](const db::RealServer& row) {
            return db::takes_connections(balancer, row, health_of(balancer, row, world));
        }));
}

std::string check_text(const db::Balancer& balancer)
{
    std::string text = balancer.check;
    if (!balancer.check_target.empty())
        text += " " + one_line(balancer.check_target, 60);
    if (balancer.check == "http")
        text += balancer.check_expect ? ", status " + std::to_string(balancer.check_expect)
                                      : ", any status 2xx or 3xx";
    return text + "; every " + std::to_string(balancer.interval_ms) + " ms, within " +
           std::to_string(balancer.timeout_ms) + " ms; up after " + std::to_string(balancer.rise) +
           ", down after " + std::to_string(balancer.fall);
}

/// The lines above the servers.
std::string head(const db::Balancer& balancer, const World& world, const Style& style)
{
    std::string page =
        style.paint(one_line(balancer.name), Tone::head) + "  " + db::vip_text(balancer) + "\n";
    page += field("director", director_text(balancer, world), style);
    if (!balancer.policy.empty())
        page += field("policy", balancer.policy, style);
    if (balancer.persistence)
        page += field("persistence", std::to_string(balancer.persistence) + " s", style);
    if (balancer.slow_start)
        page += field("slow start", std::to_string(balancer.slow_start) + " s", style);
    if (!balancer.sorry.empty())
        page += field("sorry", endpoint_text(balancer.sorry, balancer.sorry_port), style);
    if (balancer.check != "none")
        page += field("check", check_text(balancer), style);
    if (!balancer.gateway.empty())
        page += field("gateway", balancer.gateway, style);
    return page + field("MAC",
                        balancer.mac_layout + " " + balancer.mac_prefix +
                            (balancer.vip_mac.empty() ? "" : ", VIP " + balancer.vip_mac),
                        style);
}

Cell place_of(const db::Vm* vm)
{
    if (plugged(vm))
        return vm->hypervisor;
    if (vm && !vm->hypervisor.empty())
        return {vm->hypervisor + " (not plugged in)", Tone::warn};
    return {"-", Tone::warn};
}

std::string servers_text(const db::Balancer& balancer, const World& world, const Style& style)
{
    const bool builtin = db::is_builtin(balancer); // External directors have their own numbers.
    const bool ways = std::ranges::any_of(
        balancer.servers, [](const db::RealServer& server) { return server.way == "routed"; });
    std::vector<std::string> headings{"SERVER"};
    if (builtin)
        headings.insert(headings.end(), {">WEIGHT", ">LIMIT"});
    headings.push_back("STATE");
    if (ways)
        headings.push_back("WAY");
    headings.insert(headings.end(), {"SYNTHETIC MAC", "VM", "HYPERVISOR"});
    Table table{headings};
    for (const auto& server : balancer.servers) {
        const auto* vm = db::vm_with(world.vms, server.address);
        std::vector<Cell> row{{endpoint_text(server.address, server.port), Tone::head}};
        if (builtin) {
            row.push_back(std::to_string(server.weight));
            row.push_back(server.limit ? std::to_string(server.limit) : "-");
        }
        row.push_back({server.state, server.state == "active" ? Tone::good : Tone::warn});
        if (ways)
            row.push_back(server.way);
        row.push_back(server.mac);
        row.push_back(vm ? vm->name : "-");
        row.push_back(place_of(vm));
        table.add(std::move(row));
    }
    return table.text(style);
}

/// How the servers do, for a balancer that probes them; else nothing.
std::string health_text(const db::Balancer& balancer, const World& world, const Style& style)
{
    if (balancer.check == "none")
        return "";
    Table table{{"SERVER", "HEALTH", "SINCE", "WHY"}};
    for (const auto& server : balancer.servers) {
        const auto* row = health_of(balancer, server, world);
        table.add({{endpoint_text(server.address, server.port), Tone::head},
                   row ? Cell{row->state, row->state == "up" ? Tone::good : Tone::bad}
                       : Cell{"not yet probed", Tone::warn},
                   row ? time_text(row->since) : "-",
                   row ? row->text : "-"});
    }
    return "\n" + table.text(style);
}

/// Thousandths as per cent.
std::string share_text(int thousandths)
{
    return thousandths < 0 ? "-" : std::to_string((thousandths + 5) / 10) + " %";
}

/// What the weights of the policy `dynamic` follow; else nothing.
std::string load_text(const db::Balancer& balancer, const World& world, const Style& style)
{
    if (balancer.policy != "dynamic")
        return "";
    Table table{{"SERVER", ">CPU", ">MEMORY", ">ANSWER"}};
    for (const auto& server : balancer.servers) {
        const auto* row = health_of(balancer, server, world);
        const int answer_us = row ? row->answer_us : -1;
        table.add({{endpoint_text(server.address, server.port), Tone::head},
                   share_text(row ? row->cpu : -1),
                   share_text(row ? row->memory : -1),
                   answer_us < 0 ? "-" : std::to_string((answer_us + 500) / 1000) + " ms"});
    }
    return "\n" + table.text(style);
}

Json health_json(const db::ServerHealth* row)
{
    if (!row)
        return nullptr;
    auto known = [](int figure) { return figure < 0 ? Json{} : Json(figure); };
    return {{"state", row->state},
            {"since_ns", row->since},
            {"text", row->text},
            {"by", row->hypervisor},
            {"cpu_permille", known(row->cpu)},
            {"memory_permille", known(row->memory)},
            {"answer_us", known(row->answer_us)}};
}

Json server_json(const db::Balancer& balancer, const db::RealServer& server, const World& world)
{
    const auto* vm = db::vm_with(world.vms, server.address);
    return {
        {"address", server.address}, {"port", server.port},
        {"weight", server.weight},   {"limit", server.limit},
        {"state", server.state},     {"way", server.way},
        {"mac", server.mac},         {"vm", vm ? vm->name : ""},
        {"vm_id", vm ? vm->id : ""}, {"hypervisor", vm ? vm->hypervisor : ""},
        {"plugged", plugged(vm)},    {"health", health_json(health_of(balancer, server, world))}};
}

/// Null for a balancer that does not probe its servers.
Json check_json(const db::Balancer& balancer)
{
    if (balancer.check == "none")
        return nullptr;
    return {{"kind", balancer.check},
            {"target", balancer.check_target},
            {"expect", balancer.check_expect},
            {"interval_ms", balancer.interval_ms},
            {"timeout_ms", balancer.timeout_ms},
            {"rise", balancer.rise},
            {"fall", balancer.fall}};
}

/// The servers with these states, as `status` names them: address and why.
std::string named(const std::vector<std::string>& all)
{
    constexpr std::size_t most = 3;
    std::string text;
    for (std::size_t i = 0; i < all.size() && i < most; ++i)
        text += (i ? "; " : "") + all[i];
    return all.size() > most ? text + "; and " + std::to_string(all.size() - most) + " more" : text;
}

/// What a director's own shell has to run; empty without any.
std::string commands_page(const std::string& head, const std::vector<std::string>& commands)
{
    std::string page = commands.empty() ? "" : head + "\n";
    for (const auto& command : commands)
        page += "  " + one_line(command) + "\n";
    return page;
}

} // namespace

std::string balancer_table(const World& world, const Style& style)
{
    if (world.balancers.empty())
        return "There is no balancer. Make one with 'holdfast balancer add'.\n";
    Table table{{"NAME", "VIP", "DIRECTOR", ">ACTIVE", ">SERVERS"}};
    for (const auto& balancer : world.balancers) {
        const auto active = n_active(balancer, world);
        table.add({{balancer.name, Tone::head},
                   db::vip_text(balancer),
                   db::is_builtin(balancer) ? "builtin " + balancer.policy
                                            : joined(directors(balancer, world)),
                   {std::to_string(active), active ? Tone::good : Tone::bad},
                   std::to_string(balancer.servers.size())});
    }
    return table.text(style);
}

std::string balancer_page(const db::Balancer& balancer, const World& world, const Style& style)
{
    const auto routes = routes_page(db::director_routes(balancer));
    return head(balancer, world, style) + "\n" + servers_text(balancer, world, style) +
           health_text(balancer, world, style) + load_text(balancer, world, style) +
           (routes.empty() ? "" : "\n" + routes);
}

Json balancer_json(const db::Balancer& balancer, const World& world)
{
    Json servers = Json::array();
    for (const auto& server : balancer.servers)
        servers.push_back(server_json(balancer, server, world));
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
            {"vip_mac", balancer.vip_mac},
            {"persistence_s", balancer.persistence},
            {"slow_start_s", balancer.slow_start},
            {"sorry", balancer.sorry},
            {"sorry_port", balancer.sorry_port},
            {"sorry_mac", balancer.sorry_mac},
            {"check", check_json(balancer)},
            {"servers", std::move(servers)},
            {"routes", db::director_routes(balancer)}};
}

std::string balancer_trouble(const db::Balancer& balancer, const World& world)
{
    std::vector<std::string> dead;
    std::size_t wanted = 0, unknown = 0;
    for (const auto& server : balancer.servers) {
        if (server.state != "active" || server.weight == 0)
            continue; // Nobody expects connections there.
        ++wanted;
        const auto* row = health_of(balancer, server, world);
        unknown += row == nullptr;
        if (!db::is_up(balancer, row))
            dead.push_back(server.address + ": " +
                           (row ? one_line(row->text, 80) : "not yet probed"));
    }
    const auto name = "balancer " + balancer.name + ": ";
    const auto what_becomes = balancer.sorry.empty() ? std::string{"are reset"}
                                                     : "go to the sorry server " + balancer.sorry;
    if (wanted == 0 && db::is_builtin(balancer))
        return name + "each of its servers is drained or has weight 0, and new connections " +
               what_becomes + ": add one with \"holdfast balancer server add\", or give one weight";
    if (dead.empty())
        return "";
    if (unknown == wanted)
        return name + "none of its servers was probed yet, and until then none gets a connection: "
                      "see whether holdfast-hookd runs where their VMs do";
    if (dead.size() == wanted)
        return name + "all its servers are dead (" + named(dead) + "), and new connections " +
               what_becomes +
               ": see what is wrong with them, or add others with \"holdfast balancer server add\"";
    return name + std::to_string(dead.size()) + " of " + std::to_string(wanted) +
           " servers get no connections (" + named(dead) +
           "): see what is wrong there, or take them out with \"holdfast balancer server del\"";
}

std::string routes_page(const std::vector<std::string>& routes)
{
    return commands_page("The director needs these routes, DEV being its interface:", routes);
}

std::string drops_page(const std::vector<std::string>& drops)
{
    return commands_page("The director is to drop it too; with IPVS, DEV being its interface:",
                         drops);
}

} // namespace holdfast::ctl
