// SPDX-License-Identifier: Apache-2.0
//
// env/figures: what this hypervisor has and how busy it is, from the texts of its /proc.
//
// Pure.  hookd/resource-watch reads the files, and writes what comes out into its row.
#pragma once

#include <string>

#include "common/result.h"
#include "db/resources.h"

namespace holdfast::env {

/// Files of /proc, read at one time.
struct ProcTexts {
    std::string cpuinfo, stat, meminfo, loadavg;
};

/// What they say.  `stat_before`: that file some seconds ago; of no such, as of the first time, it
/// is the time since the machine's start that counts.
/// Errors: damaged, naming the file that does not say what it is to.
Result<db::Resources> read_figures(const ProcTexts& now, const std::string& stat_before);

} // namespace holdfast::env
