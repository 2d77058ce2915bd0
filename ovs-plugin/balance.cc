// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/balance: see the header.
#include "ovs-plugin/balance.h"

#include <netinet/in.h>

#include <algorithm>
#include <set>

#include "db/balancer.h"

namespace holdfast::plugin {

namespace {

std::string in_port(int port)
{
    return "in_port=" + std::to_string(port);
}

} // namespace

std::map<std::string, const db::Vm*> servers_of(const db::Snapshot& snapshot)
{
    std::set<std::string> wanted;
    for (const auto& balancer : snapshot.balancers)
        for (const auto& server : db::all_servers(balancer))
            wanted.insert(server.address);
    std::map<std::string, const db::Vm*> servers;
    if (!wanted.empty())
        for (const auto& vm : snapshot.vms)
            for (const auto& address : vm.ips)
                if (vm.label && !vm.ports.empty() && wanted.contains(address)) {
                    // One that was made anew has the address of the one before.
                    auto& known = servers.try_emplace(address, &vm).first->second;
                    if (known->state != "running")
                        known = &vm;
                }
    return servers;
}

std::map<std::string, Balanced> balanced_of(const db::Snapshot& snapshot)
{
    const auto servers = servers_of(snapshot);
    std::map<std::string, Balanced> all;
    for (const auto& balancer : snapshot.balancers) {
        for (const auto& server : db::all_servers(balancer)) {
            const auto at = servers.find(server.address);
            Balanced one;
            Public to;
            if (at == servers.end() || !read_ip(server.address, one.address) ||
                !read_ip(balancer.vip, to.vip) || !read_mac(server.mac, one.synthetic) ||
                !read_mac(at->second->ports.front().mac, one.mac))
                continue;
            to.port = static_cast<std::uint16_t>(balancer.port);
            to.protocol = balancer.protocol == "udp" ? IPPROTO_UDP : IPPROTO_TCP;
            to.server_port = static_cast<std::uint16_t>(server.port);
            auto& known = all.try_emplace(at->second->id, one).first->second;
            if (known.address == one.address)
                known.publics.push_back(to);
        }
    }
    for (auto& [vm, balanced] : all)
        std::ranges::sort(balanced.publics);
    return all;
}

Flow lead_to_server(int director_port, const std::string& synthetic, std::uint32_t label)
{
    return {table_entry, 152001, in_port(director_port) + ",ip,dl_dst=" + synthetic + ",reg15=0",
            "strip_vlan," + load_vm(label) + "," + resubmit(table_deliver)};
}

std::vector<Flow> lead_where_directed(const std::string& synthetic, std::uint32_t label)
{
    const auto match = "ip,dl_dst=" + synthetic;
    const auto actions = "strip_vlan," + load_vm(label) + "," + resubmit(table_deliver);
    return {{table_classify, 66000, match, actions}, {table_release, 120000, match, actions}};
}

Flow lead_to_nobody(int director_port, const std::string& mac_prefix)
{
    return {table_entry, 152000,
            in_port(director_port) + ",dl_dst=" + mac_prefix +
                ":00:00:00:00/ff:ff:00:00:00:00,reg15=0",
            "drop"};
}

} // namespace holdfast::plugin
