// SPDX-License-Identifier: Apache-2.0
//
// lab/guest/counts: what a guest counted, in memory that `hop count` reads beside the hop.
//
// Plain data in a file that is mapped by two processes: hop writes, `hop count` and
// `hop reset` read and clear.  Used inside guests only.
#pragma once

#include <cstdint>
#include <string>

#include "lab/probe-packet.h"

namespace lab {

constexpr uint32_t max_runs = 8;            // Probe runs that are told apart at a time.
constexpr uint32_t max_sequence = 1u << 20; // Sequence numbers that are told apart in a run.

/// One direction of one probe run.
struct Direction {
    uint64_t frames;   // All packets, doubled ones too.
    uint64_t distinct; // Packets whose sequence number came for the first time.
    uint64_t doubled;  // Packets whose sequence number had come before.
    uint64_t late;     // Packets that came after one with a higher sequence number.
    uint32_t first;    // The lowest sequence number seen; meaningless while frames is 0.
    uint32_t last;     // The highest sequence number seen.
    uint8_t seen[max_sequence / 8];
};

/// One probe run.
struct Run {
    uint32_t id;   // The run's number.
    uint32_t used; // 0 while this place is free.
    Direction request;
    Direction answer;
};

/// All that a guest counts.
struct Counts {
    uint64_t frames;  // Every unicast frame passed on, or datagram answered.
    uint64_t bytes;   // Their length without the frame check.
    uint64_t failed;  // Frames that could not be sent.
    uint64_t looped;  // Frames dropped because they came again and again: see storm.h.
    uint32_t next;    // The place of the next run: the oldest is overwritten.
    uint32_t padding; // Keeps what follows aligned.
    Run runs[max_runs];
};

/// Counts one probe packet, unless it is of the warm-up (run 0).
/// Shape:   `answer` says which direction; a sequence number of max_sequence or more counts
///          as distinct without being remembered.
void count_probe(Counts& counts, const ProbePacket& packet, bool answer);

/// Says all counts as one JSON object of one line.
std::string to_json(const Counts& counts);

} // namespace lab
