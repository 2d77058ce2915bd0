// SPDX-License-Identifier: Apache-2.0
//
// hookd/service-rules: what may be done to services, and what they are called.
//
// Pure.  A service's port and MAC address are made from its id: the same on every hypervisor, and
// nothing has to be kept, or given out.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"
#include "service/definition.h"

namespace holdfast::hookd {

/// What this hypervisor knows of the fleet.
struct Neighbours {
    std::string self;
    const std::vector<db::Service>& services;
    const std::vector<db::Vm>& vms;
    const std::vector<db::Balancer>& balancers;
};

/// The port's end in the bridge: hfs and the first 12 digits of the id.
std::string service_port(const std::string& id);
/// eth0's: locally administered, the last 10 digits of the id.
/// Source: IEEE 802-2014, section 8.2.2.
std::string service_mac(const std::string& id);

/// Whether the row is one that may_run() gave, and nothing has come of it yet.
bool is_being_started(const db::Service& row);

/// The row with which `wanted` (see read_service) begins here: stopped as yet.  One of this
/// hypervisor that is stopped is run again, with its id, its pin and what is `wanted`.
/// `new_id`: for one that is new.
/// Errors: exists if its name is another's, or an address.
Result<db::Service> may_run(db::Service wanted, const Neighbours& all, const std::string& new_id);

/// Errors: invalid while it moves.
Result<void> may_stop(const db::Service& service);

/// Whether hypervisor `self` may move it to `target` by `mode`; empty: by the service's own.
/// Errors: invalid or not_found, one line with the mend.
Result<void> may_move(const db::Service& service, const std::string& target,
                      const std::string& mode, const std::string& self,
                      const std::vector<db::Hypervisor>& hypervisors);
/// Whether the service that hypervisor `home` brings may come here; `row`: as it is known here.
/// Errors: invalid or not_found, one line.
Result<void> may_come(const db::Service* row, const std::string& home, const db::Hypervisor& self);
/// Whether what `began` to come here, hypervisor `self`, from hypervisor `home` may live here: home
/// has not taken it back, or it is known already that it lives here.  `now`: its row; null if it
/// has none.
bool may_live(const db::Service* now, const db::Service& began, const std::string& home,
              const std::string& self);
/// What is wrong while the service stands still at home, since `target` alone knows whether it
/// lives there, and what mends it; `known`: the target's row, null if it is not in the fleet (any
/// more).
std::string standstill(const std::string& service, const std::string& target,
                       const db::Hypervisor* known);
/// Whether home may go on with a service that stands still so (spec S9).  `target`: who would have
/// to be asked; empty if nobody.  `fenced`: the operator says that the target runs nothing.
/// Errors: invalid, one line with the mend.
Result<void> may_take_back(const db::Service& service, const std::string& target,
                           const db::Hypervisor* known, bool fenced);
/// The row that home, `self`, goes on with, whoever's `row` is: whatever the target wrote, or still
/// writes, is older.
db::Service taken_back(db::Service row, const std::string& self);
db::Vm taken_back(db::Vm row, const std::string& self);
/// The row once it lives here as process `pid`, having come from another hypervisor.
db::Service arrived(db::Service row, const std::string& self, int pid);
/// The row once its first process, `pid`, runs here.
db::Service running(db::Service row, int pid);
/// The row once that has ended; `why`: one line, or empty if nobody knows.
db::Service ended(db::Service row, const std::string& why);

/// What its processes need to know.  `offloads`: the switch is the kernel's.
service::Definition definition_of(const db::Service& row, bool offloads);

} // namespace holdfast::hookd
