// SPDX-License-Identifier: Apache-2.0
//
// service/definition: see definition.h.
#include <config.h>

#include "service/definition.h"

#include <nlohmann/json.hpp>

namespace holdfast::service {

std::string encode(const Definition& definition)
{
    const nlohmann::json object{{"name", definition.name},
                                {"interface", definition.interface},
                                {"mac", definition.mac},
                                {"ips", definition.ips},
                                {"gateway", definition.gateway},
                                {"offloads", definition.offloads},
                                {"user", definition.user},
                                {"command", definition.command},
                                {"directory", definition.directory},
                                {"environment", definition.environment},
                                {"checkpoint", definition.checkpoint}};
    // An argument may hold bytes that are not UTF-8.
    return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<Definition> decode(const std::string& text)
try {
    const auto object = nlohmann::json::parse(text);
    Definition definition;
    definition.name = object.at("name");
    definition.interface = object.at("interface");
    definition.mac = object.at("mac");
    definition.ips = object.at("ips").get<std::vector<std::string>>();
    definition.gateway = object.at("gateway");
    definition.offloads = object.at("offloads");
    definition.user = object.at("user");
    definition.command = object.at("command").get<std::vector<std::string>>();
    definition.directory = object.at("directory");
    definition.environment = object.at("environment").get<std::vector<std::string>>();
    definition.checkpoint = object.at("checkpoint");
    if (definition.command.empty())
        return Error{Errc::damaged, "the service's definition has no command"};
    return definition;
} catch (const nlohmann::json::exception& wrong) {
    return Error{Errc::damaged, std::string{"the service's definition: "} + wrong.what()};
}

} // namespace holdfast::service
