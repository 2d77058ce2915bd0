// SPDX-License-Identifier: Apache-2.0
//
// hookd/caps: how much of this hypervisor a user's services, VMs and container may take (spec Q6).
//
// Pure.  hookd/cap-watch holds services and VMs to it, env/container the containers, and the hook
// of libvirt refuses a VM whose memory is more than is left.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::hookd {

/// What this hypervisor has.
struct NodeRoom {
    std::string name;
    std::int64_t capacity = 0;    // Thousandths of a unit, for all users; 0: nothing.
    int n_cpus = 0;               // Its processors.
    std::uint64_t memory = 0;     // Bytes.
    std::int64_t lent_amount = 0; // What a spare that is lent gives a user.
};

/// A user's part of it.
struct Cap {
    int cpu = 0;              // Thousandths of a processor.
    std::uint64_t memory = 0; // Bytes.

    bool operator==(const Cap&) const = default;
};

/// By the user's amount there: the same part of processors and memory as of what the hypervisor
/// gives in all.  None: an administrator, one who has nothing of it, and where it gives nothing
/// any more.
std::optional<Cap> cap_of(const db::Quota& quota, const NodeRoom& room);

/// A VM that runs here, or is about to, and names its owner.
struct OwnedVm {
    std::string id, name, owner;
    int n_cpus = 0;           // 0: not known, also below.
    std::uint64_t memory = 0; // Bytes.
};

/// What runs here, beside the fleet's services.
struct Work {
    std::vector<OwnedVm> vms;
    std::set<std::string> containers; // Users who have one.
};

/// A user who has work here.
struct CappedUser {
    std::string name;
    std::optional<Cap> cap;         // Of all his work together; none: he may take all.
    std::optional<Cap> services;    // His services' part of it, all together.
    std::optional<Cap> container;   // His container's.
    std::map<std::string, int> vms; // His VMs' parts of the processors, by id; 0: all.
    std::vector<int> pids;          // Of his services' first processes.
};

/// Those with a share somewhere, by name, and how what they may take is divided among their work.
/// Shape:   processors: services count as much as all that he may have, as does a container; a VM
///          as its own.  Memory: a VM has what it has; services and container have equal parts of
///          what is left.  No part is nothing.  A VM whose owner has lost his share here is not in
///          it: it stays as it was held.
std::vector<CappedUser> capped_users(const std::vector<db::Quota>& quotas,
                                     const std::vector<db::Service>& services, const Work& work,
                                     const NodeRoom& room);

/// Whether a VM that is about to run here has room in its owner's part of the memory.
/// Units:   `taken`: bytes that his services and his container use now.
/// Errors:  invalid, with the figures.
Result<void> may_hold(const db::Quota& owner, const OwnedVm& vm, const std::vector<OwnedVm>& vms,
                      std::uint64_t taken, const NodeRoom& room);

/// How much of the processors' time a control group's processes may take.
struct CpuQuota {
    std::int64_t quota = -1; // Microseconds in each period; -1: all.
    std::int64_t period = 100'000;

    bool operator==(const CpuQuota&) const = default;
};

/// What is to be written to a VM's control group for its part of the processors; none: nothing.
/// Shape:   `cpu`: thousandths of a processor; 0: all.  By its period what is ours is known, also
///          to a daemon that was started anew; the operator's is left alone where it is less.
std::optional<CpuQuota> quota_to_write(const CpuQuota& now, int cpu);

/// The control group of a libvirt domain, by that of its QEMU, which is in one of its parts; empty
/// if it has none of its own.
std::string group_of_domain(const std::string& folder);

} // namespace holdfast::hookd
