// SPDX-License-Identifier: Apache-2.0
//
// schedd/decisions: see decisions.h.  Reviews are in decisions-review.cc.
#include <config.h>

#include "schedd/decisions.h"

#include <algorithm>

#include "common/text.h"
#include "schedd/share-rows.h"
#include "schedd/use.h"

namespace holdfast::schedd {
namespace {

using nlohmann::json;

/// The places in the pool of the nodes that somebody named.
Result<std::vector<NodeId>> named(const Pool& pool, const std::vector<std::string>& nodes)
{
    std::vector<NodeId> ids;
    for (const std::string& name : nodes) {
        auto id = pool.node_named(name);
        if (!id)
            return id.error();
        ids.push_back(*id);
    }
    return ids;
}

std::vector<std::string> names(const Pool& pool, const std::vector<Reservation>& share)
{
    std::vector<std::string> all;
    for (const Reservation& one : share)
        all.push_back(pool.node(one.node).name);
    return all;
}

Result<UserId> user_for(Pool& pool, const std::string& name)
{
    if (auto known = pool.user_named(name))
        return known;
    if (!is_name(name))
        return Error{Errc::invalid,
                     "user \"" + one_line(name, 70) + "\": give at most 64 letters, digits, - _ ."};
    return pool.add_user(name);
}

/// The user's row with what he has used until now, since what he uses is about to change; of
/// others nothing changes.
db::Quota accounted_until_now(const db::ShareRows& rows, const Pool& pool, const std::string& user,
                              db::TimeNs now)
{
    db::Quota row = quota_of(rows, user);
    if (auto id = pool.user_named(user); id && !row.name.empty())
        row.accounted = account(pool, *id, lease_of(rows), now, row);
    else
        row.accounted = now;
    return row;
}

/// He has all nodes, so that none is kept for him.
Plan make_administrator(Plan plan, const db::Quota& before, const std::string& user)
{
    db::Quota row;
    row.name = user;
    row.administrator = true;
    row.used = before.used;
    row.accounted = before.accounted;
    plan.put = {row};
    const std::string text = user + " is an administrator and has all nodes";
    plan.events.push_back(text);
    plan.answer = {{"user", user},
                   {"amount", 0},
                   {"nodes", json::array()},
                   {"given", json::array()},
                   {"returned", json::array()},
                   {"reason", text}};
    return plan;
}

Result<Amount> amount_asked(const Order& order, const Rates& rates)
{
    return order.by_amount ? Result<Amount>{order.amount} : amount_of(order.usage, rates);
}

/// New nodes are in use until the user picks others.
void use_given(Pool& pool, const ShareChange& change)
{
    auto in_use = pool.user(change.user).in_use;
    for (const Reservation& one : change.given)
        in_use.push_back(one.node);
    pool.use(change.user, in_use);
}

} // namespace

Result<Order> order_from(const json& arguments)
try {
    Order order;
    order.user = arguments.at("user");
    order.administrator = arguments.value("administrator", false);
    order.nodes = arguments.value("nodes", std::vector<std::string>{});
    order.by_amount = arguments.contains("amount");
    order.amount = arguments.value("amount", Amount{0});
    order.usage = {arguments.value("hours_a_day", std::int64_t{0}),
                   arguments.value("hours_a_week", std::int64_t{0}),
                   arguments.value("storage", std::int64_t{0}),
                   arguments.value("work_per_hour", std::int64_t{0})};
    const bool by_usage = arguments.contains("hours_a_day") || arguments.contains("hours_a_week") ||
                          arguments.contains("storage") || arguments.contains("work_per_hour");
    if (order.by_amount + by_usage + order.administrator != 1)
        return Error{Errc::invalid, "give an amount, or hours, storage and work, or administrator: "
                                    "one of these"};
    return order;
} catch (const json::exception& wrong) {
    return Error{Errc::invalid, std::string{"the request is of the wrong shape: "} + wrong.what()};
}

Result<Plan> plan_request(const db::ShareRows& rows, const Settings& settings, const Order& order,
                          db::TimeNs now)
{
    Plan plan;
    plan.lease = lease_of(rows);
    Pool pool = pool_of(rows, settings.policy, now);
    auto user = user_for(pool, order.user);
    if (!user)
        return user.error();
    const db::Quota before = accounted_until_now(rows, pool, order.user, now);
    if (order.administrator)
        return make_administrator(std::move(plan), before, order.user);
    auto amount = amount_asked(order, settings.rates);
    if (!amount)
        return amount.error();
    auto chosen = named(pool, order.nodes);
    if (!chosen)
        return chosen.error();
    auto change = pool.decide({*user, *amount, *chosen});
    if (!change)
        return change.error();
    json returned = json::array();
    for (NodeId node : change->returned)
        returned.push_back(pool.node(node).name);
    if (auto applied = pool.apply(*change); !applied)
        return applied.error();
    use_given(pool, *change);
    plan.put = {row_of(pool, *user, before, now)};
    plan.events.push_back(change->reason);
    plan.answer = {{"user", order.user},
                   {"amount", *amount},
                   {"nodes", names(pool, pool.user(*user).share)},
                   {"given", names(pool, change->given)},
                   {"returned", returned},
                   {"reason", change->reason}};
    return plan;
}

Result<Plan> plan_select(const db::ShareRows& rows, const Settings& settings,
                         const std::string& user, const std::vector<std::string>& nodes,
                         db::TimeNs now)
{
    const Pool pool = pool_of(rows, settings.policy, now);
    auto id = pool.user_named(user);
    if (!id)
        return id.error();
    auto picked = named(pool, nodes);
    if (!picked)
        return picked.error();
    if (auto may = pick(pool, *id, *picked); !may)
        return may.error();
    Plan plan;
    plan.lease = lease_of(rows);
    db::Quota row = accounted_until_now(rows, pool, user, now);
    row.in_use = nodes;
    std::ranges::sort(row.in_use);
    plan.put = {row};
    plan.events.push_back(user + " uses " +
                          count_text(static_cast<std::int64_t>(nodes.size()), "node") + " now");
    plan.answer = {{"user", user}, {"in_use", row.in_use}};
    return plan;
}

Result<Plan> plan_removal(const db::ShareRows& rows, const Settings& settings,
                          const std::string& user, db::TimeNs now)
{
    const Pool pool = pool_of(rows, settings.policy, now);
    if (auto id = pool.user_named(user); !id)
        return id.error();
    Plan plan{lease_of(rows), {}, {user}, {user + " has no share any more"}, {{"user", user}}};
    return plan;
}

} // namespace holdfast::schedd
