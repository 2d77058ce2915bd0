// SPDX-License-Identifier: Apache-2.0
//
// hookd/prober: see prober.h.
#include <config.h>

#include "hookd/prober.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "common/probe.h"
#include "db/balancer.h"
#include "hookd/await.h"
#include "hookd/probe-space.h"

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace holdfast::hookd {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds again_after{5}; // A failure.
constexpr std::size_t longest_line = 4096;     // Of an HTTP answer.
constexpr const char* subject = "probes";

/// What probing depends on: a new weight or a new neighbour is no reason to begin anew.
ProbeTarget essence(const ProbeTarget& target)
{
    ProbeTarget same = target;
    db::Balancer& balancer = same.balancer;
    same.server = {};
    same.server.address = target.server.address;
    balancer.servers.clear();
    balancer.policy.clear();
    balancer.sorry.clear();
    balancer.sorry_mac.clear();
    balancer.sorry_port = balancer.persistence = balancer.slow_start = 0;
    return same;
}

int microseconds_since(Clock::time_point begun)
{
    return static_cast<int>(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun).count());
}

std::string no_answer(const ProbeTarget& target)
{
    return "no answer for " + std::to_string(target.balancer.timeout_ms) + " ms";
}

/// A connection with an end to its time.
struct Limited {
    Limited(asio::io_context& io, int fd, const tcp& family) : socket{io, family, fd}, timer{io} {}

    tcp::socket socket;
    asio::steady_timer timer;
    bool late = false;
};

/// Asks over a connection that is open; "" or the first line of the answer.
asio::awaitable<std::string> first_line(tcp::socket& socket, std::string request, error_code& error)
{
    co_await asio::async_write(socket, asio::buffer(request),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error)
        co_return std::string{};
    std::string text;
    const std::size_t size =
        co_await asio::async_read_until(socket, asio::dynamic_buffer(text, longest_line), '\n',
                                        asio::redirect_error(asio::use_awaitable, error));
    co_return text.substr(0, size);
}

} // namespace

Prober::Prober(asio::io_context& io, World& world, SwitchLink& link)
    : io_{io}, world_{world}, link_{link}, ways_{io, 1}, again_{io}
{
}

void Prober::store_changed(const StoreChange& change)
{
    if (!change.put_balancers.empty() || !change.remove_balancers.empty() ||
        !change.put_vms.empty() || !change.remove_vms.empty() || !change.put_health.empty())
        look_soon();
}

void Prober::switch_connected()
{
    ++switch_number_;
    set_up_ = ready_ = false;
    no_v6_.clear();
    asio::co_spawn(io_, ask_datapath(), asio::detached);
}

void Prober::switch_lost()
{
    ++switch_number_;
    connected_ = set_up_ = ready_ = false;
}

asio::awaitable<void> Prober::ask_datapath()
{
    const auto answer = co_await link_.call("holdfast/status", {});
    if (!answer)
        co_return; // It comes again, or switch_connected() does.
    const auto status = nlohmann::json::parse(*answer, nullptr, false);
    connected_ = true;
    kernel_ = status.is_object() && status.value("datapath", "") == "kernel";
    look_soon();
}

/// Once for any number of changes.
void Prober::look_soon()
{
    if (std::exchange(look_wanted_, true))
        return;
    asio::post(io_, [this] {
        look_wanted_ = false;
        look();
    });
}

void Prober::look()
{
    StoreChange change;
    change.remove_health = rows_to_drop(world_.ledger.health(), world_.ledger.vms(), world_.self());
    if (!change.remove_health.empty())
        world_.commit(change);
    auto wanted = targets();
    const bool same = wanted == wanted_;
    if (!same)
        end_all_but(wanted);
    wanted_ = std::move(wanted);
    if (!same || (!set_up_ && !wanted_.empty()))
        make_ways();
}

