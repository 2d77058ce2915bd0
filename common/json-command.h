// SPDX-License-Identifier: Apache-2.0
//
// common/json-command: a control command that takes at most one JSON object and answers JSON, or
// one line that says what is wrong.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/json-text.h"
#include "common/ovs-loop.h"
#include "common/text.h"

namespace holdfast {

/// `handler` is called on the loop's executor, and calls what it is given once.
inline void add_json_command(
    OvsLoop& loop, const std::string& name, const std::string& usage,
    std::function<void(const nlohmann::json&, std::function<void(Result<nlohmann::json>)>)> handler)
{
    using Json = nlohmann::json;
    loop.register_command(
        name, usage, 0, 1,
        [handler = std::move(handler)](std::vector<std::string> args, OvsLoop::Reply reply) {
            Json arguments = args.empty() ? Json::object() : Json::parse(args[0], nullptr, false);
            auto shared = std::make_shared<OvsLoop::Reply>(std::move(reply));
            if (!arguments.is_object()) {
                shared->error("the argument is no JSON object: give one, or none");
                return;
            }
            try {
                handler(arguments, [shared](const Result<Json>& answer) {
                    if (answer)
                        shared->ok(to_text(*answer));
                    else
                        shared->error(one_line(answer.error().message));
                });
            } catch (const Json::exception& wrong) {
                shared->error(std::string{"the argument is of the wrong shape: "} + wrong.what());
            }
        });
}

} // namespace holdfast
