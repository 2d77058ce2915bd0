// SPDX-License-Identifier: Apache-2.0
//
// db/find: see find.h.
#include "db/find.h"

#include "common/text.h"

namespace holdfast::db {
namespace {

/// What to do about a name that nothing has: the nearest one, or the command that lists them.
template <class Row>
Error not_there(const std::string& kind, const std::vector<Row>& all, const std::string& name,
                const std::string& list, const std::string& that = {})
{
    std::vector<std::string> names;
    for (const auto& row : all)
        names.push_back(row.name);
    const auto near = nearest(name, names);
    return {Errc::not_found,
            "there is no " + kind + " \"" + one_line(name, 60) + "\"" + that + ": " +
                (near.empty() ? "see 'holdfast " + list + "'" : "did you mean " + near + "?")};
}

template <class Row>
Result<Row> find_named(const std::string& kind, const std::vector<Row>& all,
                       const std::string& name, const std::string& list)
{
    for (const auto& row : all)
        if (row.name == name)
            return row;
    return not_there(kind, all, name, list);
}

} // namespace

Result<Hypervisor> find_hypervisor(const std::vector<Hypervisor>& all, const std::string& name)
{
    return find_named("hypervisor", all, name, "node list");
}

Result<Vm> find_vm(const std::vector<Vm>& all, const std::string& id_or_name)
{
    const Vm* found = nullptr;
    for (const auto& vm : all) {
        if (vm.id == id_or_name)
            return vm;
        if (vm.name != id_or_name)
            continue;
        if (found)
            return Error{Errc::invalid, "two VMs have the name " + vm.name + ": give the id, " +
                                            found->id + " or " + vm.id};
        found = &vm;
    }
    if (found)
        return *found;
    return not_there("VM", all, id_or_name, "vm list");
}

Result<Chain> find_chain(const std::vector<Chain>& all, const std::string& name)
{
    return find_named("chain", all, name, "chain list");
}

Result<Balancer> find_balancer(const std::vector<Balancer>& all, const std::string& name)
{
    return find_named("balancer", all, name, "balancer list");
}

Result<Service> find_service(const std::vector<Service>& all, const std::string& name)
{
    return find_named("service", all, name, "service list");
}

Result<Quota> find_quota(const std::vector<Quota>& all, const std::string& user)
{
    for (const auto& quota : all)
        if (quota.name == user)
            return quota;
    return not_there("user", all, user, "quota show", " with a share");
}

} // namespace holdfast::db
