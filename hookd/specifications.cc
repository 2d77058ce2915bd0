// SPDX-License-Identifier: Apache-2.0
//
// hookd/specifications: see specifications.h.
#include <config.h>

#include "hookd/specifications.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "db/row-check.h"
#include "recovery/rows.h"

namespace holdfast::hookd {
namespace {

constexpr std::int64_t mib = 1 << 20;
// What a row of the fleet's database can well hold; libvirt's own are a tenth of it.
constexpr std::size_t longest_definition = 64 << 10;

db::SpecificationElement element_of(const recovery::Element& written,
                                    const recovery::FeatureTable& features)
{
    const bool software = written.feature != "os" && written.feature != "data";
    const auto element =
        software ? features.software(written.name, written.version, written.feature) : written;
    return {element.feature, element.name, element.version};
}

db::Specification row_of(const db::Vm& vm, const Domain& domain,
                         const recovery::FeatureTable& features, const RecoveryTerms& terms)
{
    const DomainMakeup& makeup = domain.xml.makeup;
    db::Specification row;
    row.id = vm.id;
    row.hypervisor = vm.hypervisor;
    row.epoch = vm.epoch;
    row.cpus = std::clamp<std::int64_t>(makeup.cpus, 0, db::quantity_max);
    row.memory = std::clamp<std::int64_t>(makeup.memory, 0, db::quantity_max);
    row.disk = std::clamp<std::int64_t>(domain.disk / mib, 0, db::quantity_max);
    row.shared_disks = makeup.shared_disks;
    for (const auto& one : makeup.elements)
        row.elements.push_back(element_of(one, features));
    std::ranges::sort(row.elements);
    row.elements.erase(std::ranges::unique(row.elements).begin(), row.elements.end());
    if (recovery::is_automatic(vm.id, *terms.policies)) {
        row.lease = terms.lease;
        if (domain.definition.size() <= longest_definition)
            row.xml = domain.definition;
    }
    return row;
}

} // namespace

SpecificationChange
compute_specifications(const std::string& self, const std::map<std::string, Domain>& domains,
                       const std::vector<db::Vm>& vms, const std::vector<db::Specification>& rows,
                       const recovery::FeatureTable& features, const RecoveryTerms& terms)
{
    SpecificationChange change;
    // Ours alone, of a fleet's many; what is left of them has no record.
    std::unordered_map<std::string_view, const db::Specification*> ours;
    for (const db::Specification& row : rows)
        if (row.hypervisor == self)
            ours.emplace(row.id, &row);
    for (const db::Vm& vm : vms) {
        const auto known = ours.find(vm.id);
        const auto* old = known == ours.end() ? nullptr : known->second;
        if (old)
            ours.erase(known);
        if (vm.hypervisor != self || vm.kind != "domain")
            continue;
        const auto domain = domains.find(vm.id);
        if (domain == domains.end())
            continue;
        const db::Specification row = row_of(vm, domain->second, features, terms);
        if (!old || *old != row) // One that was another hypervisor's is another row.
            change.put.push_back(row);
    }
    for (const auto& [id, row] : ours)
        change.remove.push_back(row->id);
    return change;
}

} // namespace holdfast::hookd
