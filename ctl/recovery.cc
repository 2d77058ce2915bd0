// SPDX-License-Identifier: Apache-2.0
//
// ctl/recovery: see recovery.h.
#include <config.h>

#include "ctl/recovery.h"

#include <algorithm>
#include <cstdio>

#include "common/text.h"
#include "ctl/answers.h"
#include "db/recovery-json.h"

namespace holdfast::ctl {

namespace {

using recovery::Candidate;
using recovery::Plan;
using recovery::Pool;
using recovery::PoolVm;

std::string or_dash(const std::string& text)
{
    return text.empty() ? "-" : text;
}

/// "512 MiB", or "1.5 GiB" from 1 GiB on; "-" if it is not known.
std::string size_text(std::int64_t mib)
{
    if (mib < 1024)
        return mib == 0 ? "-" : std::to_string(mib) + " MiB";
    char text[40];
    std::snprintf(text, sizeof text, "%.1f GiB", static_cast<double>(mib) / 1024);
    return text;
}

std::string state_of(const PoolVm& vm)
{
    return !vm.reachable ? "lost" : vm.running ? "running" : "not running";
}

Tone tone_of(const PoolVm& vm)
{
    return !vm.reachable ? Tone::bad : vm.running ? Tone::good : Tone::warn;
}

template <class Elements, class Text>
std::string joined(const Elements& elements, Text text)
{
    std::string all;
    for (const auto& one : elements)
        all += (all.empty() ? "" : ", ") + text(one);
    return or_dash(all);
}

std::string names_of(const std::vector<recovery::Element>& elements)
{
    return joined(elements, [](const auto& one) { return recovery::text_of(one); });
}

/// "MySQL 8.0 (there 5.7)" where the versions are not the same.
std::string shared_text(const recovery::Shared& shared)
{
    const bool same = shared.there == shared.element.version;
    return recovery::text_of(shared.element) +
           (same ? "" : " (there " + (shared.there.empty() ? "unknown" : shared.there) + ")");
}

Json element_json(const recovery::Element& element)
{
    return {{"feature", element.feature}, {"name", element.name}, {"version", element.version}};
}

Json elements_json(const std::vector<recovery::Element>& elements)
{
    Json all = Json::array();
    for (const auto& one : elements)
        all.push_back(element_json(one));
    return all;
}

Json vm_json(const PoolVm& vm)
{
    const auto& amounts = vm.specification.quantities;
    return {{"vm", vm.name},
            {"vm_id", vm.id},
            {"hypervisor", vm.hypervisor},
            {"running", vm.running},
            {"reachable", vm.reachable},
            {"cpus", amounts[0]},
            {"memory_mib", amounts[1]},
            {"disk_mib", amounts[2]},
            {"shared_disks", vm.shared_disks},
            {"elements", elements_json(vm.specification.elements)}};
}

/// How the VM would be recovered, one line; empty if it cannot be.
std::string way_text(const Pool& pool, const Plan& plan)
{
    if (!plan.way)
        return "";
    const std::string way{recovery::name_of(*plan.way)};
    if (!plan.chosen)
        return way + " on " + plan.hypervisor;
    const PoolVm& vm = pool.vms()[plan.candidates[*plan.chosen].vm];
    return way + " " + vm.name + " on " + vm.hypervisor;
}

std::string name_of(const Pool& pool, const std::string& id)
{
    const auto vm = std::ranges::find(pool.vms(), id, &PoolVm::id);
    return vm == pool.vms().end() ? id : vm->name;
}

/// Those of VMs, by their names.
std::vector<db::RecoveryPolicy> of_vms(std::vector<db::RecoveryPolicy> policies, const Pool& pool)
{
    std::erase_if(policies, [](const auto& row) { return row.name == db::fleet_policy; });
    std::ranges::sort(policies, {}, [&](const auto& row) { return name_of(pool, row.name); });
    return policies;
}

std::string line_of(const std::string& name, const std::string& text, const Style& style)
{
    return style.paint(name, Tone::dim) + std::string(12 - name.size(), ' ') + text + "\n";
}

Json candidate_json(const Pool& pool, const Candidate& one)
{
    Json shared = Json::array();
    for (const auto& element : one.match.shared) {
        Json json = element_json(element.element);
        json["there"] = element.there;
        shared.push_back(std::move(json));
    }
    const PoolVm& vm = pool.vms()[one.vm];
    return {{"vm", vm.name},
            {"vm_id", vm.id},
            {"hypervisor", vm.hypervisor},
            {"similarity", one.match.similarity.value()},
            {"passes", one.passes},
            {"pinned", one.pinned},
            {"way", one.way ? Json(recovery::name_of(*one.way)) : Json()},
            {"shared", std::move(shared)},
            {"missing", elements_json(one.match.missing)},
            {"surplus", elements_json(one.match.surplus)}};
}

} // namespace

std::string pool_table(const Pool& pool, const Style& style)
{
    if (pool.vms().empty())
        return "No VM is known. Those of libvirt are, once holdfast-hookd has run.\n";
    Table table{{"VM", "HYPERVISOR", "STATE", ">CPUS", ">MEMORY", ">DISK", "ELEMENTS"}};
    for (const PoolVm& vm : pool.vms()) {
        const auto& amounts = vm.specification.quantities;
        table.add({{vm.name, Tone::head},
                   vm.hypervisor,
                   {state_of(vm), tone_of(vm)},
                   amounts[0] ? std::to_string(amounts[0]) : "-",
                   size_text(amounts[1]),
                   size_text(amounts[2]),
                   names_of(vm.specification.elements)});
    }
    return table.text(style);
}

Json pool_json(const Pool& pool, const std::vector<db::RecoveryPolicy>& policies)
{
    Json all = Json::array();
    for (const PoolVm& vm : pool.vms()) {
        const auto* policy = recovery::find_policy(policies, vm.id);
        Json one = vm_json(vm);
        one["forbidden"] = policy && policy->forbidden;
        all.push_back(std::move(one));
    }
    return all;
}

std::string plan_page(const Pool& pool, std::size_t vm, const Plan& plan, const Style& style)
{
    const PoolVm& lost = pool.vms()[vm];
    const std::string way = way_text(pool, plan);
    std::string page = style.paint(one_line(lost.name), Tone::head) + " on " + lost.hypervisor +
                       "  " + style.paint(state_of(lost), tone_of(lost)) + "\n";
    page += line_of("has", names_of(lost.specification.elements), style);
    page += line_of("way",
                    style.paint(way.empty() ? "none" : way, way.empty() ? Tone::bad : Tone::good),
                    style);
    Table table{{"CANDIDATE", "HYPERVISOR", ">SIMILARITY", "", "WAY", "SHARED", "MISSING"}};
    for (const Candidate& one : plan.candidates) {
        const char* verdict = one.pinned ? "pinned" : one.passes ? "passes" : "too little";
        table.add({{pool.vms()[one.vm].name, Tone::head},
                   pool.vms()[one.vm].hypervisor,
                   recovery::text_of(one.match.similarity),
                   {verdict, one.passes ? Tone::good : Tone::warn},
                   one.way ? std::string{recovery::name_of(*one.way)} : "-",
                   joined(one.match.shared, shared_text),
                   names_of(one.match.missing)});
    }
    return table.empty() ? page : page + "\n" + table.text(style);
}

Json plan_json(const Pool& pool, std::size_t vm, const Plan& plan)
{
    Json candidates = Json::array();
    for (const Candidate& one : plan.candidates)
        candidates.push_back(candidate_json(pool, one));
    const auto* chosen = plan.chosen ? &pool.vms()[plan.candidates[*plan.chosen].vm] : nullptr;
    return {{"vm", vm_json(pool.vms()[vm])},
            {"way", plan.way ? Json(recovery::name_of(*plan.way)) : Json()},
            {"replacement", chosen ? Json(chosen->name) : Json()},
            {"hypervisor", chosen ? chosen->hypervisor : plan.hypervisor},
            {"why", plan.why},
            {"candidates", std::move(candidates)}};
}

std::string recovered_text(const Json& answer)
{
    if (text_of(answer, "way") == "restart")
        return one_line(text_of(answer, "vm") + " is started on " + text_of(answer, "hypervisor"),
                        4000);
    std::string text = text_of(answer, "vm") + " is replaced by " + text_of(answer, "replacement") +
                       " on " + text_of(answer, "hypervisor");
    for (const auto& name : texts_of(answer, "chains"))
        text += ", chain " + name;
    for (const auto& name : texts_of(answer, "balancers"))
        text += ", balancer " + name;
    return one_line(text, 4000);
}

std::string history_table(const std::vector<db::Recovery>& rows, const Pool& pool,
                          const Style& style)
{
    if (rows.empty())
        return "No VM has failed.\n";
    Table table{{"TIME", "VM", "ON", "FAILURE", "STATE", "WAY", "REPLACEMENT", "TEXT"}};
    for (const db::Recovery& row : rows) {
        const bool open = !db::is_closed(row);
        const bool bad = row.state == "failed" || row.state == "given-up";
        table.add(
            {time_text(row.since),
             {name_of(pool, row.vm), Tone::head},
             row.hypervisor,
             row.failure,
             {row.state, bad    ? Tone::bad
                         : open ? Tone::warn
                                : Tone::good},
             row.way.empty() ? "-" : row.way,
             row.replacement.empty() ? "-" : name_of(pool, row.replacement) + " on " + row.target,
             row.text.empty() ? "-" : one_line(row.text)});
    }
    return table.text(style);
}

Json history_json(const std::vector<db::Recovery>& rows, const Pool& pool)
{
    Json all = Json::array();
    for (const db::Recovery& row : rows) {
        Json one = db::recovery_json(row);
        one["vm_id"] = row.vm;
        one["vm"] = name_of(pool, row.vm);
        one["replacement"] = row.replacement.empty() ? "" : name_of(pool, row.replacement);
        all.push_back(std::move(one));
    }
    return all;
}

std::string weights_table(const db::RecoveryPolicy& row, const Style& style)
{
    Table table{{"FEATURE", ">WEIGHT"}};
    for (const auto& [feature, weight] : row.weights)
        table.add({{feature, Tone::head}, recovery::decimal_text(weight)});
    return table.text(style);
}

Json weights_json(const db::RecoveryPolicy& row)
{
    Json weights = Json::object();
    for (const auto& [feature, weight] : row.weights)
        weights[feature] = static_cast<double>(weight) / recovery::weight_one;
    return weights;
}

std::string policy_page(const std::vector<db::RecoveryPolicy>& policies, const Pool& pool,
                        const Style& style)
{
    const auto fleet = recovery::fleet_policy_of(policies);
    std::string page = line_of("threshold", recovery::decimal_text(fleet.threshold), style);
    page += line_of("measure", fleet.measure, style);
    page += line_of("versions", fleet.versions, style);
    page += line_of("require", fleet.required.empty() ? "none" : fleet.required, style);
    page += line_of("ways", fleet.ways, style);
    page += line_of("automatic", fleet.automatic.empty() ? "off" : fleet.automatic, style);
    Table table{{"VM", "WAYS", "PIN", "FORBID", "AUTOMATIC"}};
    for (const auto& row : of_vms(policies, pool))
        table.add({{name_of(pool, row.name), Tone::head},
                   row.ways.empty() ? "fleet" : row.ways,
                   row.pinned.empty() ? "none" : name_of(pool, row.pinned),
                   row.forbidden ? "on" : "off",
                   row.automatic.empty() ? "fleet" : row.automatic});
    return table.empty() ? page : page + "\n" + table.text(style);
}

Json policy_json(const std::vector<db::RecoveryPolicy>& policies, const Pool& pool)
{
    const auto fleet = recovery::fleet_policy_of(policies);
    Json vms = Json::array();
    for (const auto& row : of_vms(policies, pool))
        vms.push_back({{"vm", name_of(pool, row.name)},
                       {"vm_id", row.name},
                       {"ways", row.ways},
                       {"pin", row.pinned.empty() ? "" : name_of(pool, row.pinned)},
                       {"forbid", row.forbidden},
                       {"automatic", row.automatic}});
    return {{"threshold", static_cast<double>(fleet.threshold) / recovery::weight_one},
            {"measure", fleet.measure},
            {"versions", fleet.versions},
            {"require", fleet.required},
            {"ways", fleet.ways},
            {"automatic", fleet.automatic == "on"},
            {"weights", weights_json(fleet)},
            {"vms", std::move(vms)}};
}

} // namespace holdfast::ctl
