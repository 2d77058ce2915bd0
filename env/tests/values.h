// SPDX-License-Identifier: Apache-2.0
//
// Nodes that tests of the environment have.
#pragma once

#include "env/members.h"

namespace holdfast::tests {

/// A node of `cpus` processors and so many GiB, half of its time busy.
inline env::Member node(const std::string& name, int cpus, std::int64_t gib)
{
    return {name, true,
            db::Resources{.cpus = cpus,
                          .model = "CPU of " + name,
                          .mhz = 2000,
                          .user = 400,
                          .system = 100,
                          .iowait = 0,
                          .load = {125, 50, 5},
                          .running = 2,
                          .tasks = 100,
                          .booted = 1000,
                          .memory = {{"MemTotal", gib << 20}, {"MemFree", gib << 19}},
                          .environments = {}}};
}

inline db::Hypervisor row(const env::Member& node)
{
    db::Hypervisor row;
    row.name = node.name;
    row.resources = db::resources_text(*node.resources);
    return row;
}

} // namespace holdfast::tests
