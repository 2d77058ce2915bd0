// SPDX-License-Identifier: Apache-2.0
//
// recoveryd/daemon: reads the store, takes part in the election, and has hookd do what is decided.
//
// A thin shell around db/election.h and recovery/decide.h: it waits, reads and asks.  All that is
// remembered is in rows, so it can end at any instant, and another goes on.
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "common/config.h"
#include "common/control-client.h"
#include "common/ovs-loop.h"
#include "db/election.h"
#include "recovery/decide.h"
#include "recovery/lateness.h"

namespace holdfast::recoveryd {

/// The daemon.
/// Thread: that of the io_context.
class Daemon {
public:
    using Json = nlohmann::json;

    Daemon(boost::asio::io_context& io, const Config& config);

    /// Serves the control commands, and takes part from now on.
    void start(OvsLoop& loop);
    /// Gives the lease back, if it is ours, and then calls `ended`.
    void stop(std::function<void()> ended);

private:
    using Election = db::Election;
    struct Rows {
        recovery::PoolRows pool;
        std::vector<db::Lease> leases;
    };

    boost::asio::awaitable<void> take_part();
    boost::asio::awaitable<void> elect(const Rows& rows);
    boost::asio::awaitable<void> part();
    boost::asio::awaitable<void> write(recovery::Order order);
    boost::asio::awaitable<void> run(recovery::Order order);
    boost::asio::awaitable<Result<void>> ask_lease(db::LeaseStep step);
    void decide_by(const Rows& rows);
    Result<Rows> read();
    Json status() const;

    boost::asio::io_context& io_;
    Config config_;
    Election election_;
    AsyncControlClient hookd_;
    boost::asio::steady_timer timer_;
    recovery::Lateness lateness_;
    std::string trouble_;             // Why the rows cannot be read; empty: all is well.
    std::string leader_;              // As the rows say.
    bool led_ = false;                // At the last look.
    bool looks_ = false;              // Just now.
    bool again_ = false;              // Rows have changed since.
    std::set<std::string> under_way_; // Of what is asked of hookd: VM ids.
    std::function<void()> ended_;     // Empty until it is to end.
};

} // namespace holdfast::recoveryd
