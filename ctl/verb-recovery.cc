// SPDX-License-Identifier: Apache-2.0
//
// ctl/verb-recovery: `holdfast recovery pool|plan|run|allow|history|weights|policy`.
#include <config.h>

#include <algorithm>
#include <chrono>

#include "common/text.h"
#include "ctl/recovery.h"
#include "ctl/verbs.h"
#include "recovery/read-rows.h"

namespace holdfast::ctl {

namespace {

// Each chain takes some seconds, and a lease has to expire where its hypervisor cannot be asked.
constexpr auto run_limit = std::chrono::minutes{5};

/// What the store says; rows that are damaged are left out, and `holdfast status` names them.
Result<recovery::PoolRows> read_rows(const Session& session)
{
    auto store = session.open_store();
    if (!store)
        return store.error();
    return recovery::read_rows(*store);
}

Result<void> change(const Session& session, const std::string& method, const Json& order)
{
    auto answer = session.ask_hookd(method, order);
    if (!answer)
        return answer.error();
    if (session.json)
        session.print_json(*answer);
    return {};
}

} // namespace

Result<void> recovery_pool(const Session& session)
{
    auto rows = read_rows(session);
    if (!rows)
        return rows.error();
    const auto pool = recovery::pool_of(*rows);
    if (session.json)
        session.print_json(pool_json(pool, rows->policies));
    else
        session.print(pool_table(pool, session.style));
    return {};
}

Result<void> recovery_plan(const Session& session, const std::string& vm, std::size_t most)
{
    auto rows = read_rows(session);
    if (!rows)
        return rows.error();
    const auto pool = recovery::pool_of(*rows);
    const auto place = pool.find(vm);
    if (!place)
        return place.error();
    auto wish = recovery::wish_for(pool.vms()[*place].id, rows->policies);
    wish.most = most;
    const auto plan = pool.plan(*place, wish);
    if (session.json)
        session.print_json(plan_json(pool, *place, plan));
    else
        session.print(plan_page(pool, *place, plan, session.style));
    if (!plan.way)
        return Error{Errc::not_found, plan.why};
    return {};
}

Result<void> recovery_run(const Session& session, const std::string& vm, const std::string& way,
                          bool gone)
{
    Json order{{"vm", vm}, {"gone", gone}};
    if (!way.empty())
        order["way"] = way;
    auto answer = session.ask_hookd("recovery/run", order, run_limit);
    if (!answer)
        return answer.error();
    if (session.json)
        session.print_json(*answer);
    else
        session.print(recovered_text(*answer) + "\n");
    return {};
}

Result<void> recovery_allow(const Session& session, const std::string& vm)
{
    return change(session, "recovery/allow", {{"vm", vm}});
}

Result<void> recovery_history(const Session& session, const std::optional<std::string>& vm)
{
    auto rows = read_rows(session);
    if (!rows)
        return rows.error();
    const auto pool = recovery::pool_of(*rows);
    if (vm) {
        const auto place = pool.find(*vm);
        if (!place)
            return place.error();
        std::erase_if(rows->recoveries,
                      [&](const db::Recovery& row) { return row.vm != pool.vms()[*place].id; });
    }
    std::ranges::sort(rows->recoveries, [](const db::Recovery& a, const db::Recovery& b) {
        return std::tie(a.since, a.id) < std::tie(b.since, b.id);
    });
    if (session.json)
        session.print_json(history_json(rows->recoveries, pool));
    else
        session.print(history_table(rows->recoveries, pool, session.style));
    return {};
}

Result<void> recovery_weights(const Session& session, const std::vector<std::string>& weights)
{
    if (!weights.empty())
        return change(session, "recovery/weights", {{"weights", weights}});
    auto rows = read_rows(session);
    if (!rows)
        return rows.error();
    const auto policy = recovery::fleet_policy_of(rows->policies);
    if (session.json)
        session.print_json(weights_json(policy));
    else
        session.print(weights_table(policy, session.style));
    return {};
}

Result<void> recovery_policy(const Session& session, const std::vector<std::string>& settings,
                             const std::optional<std::string>& vm)
{
    if (!settings.empty()) {
        Json order{{"settings", settings}};
        if (vm)
            order["vm"] = *vm;
        return change(session, "recovery/policy", order);
    }
    auto rows = read_rows(session);
    if (!rows)
        return rows.error();
    const auto pool = recovery::pool_of(*rows);
    if (vm) {
        const auto place = pool.find(*vm);
        if (!place)
            return place.error();
        std::erase_if(rows->policies, [&](const db::RecoveryPolicy& row) {
            return row.name != db::fleet_policy && row.name != pool.vms()[*place].id;
        });
    }
    if (session.json)
        session.print_json(policy_json(rows->policies, pool));
    else
        session.print(policy_page(rows->policies, pool, session.style));
    return {};
}

} // namespace holdfast::ctl
