// SPDX-License-Identifier: Apache-2.0
//
// hookd/fleet-leave: what goes when a hypervisor leaves the fleet, by itself or taken out by
// another.
//
// Pure.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "hookd/fleet-sync.h"

namespace holdfast::hookd {

/// The hypervisor `name`, and all rows that it owns, leave.
db::FleetChange departure(const std::string& name, const std::vector<db::Vm>& vms,
                          const std::vector<db::Service>& services,
                          const std::vector<db::Move>& moves);

/// Whether services can do without the hypervisor `name`: it stands in for none where their
/// addresses are (spec S8). Errors:  invalid, with a service that cannot.
Result<void> is_no_entry(const std::string& name, const std::vector<db::Vm>& vms);

/// Whether another may take hypervisor `name` out, as one that will not come back.
/// Errors:  not_found, with the nearest name; invalid if it is heard of, while a chain or a
///          balancer names a VM that it has, or as is_no_entry() says.
Result<void> may_take_out(const std::string& name, const Shared& store);

} // namespace holdfast::hookd
