// SPDX-License-Identifier: Apache-2.0
//
// service/outside: what a service has open or mounted that is not its own (spec S5).
//
// CRIU makes anew what is the service's: its processes, its own file systems with all that is in
// them.  What it shares with the hypervisor is found again at the target by name.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"

namespace holdfast::service {

/// A line of /proc/PID/mountinfo, as far as it matters here.
struct Mount {
    int id = 0;
    std::string device; // "MAJOR:MINOR"
    std::string point;
    std::string type; // Of its file system, e.g. "tmpfs".

    bool operator==(const Mount&) const = default;
};

/// The lines of a mountinfo file; a line that is none is left out.
/// Source: proc_pid_mountinfo(5).
std::vector<Mount> parse_mounts(const std::string& text);

/// The mounts that a process sees, by its number or "self".
/// Errors: io.
Result<std::vector<Mount>> mounts_of(const std::string& process);

/// Where the service has a file system of its hypervisor's: each but "/" itself, which CRIU is
/// given as a whole.  One is the service's own if its device is not among `hypervisor`.
std::vector<std::string> shared_mounts(const std::vector<Mount>& service,
                                       const std::vector<Mount>& hypervisor);

/// The mounts of the service's own whose files we carry ourselves (service/own-files): those of
/// service/mounts that are in memory, and that the service has not covered.
std::vector<std::string> carried_mounts(const std::vector<Mount>& service,
                                        const std::vector<Mount>& hypervisor);

/// What is outside, or is carried beside CRIU's images.
struct Outside {
    std::vector<std::string> mounts;  // Mount points that the target has, too.
    std::vector<std::string> logs;    // CRIU's names of the service's log: "file[MOUNT:INODE]".
    std::vector<std::string> carried; // Mount points of which we carry the files.

    bool operator==(const Outside&) const = default;
};

/// Reads what is outside of the processes below `init`; `log`: the file that their outputs go to,
/// empty if there is none.
/// Errors: not_found if the process is not there; io.
Result<Outside> find_outside(int init, const std::string& log);

/// As a line of JSON: {"carried": [PATH ...], "logs": [NAME ...], "mounts": [PATH ...]}; and back.
/// Errors: damaged.
std::string encode(const Outside& outside);
Result<Outside> decode_outside(const std::string& text);

} // namespace holdfast::service
