// SPDX-License-Identifier: Apache-2.0
//
// hookd/switch-link: the connection to the module in this hypervisor's ovs-vswitchd.
//
// Three connections: urgent orders that nothing may delay, slow calls, and the long poll
// for events.  All come back by themselves when ovs-vswitchd restarts.
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/control-client.h"
#include "common/result.h"
#include "hookd/records.h"

namespace holdfast::hookd {

/// The words as a vector.  g++ 12 cannot compile a list in braces inside a co_await.
template <class... Words>
std::vector<std::string> words(Words&&... each)
{
    std::vector<std::string> all;
    (all.emplace_back(std::forward<Words>(each)), ...);
    return all;
}

/// Receives what the switch tells, on the io_context's thread.
class SwitchListener {
public:
    virtual ~SwitchListener() = default;
    /// Connected, now or again: a switch that restarted knows of no move.  `silent`: the VMs that
    /// let no probe through at the moment, as it says.
    virtual void switch_connected(std::set<std::string> silent) = 0;
    virtual void switch_lost(const std::string& why) = 0;
    /// What is plugged in now.
    virtual void switch_ports(std::vector<SwitchPort> ports) = 0;
    /// An event of `holdfast/watch`.
    virtual void switch_event(const nlohmann::json& event) = 0;
};

/// The connection.
/// Thread: that of the io_context.
class SwitchLink {
public:
    using Milliseconds = std::chrono::milliseconds;

    SwitchLink(boost::asio::io_context& io, SwitchListener& listener);

    /// Starts to connect and keeps at it.
    void start();

    /// An order that nothing may delay, over a connection that is open already.
    boost::asio::awaitable<Result<std::string>> urgent(std::string method,
                                                       std::vector<std::string> args);
    /// Any other call.
    boost::asio::awaitable<Result<std::string>> call(std::string method,
                                                     std::vector<std::string> args,
                                                     Milliseconds deadline = Milliseconds{5000});
    /// Has the switch read the store again; returns when its flows are in place.
    boost::asio::awaitable<Result<std::string>> sync();
    /// The same some time soon, once for any number of calls.
    void sync_soon();

private:
    boost::asio::awaitable<void> watch();
    boost::asio::awaitable<Result<void>> follow();
    boost::asio::awaitable<Result<void>> read_ports();
    boost::asio::awaitable<void> sync_once();

    boost::asio::io_context& io_;
    SwitchListener& listener_;
    AsyncControlClient urgent_;
    AsyncControlClient slow_;
    AsyncControlClient poll_;
    boost::asio::steady_timer retry_;
    bool lost_told_ = false;
    bool sync_wanted_ = false;
    bool sync_runs_ = false;
};

} // namespace holdfast::hookd
