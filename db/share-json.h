// SPDX-License-Identifier: Apache-2.0
//
// db/share-json: leases and quotas as JSON, for the control sockets and for scripts.
//
// Pure.
#pragma once

#include <nlohmann/json.hpp>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::db {

/// The lease of the daemons that decide shares.
inline constexpr const char* schedd_lease = "schedd";

nlohmann::json lease_json(const Lease& row);
nlohmann::json quota_json(const Quota& row);

/// Errors:  damaged: a member is missing, or is not what it should be.
Result<Lease> lease_from(const nlohmann::json& object);
Result<Quota> quota_from(const nlohmann::json& object);

} // namespace holdfast::db
