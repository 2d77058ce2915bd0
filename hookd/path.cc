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

using ById = std::map<std::string, const db::Vm*>;

/// Fills in where the VM is plugged.
void locate(db::PathHop& hop, const db::Vm& vm, bool wire, bool backwards)
{
    hop.hypervisor = vm.hypervisor;
    if (vm.ports.empty())
        return;
    // Frames go in and come out at its first port; a wire has two, and the way back enters the
    // other.
    const auto& first = vm.ports.front();
    const auto& second = wire && vm.ports.size() > 1 ? vm.ports[1] : first;
    hop.bridge = first.bridge;
    hop.in_port = (backwards ? second : first).ofport;
    hop.out_port = (backwards ? first : second).ofport;
}

/// One direction: a row for each VM of each place that frames are led to.
void add_path(std::vector<db::PathHop>& paths, const db::Chain& chain, bool backwards,
              const ById& by_id)
{
    std::vector<const db::Hop*> places;
    for (const db::Hop& place : chain.hops) {
        if (place.led)
            places.push_back(&place);
    }
    if (backwards)
        std::reverse(places.begin(), places.end());
    int si = 255;
    for (const db::Hop* place : places) {
        for (const std::string& id : place->vms) {
            db::PathHop hop;
            hop.spi = backwards ? chain.rspi : chain.spi;
            hop.si = si;
            hop.chain = chain.name;
            hop.vm = id;
            if (auto found = by_id.find(id); found != by_id.end())
                locate(hop, *found->second, place->kind == "wire", backwards);
            paths.push_back(hop);
        }
        --si;
    }
}

/// The order along the paths: SI falls.
bool comes_before(const db::PathHop& a, const db::PathHop& b)
{
    return std::tie(a.spi, b.si, a.vm) < std::tie(b.spi, a.si, b.vm);
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
    ById by_id;
    for (const db::Vm& vm : vms)
        by_id.emplace(vm.id, &vm);
    std::vector<db::PathHop> paths;
    for (const db::Chain& chain : chains) {
        add_path(paths, chain, false, by_id);
        if (chain.symmetric)
            add_path(paths, chain, true, by_id);
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
    using Key = std::tuple<std::uint32_t, int, std::string>;
    std::map<Key, const db::PathHop*> left;
    for (const db::PathHop& hop : stored)
        left.emplace(Key{hop.spi, hop.si, hop.vm}, &hop);
    std::vector<std::string> lines;
    for (const db::PathHop& hop : computed) {
        auto found = left.extract(Key{hop.spi, hop.si, hop.vm});
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