/// Those that can be probed; the others are told.
std::vector<ProbeTarget> Prober::targets()
{
    std::vector<ProbeTarget> can;
    std::string cannot;
    for (const ProbeTarget& target :
         probe_targets(world_.ledger.balancers(), world_.ledger.vms(), world_.self())) {
        const db::Balancer& balancer = target.balancer;
        if (!db::is_builtin(balancer))
            continue;
        if (kernel_)
            cannot = "the servers of " + balancer.name + " are not: bridge " +
                     world_.config.bridge +
                     " has the kernel's datapath, where balancers do nothing";
        else if (!no_v6_.empty() && is_v6(target))
            cannot = "the servers of " + balancer.name + " are not, as there is no IPv6 here (" +
                     no_v6_ + "): start the machine with IPv6, or make it anew without --check";
        else if (balancer.protocol != "tcp" && balancer.check != "command")
            cannot = "the servers of " + balancer.name +
                     " are not, and get no connections: its protocol is udp; make it anew with "
                     "--check command:/PROGRAM or without --check";
        else
            can.push_back(essence(target));
    }
    world_.problem("probes of servers", cannot);
    return can;
}

void Prober::end_all_but(const std::vector<ProbeTarget>& targets)
{
    std::erase_if(runs_, [&](const auto& one) {
        const bool stays = std::ranges::find(targets, one.second->target) != targets.end();
        if (!stays) {
            one.second->ended = true;
            one.second->next.cancel();
        }
        return !stays;
    });
}

/// The port, if it has to be made, and the ways to the servers.
void Prober::make_ways()
{
    if (!connected_)
        return;
    auto change = routes_.want(wanted_);
    const bool anew = !set_up_;
    if (anew)
        change = {{}, routes_.all()};
    const auto work = [anew, change, bridge = world_.config.bridge, ovs_db = world_.config.ovs_db,
                       known = no_v6_]() -> Result<std::string> {
        auto no_v6 = anew ? set_up_probe_space(bridge, ovs_db) : Result<std::string>{known};
        if (!no_v6)
            return no_v6;
        if (auto done = change_routes(no_v6->empty() ? change : without_v6(change)); !done)
            return done.error();
        return no_v6;
    };
    set_up_ = true; // What is asked for from now on is done after this.
    ways_.run(work, [this, wanted = wanted_, number = switch_number_](const auto& done) {
        if (number == switch_number_)
            ways_made(wanted, done);
    });
}

void Prober::ways_made(const std::vector<ProbeTarget>& targets, const Result<std::string>& done)
{
    world_.problem(subject, done ? ""
                                 : std::string{"real servers cannot be probed ("} +
                                       done.error().message + "): it is tried again each 5 s");
    ready_ = static_cast<bool>(done);
    if (!done) {
        set_up_ = false;
        again_.expires_after(again_after);
        again_.async_wait([this](const error_code& error) {
            if (!error)
                look_soon();
        });
        return;
    }
    if (*done != std::exchange(no_v6_, *done))
        look(); // Targets are others now.
    for (const ProbeTarget& target : targets)
        if (std::ranges::find(wanted_, target) != wanted_.end())
            begin(target);
}

void Prober::begin(const ProbeTarget& target)
{
    const auto key = target.key(world_.self());
    if (runs_.contains(key))
        return;
    const auto* known =
        db::health_of(world_.ledger.health(), world_.ledger.vms(), key.balancer, key.address);
    db::ServerHealth row;
    row.balancer = key.balancer;
    row.address = key.address;
    row.hypervisor = key.hypervisor;
    Health health{row, target.balancer.rise, target.balancer.fall,
                  known ? std::optional{*known} : std::nullopt};
    auto run = std::make_shared<Run>(io_, target, std::move(health));
    runs_.emplace(key, run);
    asio::co_spawn(io_, work(run), asio::detached);
}

