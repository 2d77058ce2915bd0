// SPDX-License-Identifier: Apache-2.0
//
// ctl/lookup: see lookup.h.
#include <config.h>

#include "ctl/lookup.h"

#include "common/text.h"

namespace holdfast::ctl {

namespace {

/// What to do about a name that nothing has: the nearest one, or the list.
std::string mend(const std::string& name, const std::vector<std::string>& names,
                 const std::string& list)
{
    std::string near = nearest(name, names);
    return near.empty() ? ": see '" + list + "'" : ": did you mean " + near + "?";
}

} // namespace

Result<db::Vm> find_vm(const World& world, const std::string& id_or_name)
{
    std::vector<std::string> names;
    const db::Vm* found = nullptr;
    for (const auto& vm : world.vms) {
        if (vm.id == id_or_name)
            return vm;
        names.push_back(vm.name);
        if (vm.name == id_or_name && found)
            return Error{Errc::invalid, "several VMs are called \"" + one_line(id_or_name, 60) +
                                            "\": give the id of one (holdfast vm list --json)"};
        if (vm.name == id_or_name)
            found = &vm;
    }
    if (found)
        return *found;
    return Error{Errc::not_found, "there is no VM \"" + one_line(id_or_name, 60) + "\"" +
                                      mend(id_or_name, names, "holdfast vm list")};
}

Result<db::Chain> find_chain(const World& world, const std::string& name)
{
    std::vector<std::string> names;
    for (const auto& chain : world.chains) {
        if (chain.name == name)
            return chain;
        names.push_back(chain.name);
    }
    return Error{Errc::not_found, "there is no chain \"" + one_line(name, 60) + "\"" +
                                      mend(name, names, "holdfast chain list")};
}

Result<db::Balancer> find_balancer(const World& world, const std::string& name)
{
    std::vector<std::string> names;
    for (const auto& balancer : world.balancers) {
        if (balancer.name == name)
            return balancer;
        names.push_back(balancer.name);
    }
    return Error{Errc::not_found, "there is no balancer \"" + one_line(name, 60) + "\"" +
                                      mend(name, names, "holdfast balancer list")};
}

} // namespace holdfast::ctl
