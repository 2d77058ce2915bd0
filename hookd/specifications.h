// SPDX-License-Identifier: Apache-2.0
//
// hookd/specifications: what this hypervisor tells of its VMs' make-up (spec recovery.md, R1).
//
// Pure: from libvirt's domains and the rows there are, the rows to write.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "db/rows.h"
#include "hookd/records.h"
#include "recovery/features.h"

namespace holdfast::hookd {

struct SpecificationChange {
    std::vector<db::Specification> put;
    std::vector<std::string> remove; // VM ids.
};

/// Which VMs are recovered without being asked, and under which lease (hookd/lease-guard.h).
struct RecoveryTerms {
    const std::vector<db::RecoveryPolicy>* policies;
    std::int64_t lease = 0; // Seconds.
};

/// The rows to write so that they say what this hypervisor's domains are made of.  A VM that
/// libvirt does not tell of now keeps its row; one without a record has none.
SpecificationChange
compute_specifications(const std::string& self, const std::map<std::string, Domain>& domains,
                       const std::vector<db::Vm>& vms, const std::vector<db::Specification>& rows,
                       const recovery::FeatureTable& features, const RecoveryTerms& terms);

} // namespace holdfast::hookd
