// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer-way: see balancer-way.h.
#include <config.h>

#include "hookd/balancer-way.h"

#include <algorithm>
#include <set>
#include <string>

#include "db/row-check.h"

namespace holdfast::hookd {
namespace {

/// The first routed server; null if there is none.
const db::RealServer* first_routed(const db::Balancer& balancer)
{
    const auto at = std::ranges::find(balancer.servers, "routed", &db::RealServer::way);
    return at == balancer.servers.end() ? nullptr : &*at;
}

bool share_a_server(const db::Balancer& a, const db::Balancer& b)
{
    return std::ranges::any_of(a.servers, [&](const db::RealServer& server) {
        return std::ranges::find(b.servers, server.address, &db::RealServer::address) !=
               b.servers.end();
    });
}

} // namespace

Result<void> take_number(db::Balancer& balancer, const std::vector<db::Balancer>& others)
{
    const db::RealServer* routed = first_routed(balancer);
    if (!routed) {
        balancer.number = 0;
        return {};
    }
    if (balancer.gateway.empty()) {
        return Error{Errc::invalid, "server " + routed->address +
                                        " has way=routed, and there is no gateway: name the "
                                        "router in the director's VLAN with --gateway"};
    }
    std::set<int> taken;
    for (const db::Balancer& other : others)
        if (other.name != balancer.name && other.vip != balancer.vip &&
            share_a_server(other, balancer))
            taken.insert(other.number);
    if (balancer.number && !taken.contains(balancer.number))
        return {};
    for (const bool local : {true, false})
        for (int number = 1; number <= db::vip_number_max; ++number)
            if ((number % 4 == 3) == local && !taken.contains(number)) {
                balancer.number = number;
                return {};
            }
    return Error{Errc::exists, "other balancers of its servers have all 63 numbers of the routed "
                               "way: leave way=routed out, or give it other servers"};
}

} // namespace holdfast::hookd
