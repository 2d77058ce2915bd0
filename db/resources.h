// SPDX-License-Identifier: Apache-2.0
//
// db/resources: what a hypervisor has and how busy it is now, as its row says it in one column.
//
// Pure.  hookd measures and writes it (env/figures); env/proc-text makes of several hypervisors'
// what a user sees (spec Q8).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace holdfast::db {

/// A hypervisor's.
struct Resources {
    int cpus = 0;           // Its processors that are online.
    std::string model = {}; // What they are called.
    int mhz = 0;            // How fast they run.
    // What they did since it was measured last, thousandths of the time of all of them; the rest
    // they were idle.
    int user = 0, system = 0, iowait = 0;
    std::array<int, 3> load{};  // Its load averages over 1, 5 and 15 minutes, in hundredths.
    int running = 0, tasks = 0; // Threads that can run now, and all.
    std::int64_t booted = 0;    // When it was started, seconds since the epoch.
    std::map<std::string, std::int64_t> memory = {};      // KiB, by the names of /proc/meminfo.
    std::map<std::string, std::string> environments = {}; // By user: its container's address.

    bool operator==(const Resources&) const = default;
};

/// As a column holds it: a JSON object.
std::string resources_text(const Resources& resources);
/// None if it is not known: `text` is empty, or no such object.
std::optional<Resources> resources_from(const std::string& text);

} // namespace holdfast::db
