// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/leaving: see the header.
#include "ovs-plugin/leaving.h"

#include <netinet/in.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "db/balancer.h"

namespace holdfast::plugin {

namespace {

std::optional<VipPort> vip_of(const db::Balancer& balancer)
{
    VipPort at;
    if (!read_ip(balancer.vip, at.vip))
        return std::nullopt;
    at.port = static_cast<std::uint16_t>(balancer.port);
    at.protocol = balancer.protocol == "udp" ? IPPROTO_UDP : IPPROTO_TCP;
    return at;
}

/// The balancer of that public address; null if there is none.
template <class Balancers>
auto* find(Balancers& balancers, const VipPort& at)
{
    const auto found =
        std::ranges::find_if(balancers, [&](const db::Balancer& row) { return vip_of(row) == at; });
    return found == balancers.end() ? nullptr : &*found;
}

bool has_server(const db::Balancer& row, const std::string& address)
{
    const auto servers = db::all_servers(row);
    return std::ranges::find(servers, address, &db::RealServer::address) != servers.end();
}

/// As it is while its connections go on.
db::Balancer drained(db::Balancer row)
{
    row.servers = db::all_servers(row);
    if (!row.sorry.empty())
        row.servers.back().weight = 0; // It is in no table.
    for (auto& server : row.servers)
        server.state = "draining";
    row.sorry.clear();
    row.sorry_mac.clear();
    row.sorry_port = 0;
    row.directors.clear();
    row.check = "none";
    return row;
}

/// The same of one server of it alone.
db::Balancer drained(db::Balancer row, const db::RealServer& server)
{
    row.servers = {server};
    row.servers[0].state = "draining";
    row.servers[0].weight = 0; // It is in no table.
    row.sorry.clear();
    row.sorry_mac.clear();
    return row;
}

/// Its addresses, and the synthetic one of each.
std::map<std::string, std::string> macs_of(const db::Balancer& row)
{
    std::map<std::string, std::string> macs{{row.vip, row.vip_mac}};
    for (const auto& server : db::all_servers(row))
        macs.emplace(server.address, server.mac);
    return macs;
}

/// Whether one that there is has taken something of it: the VIP, for another kind of director or
/// by another MAC address; a MAC address for another machine; the number of the routed way.
bool takes_from(const db::Balancer& there, const db::Balancer& leaving)
{
    const auto has = macs_of(there), had = macs_of(leaving);
    bool share = false;
    for (const auto& [address, mac] : had)
        for (const auto& [its, its_mac] : has) {
            if (address == its ? mac != its_mac : !mac.empty() && mac == its_mac)
                return true;
            share |= address == its;
        }
    return share && there.number && there.number == leaving.number && there.vip != leaving.vip;
}

bool is_in_the_way(const db::Snapshot& snapshot, const db::Balancer& leaving)
{
    // An external director's VM has the VIP.
    return (db::is_builtin(leaving) && db::vm_with(snapshot.vms, leaving.vip)) ||
           std::ranges::any_of(snapshot.balancers,
                               [&](const auto& one) { return takes_from(one, leaving); });
}

} // namespace

void Leaving::look(const db::Snapshot* before, const db::Snapshot& now)
{
    if (before)
        for (const auto& balancer : before->balancers)
            if (const auto at = vip_of(balancer))
                leave(*at, balancer, now);
    std::erase_if(all_, [&](const One& one) {
        const auto* there = find(now.balancers, one.key.at);
        const bool again =
            there && (!one.key.server || has_server(*there, one.row.servers[0].address));
        return again || is_in_the_way(now, one.row);
    });
}

/// What of a balancer is not there any more.
void Leaving::leave(const VipPort& at, const db::Balancer& before, const db::Snapshot& now)
{
    const auto* there = find(now.balancers, at);
    if (!there) {
        all_.push_back({{++last_, at, std::nullopt}, drained(before)});
        return;
    }
    for (const auto& server : before.servers)
        if (Ip ip; db::is_builtin(before) && read_ip(server.address, ip) &&
                   !has_server(*there, server.address))
            all_.push_back({{++last_, at, ip}, drained(before, server)});
}

bool Leaving::end(const std::set<std::uint64_t>& numbers)
{
    return std::erase_if(all_, [&](const One& one) { return numbers.contains(one.key.number); }) >
           0;
}

std::shared_ptr<const db::Snapshot>
Leaving::with(const std::shared_ptr<const db::Snapshot>& snapshot) const
{
    if (all_.empty() || !snapshot)
        return snapshot;
    auto all = std::make_shared<db::Snapshot>(*snapshot);
    for (const auto& [key, row] : all_)
        if (!key.server)
            all->balancers.push_back(row);
    for (const auto& [key, row] : all_) {
        auto* balancer = key.server ? find(all->balancers, key.at) : nullptr;
        if (balancer && db::is_builtin(*balancer))
            balancer->servers.push_back(row.servers[0]);
    }
    // Of one whose VM has gone since there is nothing to say.
    for (const auto& [key, row] : all_)
        if (auto* balancer = find(all->balancers, key.at))
            std::erase_if(balancer->servers, [&](const db::RealServer& server) {
                return has_server(row, server.address) && server.way != "routed" &&
                       !db::vm_with(snapshot->vms, server.address);
            });
    return all;
}

std::vector<LeavingKey> Leaving::keys() const
{
    std::vector<LeavingKey> keys;
    for (const auto& one : all_)
        keys.push_back(one.key);
    return keys;
}

} // namespace holdfast::plugin
