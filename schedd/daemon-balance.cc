// SPDX-License-Identifier: Apache-2.0
//
// schedd/daemon-balance: the rounds of balance of the daemon that leads; see daemon.h.
//
// What a round decides is written with the lease before anything is asked for, so that another
// leader knows of it; each order carries the term, and one of an older term is refused.
#include <config.h>

#include "schedd/daemon.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <spdlog/spdlog.h>

#include "common/json-text.h"
#include "schedd/share-rows.h"

#pragma GCC diagnostic ignored "-Wmismatched-new-delete" // As in daemon.cc.

namespace asio = boost::asio;

namespace holdfast::schedd {
namespace {

using Json = nlohmann::json;

constexpr auto loads_limit = std::chrono::milliseconds{15'000};
constexpr auto order_limit = std::chrono::milliseconds{10'000};

Time time_now()
{
    return std::chrono::time_point_cast<Seconds>(std::chrono::system_clock::now());
}

/// What one round decides, and what was known before.
struct Decided {
    Environment environment;
    BalanceMemory before;
    Round round;
};

Decided decide_round(const db::ShareRows& rows, const Reports& reports, const RoundCounts& counts,
                     const Settings& settings, const std::string& self)
{
    const db::Lease lease = lease_of(rows);
    const BalanceMemory memory = memory_from(lease.balance);
    const RoundInput input{rows, reports, memory, counts, settings, self, time_now()};
    Decided decided;
    const BalanceMemory back = looked_back(input, environment_of(input));
    const RoundInput anew{rows, reports, back, counts, settings, self, input.now};
    decided.environment = environment_of(anew);
    decided.before = back;
    decided.round = balance(decided.environment, settings.balance);
    if (period_ended(back, lease)) {
        const Round end = consolidate(decided.environment, settings.balance);
        decided.round.roles.insert(decided.round.roles.end(), end.roles.begin(), end.roles.end());
        decided.round.stays.insert(decided.round.stays.end(), end.stays.begin(), end.stays.end());
        decided.before.consolidated = lease.reviewed;
    }
    return decided;
}

/// The lease once the round is decided.
Plan plan_of(const db::ShareRows& rows, const Decided& decided)
{
    Plan plan;
    plan.lease = lease_of(rows);
    plan.put = shares_after(rows, decided.before, decided.environment, decided.round);
    const BalanceMemory after =
        remembered(decided.before, decided.environment, decided.round, decided.environment.now);
    plan.lease.balance = memory_text(after);
    for (const Move& move : decided.round.moves)
        if (is_migration(move))
            plan.events.push_back(move.reason);
    for (const RoleChange& change : decided.round.roles) {
        const std::string& name = decided.environment.nodes[at(change.node)].name;
        if (change.role != Role::spare && name == plan.lease.spare)
            plan.lease.spare.clear();
        else if (change.role == Role::spare && plan.lease.spare.empty())
            plan.lease.spare = name; // It is given to nobody, and lent.
        plan.events.push_back(change.reason);
    }
    for (const Handover& handover : decided.round.handovers) {
        plan.lease.holder = decided.environment.nodes[at(handover.leader)].name;
        plan.lease.term = handover.term;
        ++plan.lease.beat;
        plan.events.push_back(handover.reason);
    }
    return plan;
}

std::vector<Json> orders_of(const Decided& decided)
{
    std::vector<Json> orders;
    for (const Move& move : decided.round.moves)
        if (is_migration(move))
            orders.push_back({{"service", decided.environment.processes[move.process].name},
                              {"to", decided.environment.nodes[at(move.to)].name},
                              {"term", decided.round.term},
                              {"asked_by", "schedd"}});
    return orders;
}

} // namespace

void Daemon::load_tell(const Json&, Done done)
{
    done(meter_.report(time_now()));
}

asio::awaitable<void> Daemon::keep_balance()
{
    if (settings_.round == Seconds{0})
        co_return;
    asio::steady_timer timer{io_};
    while (!ended_) {
        timer.expires_after(settings_.round);
        co_await timer.async_wait(asio::use_awaitable);
        if (election_.leads(db::Election::Clock::now()))
            co_await balance_once();
        else
            counts_ = {};
    }
}

asio::awaitable<Result<Reports>> Daemon::ask_loads()
{
    std::string method{"node/loads"};
    std::vector<std::string> words;
    auto text = co_await loads_.call(std::move(method), std::move(words), loads_limit);
    if (!text)
        co_return text.error();
    const Json answer = Json::parse(*text, nullptr, false);
    if (!answer.is_object())
        co_return Error{Errc::damaged, "holdfast-hookd answers what is no JSON object: is it of "
                                       "another version?"};
    co_return reports_from(answer);
}

asio::awaitable<void> Daemon::balance_once()
{
    auto reports = co_await ask_loads();
    auto rows = reports ? read() : Result<db::ShareRows>{reports.error()};
    if (!rows) {
        spdlog::warn("balance: {}", rows.error().message);
        co_return;
    }
    const db::Lease was = lease_of(*rows);
    if (!election_.leads(db::Election::Clock::now()) || was.term != election_.term())
        co_return; // The next round is another's.
    const Decided decided = decide_round(*rows, *reports, counts_, settings_, config_.hypervisor);
    counts_ = counted(decided.environment, decided.round);
    for (const Stay& stay : decided.round.stays)
        spdlog::debug("balance: {}", stay.reason);
    const Plan plan = plan_of(*rows, decided);
    if (plan.lease == was)
        co_return;
    db::LeaseStep step{was, plan.lease};
    ++step.to.decided;
    auto written = co_await write(step, plan);
    if (!written) { // Decided anew in the next round, by the rows as they are then.
        spdlog::info("balance: nothing is moved in this round: {}", written.error().message);
        co_return;
    }
    for (const std::string& event : plan.events)
        spdlog::info("{}", event);
    co_await order_moves(orders_of(decided));
}

/// One that is refused is seen by the rounds to come: the service stays where it is.
asio::awaitable<void> Daemon::order_moves(std::vector<Json> orders)
{
    for (const Json& order : orders) {
        std::string method{"service/migrate"};
        std::vector<std::string> words{to_text(order)};
        auto asked = co_await loads_.call(std::move(method), std::move(words), order_limit);
        if (!asked)
            spdlog::warn("balance: {}", asked.error().message);
    }
}

asio::awaitable<Result<Json>> Daemon::foresee_balance()
{
    if (settings_.round == Seconds{0})
        co_return Json(nullptr);
    auto reports = co_await ask_loads();
    if (!reports)
        co_return reports.error();
    auto rows = read();
    if (!rows)
        co_return rows.error();
    const Decided decided = decide_round(*rows, *reports, counts_, settings_, config_.hypervisor);
    co_return round_json(decided.environment, decided.round);
}

asio::awaitable<void> Daemon::foresee(Json reviewed, Done done)
{
    auto balance = co_await foresee_balance();
    if (!balance) {
        done(balance.error());
        co_return;
    }
    reviewed["balance"] = *balance;
    done(reviewed);
}

} // namespace holdfast::schedd
