// SPDX-License-Identifier: Apache-2.0
//
// hookd/lease-note: what is remembered beside the store of this hypervisor's leases, so that a
// restart of hookd while it is cut off does not lengthen them (spec recovery.md, R9).
//
// It holds until the machine is started anew, which ends all VMs.
#pragma once

#include <set>
#include <string>

#include "common/result.h"
#include "hookd/lease-guard.h"

namespace holdfast::hookd {

struct LeaseNote {
    LeaseGuard::Time sent;        // What the fleet has had last was sent then.
    std::set<std::string> fenced; // VMs that stand still since.

    bool operator==(const LeaseNote&) const = default;
};

/// As text, with the id of this start of the machine.
std::string text_of(const LeaseNote& note, const std::string& boot);
/// The note of this start of the machine; where there is none it begins at `now`.
LeaseNote parse_lease_note(const std::string& text, const std::string& boot, LeaseGuard::Time now);

/// The same from and to a file.
LeaseNote load_lease_note(const std::string& file);
/// Errors:  io.
Result<void> save_lease_note(const std::string& file, const LeaseNote& note);

} // namespace holdfast::hookd
