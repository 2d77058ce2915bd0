// SPDX-License-Identifier: Apache-2.0
//
// hookd/recovery-orders: see recovery-orders.h.
#include <config.h>

#include "hookd/recovery-orders.h"

#include <algorithm>

#include "recovery/place.h"

namespace holdfast::hookd {

using recovery::DomainState;

Answer answer_for(const Asked& asked)
{
    if (asked.moving || asked.recovering)
        return Answer::stays; // Ended now, it may come up where it moves to.
    // One that has come up where it was to be started is the VM; it has moved on where it was lost.
    if (asked.former ? asked.own && asked.runs : asked.known && !asked.own)
        return Answer::stays;
    if (!asked.libvirt_here)
        return asked.end && asked.known ? Answer::end : Answer::unknown;
    if (!asked.runs && !asked.starts)
        return Answer::gone;
    return asked.end && !asked.well ? Answer::end : Answer::stays;
}

bool is_well(const std::string& failure, DomainState seems, std::optional<recovery::Seconds> silent)
{
    if (failure.empty() || seems != DomainState::runs)
        return false;
    // After a restart here its agent has not been asked: what was told holds.
    return failure != name_of(recovery::Failure::hung) ||
           (silent && *silent < recovery::Patience{}.agent);
}

Result<db::Recovery> row_of_order(const std::string& self, const StartOrder& order,
                                  const std::vector<db::Recovery>& rows)
{
    const auto row = std::ranges::find(rows, order.recovery, &db::Recovery::id);
    if (row == rows.end() || row->vm != order.vm || row->state != "running" ||
        row->changed != order.attempt || recovery::started_on(*row) != self)
        return Error{Errc::outdated, "the recovery that it was to be started for has ended"};
    return *row;
}

db::Recovery claimed(db::Recovery row, const std::string& by, const std::string& text,
                     db::TimeNs now)
{
    row.state = "running";
    row.by = by;
    row.text = text;
    // Later than the one before, whatever clock that went by.
    row.changed = std::max(now, row.changed + 1);
    return row;
}

db::Recovery fenced(db::Recovery row, recovery::Way way, const std::string& replacement,
                    const std::string& target)
{
    row.way = recovery::name_of(way);
    row.replacement = replacement;
    row.target = target;
    return row;
}

db::Recovery refused(db::Recovery row, const std::string& why, db::TimeNs now)
{
    row.state = "failed";
    row.text = why;
    ++row.attempts;
    row.changed = now;
    return row;
}

bool is_to_be_told(const db::Recovery& row, const std::string& self, const std::vector<db::Vm>& vms,
                   const std::vector<db::Recovery>& rows)
{
    const auto vm = std::ranges::find(vms, row.vm, &db::Vm::id);
    return vm != vms.end() && vm->hypervisor == self && !recovery::open_recovery(rows, row.vm) &&
           recovery::has_place(rows, row.vm, self);
}

} // namespace holdfast::hookd
