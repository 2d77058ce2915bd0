// SPDX-License-Identifier: Apache-2.0
//
// db/balancer: see balancer.h.
#include "db/balancer.h"

#include <algorithm>

namespace holdfast::db {

std::string vip_text(const Balancer& balancer)
{
    return balancer.vip + ":" + std::to_string(balancer.port) + "/" + balancer.protocol;
}

bool has_address(const Vm& vm, const std::string& address)
{
    return std::ranges::find(vm.ips, address) != vm.ips.end();
}

const Vm* vm_with(const std::vector<Vm>& vms, const std::string& address)
{
    const Vm* found = nullptr;
    for (const auto& vm : vms)
        if (has_address(vm, address) && (!found || vm.state == "running"))
            found = &vm;
    return found;
}

std::vector<std::string> director_routes(const Balancer& balancer)
{
    std::vector<std::string> routes;
    for (const auto& server : balancer.servers)
        routes.push_back("ip route replace " + server.address + "/32 dev DEV scope link");
    return routes;
}

} // namespace holdfast::db
