// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/balance: see the header.
#include "ovs-plugin/balance.h"

#include <netinet/in.h>

#include <algorithm>

#include "common/probe.h"
#include "db/balancer.h"
#include "ovs-plugin/route.h"

namespace holdfast::plugin {

namespace {

std::string in_port(int port)
{
    return "in_port=" + std::to_string(port);
}

/// What was directed to this server.
std::string to_server(const db::RealServer& server)
{
    Ip address;
    const bool v6 = read_ip(server.address, address) && !is_v4(address);
    return std::string{v6 ? "ipv6" : "ip"} + ",dl_dst=" + server.mac;
}

std::string lead_there(std::uint32_t label)
{
    return "strip_vlan," + load_vm(label) + "," + resubmit(table_deliver);
}

Face& face_with(std::vector<Face>& faces, const Ip& address, const Mac& synthetic)
{
    const auto at = std::ranges::find(faces, address, &Face::address);
    return at != faces.end() ? *at : faces.emplace_back(Face{address, synthetic, {}});
}

} // namespace

bool fits(const db::Balancer& balancer, const db::RealServer& server)
{
    Ip vip, address;
    return read_ip(balancer.vip, vip) && read_ip(server.address, address) &&
           is_v4(vip) == is_v4(address);
}

std::map<std::string, const db::Vm*> servers_of(const db::Snapshot& snapshot)
{
    // By address and not by its text: those of IPv6 have many.
    std::map<Ip, const db::Vm*> wanted;
    Ip ip;
    for (const auto& balancer : snapshot.balancers)
        for (const auto& server : db::all_servers(balancer))
            if (read_ip(server.address, ip))
                wanted.emplace(ip, nullptr);
    std::map<std::string, const db::Vm*> servers;
    if (wanted.empty())
        return servers;
    for (const auto& vm : snapshot.vms)
        for (const auto& address : vm.ips) {
            if (!vm.label || vm.ports.empty() || !read_ip(address, ip))
                continue;
            // One that was made anew has the address of the one before.
            const auto at = wanted.find(ip);
            if (at != wanted.end() && (!at->second || at->second->state != "running"))
                at->second = &vm;
        }
    for (const auto& balancer : snapshot.balancers)
        for (const auto& server : db::all_servers(balancer))
            if (read_ip(server.address, ip) && wanted.at(ip))
                servers.emplace(server.address, wanted.at(ip));
    return servers;
}

std::map<std::string, Balanced> balanced_of(const db::Snapshot& snapshot)
{
    const auto servers = servers_of(snapshot);
    std::map<std::string, Balanced> all;
    for (const auto& balancer : snapshot.balancers)
        for (const auto& server : db::all_servers(balancer)) {
            const auto at = servers.find(server.address);
            Ip address;
            Mac own, synthetic;
            Public to;
            if (at == servers.end() || !fits(balancer, server) ||
                !read_ip(server.address, address) || !read_ip(balancer.vip, to.vip) ||
                !read_mac(server.mac, synthetic) || !read_mac(at->second->ports.front().mac, own))
                continue;
            to.port = static_cast<std::uint16_t>(balancer.port);
            to.protocol = balancer.protocol == "udp" ? IPPROTO_UDP : IPPROTO_TCP;
            to.server_port = static_cast<std::uint16_t>(server.port);
            if (is_routed(balancer, server))
                to.number = static_cast<std::uint8_t>(balancer.number);
            to.known_only = !db::is_builtin(balancer) && balancer.directors.empty();
            auto& balanced = all.try_emplace(at->second->id, Balanced{own, {}}).first->second;
            face_with(balanced.faces, address, synthetic).publics.push_back(to);
        }
    for (auto& [vm, balanced] : all) {
        std::ranges::sort(balanced.faces, {}, &Face::address);
        for (auto& face : balanced.faces)
            std::ranges::sort(face.publics);
    }
    return all;
}

Flow lead_to_server(int director_port, const db::RealServer& server, std::uint32_t label)
{
    return {table_entry, 152001, in_port(director_port) + "," + to_server(server) + ",reg13=0",
            lead_there(label)};
}

std::vector<Flow> lead_where_directed(const db::RealServer& server, std::uint32_t label)
{
    // By an uplink, too: it was for a VIP that is directed here.
    return {{table_arrive, 100000, to_server(server), resubmit(table_classify)},
            {table_classify, 66000, to_server(server), lead_there(label)},
            {table_release, 120000, to_server(server), lead_there(label)}};
}

Flow lead_to_nobody(int director_port, const std::string& mac_prefix)
{
    return {table_entry, 152000,
            in_port(director_port) + ",dl_dst=" + mac_prefix +
                ":00:00:00:00/ff:ff:00:00:00:00,reg13=0",
            "drop"};
}

std::map<std::string, bool> synthetic_macs(const db::Snapshot& snapshot)
{
    std::map<std::string, bool> macs;
    for (const auto& balancer : snapshot.balancers)
        for (const auto& server : db::all_servers(balancer))
            if (!server.mac.empty())
                macs[server.mac] |= db::is_builtin(balancer);
    return macs;
}

std::vector<Flow> keep_inside(const std::string& synthetic, bool directed_here)
{
    std::vector<Flow> flows{{table_entry, 153000, "dl_src=" + synthetic + ",reg13=0", "drop"}};
    if (!directed_here)
        flows.push_back({table_entry, 151000, "dl_dst=" + synthetic + ",reg13=0", "drop"});
    return flows;
}

std::vector<Flow> lead_to_prober(const std::vector<Port>& ports)
{
    const auto prober = std::ranges::find_if(ports, is_prober);
    if (prober == ports.end())
        return {};
    const auto there = std::string{"strip_vlan,mod_dl_dst:"} + probe_mac +
                       ",output:" + std::to_string(prober->ofport);
    return {
        {table_entry, 152003, std::string{"ip,nw_dst="} + probe_address + ",reg13=0", there},
        {table_entry, 152003, std::string{"ipv6,ipv6_dst="} + probe_address6 + ",reg13=0", there},
        // All hypervisors' have one MAC address, which nobody is to learn.
        {table_entry, 152002,
         in_port(prober->ofport) + ",dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,reg13=0", "drop"}};
}

bool is_prober(const Port& port)
{
    return port.kind == "local" && port.interface == probe_port;
}

} // namespace holdfast::plugin
