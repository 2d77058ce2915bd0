// SPDX-License-Identifier: Apache-2.0
//
// db/route: see route.h.
#include "db/route.h"

namespace holdfast::db {

std::vector<std::string> director_routes(const Balancer& balancer)
{
    std::vector<std::string> routes;
    for (const auto& server : balancer.servers)
        routes.push_back("ip route replace " + server.address + "/32 dev DEV scope link");
    return routes;
}

} // namespace holdfast::db
