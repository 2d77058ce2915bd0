// SPDX-License-Identifier: Apache-2.0
//
// env/proc-fs: the file system (FUSE) that shows a user's nodes as one machine (spec Q8).
//
//     proc/cpuinfo proc/stat proc/meminfo proc/loadavg proc/uptime    for /proc
//     cpu/online cpu/possible cpu/present                             for /sys/devices/system/cpu
//
// Made anew from the store with each read from a file's beginning, so a program that keeps one open
// and goes back, as top does, sees what is so now.  What is shown is env/proc-text's.
#pragma once

#include <string>

#include "common/result.h"

namespace holdfast::env {

/// Whose nodes are shown, and where.
struct ProcFsOrder {
    std::string store;      // The SQLite file.
    std::string node;       // This hypervisor.
    std::string user;       // Of a quota.
    std::string mountpoint; // A folder.
};

/// Mounts it, and answers until it is unmounted.  Once it is mounted that is done by a process of
/// its own: the one that called ends with exit status 0.
/// Errors: io if it cannot be mounted; those of the store.
Result<void> serve_proc(const ProcFsOrder& order);

} // namespace holdfast::env
