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

/// A VM that runs here and names its owner.
struct OwnedVm {
    std::string id, name, owner;
    int n_cpus = 0;           // 0: not known, also below.
    std::uint64_t memory = 0; // Bytes.
    int start = 0;            // Libvirt's number of this start of it.
};

/// What runs here.
struct Work {
    std::vector<db::Service> services; // Of the fleet; those that run here count.
    std::vector<OwnedVm> vms;
    std::set<std::string> containers; // Users who have one.
};

/// A user who has work here.
struct CappedUser {
    std::string name;
    std::optional<Cap> cap;         // Of all his work together; none: he may take all.
    std::optional<Cap> services;    // His services' part of it, all together.
    std::optional<Cap> container;   // His container's.
    std::map<std::string, int> vms; // His VMs' parts of the processors, by id; none without a cap.
    std::vector<int> pids;          // Of his services' first processes.
};

/// Those with a share, by name, and how what they may take is divided among their work.
/// Shape:   processors: services count as much as all that he may have, as does a container; a VM
///          as its own.  Memory: a VM has what it has; services and container have equal parts of
///          what is left.  No part is nothing.
std::vector<CappedUser> capped_users(const std::vector<db::Quota>& quotas, const Work& work,
                                     const NodeRoom& room);

/// Whether a VM that is about to run here has room in its owner's part of the memory.
/// Units:   `taken`: bytes that his services and his container use now.
/// Errors:  invalid, with the figures.
Result<void> may_hold(const db::Quota& owner, const OwnedVm& vm, const std::vector<OwnedVm>& vms,
                      std::uint64_t taken, const NodeRoom& room);

/// What of the processors a VM may take, with its QEMU, until it ends.
struct VmLimit {
    std::string id, name;
    int start = 0; // Of this start of it: OwnedVm::start.
    int cpu = 0;   // Thousandths of a processor; 0: all.

    bool operator==(const VmLimit&) const = default;
};

/// What libvirt is to be told of these VMs.
/// Shape:   those of `users` that are held otherwise than they are to be, by `held`; and of others
///          in `held` that still run, that they may take all.
std::vector<VmLimit> limits_to_tell(const std::vector<CappedUser>& users,
                                    const std::vector<OwnedVm>& vms,
                                    const std::map<std::string, VmLimit>& held);

} // namespace holdfast::hookd
