// SPDX-License-Identifier: Apache-2.0
//
// ctl/node: see node.h.
#include <config.h>

#include "ctl/node.h"

#include <algorithm>

#include "common/text.h"
#include "ctl/quota.h"

namespace holdfast::ctl {

namespace {

// As hookd counts it: four heartbeats.
constexpr db::TimeNs silence_limit = 60'000'000'000;

std::vector<const db::Vm*> vms_of(const std::string& node, const World& world)
{
    std::vector<const db::Vm*> all;
    for (const auto& vm : world.vms)
        if (vm.hypervisor == node)
            all.push_back(&vm);
    return all;
}

std::size_t running(const std::vector<const db::Vm*>& vms)
{
    return static_cast<std::size_t>(std::count_if(
        vms.begin(), vms.end(), [](const auto* vm) { return vm->state == "running"; }));
}

/// Moves under way from or to `node`.
std::vector<MoveLine> moving(const std::string& node, const World& world)
{
    auto lines = move_lines(world.moves);
    std::erase_if(lines, [&node](const MoveLine& line) {
        return line.outcome != Outcome::under_way || (line.from != node && line.to != node);
    });
    return lines;
}

std::string seen_text(const db::Hypervisor& node, db::TimeNs now)
{
    return node.self ? "now" : ago(node.seen, now);
}

Tone tone_of(const std::string& state)
{
    return state == "ready"                       ? Tone::good
           : state == "silent" || state == "lost" ? Tone::bad
                                                  : Tone::warn;
}

std::string line_of(const std::string& name, const std::string& text, const Style& style)
{
    return style.paint(name, Tone::dim) + std::string(12 - name.size(), ' ') + text + "\n";
}

std::string or_dash(const std::string& text)
{
    return text.empty() ? "-" : text;
}

} // namespace

std::string node_state(const db::Hypervisor& node, const World& world, db::TimeNs now)
{
    if (node.lost)
        return "lost";
    if (!node.self && node.seen > 0 && now - node.seen > silence_limit)
        return "silent";
    if (!node.drained)
        return "ready";
    return running(vms_of(node.name, world)) > 0 ? "draining" : "drained";
}

std::string node_table(const World& world, db::TimeNs now, const Style& style)
{
    if (world.hypervisors.empty())
        return "No hypervisor is known. This one is, once holdfast-hookd has run.\n";
    Table table{{"NAME", ">NUMBER", "STATE", ">VMS", ">RUNNING", "VTEP", "SEEN"}};
    for (const auto& row : world.hypervisors) {
        auto vms = vms_of(row.name, world);
        std::string state = node_state(row, world, now);
        table.add({{row.name + (row.self ? " (here)" : ""), Tone::head},
                   std::to_string(row.number),
                   {state, tone_of(state)},
                   std::to_string(vms.size()),
                   std::to_string(running(vms)),
                   or_dash(row.vtep),
                   seen_text(row, now)});
    }
    return table.text(style);
}

std::string node_page(const db::Hypervisor& node, const World& world, db::TimeNs now,
                      const Style& style)
{
    std::string state = node_state(node, world, now);
    std::string page = style.paint(one_line(node.name) + (node.self ? " (here)" : ""), Tone::head) +
                       "  " + style.paint(state, tone_of(state)) + "\n";
    page += line_of("number", std::to_string(node.number), style);
    page += line_of("id", or_dash(node.id), style);
    page += line_of("vtep", or_dash(node.vtep), style);
    page += line_of("bridge", or_dash(node.bridge), style);
    page += line_of("seen", seen_text(node, now), style);
    if (node.capacity > 0)
        page += line_of("capacity", units_text(node.capacity) + " units for users", style);
    if (node.load >= 0)
        page += line_of("load", units_text(node.load * 100) + " %", style);
    for (const auto& line : moving(node.name, world))
        page += line_of("moving",
                        one_line(world.name_of(line.vm)) + "  " + line.from + " → " + line.to +
                            " (" + line.state + ")",
                        style);
    Table table{{"VM", "KIND", "STATE"}};
    for (const auto* vm : vms_of(node.name, world))
        table.add({{vm->name, Tone::head}, vm->kind, vm->state});
    return table.empty() ? page : page + "\n" + table.text(style);
}

Json node_json(const db::Hypervisor& node, const World& world, db::TimeNs now)
{
    Json vms = Json::array(), moves = Json::array();
    for (const auto* vm : vms_of(node.name, world))
        vms.push_back(
            {{"vm", vm->name}, {"vm_id", vm->id}, {"kind", vm->kind}, {"state", vm->state}});
    for (const auto& line : moving(node.name, world))
        moves.push_back(move_json(line, world));
    return {{"name", node.name},       {"number", node.number},
            {"id", node.id},           {"state", node_state(node, world, now)},
            {"drained", node.drained}, {"capacity", static_cast<double>(node.capacity) / 1000},
            {"load", node.load},       {"period_load", node.period_load},
            {"vtep", node.vtep},       {"bridge", node.bridge},
            {"self", node.self},       {"seen_ns", node.seen},
            {"vms", std::move(vms)},   {"moves", std::move(moves)}};
}

std::string drain_progress(const std::string& node, const std::vector<std::string>& vms,
                           const World& world)
{
    auto here = vms_of(node, world);
    auto gone = std::count_if(vms.begin(), vms.end(), [&here](const std::string& name) {
        return std::none_of(here.begin(), here.end(),
                            [&name](const auto* vm) { return vm->name == name; });
    });
    std::string text = std::to_string(gone) + " of " + std::to_string(vms.size()) + " gone";
    std::string ways;
    for (const auto& line : moving(node, world))
        if (line.from == node)
            ways += (ways.empty() ? "" : ", ") + one_line(world.name_of(line.vm)) + " → " + line.to;
    return ways.empty() ? text : text + ", moving: " + ways;
}

std::string drain_page(const Json& end, const Style& style)
{
    Table table{{"VM", "TO", "RESULT"}};
    for (const Json& one : objects_of(end, "moved"))
        table.add({{text_of(one, "vm"), Tone::head}, text_of(one, "to"), {"moved", Tone::good}});
    for (const Json& one : objects_of(end, "stayed"))
        table.add(
            {{text_of(one, "vm"), Tone::head}, "-", {"stays: " + text_of(one, "why"), Tone::bad}});
    return table.empty() ? "nothing ran there\n" : table.text(style);
}

std::optional<std::string> drain_failure(const Json& end)
{
    std::string names;
    for (const Json& one : objects_of(end, "stayed"))
        names += (names.empty() ? "" : ", ") + one_line(text_of(one, "vm"), 60);
    if (names.empty())
        return std::nullopt;
    return "not all have gone from " + text_of(end, "node", "the hypervisor") + " (" + names +
           "): mend that, then ask again";
}

} // namespace holdfast::ctl
