// SPDX-License-Identifier: Apache-2.0
//
// env/proc-text: files of /proc and /sys as they would be on one machine that has the processors,
// memory and load of several nodes together (spec Q8).
//
// Pure.  Each node of `nodes` has its resources; the first is the leader.
#pragma once

#include <string>
#include <vector>

#include "env/members.h"
#include "env/ticks.h"

namespace holdfast::env {

using Nodes = std::vector<Member>;

/// A block for each processor; those of one node are one socket, whose `node` line names it.
std::string cpuinfo_text(const Nodes& nodes);
/// Times of all processors and of each, in the order of cpuinfo_text().
std::string stat_text(const Nodes& nodes, const Ticks& ticks);
/// Sums of what all nodes say.
std::string meminfo_text(const Nodes& nodes);
/// Sums of the averages, and of tasks.
std::string loadavg_text(const Nodes& nodes);
/// Since the leader's start, and what all processors were idle.  `now`: seconds since the epoch.
std::string uptime_text(const Nodes& nodes, const Ticks& ticks, double now);
/// The numbers of all processors, as /sys/devices/system/cpu/online has them.
std::string cpus_text(const Nodes& nodes);

} // namespace holdfast::env
