// SPDX-License-Identifier: Apache-2.0
//
// ctl/view: the store's rows as people and scripts see them.
//
// Pure: rows in, text or JSON out.  The JSON keys are an interface, documented in
// holdfast(1): keys are added, never renamed.  VMs are shown by name; their ids are in JSON.
#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <vector>

#include "ctl/move-line.h"
#include "ctl/table.h"
#include "db/row-check.h"
#include "db/rows.h"

namespace holdfast::ctl {

/// JSON that keeps the order in which keys were put in.
using Json = nlohmann::ordered_json;

/// What the reading verbs show from, read at one time.
struct World {
    std::vector<db::Hypervisor> hypervisors;
    std::vector<db::Vm> vms;
    std::vector<db::Chain> chains;
    std::vector<db::Balancer> balancers;
    std::vector<db::ServerHealth> health; // Sorted by its key.
    std::vector<db::Service> services;    // Sorted by name.
    std::vector<db::PathHop> paths;
    std::vector<db::Move> moves;     // Newest last, ended ones too.
    std::vector<db::Damage> damaged; // Rows of the store that are left out.

    /// The VM of this id; null if it is not known.
    const db::Vm* find_vm(const std::string& id) const;
    /// The VM's name; its id if it is not known.
    std::string name_of(const std::string& vm) const;
};

/// Hops of the chain that are known but plugged in nowhere, by name, without repetition.
std::vector<std::string> pending(const db::Chain& chain, const World& world);

/// A hop that does no work though it runs (spec C10).
struct DeadHop {
    std::string name;      // The VM's.
    std::string why;       // As hookd has found.
    std::string meanwhile; // What becomes of its traffic.
};

/// Those of the chain, in its order.
std::vector<DeadHop> dead_hops(const db::Chain& chain, const World& world);

/// Who is at the chain just now, for a chain whose `change` is not empty.
std::string changing(const db::Chain& chain);

/// What becomes of a chain's traffic while one of its hops is not there.
std::string meanwhile(const db::Chain& chain);

std::string vm_table(const World& world, const Style& style);
std::string vm_page(const db::Vm& vm, const World& world, const Style& style);
Json vm_json(const db::Vm& vm, const World& world);

std::string chain_table(const World& world, const Style& style);
/// The chain with its path drawn: ingress → fw@hv1:3 → ids@hv2:5 → own destination.
std::string chain_page(const db::Chain& chain, const World& world, const Style& style);
Json chain_json(const db::Chain& chain, const World& world);

/// One move: a line for the whole, then a line for each mark with the milliseconds since
/// the first and since the one before.
std::string move_page(const MoveLine& move, const World& world, const Style& style);
Json move_json(const MoveLine& move, const World& world);

/// One line of the time line, with its newline.
std::string event_line(const db::Event& event, const World& world, const Style& style);
Json event_json(const db::Event& event, const World& world);

/// Local time of day with its date: 2026-01-31 12:00:00.123.
std::string time_text(db::TimeNs time);
/// Milliseconds with one decimal, e.g. "12.3"; microseconds are below what clocks agree on.
std::string milliseconds(db::TimeNs duration);

} // namespace holdfast::ctl
