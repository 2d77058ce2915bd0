// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/turn: the source's side of a cut-over (spec C5, C6), frame by frame.
//
// From the guest's stop on, frames for it are held; what already lies in its tap is
// taken back through QEMU's own descriptor; the frames that QEMU has read and the guest
// did not get are found by the guest's own count, or else by a canary, and sent from the
// memory of recent frames.  Then lost, taken and held frames go to the destination in
// their order, and all that follow behind them.
//
// In the kernel's datapath no frame can be held: there the tap itself is what holds them, and is
// read through QEMU's descriptor for as long as frames come; what went into it is remembered by a
// packet socket (shim-packets.c).
//
//     armed --turn--> (the counts agree) --> passing
//       \----------> settling --(canary decided)--^
//       any of the three --back--> ended: all goes into the tap again, in order
//
// Main thread only; never waits: run() does what is due.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ovs-plugin/origin.h"
#include "ovs-plugin/ring.h"
#include "ovs-plugin/shim.h"
#include "ovs-plugin/swallowed.h"

namespace holdfast::plugin {

/// What a cut-over moved, for the time line.
struct TurnFigures {
    std::size_t taken = 0;     // Read back from the tap.
    std::size_t swallowed = 0; // Kept or dropped by QEMU, sent from memory.
    std::size_t held = 0;      // Held until the way was clear.
    std::size_t passed = 0;    // Passed on afterwards.
    std::uint64_t lost = 0;    // Given up: too many at once, refused by the switch, or not whole.
};

/// One port of a VM that is about to leave this switch (departure.h has all of them).
class SourceTurn {
public:
    enum class State {
        armed,    // Recent frames are remembered.
        settling, // Frames are held; it is being found out what QEMU kept.
        passing,  // What comes for the VM goes to the destination.
        ended,    // Nothing more to do.
    };

    /// Watches `interface`; `tap` is a descriptor of its tap, or -1 if there is none to be had
    /// (then what lies in the tap at the stop stays there, and is lost); `qemu` is the process.
    /// `led`: the label leads to this port, or the chain whose wire it is.  To another the MAC
    /// address alone does: so nothing else is sent there; what is flooded is, at the destination,
    /// too.
    SourceTurn(std::string bridge, std::string interface, std::string mac, std::uint32_t label,
               int tap, int qemu, bool led);
    ~SourceTurn();
    SourceTurn(const SourceTurn&) = delete;
    SourceTurn& operator=(const SourceTurn&) = delete;

    /// Whether there was such a port to watch.
    bool watching() const { return watch_ != nullptr; }
    /// Whether that port has gone since.
    bool port_gone() const { return !hf_watch_alive(watch_); }
    /// The guest here has ended: nothing can go back to it.
    void guest_gone() { guest_gone_ = true; }
    /// Whether flows may lead to the destination directly.
    bool may_leave() const
    {
        return state_ == State::passing && (guest_gone_ || port_gone() || out_of_reach());
    }
    State state() const { return state_; }
    const std::string& mac() const { return mac_; }
    const TurnFigures& figures() const { return figures_; }

    /// The guest's receive ring is at `address` in QEMU's memory.
    void use_ring(std::uint64_t address);
    /// The guest has stopped, at `stop_ns` (CLOCK_REALTIME; 0 if not known): hold, and begin to
    /// find out what is where.
    void turn(const std::string& vtep, std::uint32_t tunnel_port, std::int64_t stop_ns,
              std::int64_t now_ms);
    /// Does what is due.
    void run(std::int64_t now_ms);
    /// In hf_module_wait(): until frames come that run() is to pass on.
    void wait() const;
    /// When run() wants to be called next; INT64_MAX if nothing is due.
    std::int64_t next_wake() const;
    /// The guest runs elsewhere, and is reached through `uplink`: what the switch would still put
    /// into the port goes there, before the port dies with QEMU.  A little later (run()): what came
    /// through that uplink before the fabric knew the new place is passed on, not sent back.
    void leave_by(const std::string& uplink, std::int64_t now_ms);
    /// Whether that was done.
    bool left() const { return left_; }
    /// The guest goes on here: everything it has not seen goes into its tap, in order.
    void back();

private:
    void take_from_tap();
    void begin_settling(std::int64_t now_ms);
    void set_later_aside(std::size_t n_taken);
    /// The frames that go into the tap are to be counted now and then.
    bool counts() const { return ring_.address != 0 || !hf_watch_holds(watch_); }
    /// What comes can neither be held nor taken back.
    bool out_of_reach() const { return tap_ < 0 && !hf_watch_holds(watch_); }
    bool leaves() const { return state_ == State::passing && !uplink_.empty() && !left_; }
    /// What comes goes into the tap, and is taken back from there.
    bool tap_holds() const { return tap_ >= 0 && !hf_watch_holds(watch_); }
    void compare_counts(std::int64_t now_ms);
    std::optional<FrameKind> kind_of(std::span<const std::uint8_t> frame) const;
    std::optional<TapCounts> counts_now() const;
    std::optional<std::uint64_t> left_tap() const;
    FrameKinds kinds_since(std::uint64_t sent) const;
    std::vector<SentFrame> recent(std::size_t n) const;
    bool finish_by_ring();
    void finish();
    bool tap_is_empty() const;
    bool qemu_waits() const;
    void finish_settling(bool sure);
    bool is_for_own_mac(const Frame& frame) const;
    void pass(const Frame& frame);
    void pass_held();
    Frame canary() const;

    std::string bridge_;
    std::string mac_;
    Mac own_; // The same in bytes.
    std::uint32_t label_;
    int tap_;
    int qemu_;
    bool led_;
    bool has_header_ = false;  // A virtio-net device's tap has one before each frame.
    bool many_queues_ = false; // Only one of them is ours.
    hf_watch* watch_;
    hf_pin* pin_;               // Its MAC stays here until it runs elsewhere.
    int counter_;               // The kernel's count of the frames that have left the tap; or -1.
    std::string uplink_;        // To leave by,
    std::int64_t leave_ms_ = 0; // then,
    int leave_runs_ = 0;        // and not before so many turns of the loop.
    bool left_ = false;
    bool guest_gone_ = false;
    bool begun_ = false; // The tap was read since the stop.
    State state_ = State::armed;
    std::string vtep_;
    std::uint32_t tunnel_port_ = 0;
    std::int64_t stop_ns_ = 0;
    std::int64_t turned_ms_ = 0;
    std::int64_t next_look_ms_ = 0;
    GuestRing ring_;
    RingCount count_;
    std::vector<Frame> taken_;
    std::vector<Frame> later_;    // Taken back too, but held rather: they came after the stop.
    std::deque<Frame> sent_;      // What the guest here has not seen, if it should go on here.
    std::uint64_t n_refused_ = 0; // Frames that the switch would not send.
    // Taken from the tap before their segmentation was done, which the guest's device would not
    // have needed: they are passed on as they are, and nobody takes them.
    std::uint64_t n_unfinished_ = 0;
    TurnFigures figures_;
};

} // namespace holdfast::plugin
