// SPDX-License-Identifier: Apache-2.0
//
// hookd/move-machine: see move-machine.h.
#include <config.h>

#include "hookd/move-machine.h"

#include <algorithm>
#include <array>
#include <utility>

namespace holdfast::hookd {
namespace {

constexpr std::array step_names{
    std::pair{Step::armed, "armed"},   std::pair{Step::turned, "turned"},
    std::pair{Step::back, "back"},     std::pair{Step::cleaned, "cleaned"},
    std::pair{Step::staged, "staged"}, std::pair{Step::active, "active"},
    std::pair{Step::failed, "failed"},
};

Step step_of(const db::Move& row)
{
    for (const auto& [step, name] : step_names) {
        if (row.state == name)
            return step;
    }
    return row.role == "source" ? Step::back : Step::failed;
}

} // namespace

const char* to_string(Step step)
{
    for (const auto& [known, name] : step_names) {
        if (known == step)
            return name;
    }
    return "";
}

MoveMachine::MoveMachine(db::Move row, Role role, Step step)
    : row_{std::move(row)}, role_{role}, step_{step}
{
    row_.role = role == Role::source ? "source" : "destination";
    row_.state = to_string(step);
}

MoveMachine MoveMachine::destination(const std::string& id, const std::string& vm,
                                     const std::string& self, const std::string& peer,
                                     db::TimeNs time)
{
    db::Move row;
    row.id = id;
    row.vm = vm;
    row.hypervisor = self;
    row.peer = peer;
    row.times["staged"] = time;
    return {row, Role::destination, Step::staged};
}

MoveMachine MoveMachine::source(const db::Move& destination_row, const std::string& self,
                                db::TimeNs time)
{
    db::Move row;
    row.id = destination_row.id;
    row.vm = destination_row.vm;
    row.hypervisor = self;
    row.peer = destination_row.hypervisor;
    row.times["armed"] = time;
    return {row, Role::source, Step::armed};
}

MoveMachine MoveMachine::resumed(const db::Move& row)
{
    Role role = row.role == "source" ? Role::source : Role::destination;
    MoveMachine machine{row, role, step_of(row)};
    machine.cpus_stopped_ = machine.step_ == Step::turned;
    machine.runs_here_ = machine.step_ == Step::active;
    return machine;
}

std::vector<Action> MoveMachine::begin() const
{
    switch (step_) {
    case Step::armed:
        return {Action::put_row, Action::arm};
    case Step::staged:
        return {Action::put_row};
    default:
        return {};
    }
}

std::vector<Action> MoveMachine::again() const
{
    switch (step_) {
    case Step::armed:
        return {Action::arm};
    case Step::turned:
        return {Action::turn};
    case Step::staged:
        if (!has_port_)
            return {}; // It is expected when the port comes.
        return pinned_ ? std::vector{Action::expect, Action::pin} : std::vector{Action::expect};
    default:
        return {};
    }
}

/// Keeps the fact that the signal tells; false if it tells nothing to this role.
bool MoveMachine::take(Signal signal, db::TimeNs time)
{
    bool source = role_ == Role::source;
    switch (signal) {
    case Signal::port_plugged:
        has_port_ = true;
        return !source;
    case Signal::cpus_stopped:
        cpus_stopped_ = source;
        if (source && step_ == Step::armed)
            note("suspended", time);
        return source;
    case Signal::cpus_resumed:
        cpus_stopped_ = false;
        runs_here_ = !source;
        if (!source)
            note("resumed", time);
        return true;
    case Signal::left_paused:
        runs_here_ = !source;
        return !source;
    case Signal::first_frame:
        runs_here_ = !source;
        if (!source)
            note("first_frame", time);
        return !source;
    case Signal::migration_failed:
        undone_ = undone_ || source;
        return source;
    case Signal::incoming_failed:
        undone_ = undone_ || !source;
        return !source;
    case Signal::gone:
        gone_ = true;
        return true;
    case Signal::moved_away:
        gone_ = moved_away_ = true;
        return source;
    case Signal::peer_staged:
        return false;
    case Signal::peer_drained:
    case Signal::peer_armed:
        drained_ = !source && signal == Signal::peer_drained;
        return !source;
    case Signal::peer_active:
        peer_active_ = source;
        return source;
    case Signal::peer_failed:
        undone_ = undone_ || source;
        peer_ended_ = true;
        return source;
    case Signal::peer_back:
        peer_back_ = peer_ended_ = true;
        return !source;
    case Signal::peer_cleaned:
        peer_ended_ = true;
        return !source;
    case Signal::peer_gone:
        // A row that vanished after the move was decided says nothing against it.
        undone_ = undone_ ||
                  (source && !peer_active_ && !moved_away_ && !row_.times.contains("committed"));
        peer_ended_ = true;
        return true;
    case Signal::deadline:
        undone_ = undone_ || (!source && !has_port_ && !runs_here_);
        return !source;
    }
    return false;
}

Step MoveMachine::source_step() const
{
    if (step_ == Step::back || step_ == Step::cleaned)
        return step_;
    if (undone_)
        return Step::back;
    if (peer_active_ && gone_)
        return Step::cleaned;
    if (peer_active_ || moved_away_ || cpus_stopped_)
        return Step::turned;
    return Step::armed;
}

Step MoveMachine::destination_step() const
{
    if (step_ == Step::failed || undone_)
        return Step::failed;
    if (gone_ && (peer_back_ || !runs_here_))
        return Step::failed;
    if (runs_here_)
        return Step::active; // Even if the source says back: a guest that runs here is a fact.
    return peer_back_ ? Step::failed : Step::staged;
}

std::vector<Action> MoveMachine::on(Signal signal, db::TimeNs time)
{
    bool had_port = has_port_;
    bool was_gone = gone_;
    if (!take(signal, time))
        return {};
    Step next = role_ == Role::source ? source_step() : destination_step();
    if (next != step_)
        return role_ == Role::source ? enter_source(next, time) : enter_destination(next, time);
    if (step_ == Step::turned && gone_ && !was_gone)
        return {Action::leave}; // Even if the peer's word, by way of the fleet, comes late.
    return step_ == Step::staged ? stay_staged(had_port, time) : std::vector<Action>{};
}

std::vector<Action> MoveMachine::stay_staged(bool had_port, db::TimeNs time)
{
    std::vector<Action> actions;
    if (has_port_ && !had_port) {
        note("plugged", time);
        actions = {Action::put_row, Action::sync, Action::expect};
    }
    // Before the guest announces itself: from then on the fabric sends nothing back from here.
    if (drained_ && has_port_ && !pinned_) {
        pinned_ = true;
        actions.push_back(Action::pin);
    } else if (!drained_ && pinned_) {
        pinned_ = false;
        actions.insert(actions.end(), {Action::disarm, Action::expect});
    }
    return actions;
}

std::vector<Action> MoveMachine::enter_source(Step next, db::TimeNs time)
{
    Step previous = std::exchange(step_, next);
    row_.state = to_string(next);
    switch (next) {
    case Step::turned:
        row_.times.erase("drained");
        if (gone_)
            return {Action::turn, Action::leave, Action::put_row};
        return {Action::turn, Action::put_row};
    case Step::armed:
        // The guest was only paused for a while: the next stop counts anew.
        row_.times.erase("suspended");
        row_.times.erase("turned");
        row_.times.erase("drained");
        return {Action::back, Action::arm, Action::put_row};
    case Step::cleaned:
        note("cleaned", time);
        return {Action::disarm, Action::put_row};
    default:
        note("back", time);
        if (previous == Step::armed)
            return {Action::disarm, Action::put_row};
        if (peer_active_ && !gone_)
            return {Action::back, Action::disarm, Action::put_row, Action::take_over, Action::sync};
        return {Action::back, Action::disarm, Action::put_row};
    }
}

std::vector<Action> MoveMachine::enter_destination(Step next, db::TimeNs time)
{
    step_ = next;
    row_.state = to_string(next);
    if (next == Step::active)
        return {Action::activate, Action::put_row, Action::take_over, Action::sync};
    note("failed", time);
    return {Action::disarm, Action::put_row, Action::sync};
}

void MoveMachine::note(const std::string& what, db::TimeNs time)
{
    row_.times.try_emplace(what, time);
}

void MoveMachine::note_figure(const std::string& what, std::int64_t value)
{
    row_.figures[what] = value;
}

bool MoveMachine::under_way() const
{
    return step_ == Step::armed || step_ == Step::turned || step_ == Step::staged;
}

bool MoveMachine::over() const
{
    switch (step_) {
    case Step::back:
    case Step::cleaned:
    case Step::failed:
        return true;
    case Step::active:
        return peer_ended_;
    default:
        return false;
    }
}

} // namespace holdfast::hookd
