// SPDX-License-Identifier: Apache-2.0
//
// hookd/fleet-sync: what has to go from the fleet database to the store, and back.
//
// Pure.  Each row has one owner who may change it: VMs, their specifications, services, moves and
// servers' health their hypervisor; chains, balancers, leases, quotas and policies of recovery
// belong to the fleet, so its database decides them wherever there is one.  Where two hypervisors
// claim a VM or a service the higher epoch wins; at the same epoch the database's row does.
#pragma once

#include <set>
#include <string>

#include "db/fleet.h"
#include "hookd/ledger.h"

namespace holdfast::hookd {

/// What the store holds, as far as it concerns the fleet.
struct Shared {
    std::string self;
    const std::vector<db::Hypervisor>* hypervisors;
    const std::vector<db::Vm>* vms;
    const std::vector<db::Chain>* chains;
    const std::vector<db::Balancer>* balancers;
    const std::vector<db::ServerHealth>* health;
    const std::vector<db::Service>* services;
    const std::vector<db::Lease>* leases;
    const std::vector<db::Quota>* quotas;
    const std::vector<db::Move>* moves;
    const std::vector<db::Specification>* specifications;
    const std::vector<db::RecoveryPolicy>* recovery_policies;
    const std::vector<db::Recovery>* recoveries;
};

/// Other hypervisors, by name.
struct Unheard {
    std::set<std::string> silent; // Their daemons are not heard of any more.
    std::set<std::string> dead;   // Nor do they answer.

    bool operator==(const Unheard&) const = default;
};

/// The snapshot with the rows that the store has in the place of those that are damaged there: bad
/// input changes nothing.  Our own are not put there, as push_changes() sends them anew; but for
/// that of this hypervisor, by which we are a member.
db::FleetSnapshot mended(db::FleetSnapshot fleet, const Shared& store);
/// The same of balancers that were read by themselves.
void mend_balancers(std::vector<db::Balancer>& fleet, const std::vector<db::Balancer>& store,
                    const std::vector<db::Damage>& damaged);

/// The VM records as they are to be taken: those of a hypervisor that is dead, by name, do no work
/// as hops (spec C10).  Shape: in the same order; the others as they are.
std::vector<db::Vm> heard_vms(std::vector<db::Vm> vms, const std::set<std::string>& dead);

/// Changes of the store that make it agree with the fleet, as far as others own the rows.
/// `adopt`: our own rows that the store does not have are taken from the fleet (a store that
/// was made anew), instead of being removed there.
StoreChange pull_changes(const db::FleetSnapshot& fleet, const Shared& store, bool adopt,
                         const Unheard& unheard = {});

/// Changes of the fleet that make it agree with the store, as far as we own the rows.
/// `now`: moves that ended more than ten minutes ago are history, and leave the fleet.
db::FleetChange push_changes(const db::FleetSnapshot& fleet, const Shared& store, db::TimeNs now);

/// The VM rows of a hypervisor that got another number: new labels for those that carry the
/// old one.
/// Errors: unavailable if there are too many.
Result<std::vector<db::Vm>> renumbered(const std::vector<db::Vm>& vms, int from, int to);

/// The row that was the fleet's for this machine before its store was lost: of its name and its
/// tunnel's address, with another id.  Null if there is none.
const db::Hypervisor* row_before(const std::vector<db::Hypervisor>& fleet,
                                 const db::Hypervisor& self);

/// The rows of the VMs in a store that was made anew, once it has the identity that the fleet knew
/// before, with `number`: those that the fleet has as they are there, the others with new labels.
/// Errors: unavailable if there are too many.
Result<std::vector<db::Vm>> labelled_as_before(const std::vector<db::Vm>& fleet,
                                               const std::vector<db::Vm>& store, int number);

} // namespace holdfast::hookd
