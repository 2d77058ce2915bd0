// SPDX-License-Identifier: Apache-2.0
//
// hookd/prober: probes the real servers whose VMs run here, and writes how they do (spec
// balancer.md, B10).
//
// What a probe means is hookd/health's, how it finds its server is hookd/probe-plan's.
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hookd/health.h"
#include "hookd/probe-plan.h"
#include "hookd/switch-link.h"
#include "hookd/tool.h"
#include "hookd/world.h"

namespace holdfast::hookd {

/// All probes of this hypervisor.
/// Thread: that of the io_context.
class Prober {
public:
    Prober(boost::asio::io_context& io, World& world, SwitchLink& link);

    /// The store changed: there may be others to probe.
    void store_changed(const StoreChange& change);
    /// The switch is there, now or again: its port is to be set up anew.
    void switch_connected();
    /// Without a switch no probe says anything of its server.
    void switch_lost();

private:
    /// One server that is probed.
    struct Run {
        Run(boost::asio::io_context& io, ProbeTarget t, Health h)
            : target{std::move(t)}, health{std::move(h)}, next{io}
        {
        }

        ProbeTarget target;
        Health health;
        boost::asio::steady_timer next;
        bool ended = false;
    };
    using RunPtr = std::shared_ptr<Run>;
    using Answer = std::optional<ProbeResult>; // None if nothing can be said of the server.

    boost::asio::awaitable<void> ask_datapath();
    void look_soon();
    void look();
    std::vector<ProbeTarget> targets();
    void end_all_but(const std::vector<ProbeTarget>& targets);
    void make_ways();
    /// `done`: why there is no IPv6, or empty.
    void ways_made(const std::vector<ProbeTarget>& targets, const Result<std::string>& done);
    void begin(const ProbeTarget& target);

    boost::asio::awaitable<void> work(RunPtr run);
    boost::asio::awaitable<Answer> probe(RunPtr run);
    boost::asio::awaitable<Answer> connect(RunPtr run);
    boost::asio::awaitable<Answer> run_program(RunPtr run);
    void note(Run& run, const ProbeResult& result);

    boost::asio::io_context& io_;
    World& world_;
    SwitchLink& link_;
    Tools ways_; // One thread: what it does has an order.
    std::map<std::string, std::unique_ptr<Tools>> programs_; // By VIP: one at a time.
    ProbeRoutes routes_;
    std::vector<ProbeTarget> wanted_;
    std::map<db::HealthKey, RunPtr> runs_;
    boost::asio::steady_timer again_; // After a failure.
    bool look_wanted_ = false;
    std::string no_v6_;      // Why there is no IPv6 in the namespace; empty if there is.
    bool kernel_ = false;    // The bridge has the kernel's datapath, where balancers do nothing.
    bool connected_ = false; // The switch is there, and its datapath is known.
    bool set_up_ = false;    // The port is as it has to be, or is about to be.
    bool ready_ = false;     // It is, and there is a way to each server.
    int switch_number_ = 0;  // Counts the switches that there were, so that what was begun with
                             // another says nothing.
};

} // namespace holdfast::hookd
