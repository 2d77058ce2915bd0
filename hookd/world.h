// SPDX-License-Identifier: Apache-2.0
//
// hookd/world: what hookd knows now, and the one way to change the store.
//
// Shared by the parts that act (mover, records, chains, fleet), all on one thread.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/config.h"
#include "hookd/ledger.h"
#include "hookd/records.h"
#include "recovery/features.h"

namespace holdfast::hookd {

/// The state of the daemon.
struct World {
    World(Config c, Ledger l) : config{std::move(c)}, ledger{std::move(l)} {}

    Config config;
    Ledger ledger;
    recovery::FeatureTable features; // Which software is of which feature.

    std::vector<SwitchPort> ports;
    std::set<std::string> silent; // VMs here that let no probe through, as the switch says.
    std::set<std::string>
        yielded; // VMs that run here, and on another that took their records over.
    bool switch_here = false;
    std::string switch_trouble = "not reached yet";

    std::map<std::string, Domain> domains; // By UUID.
    std::set<std::string> starting; // Those that libvirt has begun to start, and do not run yet.
    bool libvirt_here = false;
    std::string libvirt_trouble = "not reached yet";

    std::map<std::string, std::string> environments;  // Users' containers here: their addresses.
    std::map<std::string, std::uint64_t> memory_used; // By user: bytes his services use here.
    std::map<std::string, std::uint64_t> container_memory; // Likewise his container.
    std::map<std::string, std::string> problems; // By subject: what is wrong, and the mend.

    /// Called after each change that was stored.
    std::function<void(const StoreChange&)> on_change;
    /// Brings the records up to date soon; set by the daemon.
    std::function<void()> refresh_soon;
    /// A VM has moved here for good; set by the daemon.
    std::function<void(const std::string& vm)> arrived;
    /// A VM of ours is about to leave: its move is under way here; set by the daemon.
    std::function<void(const std::string& vm)> leaving;
    /// Asks QEMU where the guest counts the frames it receives; set by the daemon.
    std::function<void(const std::string& vm, const std::string& mac)> find_ring;
    /// Asks QEMU whether the guest runs, and tells the mover; set by the daemon.
    std::function<void(const std::string& vm)> ask_whether_it_runs;

    /// Asks libvirt how busy these VMs are; set by the daemon.
    std::function<void(std::vector<std::string> vms)> read_loads;

    std::string self() const { return ledger.self().name; }
    /// The VM's name for people.
    std::string name_of(const std::string& vm) const;

    /// Stores a change and tells switch and fleet; one that fails is logged and shown as a
    /// problem, and leaves everything as it was.
    Result<void> commit(const StoreChange& change);
    /// Sees that the store's file is there still, and writes it anew if it has gone; one that
    /// cannot be is shown as a problem.
    Result<void> keep_store();
    /// Notes a problem, or with an empty text its end.
    void problem(const std::string& subject, const std::string& text);
    /// A line of the time line, of this hypervisor.
    db::Event event(const std::string& kind, const std::string& text, db::TimeNs time) const;
};

} // namespace holdfast::hookd
