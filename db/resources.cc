// SPDX-License-Identifier: Apache-2.0
//
// db/resources: see resources.h.
#include <config.h>

#include "db/resources.h"

#include <nlohmann/json.hpp>

namespace holdfast::db {
namespace {

using nlohmann::json;

constexpr int most_cpus = 65536;

bool can_be(const Resources& resources)
{
    const auto part = [](int thousandths) { return thousandths >= 0 && thousandths <= 1000; };
    bool good = resources.cpus > 0 && resources.cpus <= most_cpus && resources.mhz >= 0 &&
                part(resources.user) && part(resources.system) && part(resources.iowait) &&
                resources.user + resources.system + resources.iowait <= 1000 &&
                resources.running >= 0 && resources.tasks >= 0 && resources.booted >= 0;
    for (const int load : resources.load)
        good = good && load >= 0;
    for (const auto& [name, kib] : resources.memory)
        good = good && kib >= 0;
    return good;
}

} // namespace

std::string resources_text(const Resources& resources)
{
    return json{{"cpus", resources.cpus},     {"model", resources.model},
                {"mhz", resources.mhz},       {"user", resources.user},
                {"system", resources.system}, {"iowait", resources.iowait},
                {"load", resources.load},     {"running", resources.running},
                {"tasks", resources.tasks},   {"booted", resources.booted},
                {"memory", resources.memory}, {"environments", resources.environments}}
        .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<Resources> resources_from(const std::string& text)
try {
    const json object = json::parse(text);
    Resources resources;
    resources.cpus = object.at("cpus");
    resources.model = object.at("model");
    resources.mhz = object.at("mhz");
    resources.user = object.at("user");
    resources.system = object.at("system");
    resources.iowait = object.at("iowait");
    resources.load = object.at("load");
    resources.running = object.at("running");
    resources.tasks = object.at("tasks");
    resources.booted = object.at("booted");
    resources.memory = object.at("memory");
    resources.environments = object.at("environments");
    return can_be(resources) ? std::optional{resources} : std::nullopt;
} catch (const json::exception&) {
    return std::nullopt;
}

} // namespace holdfast::db
