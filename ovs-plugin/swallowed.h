// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/swallowed: finds the frame that a paused QEMU has read and keeps.
//
// Pure.  Used by turn.cc at the source of a move.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ovs-plugin/packet.h"

namespace holdfast::plugin {

/// A frame that was put into a tap.
struct SentFrame {
    Frame frame;
    std::int64_t time_ns = 0; // When: CLOCK_REALTIME.
};

/// Which of the `recent` frames put into a tap the paused QEMU keeps, if it keeps one.
/// Shape:   `recent` and `taken` oldest first; `taken` was read back from the tap after it stopped.
///          Frames from before `since_ns` are no candidates: QEMU was not paused yet.  What is
///          taken and was never sent is passed over: the hypervisor itself has said it.
/// Returns: the index in `recent` of the newest frame that was not taken back; nothing if
///          there is none.
/// Source:  QEMU reads one frame more after the stop, keeps it and stops reading
///          (doc/cutover.md).
std::optional<std::size_t> swallowed_frame(const std::vector<SentFrame>& recent,
                                           const std::vector<Frame>& taken, std::int64_t since_ns);

/// Which of the newest `n` of the `recent` frames were not taken back, oldest first: QEMU keeps
/// them, or has dropped them.
/// Returns: their indices; nothing if `taken` is not among these frames in this order, or if fewer
///          than `n` are remembered.
std::optional<std::vector<std::size_t>>
frames_not_taken(const std::vector<SentFrame>& recent, std::span<const Frame> taken, std::size_t n);

/// Takes frames out of `taken` that are none of those `sent`, from the newest on, `most` at most:
/// the hypervisor itself has said them, and they are not for another place.
/// Shape:   both oldest first.
/// Returns: how many.
std::size_t drop_strange(std::vector<Frame>& taken, const std::vector<SentFrame>& sent,
                         std::size_t most);

/// How many of the `taken` frames are among the `recent` ones: up to the newest of those.  What
/// follows came into the tap when no more was remembered.
std::size_t taken_of_recent(const std::vector<SentFrame>& recent, const std::vector<Frame>& taken);

} // namespace holdfast::plugin
