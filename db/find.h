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

} // namespace holdfast::db
