// SPDX-License-Identifier: Apache-2.0
//
// hookd/vm-failures: what has become of this hypervisor's VMs, as rows of recovery (spec
// recovery.md, R8).
//
// Pure.  A VM that ended by itself is seen when its record turns from running to stopped; one that
// stands still, or does not answer, as long as it does.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "hookd/records.h"

namespace holdfast::hookd {

/// What libvirt's state and its reason (virDomainState) say of a domain.
recovery::DomainState domain_state_of(int state, int reason);

/// What is known of the VMs here.
struct OwnVms {
    std::string self;
    const std::vector<db::Vm>* vms; // Records of the whole fleet.
    std::set<std::string> ran;      // Those of here that ran at the last look.
    const std::map<std::string, Domain>* domains;
    std::set<std::string> ended_badly; // By an event, of those that are not defined any more.
    std::set<std::string> moving;
    std::map<std::string, recovery::Seconds> agent_silent; // Of those whose agent has answered.
};

/// A failure, or its end.
struct FailureChange {
    std::vector<db::Recovery> begun; // New rows, but for their ids.
    std::vector<db::Recovery> over;  // Rows as they are, of VMs that are well again.
};

/// Those of here that run; and those that `ran`, and have stopped so lately that libvirt has not
/// said why.
std::set<std::string> running_here(const std::string& self, const std::vector<db::Vm>& vms,
                                   const std::set<std::string>& ran,
                                   const std::map<std::string, Domain>& domains);

/// What is to be written of it.  `rows`: all recoveries that are known.
FailureChange compute_failures(const OwnVms& vms, const std::vector<db::Recovery>& rows,
                               db::TimeNs now);

/// What is wrong with VMs, a line each, with what is done about it.
std::vector<std::string> recovery_problems(const std::vector<db::Recovery>& rows,
                                           const std::vector<db::Vm>& vms);

/// VMs that run on `self`, and must not: their places are others' (spec R9).  Not those that are
/// `moving`, nor those that have moved here since.
std::vector<std::string> to_be_ended(const std::string& self,
                                     const std::map<std::string, Domain>& domains,
                                     const std::vector<db::Recovery>& rows,
                                     const std::set<std::string>& moving,
                                     const std::vector<db::Move>& moves);

/// Rows of VMs that were started elsewhere and have moved to `self` since, as they are to be: from
/// here on this is their place.
std::vector<db::Recovery> moved_here(const std::string& self, const std::vector<db::Vm>& vms,
                                     const std::vector<db::Recovery>& rows,
                                     const std::vector<db::Move>& moves);

/// Whether a VM may be started on `self` (spec R9).  `coming`: it is migrated here.
/// Errors:  invalid: its place is another's.
Result<void> may_start_here(const std::string& self, const std::string& vm, bool coming,
                            const std::vector<db::Recovery>& rows, const std::vector<db::Vm>& vms);

/// Whether a VM under a lease may be started.  `knows`: what the fleet knows is known here;
/// `expired`: its lease is.
/// Errors:  unavailable: it can have been recovered elsewhere.
Result<void> may_start_leased(bool knows, bool expired);

} // namespace holdfast::hookd
