// SPDX-License-Identifier: Apache-2.0
//
// schedd/share-rows: see share-rows.h.
#include <config.h>

#include "schedd/share-rows.h"

#include <algorithm>
#include <map>
#include <set>

#include "db/share-json.h"

namespace holdfast::schedd {
namespace {

using NodeIds = std::map<std::string, NodeId>;

// What a load is the average of: what was given since is yet to come.
constexpr db::TimeNs load_window = 3600 * db::TimeNs{1'000'000'000};

Node node_of(const db::Hypervisor& row, const std::string& spare)
{
    Node node;
    node.name = row.name;
    node.capacity = row.capacity;
    node.average = std::max(0, row.load);
    node.offer = row.capacity == 0   ? Offer::closed
                 : row.lost          ? Offer::failed
                 : row.drained       ? Offer::drained
                 : row.name == spare ? Offer::spare
                                     : Offer::open;
    return node;
}

std::vector<NodeId> ids_of(const std::vector<std::string>& names, const NodeIds& nodes)
{
    std::vector<NodeId> ids;
    for (const std::string& name : names)
        if (const auto found = nodes.find(name); found != nodes.end())
            ids.push_back(found->second);
    return ids;
}

std::vector<std::string> names_of(const Pool& pool, const std::vector<NodeId>& ids)
{
    std::vector<std::string> names;
    for (NodeId id : ids)
        names.push_back(pool.node(id).name);
    std::ranges::sort(names);
    return names;
}

/// The hypervisors that anybody has.
std::set<std::string> shared(const db::ShareRows& rows)
{
    std::set<std::string> names;
    for (const db::Quota& row : rows.quotas)
        for (const auto& [name, amount] : row.share)
            names.insert(name);
    return names;
}

User user_of(const db::Quota& row, const NodeIds& ids, db::TimeNs now, std::vector<Node>& nodes)
{
    User user;
    user.name = row.name;
    user.amount = row.amount;
    user.administrator = row.administrator;
    user.borrowed = ids_of(row.borrowed, ids);
    user.in_use = ids_of(row.in_use, ids);
    for (const auto& [name, amount] : row.share) {
        const auto found = ids.find(name);
        if (found == ids.end())
            continue;
        user.share.push_back({found->second, amount});
        const auto given = row.given.find(name);
        if (given != row.given.end() && now - given->second < load_window)
            nodes[at(found->second)].unseen += amount;
    }
    return user;
}

} // namespace

Pool pool_of(const db::ShareRows& rows, const SharePolicy& policy, db::TimeNs now)
{
    const std::string spare = lease_of(rows).spare;
    const std::set<std::string> held = shared(rows);
    std::vector<Node> nodes;
    NodeIds ids;
    for (const db::Hypervisor& row : rows.hypervisors) {
        if (row.capacity == 0 && !held.contains(row.name))
            continue;
        ids.emplace(row.name, NodeId{static_cast<std::uint32_t>(nodes.size())});
        nodes.push_back(node_of(row, spare));
    }
    for (const db::Service& service : rows.services)
        if (const auto found = ids.find(service.hypervisor);
            found != ids.end() && service.state != "stopped")
            ++nodes[at(found->second)].processes;
    std::vector<User> users;
    for (const db::Quota& row : rows.quotas)
        users.push_back(user_of(row, ids, now, nodes));
    return Pool{policy, std::move(nodes), std::move(users)};
}

db::Quota row_of(const Pool& pool, UserId id, const db::Quota& before, db::TimeNs now)
{
    const User& user = pool.user(id);
    db::Quota row = before;
    row.name = user.name;
    row.amount = user.amount;
    row.administrator = user.administrator;
    row.share.clear();
    row.given.clear();
    for (const Reservation& one : user.share) {
        const std::string& name = pool.node(one.node).name;
        const auto given = before.given.find(name);
        row.share[name] = one.amount;
        // One that is yet to come was written before a clock was set back.
        row.given[name] = given == before.given.end() ? now : std::min(given->second, now);
    }
    row.borrowed = names_of(pool, user.borrowed);
    row.in_use = names_of(pool, user.in_use);
    return row;
}

db::Quota quota_of(const db::ShareRows& rows, const std::string& user)
{
    const auto found = std::ranges::find(rows.quotas, user, &db::Quota::name);
    return found == rows.quotas.end() ? db::Quota{} : *found;
}

db::Lease lease_of(const db::ShareRows& rows)
{
    const auto found = std::ranges::find(rows.leases, db::schedd_lease, &db::Lease::name);
    return found == rows.leases.end() ? db::Lease{} : *found;
}

} // namespace holdfast::schedd
