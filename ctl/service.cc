// SPDX-License-Identifier: Apache-2.0
//
// ctl/service: see service.h.
#include <config.h>

#include "ctl/service.h"

#include <algorithm>
#include <optional>

#include "common/text.h"
#include "ctl/move-line.h"

namespace holdfast::ctl {
namespace {

std::string joined(const std::vector<std::string>& words, const std::string& between)
{
    std::string all;
    for (const auto& word : words)
        all += (all.empty() ? "" : between) + one_line(word);
    return all;
}

std::string or_dash(const std::string& text)
{
    return text.empty() ? "-" : text;
}

std::string field(const std::string& name, const std::string& text, const Style& style)
{
    return style.paint(name, Tone::dim) + std::string(13 - name.size(), ' ') + text + "\n";
}

Tone tone_of(const db::Service& service)
{
    return service.state == "running"  ? Tone::good
           : service.state == "moving" ? Tone::warn
                                       : Tone::bad;
}

std::string state_of(const db::Service& service)
{
    return service.state + (service.pinned ? ", pinned" : "");
}

/// Its move, if it moves and the switches know of that.
std::optional<MoveLine> move_of(const db::Service& service, const World& world)
{
    std::optional<MoveLine> newest;
    for (MoveLine& line : move_lines(world.moves))
        if (service.state == "moving" && line.vm == service.id &&
            line.outcome == Outcome::under_way)
            newest = std::move(line);
    return newest;
}

/// Null while it does not move.
Json moving_json(const db::Service& service, const World& world)
{
    const auto move = move_of(service, world);
    return move ? Json{{"id", move->id},
                       {"to", move->to},
                       {"state", move->state},
                       {"figures", move->figures}}
                : Json();
}

/// Its port as its VM record has it; null while it has none.
const db::VmPort* port_of(const db::Service& service, const World& world)
{
    const auto vm = std::find_if(world.vms.begin(), world.vms.end(),
                                 [&](const db::Vm& row) { return row.id == service.id; });
    return vm == world.vms.end() || vm->ports.empty() || vm->ports[0].interface.empty()
               ? nullptr
               : &vm->ports[0];
}

} // namespace

std::string service_table(const World& world, const Style& style)
{
    if (world.services.empty())
        return "There is no service. 'holdfast service run NAME --ip ADDRESS/PREFIX -- COMMAND' "
               "runs one.\n";
    Table table{{"NAME", "STATE", "HYPERVISOR", ">PID", "ADDRESS", "USER", "MODE", "COMMAND"}};
    for (const auto& service : world.services)
        table.add({{service.name, Tone::head},
                   {state_of(service), tone_of(service)},
                   service.hypervisor,
                   service.pid ? std::to_string(service.pid) : "-",
                   or_dash(joined(service.ips, ",")),
                   service.user,
                   service.mode,
                   one_line(joined(service.command, " "), 60)});
    return table.text(style);
}

std::string service_page(const db::Service& service, const World& world, const Style& style)
{
    std::string page = style.paint(one_line(service.name), Tone::head) + "  " +
                       style.paint(state_of(service), tone_of(service)) + " on " +
                       one_line(service.hypervisor) + "\n";
    if (const auto move = move_of(service, world))
        page += field("moves", "to " + one_line(move->to) + ": " + progress_text(*move), style);
    if (!service.exit.empty())
        page += field("why", one_line(service.exit), style);
    page += field("id", service.id, style);
    if (service.pid)
        page += field("process", std::to_string(service.pid), style);
    page += field("command", joined(service.command, " "), style);
    page += field("user", one_line(service.user), style);
    page += field("directory", one_line(service.directory), style);
    if (!service.environment.empty())
        page += field("environment", joined(service.environment, " "), style);
    page += field("addresses", or_dash(joined(service.ips, ", ")), style);
    page += field("gateway", or_dash(service.gateway), style);
    const auto* port = port_of(service, world);
    page += field("port",
                  service.mac + "  " +
                      (port ? port->interface + " on " + port->bridge + ", port " +
                                  std::to_string(port->ofport)
                            : "not plugged in"),
                  style);
    if (port && !port->entry.empty())
        page += field("reached by", one_line(port->entry) + ", in whose network its addresses are",
                      style);
    page += field("VLAN", service.vlan ? std::to_string(service.vlan) : "-", style);
    page += field("moves by", service.mode, style);
    page += field("log", "/run/holdfast/service/" + one_line(service.name) + "/log", style);
    return page;
}

Json service_json(const db::Service& service, const World& world)
{
    const auto* port = port_of(service, world);
    return Json{{"name", service.name},
                {"id", service.id},
                {"state", service.state},
                {"hypervisor", service.hypervisor},
                {"pid", service.pid},
                {"exit", service.exit},
                {"pinned", service.pinned},
                {"mode", service.mode},
                {"user", service.user},
                {"ips", service.ips},
                {"gateway", service.gateway},
                {"mac", service.mac},
                {"vlan", service.vlan},
                {"interface", port ? port->interface : ""},
                {"ofport", port ? port->ofport : 0},
                {"command", service.command},
                {"directory", service.directory},
                {"environment", service.environment},
                {"epoch", service.epoch},
                {"move", moving_json(service, world)}};
}

} // namespace holdfast::ctl
