// SPDX-License-Identifier: Apache-2.0
//
// ctl/view: VMs and chains, and the words that all views share.  Moves and events are in
// view-time.cc.
#include <config.h>

#include "ctl/view.h"

#include <algorithm>

#include "common/text.h"

namespace holdfast::ctl {

namespace {

std::string joined(const std::vector<std::string>& words, const std::string& between)
{
    std::string all;
    for (const auto& word : words)
        all += (all.empty() ? "" : between) + word;
    return all;
}

/// A chain's state in a word, by its pending and its dead hops.
std::string state_of(const std::vector<std::string>& waiting, const std::vector<DeadHop>& dead)
{
    return !waiting.empty() ? "pending" : !dead.empty() ? "degraded" : "ready";
}

Tone tone_of_chain(const std::string& state)
{
    return state == "ready" ? Tone::good : Tone::warn;
}

std::string or_dash(const std::string& text)
{
    return text.empty() ? "-" : text;
}

/// Names of the chains through the VM.
std::vector<std::string> chains_through(const db::Vm& vm, const World& world)
{
    std::vector<std::string> names;
    for (const auto& chain : world.chains)
        if (db::passes(chain, vm.id))
            names.push_back(chain.name);
    return names;
}

/// A place as `--via` takes it.
std::string hop_text(const db::Hop& hop, const World& world)
{
    std::vector<std::string> names;
    for (const auto& vm : hop.vms)
        names.push_back(world.name_of(vm));
    return (hop.kind == "pass" ? "" : hop.kind + ":") + joined(names, "|");
}

Tone tone_of_state(const std::string& state)
{
    return state == "running" ? Tone::good : Tone::dim;
}

/// A label before its text; the second and later lines of `text` are not indented.
std::string field(const std::string& name, const std::string& text, const Style& style)
{
    std::string blanks(name.size() < 12 ? 12 - name.size() : 1, ' ');
    return style.paint(name, Tone::dim) + blanks + text + "\n";
}

std::string port_place(const db::VmPort& port)
{
    if (port.interface.empty())
        return "not plugged in";
    return port.interface + " on " + port.bridge + ", port " + std::to_string(port.ofport);
}

/// A place of a chain: one hop, or a group of them.
struct PlaceOfChain {
    std::string kind; // As in db/rows.h.
    std::vector<db::PathHop> members;
};

/// One direction of a chain: its places in order.
struct Direction {
    std::string name; // "forward" or "reverse".
    std::uint32_t spi = 0;
    std::vector<PlaceOfChain> places;
};

/// The chain's directions as stored; a hop without a row yet is pending.
std::vector<Direction> directions(const db::Chain& chain, const World& world)
{
    std::vector<Direction> both{{"forward", chain.spi, {}}};
    if (chain.symmetric)
        both.push_back({"reverse", chain.rspi, {}});
    for (auto& direction : both) {
        auto places = chain.hops;
        std::erase_if(places, [](const db::Hop& place) { return !place.led; });
        if (direction.name == "reverse")
            std::reverse(places.begin(), places.end());
        int si = 255;
        for (const auto& place : places) {
            auto& hops = direction.places.emplace_back();
            hops.kind = place.kind;
            for (const auto& vm : place.vms) {
                auto row =
                    std::find_if(world.paths.begin(), world.paths.end(), [&](const auto& hop) {
                        return hop.spi == direction.spi && hop.si == si && hop.vm == vm;
                    });
                hops.members.push_back(
                    row != world.paths.end()
                        ? *row
                        : db::PathHop{direction.spi, si, chain.name, vm, "", "", 0, 0});
            }
            --si;
        }
    }
    return both;
}

std::string drawn(const db::PathHop& hop, const World& world, const Style& style)
{
    std::string name = one_line(world.name_of(hop.vm));
    if (hop.in_port == 0)
        return style.paint(name + " (pending)", Tone::warn);
    std::string ports = std::to_string(hop.in_port);
    if (hop.out_port != hop.in_port)
        ports += "-" + std::to_string(hop.out_port);
    return style.paint(name, Tone::head) + "@" + hop.hypervisor + ":" + ports;
}

std::string drawn(const Direction& direction, const World& world, const Style& style)
{
    std::string text = "ingress";
    for (const auto& place : direction.places) {
        std::vector<std::string> members;
        for (const auto& hop : place.members)
            members.push_back(drawn(hop, world, style));
        text += " → " + (place.kind == "pass" ? "" : place.kind + ":") + joined(members, "|");
    }
    return text + " → own destination";
}

} // namespace

const db::Vm* World::find_vm(const std::string& id) const
{
    const auto row = std::ranges::find(vms, id, &db::Vm::id);
    return row == vms.end() ? nullptr : &*row;
}

std::string World::name_of(const std::string& vm) const
{
    const auto* row = find_vm(vm);
    return !row || row->name.empty() ? vm : row->name;
}

std::vector<std::string> pending(const db::Chain& chain, const World& world)
{
    std::vector<std::string> names;
    for (const auto& direction : directions(chain, world)) {
        for (const auto& place : direction.places)
            for (const auto& hop : place.members) {
                std::string name = world.name_of(hop.vm);
                if (hop.in_port == 0 && std::find(names.begin(), names.end(), name) == names.end())
                    names.push_back(name);
            }
    }
    return names;
}

std::vector<DeadHop> dead_hops(const db::Chain& chain, const World& world)
{
    std::vector<DeadHop> found;
    for (const db::Hop& place : chain.hops) {
        if (!place.led)
            continue;
        std::vector<const db::Vm*> dead;
        for (const std::string& id : place.vms)
            if (const auto* vm = world.find_vm(id); vm && !vm->health.empty())
                dead.push_back(vm);
        const std::string meanwhile = place.kind == "tap" ? "it gets copies all the same"
                                      : dead.size() < place.vms.size()
                                          ? "the others of its group take its traffic"
                                      : chain.dead == "bypass" ? "its traffic passes it by"
                                                               : "its traffic is dropped";
        for (const auto* vm : dead)
            found.push_back({world.name_of(vm->id), vm->health, meanwhile});
    }
    return found;
}

std::string changing(const db::Chain& chain)
{
    const auto change = db::ChainChange::of(chain);
    return (change.verb == "add"   ? "being added by "
            : change.verb == "del" ? "being deleted by "
                                   : "being changed by ") +
           one_line(change.hypervisor);
}

std::string meanwhile(const db::Chain& chain)
{
    return std::string{"until then its traffic "} +
           (chain.dead == "bypass" ? "passes it by" : "is dropped");
}

std::string vm_table(const World& world, const Style& style)
{
    if (world.vms.empty())
        return "No VM is known. One is, once it has a port on the bridge or a libvirt domain.\n";
    Table table{{"NAME", "STATE", "HYPERVISOR", "PORT", "MAC", "ADDRESS", "CHAINS"}};
    for (const auto& vm : world.vms) {
        bool plugged = !vm.ports.empty() && vm.ports[0].ofport != 0;
        std::string more =
            vm.ports.size() > 1 ? " +" + std::to_string(vm.ports.size() - 1) : std::string{};
        table.add({{vm.name, Tone::head},
                   {vm.health.empty() ? vm.state : vm.state + ", " + vm.health,
                    vm.health.empty() ? tone_of_state(vm.state) : Tone::warn},
                   or_dash(vm.hypervisor),
                   plugged ? vm.ports[0].interface + ":" + std::to_string(vm.ports[0].ofport) + more
                           : "-",
                   vm.ports.empty() ? "-" : vm.ports[0].mac,
                   or_dash(joined(vm.ips, ",")),
                   or_dash(joined(chains_through(vm, world), ","))});
    }
    return table.text(style);
}

std::string vm_page(const db::Vm& vm, const World& world, const Style& style)
{
    std::string page = style.paint(one_line(vm.name), Tone::head) + "  " +
                       style.paint(vm.state, tone_of_state(vm.state)) +
                       (vm.hypervisor.empty() ? "" : " on " + vm.hypervisor) + "\n";
    page += field("id", vm.id, style);
    page += field("kind",
                  vm.kind == "domain"    ? "libvirt domain"
                  : vm.kind == "service" ? "service: see 'holdfast service show'"
                                         : "port plugged in by others",
                  style);
    if (!vm.service.empty())
        page += field("service", one_line(vm.service), style);
    page += field("label", std::to_string(vm.label), style);
    page += field("addresses", or_dash(joined(vm.ips, ", ")), style);
    for (const auto& port : vm.ports)
        page += field("port", port.mac + "  " + port_place(port), style);
    page += field("chains", or_dash(joined(chains_through(vm, world), ", ")), style);
    page += field("protected", vm.protect ? "yes" : "no", style);
    if (!vm.health.empty())
        page += field("no work", one_line(vm.health), style);
    page += field("epoch", std::to_string(vm.epoch), style);
    std::vector<db::Move> moves;
    std::copy_if(world.moves.begin(), world.moves.end(), std::back_inserter(moves),
                 [&vm](const auto& move) { return move.vm == vm.id; });
    if (auto lines = move_lines(moves); !lines.empty())
        page += "\nlast move: " + move_page(lines.back(), world, style);
    return page;
}

Json vm_json(const db::Vm& vm, const World& world)
{
    Json ports = Json::array();
    for (const auto& port : vm.ports)
        ports.push_back({{"mac", port.mac},
                         {"iface_id", port.iface_id},
                         {"bridge", port.bridge},
                         {"interface", port.interface},
                         {"ofport", port.ofport}});
    return {{"id", vm.id},
            {"name", vm.name},
            {"kind", vm.kind},
            {"state", vm.state},
            {"hypervisor", vm.hypervisor},
            {"service", vm.service},
            {"label", vm.label},
            {"epoch", vm.epoch},
            {"protect", vm.protect},
            {"health", vm.health},
            {"ips", vm.ips},
            {"ports", std::move(ports)},
            {"chains", chains_through(vm, world)}};
}

std::string chain_table(const World& world, const Style& style)
{
    if (world.chains.empty())
        return "There is no chain. Make one with 'holdfast chain add'.\n";
    Table table{{"NAME", ">PRIORITY", "MATCH", "WAY", "DEAD", "STATE", "VIA"}};
    for (const auto& chain : world.chains) {
        const auto waiting = pending(chain, world);
        const auto dead = dead_hops(chain, world);
        const auto state = state_of(waiting, dead);
        auto because = waiting;
        if (because.empty())
            for (const auto& hop : dead)
                because.push_back(hop.name);
        std::vector<std::string> hops;
        for (const auto& place : chain.hops)
            if (place.led)
                hops.push_back(hop_text(place, world));
        table.add(
            {{chain.name, Tone::head},
             std::to_string(chain.priority),
             chain.match,
             chain.symmetric ? "both" : "one",
             chain.dead,
             {because.empty() ? state : state + " " + joined(because, ","), tone_of_chain(state)},
             joined(hops, " → ")});
    }
    return table.text(style);
}

std::string chain_page(const db::Chain& chain, const World& world, const Style& style)
{
    const auto waiting = pending(chain, world);
    const auto dead = dead_hops(chain, world);
    const auto state = state_of(waiting, dead);
    std::string page = style.paint(one_line(chain.name), Tone::head) + "  " +
                       style.paint(state, tone_of_chain(state)) + "\n";
    page += field("match", chain.match.empty() ? "any" : chain.match, style);
    if (chain.symmetric)
        page += field("match back", chain.match_reverse, style);
    page += field("priority", std::to_string(chain.priority), style);
    page += field("dead hop", chain.dead, style);
    if (!chain.probe.empty())
        page += field("probe", chain.probe, style);
    if (!chain.change.empty())
        page += field("changing", changing(chain), style);
    for (const auto& direction : directions(chain, world))
        page += field(direction.name == "forward" ? "path" : "path back",
                      drawn(direction, world, style), style);
    page += field("SPI",
                  std::to_string(chain.spi) +
                      (chain.symmetric ? ", back " + std::to_string(chain.rspi) : ""),
                  style);
    for (const auto& hop : dead)
        page += field("no work", one_line(hop.name + ": " + hop.why) + "; " + hop.meanwhile, style);
    for (const auto& name : waiting)
        page +=
            field("pending",
                  one_line(name) + " is plugged in nowhere: start it; " + meanwhile(chain), style);
    return page;
}

Json chain_json(const db::Chain& chain, const World& world)
{
    Json paths = Json::array();
    for (const auto& direction : directions(chain, world)) {
        Json hops = Json::array();
        for (const auto& place : direction.places)
            for (const auto& hop : place.members)
                hops.push_back({{"si", hop.si},
                                {"vm", world.name_of(hop.vm)},
                                {"vm_id", hop.vm},
                                {"hypervisor", hop.hypervisor},
                                {"bridge", hop.bridge},
                                {"in_port", hop.in_port},
                                {"out_port", hop.out_port},
                                {"pending", hop.in_port == 0},
                                {"kind", place.kind}});
        paths.push_back(
            {{"direction", direction.name}, {"spi", direction.spi}, {"hops", std::move(hops)}});
    }
    const auto waiting = pending(chain, world);
    const auto dead = dead_hops(chain, world);
    Json dead_rows = Json::array();
    for (const auto& hop : dead)
        dead_rows.push_back({{"vm", hop.name}, {"why", hop.why}, {"meanwhile", hop.meanwhile}});
    return {{"name", chain.name},         {"state", state_of(waiting, dead)},
            {"pending", waiting},         {"dead_hops", std::move(dead_rows)},
            {"match", chain.match},       {"match_reverse", chain.match_reverse},
            {"priority", chain.priority}, {"symmetric", chain.symmetric},
            {"dead", chain.dead},         {"probe", chain.probe},
            {"change", chain.change},     {"paths", std::move(paths)}};
}

} // namespace holdfast::ctl
