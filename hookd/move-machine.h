// SPDX-License-Identifier: Apache-2.0
//
// hookd/move-machine: the two-phase cut-over of one VM (spec C5, C6), one side of it.
//
// Pure: takes signals, returns what to do.  hookd/mover feeds it and acts.  The step is a
// function of the set of facts that the signals left, so their order does not matter: the
// first activating signal wins and later ones change nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/rows.h"

namespace holdfast::hookd {

/// Which end of the move this hypervisor is.
enum class Role {
    source,      // The VM runs here and is leaving.
    destination, // The VM is on its way here.
};

//  Source:
//                   cpus_stopped, peer_active, moved_away
//    peer_staged ──▶ armed ──────────────────────────────▶ turned ──┐ peer_active and
//                     │  ◀──────────────────────────────────  │     │ (gone or moved_away)
//                     │            cpus_resumed               │     ▼
//                     │                                       │   cleaned
//                     └──────────────────┬────────────────────┘
//                                        ▼ migration_failed, peer_failed, peer_gone
//                                       back
//
//  Destination:
//                    cpus_resumed, first_frame, left_paused
//    incoming ──▶ staged ─────────────────────────────▶ active
//                 (its MAC is pinned to its port from peer_drained on; peer_armed undoes that)
//                    │                                    │ gone and peer_back
//                    └──────────────────┬─────────────────┘
//                                       ▼ gone, incoming_failed, peer_back, deadline
//                                     failed
//
/// Where one side of a move stands.
enum class Step {
    armed,   // Source: the destination is staged; copies of frames are kept.
    turned,  // Source: the guest stands still; its frames are held, then passed on.
    back,    // Source, end: the guest goes on here.
    cleaned, // Source, end: the guest is gone from here, and runs there.
    staged,  // Destination: flows are there, and wait.
    active,  // Destination, end: the guest runs here.
    failed,  // Destination, end: the guest never came, or went back.
};

/// The step as it is stored in db::Move::state.
const char* to_string(Step step);

/// What happened.
enum class Signal {
    port_plugged,     // Destination: the switch has the VM's port.
    cpus_stopped,     // QEMU stopped the guest: QMP STOP, or lifecycle SUSPENDED.
    cpus_resumed,     // QEMU lets the guest run: QMP RESUME, or lifecycle RESUMED.
    left_paused,      // Destination: the migration ended with a guest that is paused on purpose.
    first_frame,      // Destination: the guest sent a frame out of its port here.
    migration_failed, // Source: libvirt or QEMU says that the migration came to nothing.
    incoming_failed,  // Destination: libvirt says that the incoming VM failed.
    gone,             // The VM's QEMU here ended: hooks stopped and release, STOPPED, or not there.
    moved_away,       // Source: lifecycle STOPPED with detail MIGRATED.
    peer_staged,      // The destination's row says staged.
    peer_drained,     // The source's row says that what it held is on its way here.
    peer_armed,       // The source's row says armed: the guest runs there.
    peer_active,      // The destination's row says active.
    peer_failed,      // The destination's row says failed.
    peer_back,        // The source's row says back.
    peer_cleaned,     // The source's row says cleaned.
    peer_gone,        // The other side's row is no longer there.
    deadline,         // Nothing was heard for so long that the move cannot be meant any more.
};

/// What is to be done, in this order.
enum class Action {
    turn,      // Switch: holdfast/turn, before anything else.
    leave,     // Switch: holdfast/leave, before the port goes.
    activate,  // Switch: holdfast/activate, before anything else.
    pin,       // Switch: holdfast/pin.
    back,      // Switch: holdfast/back.
    arm,       // Switch: holdfast/arm, with QEMU's process and descriptor.
    disarm,    // Switch: holdfast/disarm.
    put_row,   // Store the row, and share it.
    take_over, // The VM's record: it runs here now.
    sync,      // Switch: holdfast/sync.
    expect,    // Switch: holdfast/expect.
};

/// One side of one move.
class MoveMachine {
public:
    /// A move on its way to hypervisor `self`.  `peer` is where the VM is, empty if not known.
    static MoveMachine destination(const std::string& id, const std::string& vm,
                                   const std::string& self, const std::string& peer,
                                   db::TimeNs time);

