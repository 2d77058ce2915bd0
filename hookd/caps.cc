// SPDX-License-Identifier: Apache-2.0
//
// hookd/caps: see caps.h.
#include <config.h>

#include "hookd/caps.h"

#include <algorithm>

namespace holdfast::hookd {

std::optional<Cap> cap_of(const db::Quota& quota, const NodeRoom& room)
{
    const auto share = quota.share.find(room.name);
    const bool lent = std::ranges::find(quota.borrowed, room.name) != quota.borrowed.end();
    if (quota.administrator || room.capacity <= 0 || (share == quota.share.end() && !lent))
        return std::nullopt;
    const std::int64_t amount =
        std::min(share == quota.share.end() ? room.lent_amount : share->second, room.capacity);
    const double part = static_cast<double>(amount) / static_cast<double>(room.capacity);
    // A group of no processor at all would stand still for ever.
    return Cap{std::max(1, static_cast<int>(part * room.n_cpus * 1000)),
               static_cast<std::uint64_t>(part * static_cast<double>(room.memory))};
}

std::vector<CappedUser> capped_users(const std::vector<db::Quota>& quotas,
                                     const std::vector<db::Service>& services, const NodeRoom& room)
{
    std::map<std::string, CappedUser> users;
    for (const db::Service& row : services) {
        if (row.hypervisor != room.name || row.state == "stopped" || row.pid <= 0)
            continue;
        const auto quota = std::ranges::find(quotas, row.user, &db::Quota::name);
        if (quota == quotas.end())
            continue;
        CappedUser& user = users[row.user];
        user.name = row.user;
        user.cap = cap_of(*quota, room);
        user.pids.push_back(row.pid);
    }
    std::vector<CappedUser> all;
    for (auto& [name, user] : users)
        all.push_back(std::move(user));
    return all;
}

} // namespace holdfast::hookd
