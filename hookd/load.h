// SPDX-License-Identifier: Apache-2.0
//
// hookd/load: how busy the VMs of real servers are, for the policy `dynamic` (spec balancer.md,
// B9).
//
// Pure: no libvirt, no clock, no store.  hookd/load-watch feeds samples and writes the rows that
// come out; ovs-plugin/weights makes weights of them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "db/rows.h"

namespace holdfast::hookd {

/// What libvirt has counted of a VM that runs.
struct LoadSample {
    std::int64_t time_ns = 0; // When; of any clock that does not go back.
    std::uint64_t cpu_ns = 0; // What its CPUs have worked since it started; 0: not known.
    int n_cpus = 0;           // Its CPUs; 0: not known.
    int memory = -1; // How full its memory is, in thousandths; -1: the guest does not tell.

    bool operator==(const LoadSample&) const = default;
};

/// Samples by VM id.
using LoadSamples = std::map<std::string, LoadSample>;

/// How busy a VM is, in thousandths; -1: not known.
struct VmLoad {
    int cpu = -1;
    int memory = -1;

    bool operator==(const VmLoad&) const = default;
};

/// What two samples of a VM say, one after the other.
/// Shape:   its CPUs' part is of the time between them.  A guest that tells nothing of its memory
///          for once, as while it moves, has what it had before.
VmLoad load_between(const LoadSample& before, const LoadSample& now);

/// The VMs here, by id and sorted, whose load a balancer's weights follow.
std::vector<std::string> vms_to_measure(const std::vector<db::Balancer>& balancers,
                                        const std::vector<db::Vm>& vms, const std::string& self);

/// The health rows of `self` that are to have these loads, and have others.
/// Shape:   `health` is sorted by its key, `loads` is by VM id.  A change of less than a twentieth
///          is none.  A server that is to be probed has no row before its first probe; one that is
///          not gets one for its load.
std::vector<db::ServerHealth> rows_with(const std::map<std::string, VmLoad>& loads,
                                        const std::vector<db::Balancer>& balancers,
                                        const std::vector<db::Vm>& vms,
                                        const std::vector<db::ServerHealth>& health,
                                        const std::string& self);

} // namespace holdfast::hookd
