// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer-way: what the routed way to servers needs (spec balancer.md, B3).
//
// Pure.  Used by hookd/balancer only.
#pragma once

#include <vector>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::hookd {

/// Gives a balancer with routed servers its number, which packets for them carry as DSCP; one that
/// it has stays, as long as no other VIP with one of these servers has it, too.
/// Shape:   first those for local use (RFC 2474, 6: xxxx11), then any: what else is sent to the
///          server's own address with that DSCP, and to the VIP's port, is taken for the VIP's.
/// Errors:  invalid without a gateway; exists if all 63 are taken.
Result<void> take_number(db::Balancer& balancer, const std::vector<db::Balancer>& others);

} // namespace holdfast::hookd
