// SPDX-License-Identifier: Apache-2.0
//
// db/balancer: see balancer.h.
#include "db/balancer.h"

#include <algorithm>
#include <tuple>

#include "common/text.h"

namespace holdfast::db {
namespace {

/// Whether the row's external director has the server.
bool director_has(const Balancer& row, const RealServer& server)
{
    return !is_builtin(row) && std::ranges::find(row.servers, server.address,
                                                 &RealServer::address) != row.servers.end();
}

bool needs_route(const RealServer& server, const Balancer& but, const std::vector<Balancer>& all)
{
    return std::ranges::any_of(all, [&](const Balancer& one) {
        return one.name != but.name && director_has(one, server);
    });
}

std::string route_del(const RealServer& server)
{
    return server.address.find(':') == std::string::npos
               ? "ip route del " + server.address + "/32 dev DEV"
               : "ip -6 route del " + server.address + "/128 dev DEV";
}

/// The service, as ipvsadm takes it.
std::string ipvs_service(const Balancer& row)
{
    return (row.protocol == "udp" ? "-u " : "-t ") + endpoint_text(row.vip, row.port);
}

} // namespace

std::string vip_text(const Balancer& balancer)
{
    return endpoint_text(balancer.vip, balancer.port) + "/" + balancer.protocol;
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

bool is_builtin(const Balancer& balancer)
{
    return balancer.director == "builtin";
}

std::vector<RealServer> all_servers(const Balancer& balancer)
{
    auto all = balancer.servers;
    if (!balancer.sorry.empty())
        all.push_back({balancer.sorry, balancer.sorry_port, 1, "active", balancer.sorry_mac});
    return all;
}

const ServerHealth* health_of(const std::vector<ServerHealth>& health, const std::vector<Vm>& vms,
                              const std::string& balancer, const std::string& address)
{
    auto row = std::ranges::lower_bound(
        health, std::tie(balancer, address), {},
        [](const ServerHealth& one) { return std::tie(one.balancer, one.address); });
    const ServerHealth* newest = nullptr;
    const Vm* vm = nullptr;
    for (; row != health.end() && row->balancer == balancer && row->address == address; ++row) {
        if (newest && !vm)
            vm = vm_with(vms, address); // Not before it matters: there are many.
        const auto& here = vm ? vm->hypervisor : std::string{};
        if (!newest || row->hypervisor == here ||
            (newest->hypervisor != here && row->since > newest->since))
            newest = &*row;
    }
    return newest;
}

const ServerHealth* find_health(const std::vector<ServerHealth>& health, const HealthKey& key)
{
    const auto at = std::ranges::lower_bound(health, key, {}, &HealthKey::of);
    return at == health.end() || HealthKey::of(*at) != key ? nullptr : &*at;
}

bool is_up(const Balancer& balancer, const ServerHealth* health)
{
    return balancer.check == "none" || (health && health->state == "up");
}

bool takes_connections(const Balancer& balancer, const RealServer& server,
                       const ServerHealth* health)
{
    return server.state == "active" && server.weight > 0 && is_up(balancer, health);
}

bool is_needed(const ServerHealth& row, const std::vector<Balancer>& balancers,
               const std::vector<Hypervisor>& hypervisors)
{
    const auto balancer = std::ranges::find(balancers, row.balancer, &Balancer::name);
    return balancer != balancers.end() &&
           std::ranges::find(balancer->servers, row.address, &RealServer::address) !=
               balancer->servers.end() &&
           std::ranges::find(hypervisors, row.hypervisor, &Hypervisor::name) != hypervisors.end();
}

std::vector<std::string> director_routes(const Balancer& balancer)
{
    std::vector<std::string> routes;
    if (is_builtin(balancer))
        return routes;
    for (const auto& server : balancer.servers)
        routes.push_back(server.address.find(':') == std::string::npos
                             ? "ip route replace " + server.address + "/32 dev DEV scope link"
                             : "ip -6 route replace " + server.address + "/128 dev DEV");
    return routes;
}

std::vector<std::string> director_drops(const Balancer& was, const Balancer& is,
                                        const std::vector<Balancer>& others)
{
    if (is_builtin(was))
        return {};
    std::vector<std::string> drops, routes;
    for (const auto& server : was.servers) {
        if (director_has(is, server))
            continue;
        // With direct routing a server's port is the VIP's to IPVS.
        drops.push_back("ipvsadm -d " + ipvs_service(was) + " -r " +
                        endpoint_text(server.address, was.port));
        if (!needs_route(server, was, others))
            routes.push_back(route_del(server));
    }
    drops.insert(drops.end(), routes.begin(), routes.end());
    return drops;
}

std::vector<std::string> director_drops(const Balancer& gone, const std::vector<Balancer>& others)
{
    if (is_builtin(gone))
        return {};
    std::vector<std::string> drops{"ipvsadm -D " + ipvs_service(gone)};
    for (const auto& server : gone.servers)
        if (!needs_route(server, gone, others))
            drops.push_back(route_del(server));
    return drops;
}

} // namespace holdfast::db
