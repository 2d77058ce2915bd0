// SPDX-License-Identifier: Apache-2.0
//
// hookd/switch-link: see switch-link.h.
#include <config.h>

#include "hookd/switch-link.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <spdlog/spdlog.h>

namespace asio = boost::asio;

namespace holdfast::hookd {
namespace {

using Json = nlohmann::json;

const char* const daemon_name = "ovs-vswitchd";
constexpr auto retry_interval = std::chrono::milliseconds{300};
constexpr auto poll_deadline = std::chrono::hours{24}; // Its end shows as a closed socket.
constexpr auto urgent_deadline = std::chrono::seconds{2};
constexpr auto sync_deadline = std::chrono::seconds{30}; // Ten thousand chains take a while.

Result<std::string> find_switch()
{
    return find_control_socket(daemon_name);
}

/// The parts of an answer of holdfast/watch.
struct Watched {
    std::int64_t seq = 0;
    std::vector<Json> events;
    std::set<std::string> silent; // Hops, by VM.
};

/// So that whoever reads an event later need not expect that it throws.
void check_types(const Json& event)
{
    for (const char* text : {"kind", "vm"})
        (void)event.value(text, std::string{});
    for (const char* number : {"time_ns", "frame_ns", "drained", "swallowed", "held", "lost"})
        (void)event.value(number, std::int64_t{0});
}

Result<Watched> parse_watched(const std::string& text)
try {
    Json answer = Json::parse(text);
    Watched watched;
    watched.seq = answer.at("seq").get<std::int64_t>();
    for (const Json& event : answer.at("events")) {
        check_types(event);
        watched.events.push_back(event);
    }
    // A switch that was not restarted since an upgrade may not say it.
    watched.silent = answer.value("silent", std::set<std::string>{});
    return watched;
} catch (const Json::exception& failed) {
    return Error{Errc::damaged, std::string{"the switch's events: "} + failed.what()};
}

} // namespace

SwitchLink::SwitchLink(asio::io_context& io, SwitchListener& listener)
    : io_{io}, listener_{listener}, urgent_{io.get_executor(), find_switch, daemon_name},
      slow_{io.get_executor(), find_switch, daemon_name},
      poll_{io.get_executor(), find_switch, daemon_name}, retry_{io}
{
}

void SwitchLink::start()
{
    asio::co_spawn(io_, watch(), asio::detached);
}

asio::awaitable<Result<std::string>> SwitchLink::urgent(std::string method,
                                                        std::vector<std::string> args)
{
    return urgent_.call(std::move(method), std::move(args), urgent_deadline);
}

asio::awaitable<Result<std::string>>
SwitchLink::call(std::string method, std::vector<std::string> args, Milliseconds deadline)
{
    return slow_.call(std::move(method), std::move(args), deadline);
}

asio::awaitable<Result<std::string>> SwitchLink::sync()
{
    return slow_.call("holdfast/sync", words(), sync_deadline);
}

void SwitchLink::sync_soon()
{
    sync_wanted_ = true;
    if (!sync_runs_)
        asio::co_spawn(io_, sync_once(), asio::detached);
    sync_runs_ = true;
}

asio::awaitable<void> SwitchLink::sync_once()
{
    while (sync_wanted_) {
        sync_wanted_ = false;
        // A switch that is away reads the store by itself when it comes back.
        if (auto done = co_await sync(); !done && done.error().code != Errc::unavailable)
            spdlog::error("switch: it does not take the store's flows over: {}",
                          done.error().message);
    }
    sync_runs_ = false;
}

asio::awaitable<Result<void>> SwitchLink::read_ports()
{
    auto answer = co_await slow_.call("holdfast/ports", words());
    if (!answer)
        co_return answer.error();
    auto ports = parse_switch_ports(*answer);
    if (!ports)
        co_return ports.error();
    listener_.switch_ports(std::move(*ports));
    co_return Result<void>{};
}

/// Follows the switch's events until it is lost.
asio::awaitable<Result<void>> SwitchLink::follow()
{
    std::int64_t seq = 0;
    for (bool first = true;; first = false) {
        auto answer =
            co_await poll_.call("holdfast/watch", words(std::to_string(seq)), poll_deadline);
        if (!answer)
            co_return answer.error();
        auto watched = parse_watched(*answer);
        if (!watched)
            co_return watched.error();
        seq = watched->seq;
        bool ports_changed = first;
        for (const Json& event : watched->events) {
            std::string kind = event.value("kind", "");
            ports_changed |= kind == "port-added" || kind == "port-removed";
            if (!first)
                listener_.switch_event(event);
        }
        if (first) {
            lost_told_ = false;
            // The first urgent order must find its connection open.
            co_await urgent_.call("version", words());
            listener_.switch_connected(std::move(watched->silent));
        }
        if (ports_changed) {
            if (auto done = co_await read_ports(); !done)
                co_return done;
        }
    }
}

asio::awaitable<void> SwitchLink::watch()
{
    for (;;) {
        auto ended = co_await follow();
        if (!lost_told_) {
            lost_told_ = true;
            listener_.switch_lost(ended.error().message);
        }
        boost::system::error_code cancelled;
        retry_.expires_after(retry_interval);
        co_await retry_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
        if (cancelled)
            co_return;
    }
}

} // namespace holdfast::hookd
