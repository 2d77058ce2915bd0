// SPDX-License-Identifier: Apache-2.0
//
// hookd/recovery-follow: the places of a lost VM in chains and balancers, with another in them
// (spec recovery.md, R6 adopt, R7).
//
// Pure.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::hookd {

/// The chain's hops as `holdfast chain set --via` takes them, with `next` where `lost` was.  Of a
/// group that has both, `lost` goes.
std::vector<std::string> followed_via(const db::Chain& chain, const std::string& lost,
                                      const std::string& next);

/// The balancer with `next` where `lost` was: as a director, and as a server, which is reached and
/// drained as `lost` was and has its port, weight and limit.  One that has both loses `lost`.  An
/// address that another VM has that runs is that one's, and stays.
/// Errors:  invalid: `next` has no address of the VIP's family; `lost` is its sorry server, which
///          is for a person to change; those of add_server().
Result<db::Balancer> followed_balancer(const db::Balancer& balancer, const db::Vm& lost,
                                       const db::Vm& next,
                                       const std::vector<db::Balancer>& balancers,
                                       const std::vector<db::Vm>& vms);

} // namespace holdfast::hookd