/// Probes it until it is none of ours any more.
asio::awaitable<void> Prober::work(RunPtr run)
{
    while (!run->ended) {
        const std::chrono::milliseconds interval{run->target.balancer.interval_ms};
        const auto next = Clock::now() + interval;
        if (ready_) {
            const int number = switch_number_;
            const Answer answer = co_await probe(run);
            if (answer && !run->ended && number == switch_number_ && ready_)
                note(*run, *answer);
        }
        if (run->ended)
            break;
        error_code error;
        run->next.expires_at(next);
        co_await run->next.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
}

asio::awaitable<Prober::Answer> Prober::probe(RunPtr run)
{
    if (run->target.balancer.check == "command")
        co_return co_await run_program(run);
    co_return co_await connect(run);
}

asio::awaitable<Prober::Answer> Prober::connect(RunPtr run)
{
    const db::Balancer& balancer = run->target.balancer;
    const tcp::endpoint vip{asio::ip::make_address(balancer.vip),
                            static_cast<unsigned short>(balancer.port)};
    const auto fd = open_probe_socket(routes_.number(run->target), vip.address().is_v6());
    if (!fd) {
        world_.problem(subject, fd.error().message + ": no real server is probed");
        set_up_ = ready_ = false;
        look_soon();
        co_return std::nullopt;
    }
    auto limited = std::make_shared<Limited>(io_, *fd, vip.protocol());
    limited->timer.expires_after(std::chrono::milliseconds{balancer.timeout_ms});
    limited->timer.async_wait([limited](const error_code& stopped) {
        if (stopped)
            return;
        limited->late = true;
        limited->socket.close();
    });
    const auto begun = Clock::now();
    ProbeResult result{true, "connected", -1};
    error_code error;
    co_await limited->socket.async_connect(vip, asio::redirect_error(asio::use_awaitable, error));
    if (!error && balancer.check == "http") {
        const std::string line =
            co_await first_line(limited->socket, http_request(run->target), error);
        if (!error)
            result = judge_http(line, balancer.check_expect);
    }
    limited->timer.cancel();
    if (limited->late)
        co_return ProbeResult{false, no_answer(run->target), -1};
    if (error)
        co_return ProbeResult{false, error.message(), -1};
    result.answer_us = microseconds_since(begun);
    co_return result;
}

asio::awaitable<Prober::Answer> Prober::run_program(RunPtr run)
{
    const db::Balancer& balancer = run->target.balancer;
    auto& tools = programs_[balancer.vip];
    if (!tools)
        tools = std::make_unique<Tools>(io_, 1);
    // Measured in the thread: others for the same VIP may have been before it.
    auto took_us = std::make_shared<int>(-1);
    std::function<void(std::function<void(const Result<std::string>&)>)> start =
        [&tools, run, took_us](std::function<void(const Result<std::string>&)> done) {
            tools->run(
                [run, took_us] {
                    const auto begun = Clock::now();
                    auto ended = run_probe_program(run->target);
                    *took_us = microseconds_since(begun);
                    return ended;
                },
                done);
        };
    const Result<std::string> ended =
        co_await await_answer<Result<std::string>>(io_, std::move(start));
    if (ended)
        co_return ProbeResult{true, balancer.check_target + " said so", *took_us};
    if (ended.error().code == Errc::unavailable)
        co_return ProbeResult{false, no_answer(run->target), -1};
    co_return ProbeResult{false, balancer.check_target + " failed: " + ended.error().message, -1};
}

void Prober::note(Run& run, const ProbeResult& result)
{
    const std::string before = run.health.row().state;
    if (!run.health.take(result, now_ns()))
        return;
    db::ServerHealth row = run.health.row();
    if (const auto* stored = db::find_health(world_.ledger.health(), db::HealthKey::of(row))) {
        row.cpu = stored->cpu; // hookd/load-watch's.
        row.memory = stored->memory;
    }
    if (row.state != before)
        spdlog::info("server {} of balancer {} is {}: {}", row.address, row.balancer, row.state,
                     row.text);
    StoreChange change;
    change.put_health = {row};
    world_.commit(change);
}

} // namespace holdfast::hookd
