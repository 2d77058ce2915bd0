// SPDX-License-Identifier: Apache-2.0
//
// db/recovery-rows: the rows of recovery (spec recovery.md), as db/rows.h has the others.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace holdfast::db {

/// Something that a VM has or has not: recovery/specification.h.
struct SpecificationElement {
    std::string feature; // What kind of thing it is, e.g. "database".
    std::string name;    // E.g. "PostgreSQL".
    std::string version; // Empty if it is not known.

    auto operator<=>(const SpecificationElement&) const = default;
};

/// What a VM is made of (spec R1).  Owner: `hypervisor`, which has the VM's record.
struct Specification {
    std::string id;                             // The VM's.
    std::string hypervisor;                     // Whose VM it is.
    std::int64_t epoch = 0;                     // The VM's record's.
    std::int64_t cpus = 0;                      // 0: not known, also below.
    std::int64_t memory = 0;                    // MiB.
    std::int64_t disk = 0;                      // MiB, of all its disks.
    bool shared_disks = false;                  // Other hypervisors reach its disks.
    std::vector<SpecificationElement> elements; // Sorted, each once.

    bool operator==(const Specification&) const = default;
};

/// How VMs are recovered: those of the fleet, or one of them.  Shared, owned by none.
struct RecoveryPolicy {
    std::string name; // "fleet", or the VM's id.
    std::string ways; // "restart,adopt,clone" in the order to be tried; of a VM also empty: as the
                      // fleet's.
    // Of the fleet's alone:
    std::map<std::string, std::int64_t> weights; // By feature, millionths, above 0.
    std::int64_t threshold = 0;                  // Millionths, 0 to 1000000.
    std::string measure;                         // "jaccard" or "coverage".
    std::string versions;                        // "ignore", "major" or "exact".
    std::string required;                        // "cpu,memory": conditions, or empty.
    // Of a VM's alone:
    std::string pinned;     // The id of the VM that is to replace it, or empty.
    bool forbidden = false; // It replaces no other.

    bool operator==(const RecoveryPolicy&) const = default;
};

/// The name of the row that is the whole fleet's.
inline constexpr const char* fleet_policy = "fleet";

} // namespace holdfast::db
