// SPDX-License-Identifier: Apache-2.0
//
// recoveryd/daemon: see daemon.h.
#include <config.h>

#include "recoveryd/daemon.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

#include <spdlog/spdlog.h>

#include "common/json-command.h"
#include "db/recovery-json.h"
#include "db/share-json.h"
#include "recovery/read-rows.h"

// See schedd/daemon.cc.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace asio = boost::asio;

namespace holdfast::recoveryd {
namespace {

using recovery::Order;

// Hookd says when rows have changed; that time passes is seen at the next of these.
constexpr auto between_looks = std::chrono::milliseconds{500};
constexpr auto hookd_limit = std::chrono::milliseconds{10'000};
constexpr auto parting_limit = std::chrono::milliseconds{5000};
// Until a lease has expired, a VM is started, and its chains have followed.
constexpr auto run_limit = std::chrono::minutes{15};

db::TimeNs now_ns()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

} // namespace

Daemon::Daemon(asio::io_context& io, const Config& config)
    : io_{io}, config_{config}, election_{db::recovery_lease, config.hypervisor,
                                          std::chrono::seconds{config.recovery_lease_s}},
      hookd_{io.get_executor(),
             [] { return Result<std::string>{holdfast_control_socket("holdfast-hookd")}; },
             "holdfast-hookd"},
      timer_{io}
{
}

void Daemon::start(OvsLoop& loop)
{
    add_json_command(loop, "status", "", [this](const Json&, auto done) { done(status()); });
    add_json_command(loop, "look", "", [this](const Json&, auto done) {
        again_ = true;
        timer_.cancel();
        done(Json::object());
    });
    asio::co_spawn(io_, take_part(), [](const std::exception_ptr& failure) {
        if (failure)
            std::rethrow_exception(failure);
    });
}

void Daemon::stop(std::function<void()> ended)
{
    ended_ = std::move(ended);
    timer_.cancel();
}

Daemon::Json Daemon::status() const
{
    return {{"version", PACKAGE_VERSION},
            {"hypervisor", config_.hypervisor},
            {"leads", election_.leads(Election::Clock::now())},
            {"leader", leader_},
            {"term", election_.term()},
            {"trouble", trouble_}};
}

/// From the store of this hypervisor; anew each time, for the file may be another by now.
Result<Daemon::Rows> Daemon::read()
{
    auto store = db::Store::open_read_only(config_.store);
    if (!store)
        return store.error();
    auto pool = recovery::read_rows(*store);
    if (!pool)
        return pool.error();
    auto leases = store->leases();
    if (!leases)
        return leases.error();
    return Rows{std::move(*pool), std::move(*leases)};
}

asio::awaitable<void> Daemon::take_part()
{
    while (!ended_) {
        again_ = false;
        const auto rows = read();
        const std::string trouble = rows ? "" : rows.error().message;
        if (trouble != trouble_ && !trouble.empty())
            spdlog::warn("{}", trouble);
        trouble_ = trouble;
        if (rows) {
            co_await elect(*rows);
            decide_by(*rows);
        }
        if (again_ || ended_)
            continue;
        timer_.expires_after(between_looks);
        boost::system::error_code cancelled;
        co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    }
    co_await part();
}

asio::awaitable<void> Daemon::part()
{
    if (election_.term() != 0) {
        const db::LeaseStep step = election_.given_back();
        auto given = co_await ask_lease(step);
        if (!given)
            spdlog::warn("the lease runs on: {}", given.error().message);
    }
    ended_();
}

asio::awaitable<Result<void>> Daemon::ask_lease(db::LeaseStep step)
{
    const Json order{{"was", db::lease_json(step.was)}, {"to", db::lease_json(step.to)}};
    std::vector<std::string> words{to_text(order)};
    std::string method{"lease/step"};
    auto text = co_await hookd_.call(std::move(method), std::move(words),
                                     ended_ ? parting_limit : hookd_limit);
    if (!text)
        co_return text.error();
    const Json answer = Json::parse(*text, nullptr, false);
    if (!answer.is_object() || answer.value("outdated", true))
        co_return Error{Errc::outdated, "the lease has changed meanwhile"};
    co_return Result<void>{};
}

asio::awaitable<void> Daemon::elect(const Rows& rows)
{
    const auto row = std::ranges::find(rows.leases, db::recovery_lease, &db::Lease::name);
    leader_ = row == rows.leases.end() ? "" : row->holder;
    const auto now = Election::Clock::now();
    const auto step = election_.look(row == rows.leases.end() ? nullptr : &*row, now);
    if (step != Election::Step::nothing) {
        const db::LeaseStep asked = election_.asked_for(step, now_ns());
        auto written = co_await ask_lease(asked);
        if (written)
            election_.won(asked.to, now);
        else
            spdlog::debug("lease: {}", written.error().message);
    }
    const bool leads = election_.leads(Election::Clock::now());
    if (leads != std::exchange(led_, leads))
        spdlog::info("{}", leads ? "leads, in term " + std::to_string(election_.term())
                                 : std::string{"does not lead any more"});
}

/// One thing at a time for each VM; what is refused, since its row has changed, is decided anew.
void Daemon::decide_by(const Rows& rows)
{
    const auto late = lateness_.look(rows.pool.hypervisors, Election::Clock::now());
    if (ended_ || !election_.leads(Election::Clock::now()))
        return;
    for (const Order& order : recovery::decide(rows.pool, {}, late, now_ns())) {
        if (!under_way_.insert(order.to.vm).second)
            continue;
        asio::co_spawn(io_, order.kind == Order::Kind::run ? run(order) : write(order),
                       asio::detached);
    }
}

asio::awaitable<void> Daemon::write(Order order)
{
    Json ask = Json::object();
    if (order.kind == Order::Kind::remove)
        ask["remove"] = order.to.id;
    else
        ask["row"] = db::recovery_json(order.to);
    if (order.was && order.kind == Order::Kind::put)
        ask["was"] = db::recovery_json(*order.was);
    std::vector<std::string> words{to_text(ask)};
    std::string method{"recovery/put"};
    auto done = co_await hookd_.call(std::move(method), std::move(words), hookd_limit);
    if (!done)
        spdlog::warn("recovery of {}: {}", order.to.vm, done.error().message);
    under_way_.erase(order.to.vm);
}

asio::awaitable<void> Daemon::run(Order order)
{
    spdlog::info("VM {}: {} on {}: it is recovered", order.to.vm, order.to.failure,
                 order.to.hypervisor);
    const Json ask{{"vm", order.to.vm}, {"recovery", order.to.id}};
    std::vector<std::string> words{to_text(ask)};
    std::string method{"recovery/run"};
    auto done = co_await hookd_.call(std::move(method), std::move(words), run_limit);
    if (done)
        spdlog::info("VM {}: recovered", order.to.vm);
    else
        spdlog::warn("recovery of {}: {}", order.to.vm, done.error().message);
    under_way_.erase(order.to.vm);
}

} // namespace holdfast::recoveryd
