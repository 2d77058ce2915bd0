// SPDX-License-Identifier: Apache-2.0
//
// hookd/vm-failures: see vm-failures.h.
#include <config.h>

#include "hookd/vm-failures.h"

#include <libvirt/libvirt.h>

#include <algorithm>

#include "hookd/index.h"
#include "recovery/place.h"

namespace holdfast::hookd {
namespace {

using recovery::DomainState;
using recovery::Failure;

/// Failures of which the VM's own hypervisor sees the end; "by-hand": somebody asked.
bool is_ours(const std::string& failure)
{
    return failure == name_of(Failure::crashed) || failure == name_of(Failure::halted) ||
           failure == name_of(Failure::hung) || failure == "by-hand";
}

Failure failure_of(const db::Vm& vm, const OwnVms& vms)
{
    recovery::Signs signs;
    signs.moving = vms.moving.contains(vm.id);
    const auto domain = vms.domains->find(vm.id);
    if (domain != vms.domains->end())
        signs.domain = domain->second.seems;
    else
        signs.domain = vms.ended_badly.contains(vm.id) ? DomainState::crashed : DomainState::off;
    const bool ended = vms.ran.contains(vm.id) && vm.state == "stopped";
    if (signs.domain == DomainState::crashed && !ended)
        signs.domain = DomainState::off; // That was told of when it happened.
    if (const auto silent = vms.agent_silent.find(vm.id); silent != vms.agent_silent.end())
        signs.agent_silent = silent->second;
    return diagnose(signs, {});
}

/// Whether a move of the VM's has ended here after that was written.
bool has_moved(const std::string& self, const db::Recovery& row, const std::vector<db::Move>& moves)
{
    return std::ranges::any_of(moves, [&](const db::Move& move) {
        return move.vm == row.vm && move.role == "destination" && move.hypervisor == self &&
               move.state == "active" && std::ranges::any_of(move.times, [&](const auto& time) {
                   return time.second > row.changed;
               });
    });
}

} // namespace

DomainState domain_state_of(int state, int reason)
{
    switch (state) {
    case VIR_DOMAIN_PAUSED:
        return reason == VIR_DOMAIN_PAUSED_IOERROR || reason == VIR_DOMAIN_PAUSED_CRASHED
                   ? DomainState::halted
                   : DomainState::paused;
    case VIR_DOMAIN_PMSUSPENDED:
        return DomainState::paused;
    case VIR_DOMAIN_CRASHED:
        return DomainState::crashed;
    case VIR_DOMAIN_SHUTOFF:
        return reason == VIR_DOMAIN_SHUTOFF_CRASHED ? DomainState::crashed : DomainState::off;
    case VIR_DOMAIN_RUNNING:
    case VIR_DOMAIN_BLOCKED:
    case VIR_DOMAIN_SHUTDOWN:
        return DomainState::runs;
    default:
        return DomainState::off;
    }
}

std::set<std::string> running_here(const std::string& self, const std::vector<db::Vm>& vms,
                                   const std::set<std::string>& ran,
                                   const std::map<std::string, Domain>& domains)
{
    const auto unexplained = [&](const db::Vm& vm) {
        const auto domain = domains.find(vm.id);
        return ran.contains(vm.id) && domain != domains.end() &&
               domain->second.seems != DomainState::off &&
               domain->second.seems != DomainState::crashed;
    };
    std::set<std::string> ids;
    for (const db::Vm& vm : vms)
        if (vm.hypervisor == self && (vm.state == "running" || unexplained(vm)))
            ids.insert(vm.id);
    return ids;
}

FailureChange compute_failures(const OwnVms& vms, const std::vector<db::Recovery>& rows,
                               db::TimeNs now)
{
    FailureChange change;
    for (const db::Vm& vm : *vms.vms) {
        if (vm.hypervisor != vms.self || vm.kind != "domain")
            continue;
        const Failure failure = failure_of(vm, vms);
        const db::Recovery* open = recovery::open_recovery(rows, vm.id);
        const bool runs = vm.state == "running" && failure == Failure::none;
        if (open && open->state == "failed" && is_ours(open->failure) && runs)
            change.over.push_back(*open);
        if (failure == Failure::none || open || !recovery::has_place(rows, vm.id, vms.self))
            continue;
        db::Recovery row;
        row.vm = vm.id;
        row.hypervisor = vms.self;
        row.failure = name_of(failure);
        row.since = row.changed = now;
        change.begun.push_back(row);
    }
    return change;
}

std::vector<std::string> recovery_problems(const std::vector<db::Recovery>& rows,
                                           const std::vector<db::Vm>& vms)
{
    std::vector<std::string> lines;
    Index names{vms, &db::Vm::id};
    for (const db::Recovery& row : rows) {
        const db::Vm* vm = names.find(row.vm);
        const bool given_up = row.state == "given-up" && vm && vm->state != "running";
        if (!vm || (db::is_closed(row) && !given_up))
            continue;
        std::string line = "VM " + vm->name + ": " + row.failure + " on " + row.hypervisor;
        if (row.state == "running")
            line += ", is recovered by " + row.by;
        if (given_up)
            line += ", given up";
        lines.push_back(line + (row.text.empty() ? "" : ": " + row.text));
    }
    return lines;
}

std::vector<std::string> to_be_ended(const std::string& self,
                                     const std::map<std::string, Domain>& domains,
                                     const std::vector<db::Recovery>& rows,
                                     const std::set<std::string>& moving,
                                     const std::vector<db::Move>& moves)
{
    std::vector<std::string> vms;
    for (const auto& [vm, domain] : domains) {
        if (domain.state == Reality::absent || moving.contains(vm))
            continue;
        const db::Recovery* row = recovery::replaced_by(rows, vm);
        // Elsewhere than where it was lost nobody can tell it from one that has come by a move.
        if (row && row->state == "recovered" && row->hypervisor == self &&
            recovery::started_on(*row) != self && !has_moved(self, *row, moves))
            vms.push_back(vm);
    }
    return vms;
}

std::vector<db::Recovery> moved_here(const std::string& self, const std::vector<db::Vm>& vms,
                                     const std::vector<db::Recovery>& rows,
                                     const std::vector<db::Move>& moves)
{
    std::vector<db::Recovery> moved;
    for (const db::Vm& vm : vms) {
        if (vm.hypervisor != self || vm.state != "running")
            continue;
        const db::Recovery* row = recovery::replaced_by(rows, vm.id);
        if (!row || row->state != "recovered" || recovery::started_on(*row).empty() ||
            row->target == self || !has_moved(self, *row, moves))
            continue;
        moved.push_back(*row);
        moved.back().target = self;
    }
    return moved;
}

Result<void> may_start_here(const std::string& self, const std::string& vm, bool coming,
                            const std::vector<db::Recovery>& rows, const std::vector<db::Vm>& vms)
{
    const db::Recovery* row = recovery::replaced_by(rows, vm);
    if (!row || (!coming && recovery::started_on(*row) == self))
        return {};
    if (row->state == "running")
        return Error{Errc::invalid,
                     "it is being recovered by " + row->by + ": wait until that has ended"};
    if (coming)
        return {};
    Index names{vms, &db::Vm::id};
    const db::Vm* next = names.find(row->replacement);
    const std::string who = row->replacement == vm ? "it was started on " + row->target
                            : next                 ? next->name + " has its place"
                                                   : "another VM has its place";
    return Error{Errc::invalid, who + " since it was lost on " + row->hypervisor +
                                    ": \"holdfast recovery allow\" lets it be started again"};
}

Result<void> may_start_leased(bool knows, bool expired)
{
    if (knows && !expired)
        return {};
    return Error{Errc::unavailable,
                 "it can have been recovered elsewhere, and the fleet's database "
                 "is not reached: it is started once it is, if it is to start "
                 "with the machine"};
}

} // namespace holdfast::hookd
