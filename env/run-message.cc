// SPDX-License-Identifier: Apache-2.0
//
// env/run-message: see run-message.h.
#include <config.h>

#include "env/run-message.h"

#include <nlohmann/json.hpp>

namespace holdfast::env {

using nlohmann::json;

std::vector<std::uint8_t> payload_of(const RunOrder& order)
{
    const std::string text = json{{"user", order.user}, {"command", order.command}}.dump(
        -1, ' ', false, json::error_handler_t::replace);
    return {text.begin(), text.end()};
}

Result<RunOrder> run_order_of(std::span<const std::uint8_t> payload)
try {
    const json object = json::parse(payload.begin(), payload.end());
    RunOrder order{object.at("user"), object.at("command")};
    if (order.command.empty() || order.command[0].empty())
        return Error{Errc::damaged, "an order to run names no command"};
    return order;
} catch (const json::exception& wrong) {
    return Error{Errc::damaged,
                 std::string{"an order to run is of the wrong shape: "} + wrong.what()};
}

} // namespace holdfast::env
