// SPDX-License-Identifier: Apache-2.0
//
// schedd/daemon: reads the store, takes part in the election, and has hookd write what is decided.
//
// A thin shell around election.h and decisions.h: it waits, reads and asks.  All that is remembered
// is in rows, so it can end at any instant, and another goes on.
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <string>

#include <nlohmann/json.hpp>

#include "common/control-client.h"
#include "common/ovs-loop.h"
#include "db/election.h"
#include "db/store.h"
#include "schedd/balance-rows.h"
#include "schedd/decisions.h"
#include "schedd/load-meter.h"

namespace holdfast::schedd {

/// The daemon.
/// Thread: that of the io_context.
class Daemon {
public:
    using Json = nlohmann::json;

    Daemon(boost::asio::io_context& io, const Config& config, const Settings& settings);

    /// Serves the control commands, and takes part from now on.
    void start(OvsLoop& loop);
    /// Gives the lease back, if it is ours or comes to be by what is under way, and then calls
    /// `ended`.
    void stop(std::function<void()> ended);

private:
    using Done = std::function<void(const Result<Json>&)>;
    /// Decides by the rows as they are now.
    using Planner = std::function<Result<Plan>(const db::ShareRows& rows, db::TimeNs now)>;
    using Handler = void (Daemon::*)(const Json& arguments, Done done);

    void add(OvsLoop& loop, const std::string& name, const std::string& usage, Handler handler);
    void status(const Json&, Done done);
    void request(const Json& arguments, Done done);
    void select(const Json& arguments, Done done);
    void remove(const Json& arguments, Done done);
    void review(const Json& arguments, Done done);

    boost::asio::awaitable<void> take_part();
    boost::asio::awaitable<void> elect(const db::ShareRows& rows);
    boost::asio::awaitable<void> keep_time(const db::ShareRows& rows);
    boost::asio::awaitable<void> tell_load(const db::ShareRows& rows);
    void part();
    boost::asio::awaitable<void> give_back();
    void decide_for(Planner planner, Done done);
    boost::asio::awaitable<void> decide_to_its_end(Planner planner, Done done);
    boost::asio::awaitable<Result<Json>> decide_once(const Planner& planner);
    boost::asio::awaitable<Result<void>> write(const db::LeaseStep& step, const Plan& plan);
    Result<db::ShareRows> read();
    Error not_leading() const;

    // In daemon-balance.cc.
    void load_tell(const Json&, Done done);
    boost::asio::awaitable<void> keep_balance();
    boost::asio::awaitable<void> balance_once();
    boost::asio::awaitable<Result<Reports>> ask_loads();
    boost::asio::awaitable<void> order_moves(std::vector<Json> orders);
    boost::asio::awaitable<Result<Json>> foresee_balance();
    boost::asio::awaitable<void> foresee(Json reviewed, Done done);

    boost::asio::io_context& io_;
    Config config_;
    Settings settings_;
    db::Election election_;
    LoadMeter meter_;
    AsyncControlClient hookd_;
    AsyncControlClient loads_; // The same hookd: asking all nodes takes its time.
    RoundCounts counts_;
    std::string trouble_; // Why the rows cannot be read, or hookd not be asked; empty: all is well.
    std::string leader_;  // As the rows say.
    bool led_ = false;    // At the last look.
    bool stepping_ = false;       // Hookd is asked for the lease, or that it runs on.
    std::function<void()> ended_; // Empty until it is to end.
};

} // namespace holdfast::schedd
