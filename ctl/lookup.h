// SPDX-License-Identifier: Apache-2.0
//
// ctl/lookup: finds what the operator names.  Pure.
#pragma once

#include <string>

#include "common/result.h"
#include "ctl/view.h"

namespace holdfast::ctl {

/// The VM with this id, or else with this name.
/// Errors: not_found, with the nearest name; invalid if several VMs have the name.
Result<db::Vm> find_vm(const World& world, const std::string& id_or_name);

/// The chain with this name.
/// Errors: not_found, with the nearest name.
Result<db::Chain> find_chain(const World& world, const std::string& name);

/// The balancer with this name.
/// Errors: not_found, with the nearest name.
Result<db::Balancer> find_balancer(const World& world, const std::string& name);

} // namespace holdfast::ctl
