// SPDX-License-Identifier: Apache-2.0
//
// hookd/recovery-watch: tells the fleet what becomes of this hypervisor's VMs, and keeps those that
// are, or may be, recovered elsewhere from running here too (spec recovery.md, R8, R9).
//
// The decisions are in hookd/vm-failures and hookd/lease-guard.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <set>
#include <string>

#include "hookd/agent-silence.h"
#include "hookd/domain-control.h"
#include "hookd/fleet-link.h"
#include "hookd/mover.h"
#include "hookd/tool.h"
#include "hookd/vm-failures.h"
#include "hookd/world.h"

namespace holdfast::hookd {

/// The watch.
/// Thread: that of the io_context.
class RecoveryWatch {
public:
    RecoveryWatch(boost::asio::io_context& io, World& world, FleetLink& fleet, const Mover& mover);

    /// Begins, with what the store knows of the time before.
    void start();
    /// Looks at the VMs as they are now.
    void look();
    /// A lifecycle event of libvirt's.
    void event(const std::string& vm, int event, int detail);
    /// Asks that agents be asked for a sign of life; `vms`: those whose silence would count.
    std::function<void(std::vector<std::string> vms)> ask_agents;
    /// Its agent was asked, and what came of it.
    void agent_asked(const std::string& vm, AgentSign sign);
    /// Ends a VM of this hypervisor's, whose place another is to have; `done` is called when it has
    /// ended.
    void end(const std::string& vm, Tools::Done done);
    /// Whether a VM may be started here now, as far as its lease says.  One that may not is started
    /// later, if libvirt is to do that by itself.
    /// Errors:  unavailable: nobody knows whether it was recovered elsewhere.
    Result<void> may_begin(const std::string& vm);
    /// Whether the failure that was told of a VM here does not hold any more.
    bool is_well(const std::string& vm, const std::string& failure) const;

private:
    using Clock = std::chrono::steady_clock;

    void tick();
    void write_failures();
    void end_replaced();
    void keep_leases();
    void return_fenced();
    void begin_refused();
    void fence(const std::string& vm, LeaseGuard::Time deadline);
    void fenced(const std::string& vm, const Result<std::string>& paused);
    void kill_at(const std::string& vm, LeaseGuard::Time deadline);
    void keep_fenced() { fleet_.keep_fenced(fenced_); }
    void goes_on(const std::string& vm);
    void note(const std::string& kind, const std::string& vm, const std::string& text);
    DomainPlace place_of(const std::string& vm) const;
    bool runs(const std::string& vm) const;
    void follow_moves();

    boost::asio::io_context& io_;
    World& world_;
    FleetLink& fleet_;
    const Mover& mover_;
    boost::asio::steady_timer timer_;
    std::set<std::string> ran_;                      // Of this hypervisor's VMs, at the last look.
    std::set<std::string> ended_badly_;              // By the last event.
    std::vector<db::Recovery> unsent_;               // The fleet could not be told yet.
    std::set<std::string> telling_;                  // VMs of whose failures it is being told.
    std::map<std::string, LeaseGuard::Time> leased_; // VMs under a lease, and since when.
    AgentSilence agents_;
    Clock::time_point asked_{};     // When all were asked, last.
    std::set<std::string> fenced_;  // Paused, since we were cut off.
    std::set<std::string> refused_; // By may_begin(), so far.
    std::set<std::string> ending_;  // Being ended, paused or resumed.
    /// Of those being paused: when they are killed if they are not by then.
    std::map<std::string, boost::asio::steady_timer> kills_;
    Tools aside_; // For those: nothing else waits before them.
};

} // namespace holdfast::hookd
