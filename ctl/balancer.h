// SPDX-License-Identifier: Apache-2.0
//
// ctl/balancer: balanced addresses as people and scripts see them.
//
// Pure: rows in, text or JSON out.
#pragma once

#include <string>

#include "ctl/table.h"
#include "ctl/view.h"

namespace holdfast::ctl {

std::string balancer_table(const World& world, const Style& style);
/// The balancer, its servers with their VMs and how they do, and the routes that an external
/// director needs.
std::string balancer_page(const db::Balancer& balancer, const World& world, const Style& style);
Json balancer_json(const db::Balancer& balancer, const World& world);

/// What `holdfast status` says of a balancer whose servers are dead, all or some, with what to do;
/// empty if nothing is wrong.
std::string balancer_trouble(const db::Balancer& balancer, const World& world);

/// What a director's own shell has to run, for its servers; empty without routes.
std::string routes_page(const std::vector<std::string>& routes);
/// The same for servers that were taken out.
std::string drops_page(const std::vector<std::string>& drops);

} // namespace holdfast::ctl
