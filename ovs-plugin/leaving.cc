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

std::set<VipPort> vips_of(const db::Snapshot& snapshot)
{
    std::set<VipPort> vips;
    for (const auto& balancer : snapshot.balancers)
        if (const auto at = vip_of(balancer))
            vips.insert(*at);
    return vips;
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
    const auto vips = vips_of(now);
    if (before)
        for (const auto& balancer : before->balancers)
            if (const auto at = vip_of(balancer); at && !vips.contains(*at))
                all_.push_back({{++last_, *at}, drained(balancer)});
    std::erase_if(all_, [&](const One& one) {
        return vips.contains(one.key.second) || is_in_the_way(now, one.row);
    });
}

bool Leaving::end(const std::set<std::uint64_t>& numbers)
{
    return std::erase_if(all_, [&](const One& one) { return numbers.contains(one.key.first); }) > 0;
}

std::shared_ptr<const db::Snapshot>
Leaving::with(const std::shared_ptr<const db::Snapshot>& snapshot) const
{
    if (all_.empty() || !snapshot)
        return snapshot;
    auto all = std::make_shared<db::Snapshot>(*snapshot);
    for (const auto& [key, row] : all_) {
        auto& balancer = all->balancers.emplace_back(row);
        // Of one that has gone since there is nothing to say.
        std::erase_if(balancer.servers, [&](const db::RealServer& server) {
            return server.way != "routed" && !db::vm_with(snapshot->vms, server.address);
        });
    }
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
