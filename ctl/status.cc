// SPDX-License-Identifier: Apache-2.0
//
// ctl/status: see status.h.
#include <config.h>

#include "ctl/status.h"

#include <algorithm>
#include <map>

#include "common/text.h"
#include "ctl/balancer.h"

namespace holdfast::ctl {

namespace {

/// A guest that stands still between stop and start for longer is worth a word.
constexpr db::TimeNs still_too_long = 30'000'000'000;

const db::Hypervisor* self(const Facts& facts)
{
    if (!facts.world)
        return nullptr;
    for (const auto& row : facts.world->hypervisors)
        if (row.self)
            return &row;
    return nullptr;
}

std::vector<MoveLine> under_way(const World& world)
{
    auto lines = move_lines(world.moves);
    std::erase_if(lines, [](const auto& line) { return line.outcome != Outcome::under_way; });
    return lines;
}

bool well(const std::string& text)
{
    return text.empty() || text == "ok" || text == "none";
}

void add(std::vector<std::string>& all, const std::string& problem)
{
    if (!problem.empty() && std::find(all.begin(), all.end(), problem) == all.end())
        all.push_back(problem);
}

void add_daemons(std::vector<std::string>& all, const Facts& facts)
{
    if (!facts.switch_module)
        add(all, facts.switch_module.error().message);
    else
        for (const auto& problem : texts_of(*facts.switch_module, "problems"))
            add(all, "switch: " + problem);
    if (!facts.hookd) {
        add(all, facts.hookd.error().message);
        return;
    }
    for (const auto& problem : texts_of(*facts.hookd, "problems"))
        add(all, problem);
    for (const char* part : {"libvirt", "switch", "fleet"})
        if (auto text = text_of(*facts.hookd, part); !well(text))
            add(all, std::string{part} + ": " + text);
}

/// Whether the hypervisor that is changing the chain is in the fleet.
bool is_changed_by_member(const db::Chain& chain, const World& world)
{
    const auto who = db::ChainChange::of(chain).hypervisor;
    return std::any_of(world.hypervisors.begin(), world.hypervisors.end(),
                       [&](const auto& row) { return row.name == who; });
}

/// What the store's readers leave out, and who writes it anew.
void add_damaged(std::vector<std::string>& all, const World& world)
{
    for (const auto& damage : world.damaged)
        add(all,
            "store: " + db::text_of(damage) +
                ": it is left out; restart holdfast-hookd, which takes it from the fleet" +
                (damage.table == "balancer" ? ", or \"holdfast balancer del " +
                                                  one_line(damage.key, 64) + "\" and add it anew"
                                            : ", or make it anew"));
}

/// Flows know a VM by its address, in whatever VLAN.
void add_shared_addresses(std::vector<std::string>& all, const World& world)
{
    std::map<std::string, const db::Vm*> owners;
    for (const auto& vm : world.vms) {
        for (const auto& port : vm.ports) {
            if (vm.state != "running" || port.mac.empty())
                continue;
            const auto* other = owners.try_emplace(port.mac, &vm).first->second;
            if (other != &vm)
                add(all, "VMs " + other->name + " and " + vm.name + " have one MAC address, " +
                             port.mac + ": chains cannot tell them apart: give one another");
        }
    }
}

void add_world(std::vector<std::string>& all, const World& world, db::TimeNs now)
{
    add_damaged(all, world);
    for (const auto& line : under_way(world)) {
        bool still = line.state == "turned" && !line.marks.empty();
        if (still && now - line.marks.back().time > still_too_long)
            add(all, world.name_of(line.vm) + " stands still between " + line.from + " and " +
                         line.to + " since " +
                         std::to_string((now - line.marks.back().time) / 1000000000) +
                         " s: see 'virsh domjobinfo' on " + line.from);
    }
    for (const auto& chain : world.chains)
        if (!chain.change.empty() && !is_changed_by_member(chain, world))
            add(all, "chain " + chain.name + " is " + changing(chain) +
                         ", which is not in the fleet any more: repeat the change here");
    add_shared_addresses(all, world);
    for (const auto& balancer : world.balancers)
        add(all, balancer_trouble(balancer, world));
    for (const auto& chain : world.chains)
        for (const auto& hop : dead_hops(chain, world))
            add(all, "chain " + chain.name + ": hop " + hop.name + " does no work (" + hop.why +
                         "): " + hop.meanwhile +
                         "; see what is wrong with it, or take it out with \"holdfast chain "
                         "set\"");
    for (const auto& chain : world.chains)
        for (const auto& name : pending(chain, world))
            add(all, "chain " + chain.name + " waits for " + name +
                         ", which is plugged in nowhere: start it; " + meanwhile(chain));
}

std::string hookd_text(const Facts& facts)
{
    if (!facts.hookd)
        return "does not answer";
    return "running " + text_of(*facts.hookd, "version", "?") + ", libvirt " +
           text_of(*facts.hookd, "libvirt", "?") + ", switch " +
           text_of(*facts.hookd, "switch", "?");
}

std::string switch_text(const Facts& facts)
{
    if (!facts.switch_module)
        return "does not answer";
    const Json& module = *facts.switch_module;
    return "running, module " + text_of(module, "version", "?") + ", bridge " +
           text_of(module, "bridge", "-") + ", " + text_of(module, "flows", "?") +
           " flows, chains " + text_of(module, "chains", "?") + ", generation " +
           text_of(module, "generation", "?");
}

std::string daemons_text(const Facts& facts, const Style& style)
{
    auto tone = [](bool good) { return good ? Tone::good : Tone::bad; };
    Table table{{"DAEMON", "STATE"}};
    table.add({"holdfast-hookd", {hookd_text(facts), tone(bool(facts.hookd))}});
    table.add({"ovs-vswitchd", {switch_text(facts), tone(bool(facts.switch_module))}});
    table.add(
        {"store", {facts.world ? facts.store_path : "cannot be read", tone(bool(facts.world))}});
    std::string fleet = facts.hookd ? text_of(*facts.hookd, "fleet", "?") : "not known";
    table.add({"fleet", {fleet, facts.hookd ? tone(well(fleet)) : Tone::warn}});
    return table.text(style);
}

std::string hypervisors_text(const World& world, db::TimeNs now, const Style& style)
{
    Table table{{"HYPERVISOR", ">NUMBER", "VTEP", "BRIDGE", ">VMS", "SEEN"}};
    for (const auto& row : world.hypervisors) {
        auto count = std::count_if(world.vms.begin(), world.vms.end(),
                                   [&row](const auto& vm) { return vm.hypervisor == row.name; });
        std::string notes = row.self      ? row.drained ? " (here, drained)" : " (here)"
                            : row.drained ? " (drained)"
                                          : "";
        table.add({{row.name + notes, Tone::head},
                   std::to_string(row.number),
                   row.vtep.empty() ? "-" : row.vtep,
                   row.bridge.empty() ? "-" : row.bridge,
                   std::to_string(count),
                   row.self ? "now" : ago(row.seen, now)});
    }
    return table.empty() ? "" : table.text(style) + "\n";
}

long running(const World& world)
{
    return std::count_if(world.vms.begin(), world.vms.end(),
                         [](const auto& vm) { return vm.state == "running"; });
}

long ready(const World& world)
{
    return std::count_if(world.chains.begin(), world.chains.end(), [&world](const auto& chain) {
        return pending(chain, world).empty() && dead_hops(chain, world).empty();
    });
}

/// "1 chain", "2 chains".
std::string counted(std::size_t n, const std::string& what)
{
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::string world_text(const World& world)
{
    std::string text = counted(world.vms.size(), "VM") + ", " + std::to_string(running(world)) +
                       " running; " + counted(world.chains.size(), "chain") + ", " +
                       std::to_string(ready(world)) + " ready\n";
    for (const auto& line : under_way(world))
        text += "moving: " + one_line(world.name_of(line.vm)) + "  " + line.from + " → " + line.to +
                " (" + line.state + ")\n";
    return text;
}

} // namespace

std::vector<std::string> problems(const Facts& facts)
{
    std::vector<std::string> all;
    if (!facts.world)
        add(all, facts.world.error().message);
    add_daemons(all, facts);
    if (facts.world)
        add_world(all, *facts.world, facts.now);
    return all;
}

std::string status_page(const Facts& facts, const Style& style)
{
    const auto* here = self(facts);
    std::string page = style.paint("Holdfast " + facts.program_version, Tone::head);
    if (here)
        page += " on " + here->name + " (number " + std::to_string(here->number) + ")";
    page += "\n\n";
    if (facts.world)
        page += hypervisors_text(*facts.world, facts.now, style);
    page += daemons_text(facts, style) + "\n";
    if (facts.world)
        page += world_text(*facts.world);
    auto wrong = problems(facts);
    if (wrong.empty())
        return page + style.paint("nothing is wrong", Tone::good) + "\n";
    page += style.paint(counted(wrong.size(), "problem"), Tone::bad) + "\n";
    for (const auto& problem : wrong)
        page += "  - " + one_line(problem) + "\n";
    return page;
}

Json status_json(const Facts& facts)
{
    const auto* here = self(facts);
    auto wrong = problems(facts);
    Json hypervisors = Json::array(), moves = Json::array();
    Json vms{{"known", 0}, {"running", 0}}, chains{{"known", 0}, {"ready", 0}};
    if (facts.world) {
        for (const auto& row : facts.world->hypervisors)
            hypervisors.push_back({{"name", row.name},
                                   {"number", row.number},
                                   {"id", row.id},
                                   {"vtep", row.vtep},
                                   {"bridge", row.bridge},
                                   {"self", row.self},
                                   {"drained", row.drained},
                                   {"seen_ns", row.seen}});
        vms = {{"known", facts.world->vms.size()}, {"running", running(*facts.world)}};
        chains = {{"known", facts.world->chains.size()}, {"ready", ready(*facts.world)}};
        for (const auto& line : under_way(*facts.world))
            moves.push_back(move_json(line, *facts.world));
    }
    auto answer = [](const Result<Json>& result) {
        Json one{{"running", bool(result)}};
        if (result)
            one["answer"] = *result;
        return one;
    };
    return {
        {"version", facts.program_version},
        {"ok", wrong.empty()},
        {"hypervisor", here ? here->name : ""},
        {"number", here ? here->number : 0},
        {"hypervisors", std::move(hypervisors)},
        {"daemons",
         {{"holdfast-hookd", answer(facts.hookd)}, {"ovs-vswitchd", answer(facts.switch_module)}}},
        {"store", {{"path", facts.store_path}, {"readable", bool(facts.world)}}},
        {"fleet", facts.hookd ? text_of(*facts.hookd, "fleet") : ""},
        {"vms", std::move(vms)},
        {"chains", std::move(chains)},
        {"moves", std::move(moves)},
        {"problems", wrong}};
}

} // namespace holdfast::ctl
