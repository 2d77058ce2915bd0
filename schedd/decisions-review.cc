// SPDX-License-Identifier: Apache-2.0
//
// schedd/decisions-review: the end of a period, and of each interval within it; see decisions.h.
#include <config.h>

#include <algorithm>

#include "schedd/decisions.h"
#include "schedd/review.h"
#include "schedd/share-rows.h"
#include "schedd/spare.h"
#include "schedd/use.h"

namespace holdfast::schedd {
namespace {

using nlohmann::json;

constexpr db::TimeNs second = 1'000'000'000;
constexpr std::size_t least_for_spare = 2; // Of one node nothing would be left to give.

/// The rows with each hypervisor's load over the period, where it is known.
db::ShareRows over_period(db::ShareRows rows)
{
    for (db::Hypervisor& row : rows.hypervisors)
        if (row.period_load >= 0)
            row.load = row.period_load;
    return rows;
}

bool knows_loads(const db::ShareRows& rows, const db::Quota& quota)
{
    return std::ranges::all_of(rows.hypervisors, [&](const db::Hypervisor& row) {
        return !quota.share.contains(row.name) || row.load >= 0;
    });
}

Load average_of(const Pool& pool, const User& user)
{
    Load sum = 0;
    for (const Reservation& one : user.share)
        sum += pool.node(one.node).average;
    return user.share.empty() ? 0 : sum / static_cast<Load>(user.share.size());
}

/// Thousandths of what he might have used in so many seconds.
Load used_of(const db::Quota& quota, db::TimeNs elapsed)
{
    std::int64_t sum = 0;
    for (const auto& [node, unit_seconds] : quota.used)
        sum += unit_seconds;
    Amount reserved = 0;
    for (const auto& [node, amount] : quota.share)
        reserved += amount;
    const std::int64_t most = reserved * std::max<std::int64_t>(1, elapsed / second);
    return most == 0 ? 0 : sum * 1000 / most;
}

json line_of(const std::string& user, std::size_t before, std::size_t after,
             const std::string& reason)
{
    return {{"user", user}, {"before", before}, {"after", after}, {"reason", reason}};
}

/// Reviews one user: changes the pool, and says what becomes of his row.
json review_user(const db::ShareRows& rows, Pool& pool, UserId id, db::Quota& row,
                 db::TimeNs elapsed)
{
    const User user = pool.user(id);
    const std::size_t before = user.share.size();
    if (!knows_loads(rows, row))
        return line_of(user.name, before, before,
                       user.name + ": no change, the load of a node is not known yet");
    Period period;
    period.n_nodes = static_cast<int>(before);
    period.load = period.own_load = average_of(pool, user);
    period.used = used_of(row, elapsed);
    period.low_reviews = row.low_reviews;
    period.n_fleet = pool.nodes().size();
    const Review found = review(pool.policy(), user.name, user.amount, period);
    row.low_reviews = found.low_reviews;
    if (found.change == 0)
        return line_of(user.name, before, before, found.reason);
    auto change = pool.decide({id, found.amount, {}});
    if (!change)
        return line_of(user.name, before, before, found.reason + "; but " + change.error().message);
    if (auto applied = pool.apply(*change); !applied)
        return line_of(user.name, before, before,
                       found.reason + "; but " + applied.error().message);
    auto in_use = pool.user(id).in_use;
    for (const Reservation& one : change->given)
        in_use.push_back(one.node);
    pool.use(id, in_use);
    return line_of(user.name, before, pool.user(id).share.size(),
                   found.reason + "; " + change->reason);
}

/// The next period's spare, and what of it is to be told.
SpareChoice next_spare(Pool& pool)
{
    const auto n = std::ranges::count_if(pool.nodes(), [](const Node& node) {
        return node.offer == Offer::open || node.offer == Offer::spare;
    });
    if (static_cast<std::size_t>(n) < least_for_spare)
        return {no_node, no_node, "no spare: there are too few nodes"};
    SpareChoice choice = choose_spare(pool);
    apply(pool, choice);
    return choice;
}

/// Lends the spare, and takes it back.
void lend(Pool& pool, const std::string& spare, std::vector<std::string>& events)
{
    NodeId id = no_node;
    if (auto found = pool.node_named(spare))
        id = *found;
    for (const Loan& loan : share_spare(pool, id)) {
        apply(pool, loan);
        events.push_back(loan.reason);
    }
}

/// The lease, with no time that is yet to come: a clock was set back, and it would stand still.
db::Lease lease_until(const db::ShareRows& rows, db::TimeNs now)
{
    db::Lease lease = lease_of(rows);
    lease.reviewed = std::min(lease.reviewed, now);
    lease.accounted = std::min(lease.accounted, now);
    return lease;
}

/// Adds what all used since it was accounted last, in whole seconds.
void account(const Pool& pool, db::Lease& lease, db::TimeNs now, std::vector<db::Quota>& quotas)
{
    for (std::uint32_t i = 0; i < quotas.size(); ++i) {
        // Who has a time of his own goes on with it.
        const bool own = quotas[i].accounted > lease.accounted;
        const db::TimeNs until = account(pool, UserId{i}, lease, now, quotas[i]);
        quotas[i].accounted = own ? until : std::min(quotas[i].accounted, now);
    }
    lease.accounted += (now - lease.accounted) / second * second;
}

/// Those that are not as they were.
std::vector<db::Quota> changed(const db::ShareRows& rows, const Pool& pool,
                               const std::vector<db::Quota>& quotas, db::TimeNs now)
{
    std::vector<db::Quota> found;
    for (std::uint32_t i = 0; i < quotas.size(); ++i)
        if (auto row = row_of(pool, UserId{i}, quotas[i], now); row != rows.quotas[i])
            found.push_back(std::move(row));
    return found;
}

} // namespace

db::TimeNs account(const Pool& pool, UserId user, const db::Lease& lease, db::TimeNs now,
                   db::Quota& quota)
{
    const db::TimeNs since = std::min(std::max(quota.accounted, lease.accounted), now);
    const Seconds elapsed{(now - since) / second};
    for (const Use& use : uses(pool, user, elapsed))
        quota.used[pool.node(use.node).name] += use.unit_seconds;
    return since + elapsed.count() * second;
}

Due due(const db::Lease& lease, const Settings& settings, db::TimeNs now)
{
    if (lease.reviewed > now || lease.accounted > now)
        return Due::interval;
    if (now - lease.reviewed >= settings.policy.period.count() * second)
        return Due::review;
    return now - lease.accounted >= settings.interval.count() * second ? Due::interval
                                                                       : Due::nothing;
}

Plan plan_review(const db::ShareRows& read, const Settings& settings, db::TimeNs now)
{
    const db::ShareRows rows = over_period(read);
    Plan plan;
    plan.lease = lease_until(rows, now);
    Pool pool = pool_of(rows, settings.policy, now);
    auto quotas = rows.quotas; // In the pool's order.
    account(pool, plan.lease, now, quotas);
    json lines = json::array();
    for (std::uint32_t i = 0; i < quotas.size(); ++i) {
        if (quotas[i].administrator)
            continue;
        lines.push_back(review_user(rows, pool, UserId{i}, quotas[i], now - plan.lease.reviewed));
        plan.events.push_back(lines.back()["reason"]);
        quotas[i].used.clear();
    }
    const SpareChoice choice = next_spare(pool);
    plan.lease.spare = choice.spare == no_node ? "" : pool.node(choice.spare).name;
    plan.events.push_back(choice.reason);
    lend(pool, plan.lease.spare, plan.events);
    plan.lease.reviewed = now;
    plan.put = changed(read, pool, quotas, now);
    plan.answer = {{"users", lines}, {"spare", plan.lease.spare}, {"spare_reason", choice.reason}};
    return plan;
}

Plan plan_interval(const db::ShareRows& rows, const Settings& settings, db::TimeNs now)
{
    Plan plan;
    plan.lease = lease_until(rows, now);
    Pool pool = pool_of(rows, settings.policy, now);
    auto quotas = rows.quotas;
    account(pool, plan.lease, now, quotas);
    lend(pool, plan.lease.spare, plan.events);
    plan.put = changed(rows, pool, quotas, now);
    return plan;
}

} // namespace holdfast::schedd
