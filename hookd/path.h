// SPDX-License-Identifier: Apache-2.0
//
// hookd/path: makes chains concrete: for each hop its switch and its port (spec C1, C3).
//
// Pure.  Computed anew from chains and VMs whenever one of them changes; the rows are what
// `holdfast chain show` prints and what the switch is held to.
#pragma once

#include <string>
#include <vector>

#include "db/rows.h"

namespace holdfast::hookd {

/// The hops of all paths, the way back of symmetric chains too, ordered by SPI, then along
/// the path.  A hop whose VM is not plugged in has in_port and out_port 0.
/// Shape:   SI of hop i (from 0) is 255 - i.
/// Source:  RFC 8300, section 2.3.
std::vector<db::PathHop> compute_paths(const std::vector<db::Chain>& chains,
                                       const std::vector<db::Vm>& vms);

/// The SPIs of the paths through this VM.
std::vector<std::uint32_t> paths_through(const std::vector<db::PathHop>& paths,
                                         const std::string& vm);

/// Names of the hypervisors whose switches take part in the hops of these paths, sorted.
std::vector<std::string> switches_concerned(const std::vector<db::PathHop>& paths,
                                            const std::vector<std::uint32_t>& spis);

/// Brings rows into the order of compute_paths().
void sort_paths(std::vector<db::PathHop>& paths);

/// What has to be put and what to be removed so that `before` becomes `after`; both as
/// compute_paths() orders them.
struct PathChange {
    std::vector<db::PathHop> put;
    std::vector<db::PathHop> gone;
};
PathChange path_change(const std::vector<db::PathHop>& before,
                       const std::vector<db::PathHop>& after);

/// Differences between stored and computed paths, one line each; empty if they are equal.
std::vector<std::string> path_differences(const std::vector<db::PathHop>& stored,
                                          const std::vector<db::PathHop>& computed);

} // namespace holdfast::hookd
