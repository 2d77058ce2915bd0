// SPDX-License-Identifier: Apache-2.0
//
// db/find: rows that people name.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::db {

/// The hypervisor of this name.
/// Errors: not_found, with the name that is nearest.
Result<Hypervisor> find_hypervisor(const std::vector<Hypervisor>& all, const std::string& name);

/// The VM with this id, or else with this name.
/// Errors: not_found, with the nearest name; invalid if several VMs have the name.
Result<Vm> find_vm(const std::vector<Vm>& all, const std::string& id_or_name);

/// The chain of this name.
/// Errors: not_found, with the nearest name.
Result<Chain> find_chain(const std::vector<Chain>& all, const std::string& name);

/// The balancer of this name.
/// Errors: not_found, with the nearest name.
Result<Balancer> find_balancer(const std::vector<Balancer>& all, const std::string& name);

/// The service of this name.
/// Errors: not_found, with the nearest name.
Result<Service> find_service(const std::vector<Service>& all, const std::string& name);

/// What the user of this name has.
/// Errors: not_found, with the nearest name.
Result<Quota> find_quota(const std::vector<Quota>& all, const std::string& user);

} // namespace holdfast::db
