// SPDX-License-Identifier: Apache-2.0
//
// hookd/recovery-orders: what a hypervisor does when a recovery asks it whether a VM is gone, or to
// start one, and what an attempt leaves in its row for the next (spec recovery.md, R9).
//
// Pure.  An attempt can be given up while what it asked for is still under way: the row says where
// that may be, until that hypervisor has said that it is not.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"
#include "recovery/failure.h"
#include "recovery/plan.h"

namespace holdfast::hookd {

/// What is known of a VM that a recovery elsewhere asks for.
struct Asked {
    bool end = false;          // It is to be ended, if it runs.
    bool former = false;       // It is asked where an earlier attempt may have started it.
    bool libvirt_here = false; // Else what is known of domains is not of now.
    bool known = false;        // It has a record.
    bool own = false;          // Which is this hypervisor's.
    bool runs = false;         // It has a domain that has not ended.
    bool starts = false;       // Libvirt has begun to start it.
    bool moving = false;       // A migration of it is under way here.
    bool recovering = false;   // A recovery's order to start it here is being done.
    bool well = false;         // It runs, and what was told of it does not hold any more.
};

enum class Answer {
    gone,    // It does not run here, nor is about to.
    stays,   // It does, and is left alone.
    unknown, // Nobody here can tell.
    end,     // It is ended first; that says whether it is gone.
};

Answer answer_for(const Asked& asked);

/// Whether the failure that was told does not hold any more, of a VM that libvirt says this of.
/// `silent`: how long its agent has been, if it has answered before.
bool is_well(const std::string& failure, recovery::DomainState seems,
             std::optional<recovery::Seconds> silent);

/// The order to start a VM: of which attempt it is.
struct StartOrder {
    std::string vm;
    std::string recovery;   // The row's id.
    db::TimeNs attempt = 0; // Its `changed`, which each attempt has of its own.
};

/// The row by which `self` may start it, as it is known here.
/// Errors:  outdated: the attempt has ended, or is another.
Result<db::Recovery> row_of_order(const std::string& self, const StartOrder& order,
                                  const std::vector<db::Recovery>& rows);

/// The row of an attempt that begins.  Where an earlier one may have started the VM stays in it.
db::Recovery claimed(db::Recovery row, const std::string& by, const std::string& text,
                     db::TimeNs now);
/// The row once the VM is known to be gone from everywhere: where it is to be from here on.
db::Recovery fenced(db::Recovery row, recovery::Way way, const std::string& replacement,
                    const std::string& target);
/// The row of an attempt that could not even begin.
db::Recovery refused(db::Recovery row, const std::string& why, db::TimeNs now);

/// Whether what was seen of a VM is still to be told: it is this hypervisor's, has its place, and
/// nobody has told of it.
bool is_to_be_told(const db::Recovery& row, const std::string& self, const std::vector<db::Vm>& vms,
                   const std::vector<db::Recovery>& rows);

} // namespace holdfast::hookd
