// SPDX-License-Identifier: Apache-2.0
//
// env/members: see members.h.
#include <config.h>

#include "env/members.h"

#include <algorithm>

namespace holdfast::env {

std::vector<Member> members(const db::Quota& quota, const std::vector<db::Hypervisor>& hypervisors)
{
    std::vector<Member> all;
    for (const std::string& name : quota.in_use) {
        const auto row = std::ranges::find(hypervisors, name, &db::Hypervisor::name);
        if (row == hypervisors.end())
            continue;
        const bool heard = row->self || !row->lost;
        all.push_back({name, heard, heard ? db::resources_from(row->resources) : std::nullopt});
    }
    std::ranges::sort(all, {}, &Member::name);
    const auto leader = std::ranges::find(all, true, &Member::heard);
    if (leader != all.end())
        std::rotate(all.begin(), leader, leader + 1);
    return all;
}

std::vector<Member> shown_on(const std::string& node, const std::vector<Member>& all)
{
    std::vector<Member> shown;
    const bool leads = !all.empty() && all.front().name == node;
    for (const Member& one : all)
        if (one.resources && (leads || one.name == node))
            shown.push_back(one);
    return shown;
}

int busy(const db::Resources& resources)
{
    const int waiting = std::max(0, resources.load[0] - resources.cpus * 100);
    return resources.user + resources.system + waiting * 10 / resources.cpus;
}

Result<std::string> least_loaded(const std::vector<Member>& all)
{
    const Member* best = nullptr;
    for (const Member& one : all)
        if (one.resources && (!best || busy(*one.resources) < busy(*best->resources)))
            best = &one;
    if (!best)
        return Error{Errc::unavailable, "of no node in use is known how busy it is: see 'holdfast "
                                        "env show', and whether holdfast-hookd runs there"};
    return best->name;
}

} // namespace holdfast::env
