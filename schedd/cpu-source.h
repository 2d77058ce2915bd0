// SPDX-License-Identifier: Apache-2.0
//
// schedd/cpu-source: what the kernel counts of processors' time: of this node, and of a service
// (spec Q18).
//
// Reads /proc and the control groups, of version 1 or 2.  What it means is load-meter's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::schedd {

/// What all processors together have done since the start.
/// Units:   of the kernel's, the same for both.
struct CpuTicks {
    std::uint64_t busy = 0;
    std::uint64_t all = 0;
};

/// None if the text is not the kernel's.
/// Source:  proc(5), /proc/stat: user, nice, system, irq, softirq and steal are busy; guests' time
/// is
///          in user's and nice's.
std::optional<CpuTicks> parse_cpu_ticks(std::string_view stat);

/// What a process, and the children that it has waited for, have worked.
/// Units:   the kernel's ticks.
/// Source:  proc(5), /proc/PID/stat: utime, stime, cutime, cstime.
std::optional<std::uint64_t> parse_process_ticks(std::string_view stat);

/// The time in a control group's file.
/// Units:   ns.
/// Source:  cgroups(7): `usage_usec` of version 2's cpu.stat, or the number in version 1's
///          cpuacct.usage.
std::optional<std::uint64_t> parse_group_usage(std::string_view text);

/// How long some task waited for a processor in the last five minutes, in thousandths.
/// Source:  Documentation/accounting/psi.rst: `some avg300` of /proc/pressure/cpu.
std::optional<int> parse_pressure(std::string_view text);

/// Of the whole machine, or of one control group on it.
class NodeCpu {
public:
    /// `n_cpus`: 0: as many as the machine has; `group`: empty: the whole machine.
    NodeCpu(int n_cpus, std::string group);

    int n_cpus() const { return n_cpus_; }
    std::optional<CpuTicks> read() const;
    /// -1: this kernel does not tell.
    int pressure() const;

private:
    int n_cpus_;
    std::string group_;
};

/// What the process and all below it have worked, and those of before that were waited for.
/// Units:   ns.
std::optional<std::uint64_t> read_tree(int pid);

} // namespace holdfast::schedd
