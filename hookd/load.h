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
#include <optional>
#include <string>
#include <vector>

#include "db/rows.h"

namespace holdfast::hookd {

/// What libvirt has counted of a VM that runs.
struct LoadSample {
    std::int64_t time_ns = 0; // When; of a clock that does not go back.
    int start = 0;            // Which of its starts this is of: libvirt's number of the domain.
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
///          for once, as while it moves, has what it had before.  Of two starts nothing is between.
VmLoad load_between(const LoadSample& before, const LoadSample& now);

/// Which start of each VM was asked to tell of its guest's memory.
using MemoryAsked = std::map<std::string, int>;
/// Whether the VM is to be asked now, which is noted: once a start, where it does not tell.
bool is_to_be_asked(MemoryAsked& asked, const std::string& vm, const LoadSample& sample);

/// The loads of VMs, from sample to sample.
class Loads {
public:
    /// What is not heard of for so long is not known any more: three samples.
    static constexpr std::int64_t silent_ns = 15'000'000'000;

    void take(const LoadSamples& samples);
    /// Those of these VMs, each with a load or `not known`; none of one of which there is nothing
    /// to say yet, as its first sample has come, or may.  Others are forgotten.
    /// Units:   `now_ns` by the samples' clock.
    std::map<std::string, VmLoad> of(const std::vector<std::string>& vms, std::int64_t now_ns);

private:
    struct Heard {
        std::int64_t ns = 0; // When it was heard of last, or was to be from then on.
        std::optional<LoadSample> sample;
        std::optional<VmLoad> load;
    };
    std::map<std::string, Heard> heard_; // By VM id.
};

/// The VMs here, by id and sorted, whose load a balancer's weights follow.
std::vector<std::string> vms_to_measure(const std::vector<db::Balancer>& balancers,
                                        const std::vector<db::Vm>& vms, const std::string& self);

/// The health rows of `self` that are to have these loads, and have others.
/// Shape:   `health` is sorted by its key, `loads` is by VM id.  A change of less than a twentieth
///          is none.  A server that is to be probed has no row before its first probe; one that is
///          not gets one for its load, once that is known.
std::vector<db::ServerHealth> rows_with(const std::map<std::string, VmLoad>& loads,
                                        const std::vector<db::Balancer>& balancers,
                                        const std::vector<db::Vm>& vms,
                                        const std::vector<db::ServerHealth>& health,
                                        const std::string& self);

} // namespace holdfast::hookd
