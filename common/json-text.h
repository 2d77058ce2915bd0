// SPDX-License-Identifier: Apache-2.0
//
// common/json-text: JSON as text that is UTF-8 whatever others put into it.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace holdfast {

/// `json` on one line; bytes that are no UTF-8, such as in another program's message, become
/// U+FFFD.
inline std::string to_text(const nlohmann::json& json)
{
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace holdfast
