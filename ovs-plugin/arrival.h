// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/arrival: the destination's side of a cut-over (spec C5), port by port.
//
// Sees the first frames of a guest that is awaited, pins its MAC addresses here, and keeps what
// comes directly behind what was sent the long way before it (merge.h, doc/cutover.md).
//
// Main thread only; never waits: run() does what is due.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ovs-plugin/fit.h"
#include "ovs-plugin/flows.h"
#include "ovs-plugin/merge.h"
#include "ovs-plugin/shim.h"

namespace holdfast::plugin {

/// One VM that is awaited on this switch.
class Arrival {
public:
    /// Sends a frame for the VM by way of the hypervisor that it leaves.  False if it cannot.
    using SendTheLongWay = std::function<bool(const Frame&)>;

    /// Who keeps what comes before the guest runs.
    enum class Queue {
        tap,  // The port: its tap, whose queue is made long enough for a downtime.
        here, // The switch, as the port would not (a veth): nothing goes in or out before came(),
              // in the userspace datapath.  At most 16384 frames of each way, the newest.
    };

    /// Watches these ports of the VM.
    Arrival(std::string bridge, const std::vector<const Port*>& ports, Queue queue);
    /// Watches those of them that are not watched yet.
    void watch(const std::vector<const Port*>& ports);
    ~Arrival();
    Arrival(const Arrival&) = delete;
    Arrival& operator=(const Arrival&) = delete;

    /// Whether all of them could be watched.
    bool watching() const;
    /// NORMAL finds the VM's MAC addresses at its ports here from now on (spec C14).  False if that
    /// is so already, or the guest has spoken itself.
    bool pin();
    /// The guest runs here, since `now_ms`: what was kept for it follows.
    void came(std::int64_t now_ms);
    /// The move came to nothing: its MAC addresses are elsewhere, and what is kept is dropped.
    void forget();
    /// Frames that there was no room to keep.
    std::uint64_t overflowed() const;

    /// What run() saw for the first time: CLOCK_REALTIME in ns, or 0.
    struct Seen {
        std::int64_t first_frame_ns = 0;
        std::int64_t first_guest_frame_ns = 0; // The first that is no RARP.
    };
    Seen run(std::int64_t now_ms, const SendTheLongWay& send);
    /// Nothing more to do.
    bool over(std::int64_t now_ms) const;
    /// Its ports have gone, and the guest never spoke.
    bool never_came() const;
    /// In hf_module_wait(): until frames come that run() is to see.
    void wait() const;
    /// When run() wants to be called next; INT64_MAX if nothing is due.
    std::int64_t next_wake() const;

private:
    /// A port, and what waits there.
    struct Place {
        std::string interface;
        std::string mac;
        hf_watch* watch;
        Merge merge;
        hf_pin* pin = nullptr;
        std::uint32_t barrier = 0; // The number of the newest one.
    };

    void pin(Place& place) const;
    void begin_merge(std::int64_t now_ms);
    void run_merge(Place& place, std::int64_t now_ms, const SendTheLongWay& send);
    bool send_barrier(Place& place, const SendTheLongWay& send);
    bool merging() const;
    bool alive() const;
    /// Nothing is to go into the ports yet.
    bool staged() const { return queue_ == Queue::here && !came_ms_; }

    std::string bridge_;
    Queue queue_;
    std::vector<Place> places_;
    bool all_watched_ = true;
    bool pinned_ = false;
    bool first_told_ = false;
    bool guest_told_ = false;
    std::int64_t came_ms_ = 0; // When the guest was known to run here; 0 before.
};

} // namespace holdfast::plugin
