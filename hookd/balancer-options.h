// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer-options: what an operator asks of a built-in director, and of nobody else.
//
// Pure: knows of no other balancer and of no VM.  Used by hookd/balancer only.
#pragma once

#include <string>

#include "common/result.h"
#include "db/rows.h"
#include "hookd/balancer.h"

namespace holdfast::hookd {

/// Reads policy, persistence, slow start and check into `balancer`, whose VIP and director are
/// known.  With an external director, which has its own, all of them are refused.
/// Errors: invalid, with what is known or in range, or with who does it for an external director.
Result<void> take_options(const BalancerRequest& request, db::Balancer& balancer);

/// Refuses a server's limit of connections where an external director chooses.
/// Errors: invalid.
Result<void> check_limit(const db::Balancer& balancer, const db::RealServer& server);

/// Refuses a server's weight other than 1, which it has unless given, where an external director
/// chooses.
/// Errors: invalid.
Result<void> check_weight(const db::Balancer& balancer, const db::RealServer& server);

/// Refuses what is done to a server, `op` of "holdfast balancer server", where an external director
/// would not follow it.
/// Errors: invalid.
Result<void> check_change(const db::Balancer& balancer, const std::string& op);

} // namespace holdfast::hookd
