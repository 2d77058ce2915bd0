// SPDX-License-Identifier: Apache-2.0
//
// hookd/lease-note: see lease-note.h.
#include <config.h>

#include "hookd/lease-note.h"

#include <cstdio>
#include <fstream>
#include <iterator>

#include <nlohmann/json.hpp>

namespace holdfast::hookd {
namespace {

using Json = nlohmann::json;

std::string boot_id()
{
    std::ifstream in{"/proc/sys/kernel/random/boot_id"};
    std::string id;
    in >> id;
    return id;
}

} // namespace

std::string text_of(const LeaseNote& note, const std::string& boot)
{
    const std::int64_t sent = note.sent.time_since_epoch().count();
    return Json{{"boot", boot}, {"sent", sent}, {"fenced", note.fenced}}.dump() + "\n";
}

/// One that is damaged is none: leases are then as long as after a first start.
LeaseNote parse_lease_note(const std::string& text, const std::string& boot, LeaseGuard::Time now)
try {
    const Json json = Json::parse(text);
    if (json.at("boot") != boot)
        return {now, {}};
    const std::chrono::nanoseconds sent{json.at("sent").get<std::int64_t>()};
    return {std::min(LeaseGuard::Time{sent}, now), json.at("fenced").get<std::set<std::string>>()};
} catch (const Json::exception&) {
    return {now, {}};
}

LeaseNote load_lease_note(const std::string& file)
{
    std::ifstream in{file};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    return parse_lease_note(text, boot_id(), LeaseGuard::Clock::now());
}

Result<void> save_lease_note(const std::string& file, const LeaseNote& note)
{
    const std::string fresh = file + ".new";
    const Error failed{Errc::io, file + ": cannot be written: check the folder"};
    {
        std::ofstream out{fresh};
        out << text_of(note, boot_id());
        if (!out.flush())
            return failed;
    }
    if (std::rename(fresh.c_str(), file.c_str()) != 0)
        return failed;
    return {};
}

} // namespace holdfast::hookd
