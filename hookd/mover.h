// SPDX-License-Identifier: Apache-2.0
//
// hookd/mover: carries moves out: feeds the machines, and does what they ask for.
//
// What a machine asks for is done in order, one thing at a time for each VM; different VMs
// do not wait for each other.
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "hookd/move-machine.h"
#include "hookd/switch-link.h"
#include "hookd/world.h"

namespace holdfast::hookd {

/// All moves that concern this hypervisor now.
/// Thread: that of the io_context.
class Mover {
public:
    Mover(boost::asio::io_context& io, World& world, SwitchLink& link);

    /// libvirt prepares an incoming VM.
    void incoming(const std::string& vm);
    /// The same for a service, whose move has an id already and comes from `peer`.
    void incoming(const std::string& vm, const std::string& move, const std::string& peer);
    /// Notes in the move's row when something happened, e.g. "committed".
    void note(const std::string& vm, const std::string& what);
    /// The row of the VM's newest move; null if it has none.  Until the next signal.
    const db::Move* row(const std::string& vm) const;
    /// What is told of a move by who does it: marks, each with its time, and figures, for which the
    /// last counts.  Nothing, if that is not the VM's newest move here.
    void told(const std::string& vm, const std::string& move,
              const std::map<std::string, db::TimeNs>& times,
              const std::map<std::string, std::int64_t>& figures);
    /// What a waiter is told: the row of the VM's move with nothing left to do for it; null if it
    /// has none, or that has ended.
    using Settled = std::function<bool(const db::Move* row)>;
    /// Calls `settled` now, and each time that all the VM's move asked for has been done, until it
    /// says that it has heard enough.
    void when_settled(const std::string& vm, Settled settled);
    /// A signal for the VM's move, if it has one.
    void signal(const std::string& vm, Signal what, db::TimeNs time);
    /// The switch sends to the port of what comes here what it kept for it, and passes on what
    /// leaves the port, before the move's own step is that it runs here.  `told`: it has been told,
    /// or cannot be.
    void open(const std::string& vm, std::function<void()> told);
    /// `left`: the switch does not lead what is for a service that has moved to its port here any
    /// more, or has not come to that within a second.
    void when_left(const std::string& service, std::function<void()> left);
    /// Likewise where the meaning depends on the side.
    void lifecycle(const std::string& vm, int event, int detail);
    /// An event of the switch that concerns a move.
    void switch_event(const nlohmann::json& event);
    /// Ports are known anew: those of incoming VMs among them.
    void ports_changed();
    /// The switch restarted: it is told again of what is under way, as the ports come.
    void switch_restarted();
    /// Where the guest of a VM that leaves counts the frames that it receives by the interface with
    /// this MAC address, in QEMU's memory.
    void ring(const std::string& vm, const std::string& mac, std::uint64_t address);
    /// A figure of libvirt's about the VM's newest move to here.
    void figure(const std::string& vm, const std::string& what, std::int64_t value);

    /// Rows of the other sides, as the fleet has them now.
    void peer_rows(const std::vector<db::Move>& rows);
    /// Goes on with the moves in the store; once, before anything is heard of them.
    void take_up();
    /// What became of them meanwhile; once, when libvirt's domains are known first.
    void resume();

    /// libvirtd was away: what it did meanwhile is told to the machines.
    void libvirt_back();

    /// VMs whose record must not follow what is seen of them now.
    std::set<std::string> under_way() const;

private:
    /// A machine and what it asked for.
    struct Run {
        explicit Run(MoveMachine m) : machine{std::move(m)} {}

        MoveMachine machine;
        db::Move stored; // The row as it was last written.
        std::deque<Action> todo;
        bool working = false; // A coroutine is at it.
        std::vector<Settled> waiting;
        bool told = true; // The switch has had its orders, since it or we started.
    };
    using RunPtr = std::shared_ptr<Run>;

    RunPtr find(const std::string& vm) const;
    RunPtr begin(MoveMachine machine);
    void feed(const RunPtr& run, Signal signal, db::TimeNs time);
    void add(const RunPtr& run, std::vector<Action> actions);
    void tell_settled(const RunPtr& run);
    void source_from(const db::Move& peer);
    void tell_reality(const RunPtr& run);
    void tell_switch();
    bool plugged(const std::string& vm) const;
    bool gone_from(const std::vector<db::Move>& rows, const Run& run) const;

    boost::asio::awaitable<void> work(RunPtr run);
    boost::asio::awaitable<void> act(RunPtr run, Action action);
    boost::asio::awaitable<void> await_leaving(std::string service);
    boost::asio::awaitable<bool> order(RunPtr run, std::string method,
                                       std::vector<std::string> more);
    boost::asio::awaitable<void> arm(RunPtr run);
    boost::asio::awaitable<void> turn(RunPtr run);
    boost::asio::awaitable<void> sweep();
    void put_row(Run& run);
    void take_over(const Run& run);
    std::vector<db::Event> new_events(const Run& run) const;

    boost::asio::io_context& io_;
    World& world_;
    SwitchLink& link_;
    boost::asio::steady_timer sweep_timer_;
    std::map<std::string, RunPtr> runs_; // By VM: the newest move of each.
    std::set<std::string> seen_peers_;   // Ids of moves whose other side's row was seen.
    bool resumed_ = false;               // What libvirt runs is known, so rows can be judged.
    std::optional<std::vector<db::Move>> early_rows_; // The fleet's rows from before that.
};

} // namespace holdfast::hookd
