// SPDX-License-Identifier: Apache-2.0
//
// lab/probe-report: what a probe run comes to, from what was sent and what came back.
//
// Pure; probe.cc collects the records and prints the report.  Times are CLOCK_REALTIME
// nanoseconds, so that they can be lined up with Holdfast's time line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lab {

/// One answer, in the order of arrival.
struct Arrival {
    uint32_t sequence; // Which packet it answers.
    int64_t time_ns;   // When the kernel received it.
};

/// A stretch without answers.
struct Gap {
    int64_t length_ns = 0;
    int64_t from_ns = 0;                 // The answer before it.
    int64_t to_ns = 0;                   // The answer after it; the last sending if none came.
    uint32_t from_sequence = 0;          // Which packet the answer before belongs to.
    std::optional<uint32_t> to_sequence; // Nothing if no answer came any more.
};

/// A packet without an answer.
struct Lost {
    uint32_t sequence;
    int64_t sent_ns;
};

/// A run in figures.
struct Report {
    uint32_t run = 0;            // The run's number, as hops count it.
    uint64_t sent = 0;           // Packets sent.
    uint64_t answered = 0;       // Packets with at least one answer.
    uint64_t lost = 0;           // Packets without.
    uint64_t doubled = 0;        // Answers beyond the first of a packet.
    uint64_t reordered = 0;      // First answers that came after one to a later packet.
    uint64_t unsent = 0;         // Packets that the kernel did not take.
    Gap gap;                     // The longest one.
    int64_t start_ns = 0;        // First sending.
    int64_t end_ns = 0;          // Last sending.
    int64_t lateness_max_ns = 0; // By how much a sending was later than its time, at worst.
    int64_t round_trip_ns = 0;   // Median.
    std::vector<Lost> lost_list; // The first max_lost_list of them.
};

constexpr size_t max_lost_list = 50;

/// Sums up a run.
/// Shape:   `sent_ns[i]` is when packet i was sent; arrivals of packets that were not sent
///          count for nothing.
/// Units:   nanoseconds since the epoch.
Report sum_up(const std::vector<int64_t>& sent_ns, const std::vector<Arrival>& arrivals);

/// The report as one JSON object of one line; times of the gap and lateness in ms too.
std::string to_json(const Report& report);

/// The report for a reader, several lines.
std::string to_text(const Report& report);

} // namespace lab
