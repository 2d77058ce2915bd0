// SPDX-License-Identifier: Apache-2.0
//
// db/recovery-json: recoveries as the control commands carry them, and scripts read them.
//
// Pure.
#pragma once

#include <nlohmann/json.hpp>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::db {

/// The lease of the daemons that decide who is recovered.
inline constexpr const char* recovery_lease = "recovery";

nlohmann::json recovery_json(const Recovery& row);
/// Errors:  damaged: a member is missing, or is not what it should be.
Result<Recovery> recovery_from(const nlohmann::json& object);

} // namespace holdfast::db
