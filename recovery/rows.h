// SPDX-License-Identifier: Apache-2.0
//
// recovery/rows: rows of the store as the values that recovery/plan.h decides on, and what an
// operator writes put into rows.
//
// Pure.  Used by hookd, which writes policies, and by the command, which plans from the store.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"
#include "recovery/plan.h"

namespace holdfast::recovery {

/// The fleet's row as it is as long as nobody has set anything.
db::RecoveryPolicy default_policy();

/// The row of this name; null if there is none.
const db::RecoveryPolicy* find_policy(const std::vector<db::RecoveryPolicy>& rows,
                                      const std::string& name);
/// The fleet's, or the default.
db::RecoveryPolicy fleet_policy_of(const std::vector<db::RecoveryPolicy>& rows);

/// What a fleet's row says.  What this program does not know, of a newer one's row, is left out.
Policy policy_of(const db::RecoveryPolicy& row);

/// The fleet's row with weights, or with one of its settings ("threshold=0.6", "ways=adopt",
/// "automatic=on") put in.
/// Errors:  as with_weights(), with_setting() and parse_ways().
Result<db::RecoveryPolicy> with_fleet_weights(const db::RecoveryPolicy& row,
                                              const std::vector<std::string>& texts,
                                              const std::set<std::string>& known);
Result<db::RecoveryPolicy> with_fleet_setting(const db::RecoveryPolicy& row,
                                              const std::string& text);

/// A VM's row with one of its settings put in: "ways=adopt" or "ways=fleet", "forbid=on" or "off",
/// "pin=VM" or "pin=none", "automatic=on", "off" or "fleet".  `find` gives a VM's id by its name.
/// Errors:  invalid: no such setting or value, a VM pinned to itself; those of `find`.
Result<db::RecoveryPolicy>
with_vm_setting(const db::RecoveryPolicy& row, const std::string& text,
                const std::function<Result<std::string>(const std::string& name)>& find);
/// Whether a VM is recovered without being asked.
bool is_automatic(const std::string& vm, const std::vector<db::RecoveryPolicy>& policies);
/// Whether a VM's row says nothing, and can go.
bool says_nothing(const db::RecoveryPolicy& row);

/// Rows that the pool is made of, in any order.
struct PoolRows {
    std::vector<db::Hypervisor> hypervisors;
    std::vector<db::Vm> vms;
    std::vector<db::Specification> specifications;
    std::vector<db::RecoveryPolicy> policies;
    std::vector<db::Recovery> recoveries{}; // For decide() alone.
};

/// The pool: all VMs of libvirt's, in the order of their rows.
Pool pool_of(const PoolRows& rows);
/// What is wished for a VM's recovery.
Wish wish_for(const std::string& vm, const std::vector<db::RecoveryPolicy>& policies);

} // namespace holdfast::recovery
