// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer-director: who chooses the servers of a balancer: VMs, or the switches themselves.
//
// Pure.  Used by hookd/balancer only.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::hookd {

/// Reads `builtin`, `external` (the VMs that have the VIP) or `external:VM[,VM...]` into
/// `balancer`, whose VIP is known.
/// Errors: invalid; not_found, with the mend.
Result<void> take_directors(const std::string& text, const std::vector<db::Vm>& vms,
                            db::Balancer& balancer);

/// Refuses a VIP for which somebody else would answer ARP requests too: with a built-in director a
/// VM that has the address, or another balancer of it whose director is external; and vice versa.
/// Errors: exists.
Result<void> check_vip_is_free(const db::Balancer& wanted,
                               const std::vector<db::Balancer>& balancers,
                               const std::vector<db::Vm>& vms);

} // namespace holdfast::hookd
