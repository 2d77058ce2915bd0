// SPDX-License-Identifier: Apache-2.0
//
// ctl/move-line: the time line of a VM's move, from the rows of both its sides (C15).
//
// Pure.  Times of the two sides are compared as they are: the hypervisors' clocks are taken
// to agree, as chrony or PTP makes them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "db/rows.h"

namespace holdfast::ctl {

/// How a move stands.
enum class Outcome {
    under_way, // Neither side is done with it.
    done,      // The guest runs at the destination, and the source is cleaned.
    back,      // It failed, and the guest goes on at the source.
};

/// "under way", "done" or "back".
const char* to_string(Outcome outcome);

/// Something that happened during a move.
struct Mark {
    std::string what;       // staged, armed, suspended, turned, first frame, ...
    std::string hypervisor; // Whose clock and whose word.
    db::TimeNs time = 0;    // When.

    bool operator==(const Mark&) const = default;
};

/// Both sides of one move, as one.
struct MoveLine {
    std::string id;    // The move's.
    std::string vm;    // VM id.
    std::string from;  // Source; empty while unknown.
    std::string to;    // Destination; empty while unknown.
    std::string state; // Of the side that is furthest.
    Outcome outcome = Outcome::under_way;
    std::vector<Mark> marks;                     // By time.
    std::map<std::string, std::int64_t> figures; // Of both sides.

    /// Nanoseconds of its first mark; 0 if it has none.
    db::TimeNs begun() const { return marks.empty() ? 0 : marks.front().time; }
};

/// How far one is that is under way: its state, and of a service that moves what has gone ahead.
std::string progress_text(const MoveLine& move);

/// Joins the rows of each move; ordered by when they began.
std::vector<MoveLine> move_lines(const std::vector<db::Move>& rows);

} // namespace holdfast::ctl
