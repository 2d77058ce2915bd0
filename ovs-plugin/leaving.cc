// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/leaving: see the header.
#include "ovs-plugin/leaving.h"

#include <netinet/in.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>

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

/// Each server's address, with the synthetic one.
template <class Each>
void each_server(const db::Balancer& row, const Each& each)
{
    for (const auto& server : row.servers)
        each(server.address, server.mac);
    if (!row.sorry.empty())
        each(row.sorry, row.sorry_mac);
}

/// The VIP's too.
template <class Each>
void each_address(const db::Balancer& row, const Each& each)
{
    each(row.vip, row.vip_mac);
    each_server(row, each);
}

template <class Key>
using Sets = std::map<Key, std::set<std::string_view>>;

/// Whether something else than this belongs to the key.
template <class Key>
bool has_other(const Sets<Key>& all, const Key& key, std::string_view than)
{
    const auto found = all.find(key);
    return found != all.end() && (found->second.size() > 1 || *found->second.begin() != than);
}

/// What the balancers and VMs that there are have.
class InUse {
public:
    explicit InUse(const db::Snapshot& now)
    {
        for (const auto& row : now.balancers)
            each_address(row, [&](std::string_view address, std::string_view mac) {
                macs_[address].insert(mac);
                if (!mac.empty())
                    addresses_[mac].insert(address);
                if (row.number)
                    vips_[{address, row.number}].insert(row.vip);
            });
        for (const auto& vm : now.vms)
            of_vms_.insert(vm.ips.begin(), vm.ips.end());
    }

    /// Whether something that there is has taken something of this one: the VIP, for another kind
    /// of director or by another MAC address; a MAC address for another machine; the number of the
    /// routed way; the VIP of a built-in director, for a VM: an external one's VM has the VIP.
    bool takes_from(const db::Balancer& leaving) const
    {
        bool takes = db::is_builtin(leaving) && of_vms_.contains(leaving.vip);
        each_address(leaving, [&](std::string_view address, std::string_view mac) {
            takes = takes || has_other(macs_, address, mac) ||
                    (!mac.empty() && has_other(addresses_, mac, address)) ||
                    has_other(vips_, {address, leaving.number}, leaving.vip);
        });
        return takes;
    }

private:
    Sets<std::string_view> macs_;                 // By address.
    Sets<std::string_view> addresses_;            // By MAC address.
    Sets<std::pair<std::string_view, int>> vips_; // By address and number.
    std::set<std::string_view> of_vms_;           // Addresses.
};

bool is_before(const db::ServerHealth& a, const db::ServerHealth& b)
{
    return std::tie(a.balancer, a.address, a.hypervisor) <
           std::tie(b.balancer, b.address, b.hypervisor);
}

/// Rows that are not there, where they belong: they are sorted.
void add_health(std::vector<db::ServerHealth>& health, const std::vector<db::ServerHealth>& more)
{
    const auto middle = static_cast<std::ptrdiff_t>(health.size());
    const auto is_there = [&](const db::ServerHealth& row) {
        return std::binary_search(health.begin(), health.begin() + middle, row, is_before);
    };
    std::ranges::remove_copy_if(more, std::back_inserter(health), is_there);
    std::sort(health.begin() + middle, health.end(), is_before);
    std::inplace_merge(health.begin(), health.begin() + middle, health.end(), is_before);
}

} // namespace

void Leaving::look(const db::Snapshot* before, const db::Snapshot& now)
{
    const auto there = by_vip(now.balancers);
    Servers servers;
    for (const auto& row : now.balancers)
        each_server(row,
                    [&](std::string_view address, const auto&) { servers.emplace(&row, address); });
    if (before)
        for (const auto& balancer : before->balancers)
            if (const auto at = vip_of(balancer))
                leave(*at, *before, balancer, find(there, *at), servers);
    if (all_.empty())
        return;
    const InUse in_use{now};
    std::erase_if(all_, [&](const One& one) {
        const auto* row = find(there, one.key.at);
        const bool again =
            row && (!one.key.server || servers.contains({row, one.row.servers[0].address}));
        return again || in_use.takes_from(one.row);
    });
}

/// What of a balancer is not there any more; `now` is null if none of it is.
void Leaving::leave(const VipPort& at, const db::Snapshot& was, const db::Balancer& before,
                    const db::Balancer* now, const Servers& servers)
{
    if (!now) {
        all_.push_back({{++last_, at, std::nullopt}, drained(before)});
        return;
    }
    if (!db::is_builtin(before))
        return;
    for (const auto& server : before.servers) {
        Ip ip;
        if (servers.contains({now, server.address}) || !read_ip(server.address, ip))
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
    std::set<std::string_view> of_vms;
    for (const auto& vm : snapshot->vms)
        of_vms.insert(vm.ips.begin(), vm.ips.end());
    const auto is_away = [&](const db::RealServer& server) { // Of that there is nothing to say.
        return server.way != "routed" && !of_vms.contains(server.address);
    };
    auto all = std::make_shared<db::Snapshot>(*snapshot);
    for (const auto& [key, row, health] : all_)
        if (!key.server)
            std::erase_if(all->balancers.emplace_back(row).servers, is_away);
    const auto there = by_vip(all->balancers);
    std::vector<db::ServerHealth> known;
    for (const auto& [key, row, health] : all_) {
        const auto* at = key.server ? find(there, key.at) : nullptr;
        if (!at || !db::is_builtin(*at) || is_away(row.servers[0]))
            continue;
        all->balancers[static_cast<std::size_t>(at - all->balancers.data())].servers.push_back(
            row.servers[0]);
        if (health)
            known.emplace_back(*health).balancer = at->name;
    }
    add_health(all->health, known);
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
