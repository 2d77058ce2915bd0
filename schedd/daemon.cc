// SPDX-License-Identifier: Apache-2.0
//
// schedd/daemon: see daemon.h.
#include <config.h>

#include "schedd/daemon.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

#include <spdlog/spdlog.h>

#include "common/decide.h"
#include "common/json-text.h"
#include "common/text.h"
#include "db/share-json.h"
#include "schedd/share-rows.h"

// g++ 12 takes operator new and delete of Asio's coroutine frames for two that do not fit, where it
// inlines one of them alone.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace asio = boost::asio;

namespace holdfast::schedd {

using db::Election;

namespace {

constexpr auto between_looks = std::chrono::milliseconds{500};
constexpr auto hookd_limit = std::chrono::milliseconds{10'000};
constexpr auto parting_limit = std::chrono::milliseconds{5000};
constexpr int worth_telling = 10; // Thousandths by which a load is another.

db::TimeNs now_ns()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

Time seconds_of(db::TimeNs time)
{
    return Time{std::chrono::duration_cast<Seconds>(std::chrono::nanoseconds{time})};
}

/// The lease was not as it was read.
Error late()
{
    return {Errc::outdated, "the lease has changed meanwhile"};
}

Result<std::string> hookd_socket()
{
    return holdfast_control_socket("holdfast-hookd");
}

/// The services that run here.
std::vector<ServiceHere> services_here(const db::ShareRows& rows, const std::string& self)
{
    std::vector<ServiceHere> here;
    for (const db::Service& row : rows.services)
        if (row.hypervisor == self && row.state != "stopped" && row.pid > 0)
            here.push_back({row.id, row.pid});
    return here;
}

std::string load_file(const Config& config)
{
    const auto slash = config.store.rfind('/');
    return config.store.substr(0, slash == std::string::npos ? 0 : slash + 1) + "load.json";
}

} // namespace

Daemon::Daemon(asio::io_context& io, const Config& config, const Settings& settings)
    : io_{io}, config_{config}, settings_{settings}, election_{db::schedd_lease, config.hypervisor,
                                                               settings_.lease},
      meter_{load_file(config), NodeCpu{config.node_cpus, config.node_control_group},
             settings_.average},
      hookd_{io.get_executor(), hookd_socket, "holdfast-hookd"}, loads_{io.get_executor(),
                                                                        hookd_socket,
                                                                        "holdfast-hookd"}
{
}

void Daemon::add(OvsLoop& loop, const std::string& name, const std::string& usage, Handler handler)
{
    loop.register_command(
        name, usage, 0, 1, [this, handler](std::vector<std::string> args, OvsLoop::Reply reply) {
            Json arguments = args.empty() ? Json::object() : Json::parse(args[0], nullptr, false);
            auto shared = std::make_shared<OvsLoop::Reply>(std::move(reply));
            auto done = [shared](const Result<Json>& answer) {
                if (answer)
                    shared->ok(to_text(*answer));
                else
                    shared->error(one_line(answer.error().message));
            };
            try {
                if (arguments.is_object())
                    (this->*handler)(arguments, done);
                else
                    done(Error{Errc::invalid, "the argument is no JSON object: give one, or none"});
            } catch (const Json::exception& wrong) {
                done(Error{Errc::invalid,
                           std::string{"the argument is of the wrong shape: "} + wrong.what()});
            }
        });
}

void Daemon::start(OvsLoop& loop)
{
    add(loop, "status", "", &Daemon::status);
    add(loop, "quota/request",
        "{user,amount,hours_a_day,hours_a_week,storage,work_per_hour,nodes,administrator}",
        &Daemon::request);
    add(loop, "quota/select", "{user,nodes}", &Daemon::select);
    add(loop, "quota/del", "{user}", &Daemon::remove);
    add(loop, "quota/review", "{dry_run}", &Daemon::review);
    add(loop, "load/tell", "", &Daemon::load_tell);
    const auto fail = [](const std::exception_ptr& failure) {
        if (failure)
            std::rethrow_exception(failure);
    };
    asio::co_spawn(io_, take_part(), fail);
    asio::co_spawn(io_, keep_balance(), fail);
}

void Daemon::stop(std::function<void()> ended)
{
    if (auto saved = meter_.save(); !saved)
        spdlog::warn("{}", saved.error().message);
    ended_ = std::move(ended);
    if (!stepping_)
        part();
}

/// Ends, and gives the lease back before.
void Daemon::part()
{
    // It may be the row's still, though it is too old to decide by.
    if (election_.term() != 0)
        asio::co_spawn(io_, give_back(), asio::detached);
    else
        ended_();
}

asio::awaitable<void> Daemon::give_back()
{
    const db::LeaseStep step = election_.given_back();
    const Json order{{"was", db::lease_json(step.was)}, {"to", db::lease_json(step.to)}};
    std::vector<std::string> words{to_text(order)};
    std::string method{"lease/step"};
    auto answer = co_await hookd_.call(std::move(method), std::move(words), parting_limit);
    if (!answer)
        spdlog::warn("the lease runs on: {}", answer.error().message);
    ended_();
}

// --- The election. ---

/// The rows, from the store of this hypervisor.
Result<db::ShareRows> Daemon::read()
{
    // Anew each time: the file may be another by now.
    auto store = db::Store::open_read_only(config_.store);
    if (!store)
        return store.error();
    return store->share_rows();
}

asio::awaitable<void> Daemon::take_part()
{
    asio::steady_timer timer{io_};
    while (!ended_) {
        auto rows = read();
        meter_.look(rows ? services_here(*rows, config_.hypervisor) : std::vector<ServiceHere>{},
                    seconds_of(now_ns()));
        const std::string trouble = rows ? "" : rows.error().message;
        if (trouble != trouble_ && !trouble.empty())
            spdlog::warn("{}", trouble);
        trouble_ = trouble;
        if (rows) {
            co_await elect(*rows);
            if (ended_)
                co_return part();
            co_await tell_load(*rows);
            co_await keep_time(*rows);
        }
        timer.expires_after(between_looks);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

asio::awaitable<void> Daemon::elect(const db::ShareRows& rows)
{
    const db::Lease row = lease_of(rows);
    leader_ = row.holder;
    const auto now = Election::Clock::now();
    const auto step = election_.look(row.term == 0 ? nullptr : &row, now);
    if (step != Election::Step::nothing) {
        const db::LeaseStep asked = election_.asked_for(step, now_ns());
        const Plan nothing;
        stepping_ = true;
        auto written = co_await write(asked, nothing);
        stepping_ = false;
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

/// Ends periods, and intervals within them.
asio::awaitable<void> Daemon::keep_time(const db::ShareRows& rows)
{
    if (!election_.leads(Election::Clock::now()))
        co_return;
    Planner planner;
    switch (due(lease_of(rows), settings_, now_ns())) {
    case Due::review:
        planner = [this](const db::ShareRows& read, db::TimeNs now) -> Result<Plan> {
            return plan_review(read, settings_, now);
        };
        break;
    case Due::interval:
        planner = [this](const db::ShareRows& read, db::TimeNs now) -> Result<Plan> {
            return plan_interval(read, settings_, now);
        };
        break;
    case Due::nothing:
        co_return;
    }
    auto decided = co_await decide_once(planner); // One that is late comes again.
    if (!decided && decided.error().code != Errc::outdated)
        spdlog::warn("end of a period: {}", decided.error().message);
}

/// Others choose by it.
asio::awaitable<void> Daemon::tell_load(const db::ShareRows& rows)
{
    const auto self = std::ranges::find(rows.hypervisors, true, &db::Hypervisor::self);
    const Time now = seconds_of(now_ns());
    const int load = meter_.recent(now);
    const int period_load = meter_.over(settings_.policy.period, now);
    const auto differs = [](int known, int measured) {
        return (known < 0) != (measured < 0) || std::abs(known - measured) >= worth_telling;
    };
    if (self == rows.hypervisors.end() ||
        !(differs(self->load, load) || differs(self->period_load, period_load)))
        co_return;
    if (auto saved = meter_.save(); !saved)
        spdlog::warn("{}", saved.error().message);
    std::vector<std::string> words{to_text(Json{{"load", load}, {"period_load", period_load}})};
    std::string method{"node/load"};
    auto told = co_await hookd_.call(std::move(method), std::move(words), hookd_limit);
    if (!told)
        spdlog::debug("load: {}", told.error().message);
}

// --- Decisions. ---

Error Daemon::not_leading() const
{
    return {Errc::unavailable,
            "the holdfast-schedd of " + config_.hypervisor + " does not lead, that of " +
                (leader_.empty() || leader_ == config_.hypervisor ? "none" : leader_) +
                " does: try again in some seconds"};
}

asio::awaitable<Result<void>> Daemon::write(const db::LeaseStep& step, const Plan& plan)
{
    Json order{{"was", db::lease_json(step.was)},
               {"to", db::lease_json(step.to)},
               {"put", Json::array()},
               {"remove", plan.remove},
               {"events", plan.events}};
    for (const db::Quota& row : plan.put)
        order["put"].push_back(db::quota_json(row));
    std::vector<std::string> words{to_text(order)};
    std::string method{"lease/step"};
    auto text = co_await hookd_.call(std::move(method), std::move(words), hookd_limit);
    if (!text)
        co_return text.error();
    const Json answer = Json::parse(*text, nullptr, false);
    if (!answer.is_object())
        co_return Error{Errc::damaged, "holdfast-hookd answers what is no JSON object: is it of "
                                       "another version?"};
    if (answer.value("outdated", true))
        co_return late();
    co_return Result<void>{};
}

/// Errors: outdated if anything was decided since the rows were read, or the store is behind.
asio::awaitable<Result<Daemon::Json>> Daemon::decide_once(const Planner& planner)
{
    auto rows = read();
    if (!rows)
        co_return rows.error();
    const db::Lease was = lease_of(*rows);
    if (!election_.leads(Election::Clock::now()))
        co_return not_leading();
    if (was.term != election_.term())
        co_return late();
    auto plan = planner(*rows, now_ns());
    if (!plan)
        co_return plan.error();
    db::LeaseStep step{was, plan->lease};
    ++step.to.decided;
    auto written = co_await write(step, *plan);
    if (!written)
        co_return written.error();
    for (const std::string& event : plan->events)
        spdlog::info("{}", event);
    co_return plan->answer;
}

asio::awaitable<void> Daemon::decide_to_its_end(Planner planner, Done done)
{
    std::function<asio::awaitable<Result<Json>>()> once = [this, &planner] {
        return decide_once(planner);
    };
    std::string kind = "decision";
    std::string name = "of shares";
    auto decided = co_await decide<Json>(io_, kind, name, once);
    done(decided);
}

void Daemon::decide_for(Planner planner, Done done)
{
    asio::co_spawn(io_, decide_to_its_end(std::move(planner), std::move(done)),
                   [](const std::exception_ptr& failure) {
                       if (failure)
                           std::rethrow_exception(failure);
                   });
}

// --- Commands. ---

void Daemon::status(const Json&, Done done)
{
    done(Json{{"version", PACKAGE_VERSION},
              {"hypervisor", config_.hypervisor},
              {"leads", election_.leads(Election::Clock::now())},
              {"leader", leader_},
              {"term", election_.term()},
              {"trouble", trouble_}});
}

void Daemon::request(const Json& arguments, Done done)
{
    auto order = order_from(arguments);
    if (!order)
        done(order.error());
    else
        decide_for(
            [this, order = *order](const db::ShareRows& rows, db::TimeNs now) {
                return plan_request(rows, settings_, order, now);
            },
            std::move(done));
}

void Daemon::select(const Json& arguments, Done done)
{
    const std::string user = arguments.at("user");
    const std::vector<std::string> nodes = arguments.at("nodes");
    decide_for(
        [this, user, nodes](const db::ShareRows& rows, db::TimeNs now) {
            return plan_select(rows, settings_, user, nodes, now);
        },
        std::move(done));
}

void Daemon::remove(const Json& arguments, Done done)
{
    const std::string user = arguments.at("user");
    decide_for([this, user](const db::ShareRows& rows,
                            db::TimeNs now) { return plan_removal(rows, settings_, user, now); },
               std::move(done));
}

void Daemon::review(const Json& arguments, Done done)
{
    if (!arguments.value("dry_run", false)) {
        decide_for(
            [this](const db::ShareRows& rows, db::TimeNs now) -> Result<Plan> {
                return plan_review(rows, settings_, now);
            },
            std::move(done));
        return;
    }
    auto rows = read();
    if (!rows)
        done(rows.error());
    else if (!election_.leads(Election::Clock::now()))
        done(not_leading());
    else
        asio::co_spawn(io_, foresee(plan_review(*rows, settings_, now_ns()).answer, done),
                       [](const std::exception_ptr& failure) {
                           if (failure)
                               std::rethrow_exception(failure);
                       });
}

} // namespace holdfast::schedd
