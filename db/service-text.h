// SPDX-License-Identifier: Apache-2.0
//
// db/service-text: services, their ports and their moves as JSON, for users, who cannot read the
// store (spec S11): hookd writes it, the command reads it.
//
// Pure.  What is told of a row is what `holdfast service show` shows.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::db {

/// How hookd's word for one who asks too often ends.
constexpr const char* wait_a_moment = ": wait a moment";

/// What one user may see.
struct UserView {
    std::vector<Service> services;
    std::vector<Vm> vms;     // Their records.
    std::vector<Move> moves; // Theirs.
};

/// Of all rows those of `user`'s services; no user: of all services.
UserView view_of(const std::string* user, const std::vector<Service>& services,
                 const std::vector<Vm>& vms, const std::vector<Move>& moves);

nlohmann::json to_json(const UserView& view);
/// Errors: damaged if it is of another shape.
Result<UserView> user_view_of(const nlohmann::json& json);

} // namespace holdfast::db
