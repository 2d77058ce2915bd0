// SPDX-License-Identifier: Apache-2.0
//
// hookd/path: see path.h.
#include <config.h>

#include "hookd/path.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace holdfast::hookd {
namespace {

db::PathHop make_hop(const db::Chain& chain, std::uint32_t spi, int si, const std::string& id,
                     const std::map<std::string, const db::Vm*>& by_id)
{
    db::PathHop hop;
    hop.spi = spi;
    hop.si = si;
    hop.chain = chain.name;
    hop.vm = id;
    auto found = by_id.find(id);
    if (found == by_id.end())
        return hop;
    const db::Vm& vm = *found->second;
    hop.hypervisor = vm.hypervisor;
    if (!vm.ports.empty()) {
        // A hop is one-armed: frames go in and come out at its first port.
        hop.bridge = vm.ports.front().bridge;
        hop.in_port = hop.out_port = vm.ports.front().ofport;
    }
    return hop;
}

/// The order along the paths: SI falls.
bool comes_before(const db::PathHop& a, const db::PathHop& b)
{
    return std::tie(a.spi, b.si) < std::tie(b.spi, a.si);
}

std::string place(const db::PathHop& hop)
{
    return (hop.hypervisor.empty() ? "nowhere" : hop.hypervisor) + "/" + hop.bridge + " port " +
           std::to_string(hop.in_port);
}

std::string title(const db::PathHop& hop)
{
    return "chain " + hop.chain + " path " + std::to_string(hop.spi) + " index " +
           std::to_string(hop.si) + " (VM " + hop.vm + ")";
}

} // namespace

std::vector<db::PathHop> compute_paths(const std::vector<db::Chain>& chains,
                                       const std::vector<db::Vm>& vms)
{
    std::map<std::string, const db::Vm*> by_id;
    for (const db::Vm& vm : vms)
        by_id.emplace(vm.id, &vm);
    std::vector<db::PathHop> paths;
    for (const db::Chain& chain : chains) {
        int n = static_cast<int>(chain.hops.size());
        for (int i = 0; i < n; ++i)
            paths.push_back(make_hop(chain, chain.spi, 255 - i, chain.hops[i], by_id));
        for (int i = 0; i < n && chain.symmetric; ++i)
            paths.push_back(make_hop(chain, chain.rspi, 255 - i, chain.hops[n - 1 - i], by_id));
    }
    sort_paths(paths);
    return paths;
}

std::vector<std::uint32_t> paths_through(const std::vector<db::PathHop>& paths,
                                         const std::string& vm)
{
    std::set<std::uint32_t> spis;
    for (const db::PathHop& hop : paths) {
        if (hop.vm == vm)
            spis.insert(hop.spi);
    }
    return {spis.begin(), spis.end()};
}

std::vector<std::string> switches_concerned(const std::vector<db::PathHop>& paths,
                                            const std::vector<std::uint32_t>& spis)
{
    std::set<std::string> names;
    for (const db::PathHop& hop : paths) {
        if (!hop.hypervisor.empty() && std::find(spis.begin(), spis.end(), hop.spi) != spis.end())
            names.insert(hop.hypervisor);
    }
    return {names.begin(), names.end()};
}

void sort_paths(std::vector<db::PathHop>& paths)
{
    std::sort(paths.begin(), paths.end(), comes_before);
}

PathChange path_change(const std::vector<db::PathHop>& before,
                       const std::vector<db::PathHop>& after)
{
    PathChange change;
    auto old = before.begin();
    for (const db::PathHop& hop : after) {
        while (old != before.end() && comes_before(*old, hop))
            change.gone.push_back(*old++);
        bool same_place = old != before.end() && !comes_before(hop, *old);
        if (!same_place || *old != hop)
            change.put.push_back(hop);
        if (same_place)
            ++old;
    }
    change.gone.insert(change.gone.end(), old, before.end());
    return change;
}

std::vector<std::string> path_differences(const std::vector<db::PathHop>& stored,
                                          const std::vector<db::PathHop>& computed)
{
    using Key = std::pair<std::uint32_t, int>;
    std::map<Key, const db::PathHop*> left;
    for (const db::PathHop& hop : stored)
        left.emplace(Key{hop.spi, hop.si}, &hop);
    std::vector<std::string> lines;
    for (const db::PathHop& hop : computed) {
        auto found = left.extract(Key{hop.spi, hop.si});
        if (found.empty())
            lines.push_back(title(hop) + " is not stored");
        else if (*found.mapped() != hop)
            lines.push_back(title(hop) + " is stored as " + place(*found.mapped()) + " but is " +
                            place(hop));
    }
    for (const auto& [key, hop] : left)
        lines.push_back(title(*hop) + " is stored but belongs to no chain");
    return lines;
}

} // namespace holdfast::hookd
