// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/ring: how many frames a guest has received, by its own count.
//
// A virtio-net device tells the guest in the guest's memory how many receive buffers it has
// used.  Whatever QEMU read from the tap and did not put there, the guest never gets after
// a move: this finds those frames, also the one that QEMU purges as it stops.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>

namespace holdfast::plugin {

/// Where a running QEMU has the used ring of a guest's receive queue.
struct GuestRing {
    int qemu = 0;              // The process.
    std::uint64_t address = 0; // Of the ring, in its memory; 0 if not known.

    /// Returns: how many buffers were used so far, modulo 65536; nothing if it cannot be read.
    /// Source:  virtio 1.1, 2.6.8: struct virtq_used { le16 flags; le16 idx; ... }.
    std::optional<std::uint16_t> used() const;
};

/// Frames that a device either takes or does not, all of them: the destination's MAC address, the
/// VLAN's identifier (two bytes, 0 for no tag, else with bit 4 of the first), and 1 if they are too
/// long for one buffer.
using FrameKind = std::array<std::uint8_t, 9>;

/// What was put into a tap in some time.
struct FrameKinds {
    bool all_known = true; // All frames of that time are remembered.
    /// Without what every device takes, each frame in one buffer: for the guest's own MAC, or for
    /// all.
    std::set<FrameKind> others;
};

/// What was counted of a tap so far.
struct TapCounts {
    std::uint64_t sent = 0; // Frames that the switch has put in.
    /// Frames that the hypervisor itself has put in (a router solicitation), past the switch; from
    /// any number on.
    std::uint64_t strange = 0;
    std::uint16_t used = 0; // The guest's buffers, modulo 65536.
};

/// Counts the frames put into a tap against those that the guest has received.  Pure.
///
/// A frame that the device's filter drops, or that takes several buffers, would spoil the count:
/// so the two are compared whenever nothing is between them, and are believed only if they agreed
/// the last times, and of frames that may be filtered only those of a kind that was there when
/// they agreed, and was not when they last disagreed.  Of the hypervisor's own frames nothing is
/// known but their number: whether the device takes them is learned from the last ones.
class RingCount {
public:
    /// Nothing is between tap and guest just now; `kinds` were sent since the last such moment.
    void quiet(const TapCounts& now, const FrameKinds& kinds);
    /// How many of the frames that were sent the guest has not got; nothing if that is not sure.
    /// `strange_back`: how many strange ones were taken out of the tap again.
    std::optional<std::size_t> missing(const TapCounts& now, const FrameKinds& kinds,
                                       std::size_t strange_back) const;
    /// The counts of the last quiet moment.
    const TapCounts& last() const { return last_; }

private:
    void learn(const FrameKinds& kinds, bool agree);
    /// Whether the device is known to take all of them.
    bool takes(const FrameKinds& kinds) const;

    bool begun_ = false;
    std::uint64_t agreed_ = 0;          // Frames over which they have agreed without a break.
    std::set<FrameKind> taken_;         // Others that the device takes; some thousand at most.
    std::optional<bool> takes_strange_; // Whether the device took the last strange ones.
    TapCounts last_;
};

} // namespace holdfast::plugin
