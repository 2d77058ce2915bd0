// SPDX-License-Identifier: Apache-2.0
//
// db/route: the routes that a balancer's director needs (spec balancer.md, B8).
#pragma once

#include <string>
#include <vector>

#include "db/rows.h"

namespace holdfast::db {

/// Commands for the director's own shell, one for each real server, in their order: without an
/// on-link route it would send to its gateway, and ARP for nobody.  DEV stands for its interface.
std::vector<std::string> director_routes(const Balancer& balancer);

} // namespace holdfast::db
