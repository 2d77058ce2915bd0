// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer-check: whether a balancer and its servers go with all that is known already.
//
// Pure.  Used by hookd/balancer only.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::hookd {

/// Refuses what another balancer has already: its name, or its VIP with port and protocol.
/// Errors: exists.
Result<void> check_free(const db::Balancer& wanted, const std::vector<db::Balancer>& balancers);

/// The server must be one VM of the fleet: the switch there translates its answers, and the
/// hypervisor there probes it.  One that is reached by the gateway and not probed can be anything.
/// Errors: invalid, not_found.
Result<void> check_vm(const db::Balancer& balancer, const db::RealServer& server,
                      const std::vector<db::Vm>& vms);

/// Refuses a server that another balancer of this VIP has at another of its ports: whose answer
/// a packet is could not be told.
/// Errors: exists.
Result<void> check_answers(const db::Balancer& balancer, const db::RealServer& server,
                           const std::vector<db::Balancer>& balancers);

} // namespace holdfast::hookd
