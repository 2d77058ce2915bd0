// SPDX-License-Identifier: Apache-2.0
//
// hookd/fleet-leave: see fleet-leave.h.
#include <config.h>

#include "hookd/fleet-leave.h"

#include "db/find.h"
#include "hookd/balancer.h"

namespace holdfast::hookd {
namespace {

Error still_needed(const std::string& what, const db::Vm& vm, const std::string& mend)
{
    return {Errc::invalid,
            what + " needs " + vm.name + ", which is on " + vm.hypervisor + ": " + mend + " first"};
}

} // namespace

db::FleetChange departure(const std::string& name, const std::vector<db::Vm>& vms,
                          const std::vector<db::Service>& services,
                          const std::vector<db::Move>& moves)
{
    db::FleetChange change;
    for (const db::Vm& vm : vms)
        if (vm.hypervisor == name)
            change.remove_vms.push_back(vm.id);
    for (const db::Service& service : services)
        if (service.hypervisor == name)
            change.remove_services.push_back(service.id);
    for (const db::Move& move : moves)
        if (move.hypervisor == name)
            change.remove_moves.push_back({move.id, move.role});
    change.remove_hypervisors = {name};
    return change;
}

Result<void> is_no_entry(const std::string& name, const std::vector<db::Vm>& vms)
{
    for (const db::Vm& vm : vms)
        if (vm.hypervisor != name && !vm.ports.empty() && vm.ports.front().entry == name)
            return Error{
                Errc::invalid,
                "service " + vm.name + ", which is on " + vm.hypervisor +
                    ", is reached by way of " + name +
                    ": move it back there or to another of its network, or stop it, first"};
    return {};
}

Result<void> may_take_out(const std::string& name, const Shared& store)
{
    auto row = db::find_hypervisor(*store.hypervisors, name);
    if (!row)
        return row.error();
    if (!row->lost)
        return Error{Errc::invalid,
                     name + " is heard of: it leaves by \"holdfast fleet leave\" there"};
    for (const db::Vm& vm : *store.vms) {
        if (vm.hypervisor != name)
            continue;
        for (const db::Chain& chain : *store.chains)
            if (db::passes(chain, vm.id))
                return still_needed("chain " + chain.name, vm,
                                    "\"holdfast chain set\" it to others, or \"chain del\" it");
        for (const db::Balancer& balancer : *store.balancers)
            if (needs(balancer, vm))
                return still_needed("balancer " + balancer.name, vm,
                                    "take it out with \"holdfast balancer server\", or \"balancer "
                                    "del\" it");
    }
    return is_no_entry(name, *store.vms);
}

} // namespace holdfast::hookd
