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

using ByVip = std::map<VipPort, const db::Balancer*>;

ByVip by_vip(const std::vector<db::Balancer>& balancers)
{
    ByVip all;
    for (const auto& balancer : balancers)
        if (const auto at = vip_of(balancer))
            all.emplace(*at, &balancer);
    return all;
}

/// The balancer of that public address; null if there is none.
const db::Balancer* find(const ByVip& all, const VipPort& at)
{
    const auto found = all.find(at);
    return found == all.end() ? nullptr : found->second;
}

std::set<std::string> addresses_of(const db::Balancer& row)
{
    std::set<std::string> all;
    for (const auto& server : db::all_servers(row))
        all.insert(server.address);
    return all;
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

/// One server of it alone.
db::Balancer drained(db::Balancer row, const db::RealServer& server)
{
    row.servers = {server};
    row.servers[0].state = leaving_state;
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
    const auto there = by_vip(now.balancers);
    if (before)
        for (const auto& balancer : before->balancers)
            if (const auto at = vip_of(balancer))
                leave(*at, *before, balancer, find(there, *at));
    std::erase_if(all_, [&](const One& one) {
        const auto* row = find(there, one.key.at);
        const bool again =
            row && (!one.key.server || addresses_of(*row).contains(one.row.servers[0].address));
        return again || is_in_the_way(now, one.row);
    });
}

/// What of a balancer is not there any more; `now` is null if none of it is.
void Leaving::leave(const VipPort& at, const db::Snapshot& was, const db::Balancer& before,
                    const db::Balancer* now)
{
    if (!now) {
        all_.push_back({{++last_, at, std::nullopt}, drained(before)});
        return;
    }
    if (!db::is_builtin(before))
        return;
    const auto there = addresses_of(*now);
    for (const auto& server : before.servers) {
        Ip ip;
        if (there.contains(server.address) || !read_ip(server.address, ip))
            continue;
        const auto* health = db::health_of(was.health, was.vms, before.name, server.address);
        if (db::is_up(before, health)) // Connections to a dead one are better begun anew.
            all_.push_back({{++last_, at, ip},
                            drained(before, server),
                            health ? std::optional{*health} : std::nullopt});
    }
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
    const auto is_here = [&](const db::RealServer& server) {
        return server.way == "routed" || db::vm_with(snapshot->vms, server.address);
    };
    for (const auto& [key, row, health] : all_)
        if (!key.server) {
            auto& balancer = all->balancers.emplace_back(row);
            // Of one whose VM has gone since there is nothing to say.
            std::erase_if(balancer.servers, [&](const auto& server) { return !is_here(server); });
        }
    for (const auto& [key, row, health] : all_) {
        const auto at = std::ranges::find(all->balancers, std::optional{key.at}, vip_of);
        if (!key.server || at == all->balancers.end() || !db::is_builtin(*at) ||
            !is_here(row.servers[0]))
            continue;
        at->servers.push_back(row.servers[0]);
        if (!health)
            continue;
        auto known = *health;
        known.balancer = at->name;
        const auto place =
            std::ranges::lower_bound(all->health, db::HealthKey::of(known), {}, &db::HealthKey::of);
        if (place == all->health.end() || db::HealthKey::of(*place) != db::HealthKey::of(known))
            all->health.insert(place, known);
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