    /// A move away from `self`, as the destination's row tells it.
    static MoveMachine source(const db::Move& destination_row, const std::string& self,
                              db::TimeNs time);

    /// A move that was under way when the daemon stopped, or is kept for its end.
    static MoveMachine resumed(const db::Move& row);

    /// What is to be done first after the machine was made.
    std::vector<Action> begin() const;

    /// What a switch that knows nothing of the move is to be told, or one that may have told
    /// something while nobody listened.
    std::vector<Action> again() const;

    /// Takes a signal that came at `time`; what is to be done, in order, often nothing.
    std::vector<Action> on(Signal signal, db::TimeNs time);

    /// Notes when something happened that changes no step, e.g. "turned"; the first counts.
    void note(const std::string& what, db::TimeNs time);
    /// Notes a figure, e.g. "drained".
    void note_figure(const std::string& what, std::int64_t value);
    /// A figure says nothing any more.
    void drop_figure(const std::string& what) { row_.figures.erase(what); }

    const db::Move& row() const { return row_; }
    Role role() const { return role_; }
    Step step() const { return step_; }
    /// Destination: its MAC is at its port though the guest does not run here yet.
    bool pinned() const { return pinned_; }
    /// The guest stands still at the source, or not yet runs at the destination: the VM's
    /// record is not to be changed by what is seen of it meanwhile.
    bool under_way() const;
    /// Nothing can change any more: the machine may go.
    bool over() const;

private:
    MoveMachine(db::Move row, Role role, Step step);

    Step source_step() const;
    Step destination_step() const;
    std::vector<Action> enter_source(Step next, db::TimeNs time);
    std::vector<Action> enter_destination(Step next, db::TimeNs time);
    std::vector<Action> stay_staged(bool had_port, db::TimeNs time);
    bool take(Signal signal, db::TimeNs time);

    db::Move row_;
    Role role_;
    Step step_;
    bool has_port_ = false;     // Destination: port_plugged was seen.
    bool cpus_stopped_ = false; // Source: stopped, and not resumed since.
    bool runs_here_ = false;    // Destination: an activating signal was seen.
    bool drained_ =
        false;            // Destination: the guest stands still, and nothing is held at the source.
    bool pinned_ = false; // Destination: its MAC was pinned before the guest runs.
    bool gone_ = false;   // The QEMU here ended.
    bool moved_away_ = false;  // Source.
    bool undone_ = false;      // The move came to nothing, by word of libvirt or the peer.
    bool peer_active_ = false; // Source.
    bool peer_back_ = false;   // Destination.
    bool peer_ended_ = false;  // The other side needs nothing more from us.
};

/// What a hook's operation means; none if nothing.  Hooks of an incoming VM start a machine.
/// Source: libvirt, docs/hooks.rst.
std::optional<Signal> signal_of_hook(std::string_view operation);

/// What a lifecycle event means (virDomainEventType and its detail).
std::optional<Signal> signal_of_lifecycle(Role role, int event, int detail);

/// What a QEMU monitor event means.  `details` is its data as JSON, empty if it has none.
std::optional<Signal> signal_of_monitor(std::string_view event, std::string_view details);

/// What the other side's row means.
std::optional<Signal> signal_of_peer(Role role, const db::Move& row);

/// What libvirt knows of a domain when the daemon starts.
enum class Reality {
    absent,  // No QEMU runs.
    paused,  // QEMU is there, the guest stands still (so does an incoming one).
    running, // The guest runs.
};
/// Whether a guest in this state (virDomainState and its reason) stands still until somebody lets
/// it go on: one that was suspended, or whose disk failed.  One that a migration holds does not.
bool is_halted(int state, int reason);

/// What a domain's reality means for a move that was under way.
std::optional<Signal> signal_of_reality(Role role, Reality reality);

} // namespace holdfast::hookd
