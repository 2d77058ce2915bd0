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
    /// Its hypervisor pauses it once it was cut off from the fleet for so many seconds (spec R9);
    /// 0: it does not.
    std::int64_t lease = 0;
    std::string xml; // Its definition, where another hypervisor may have to start it; else empty.

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
    // Of both: whether it is recovered without being asked, "on" or "off"; empty: of the fleet off,
    // of a VM as the fleet's.
    std::string automatic;

    bool operator==(const RecoveryPolicy&) const = default;
};

/// A failure of a VM, and what became of it.  Shared, owned by none; changed by compare and swap.
struct Recovery {
    std::string id;         // UUID.
    std::string vm;         // The VM's id.
    std::string hypervisor; // Where it failed.
    std::string failure;    // As recovery::name_of() has it.
    std::string state =
        "failed";              // "failed": nothing is done at the moment; "running"; "recovered";
                               // "given-up": a person has to look; "over": it is well without;
                               // "allowed": recovered, and the VM may be started again.
    std::string way;           // How it is or was recovered; empty: not yet.
    std::string replacement;   // The id of the VM that has its place: of one restarted its own.
    std::string target;        // The hypervisor of that.
    std::string by;            // The hypervisor that does it, or did.
    std::string text;          // What is being done, or why nothing is: one line.
    std::int64_t attempts = 0; // That have failed.
    std::int64_t since = 0;    // When the failure was seen, ns since the epoch, as the next one.
    std::int64_t changed = 0;  // When the state became what it is.

    bool operator==(const Recovery&) const = default;
};

/// Whether the VM's place is another's, or about to be: it must not be started where it was.
inline bool is_replaced(const Recovery& row)
{
    return row.state == "recovered" || row.state == "running";
}
/// Whether nothing more is to be done about it.
inline bool is_closed(const Recovery& row)
{
    return row.state != "failed" && row.state != "running";
}

/// The name of the row that is the whole fleet's.
inline constexpr const char* fleet_policy = "fleet";

} // namespace holdfast::db
