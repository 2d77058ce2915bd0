// SPDX-License-Identifier: Apache-2.0
//
// hookd/service-read: reads what an operator typed for a service.
//
// Pure: values or one line that says what is wrong out; knows of no other service and of no VM.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::hookd {

/// The arguments of service/run: {name,user,ips:[A/P..],vlan,gateway,mode,environment:[K=V..],
/// directory,command:[WORD..]}, name and command alone are needed.
/// Returns a row without id, MAC address, place and state.
/// Errors: invalid.  Throws nlohmann::json::exception where a value is of another kind.
Result<db::Service> read_service(const nlohmann::json& arguments);

/// The address of "10.0.0.5/24", without the length.
std::string without_prefix(const std::string& address);

} // namespace holdfast::hookd
