// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "recovery/rows.h"

#include <algorithm>
#include <unordered_map>

#include "common/text.h"

namespace holdfast::recovery {
namespace {

std::string required_text(const Policy& policy)
{
    std::string text;
    for (std::size_t i = 0; i < n_quantities; ++i)
        if (policy.required[i])
            text += (text.empty() ? "" : ",") + std::string{quantity_names[i]};
    return text;
}

/// `row` with what the policy says.
db::RecoveryPolicy with(db::RecoveryPolicy row, const Policy& policy)
{
    row.weights = policy.weights;
    row.threshold = policy.threshold;
    row.measure = name_of(policy.measure);
    row.versions = name_of(policy.versions);
    row.required = required_text(policy);
    return row;
}

Error wrong(const std::string& setting, const std::string& value, const std::string& mend)
{
    return {Errc::invalid, setting + ": \"" + one_line(value, 60) + "\": write " + mend};
}

Specification specification_of(const db::Specification& row)
{
    Specification specification;
    for (const auto& one : row.elements)
        specification.elements.push_back({one.feature, one.name, one.version});
    specification.quantities = {row.cpus, row.memory, row.disk};
    return specification;
}

using Specifications = std::unordered_map<std::string, const db::Specification*>; // By VM's id.

PoolVm vm_of(const db::Vm& row, const std::vector<db::Hypervisor>& hypervisors,
             const Specifications& specifications)
{
    PoolVm vm;
    vm.id = row.id;
    vm.name = row.name;
    vm.hypervisor = row.hypervisor;
    vm.running = row.state == "running" && row.health.empty();
    const auto hypervisor = std::ranges::find(hypervisors, row.hypervisor, &db::Hypervisor::name);
    vm.reachable = hypervisor == hypervisors.end() || !hypervisor->lost;
    if (const auto made_of = specifications.find(row.id); made_of != specifications.end()) {
        vm.specification = specification_of(*made_of->second);
        vm.shared_disks = made_of->second->shared_disks;
    }
    return vm;
}

} // namespace

db::RecoveryPolicy default_policy()
{
    db::RecoveryPolicy row;
    row.name = db::fleet_policy;
    row.ways = text_of(all_ways);
    return with(std::move(row), Policy{});
}

const db::RecoveryPolicy* find_policy(const std::vector<db::RecoveryPolicy>& rows,
                                      const std::string& name)
{
    const auto found = std::ranges::find(rows, name, &db::RecoveryPolicy::name);
    return found == rows.end() ? nullptr : &*found;
}

db::RecoveryPolicy fleet_policy_of(const std::vector<db::RecoveryPolicy>& rows)
{
    const auto* row = find_policy(rows, db::fleet_policy);
    return row ? *row : default_policy();
}

Policy policy_of(const db::RecoveryPolicy& row)
{
    Policy policy;
    policy.weights = row.weights;
    policy.threshold = row.threshold;
    policy.measure = measure_named(row.measure).value_or(policy.measure);
    policy.versions = versions_named(row.versions).value_or(policy.versions);
    for (std::size_t i = 0; i < n_quantities; ++i)
        policy.required[i] =
            ("," + row.required + ",").find("," + std::string{quantity_names[i]} + ",") !=
            std::string::npos;
    return policy;
}

Result<db::RecoveryPolicy> with_fleet_weights(const db::RecoveryPolicy& row,
                                              const std::vector<std::string>& texts,
                                              const std::set<std::string>& known)
{
    const auto policy = with_weights(policy_of(row), texts, known);
    if (!policy)
        return policy.error();
    return with(row, *policy);
}

Result<db::RecoveryPolicy> with_fleet_setting(const db::RecoveryPolicy& row,
                                              const std::string& text)
{
    if (constexpr std::string_view key = "ways="; text.starts_with(key)) {
        const auto ways = parse_ways(std::string_view{text}.substr(key.size()));
        if (!ways)
            return ways.error();
        db::RecoveryPolicy changed = row;
        changed.ways = text_of(*ways);
        return changed;
    }
    if (constexpr std::string_view key = "automatic="; text.starts_with(key)) {
        const std::string value = text.substr(key.size());
        if (value != "on" && value != "off")
            return wrong("automatic", value, "on or off");
        db::RecoveryPolicy changed = row;
        changed.automatic = value;
        return changed;
    }
    const auto policy = with_setting(policy_of(row), text);
    if (!policy)
        return policy.error();
    return with(row, *policy);
}

Result<db::RecoveryPolicy>
with_vm_setting(const db::RecoveryPolicy& row, const std::string& text,
                const std::function<Result<std::string>(const std::string& name)>& find)
{
    const auto equals = text.find('=');
    const std::string setting = text.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : text.substr(equals + 1);
    db::RecoveryPolicy changed = row;
    if (setting == "ways") {
        const auto ways = parse_ways(value);
        if (!ways && value != "fleet")
            return ways.error();
        changed.ways = ways ? text_of(*ways) : "";
    } else if (setting == "forbid") {
        if (value != "on" && value != "off")
            return wrong(setting, value, "on or off");
        changed.forbidden = value == "on";
    } else if (setting == "automatic") {
        if (value != "on" && value != "off" && value != "fleet")
            return wrong(setting, value, "on, off or fleet");
        changed.automatic = value == "fleet" ? "" : value;
    } else if (setting == "pin" && value == "none") {
        changed.pinned.clear();
    } else if (setting == "pin") {
        const auto id = find(value);
        if (!id)
            return id.error();
        if (*id == row.name)
            return wrong(setting, value, "another VM: none replaces itself");
        changed.pinned = *id;
    } else {
        return Error{Errc::invalid, "policy: a VM has no setting \"" + one_line(setting, 40) +
                                        "\": write ways, forbid, pin or automatic"};
    }
    return changed;
}

bool says_nothing(const db::RecoveryPolicy& row)
{
    return row.ways.empty() && row.pinned.empty() && !row.forbidden && row.automatic.empty();
}

bool is_automatic(const std::string& vm, const std::vector<db::RecoveryPolicy>& policies)
{
    const auto* own = find_policy(policies, vm);
    if (own && !own->automatic.empty())
        return own->automatic == "on";
    const auto* fleet = find_policy(policies, db::fleet_policy);
    return fleet && fleet->automatic == "on";
}

Pool pool_of(const PoolRows& rows)
{
    Specifications specifications;
    for (const auto& row : rows.specifications)
        specifications.emplace(row.id, &row);
    std::vector<PoolVm> vms;
    for (const auto& row : rows.vms)
        if (row.kind == "domain")
            vms.push_back(vm_of(row, rows.hypervisors, specifications));
    std::set<std::string> forbidden;
    for (const auto& row : rows.policies)
        if (row.forbidden)
            forbidden.insert(row.name);
    std::set<std::string> free;
    for (const auto& row : rows.hypervisors)
        if (!row.lost && !row.drained)
            free.insert(row.name);
    return Pool{std::move(vms), policy_of(fleet_policy_of(rows.policies)), std::move(forbidden),
                std::move(free)};
}

Wish wish_for(const std::string& vm, const std::vector<db::RecoveryPolicy>& policies)
{
    Wish wish;
    const auto* own = find_policy(policies, vm);
    const auto ways =
        parse_ways(own && !own->ways.empty() ? own->ways : fleet_policy_of(policies).ways);
    if (ways)
        wish.ways = *ways;
    if (own)
        wish.pinned = own->pinned;
    return wish;
}

} // namespace holdfast::recovery
