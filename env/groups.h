// SPDX-License-Identifier: Apache-2.0
//
// env/groups: where the control groups of a process are, so that another can go into them.
//
// Pure.  Of both versions.
#pragma once

#include <string>
#include <vector>

namespace holdfast::env {

/// The folders of a process's control groups, as who has these mounts sees them.
/// Shape:   `cgroup` is the text of /proc/PID/cgroup, `mountinfo` that of /proc/self/mountinfo.  A
///          group that is mounted nowhere is left out; of several mounts at one place the last
///          counts.
/// Source:  proc(5), cgroups(7).
std::vector<std::string> group_folders(const std::string& cgroup, const std::string& mountinfo);

} // namespace holdfast::env
