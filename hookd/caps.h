// SPDX-License-Identifier: Apache-2.0
//
// hookd/caps: how much of this hypervisor a user's services may take (spec Q6).
//
// Pure.  hookd/cap-watch holds them to it by control groups.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

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

/// A user whose services run here.
struct CappedUser {
    std::string name;
    std::optional<Cap> cap; // None: he may take all.
    std::vector<int> pids;  // Of his services' first processes.
};

/// Those with a share, by name.
std::vector<CappedUser> capped_users(const std::vector<db::Quota>& quotas,
                                     const std::vector<db::Service>& services,
                                     const NodeRoom& room);

} // namespace holdfast::hookd
