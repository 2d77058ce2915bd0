// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "lab/guest/counts.h"

#include <algorithm>
#include <cstring>

namespace lab {
namespace {

Run& run_of(Counts& counts, uint32_t id)
{
    for (Run& run : counts.runs)
        if (run.used && run.id == id)
            return run;
    Run& run = counts.runs[counts.next++ % max_runs];
    std::memset(&run, 0, sizeof run);
    run.id = id;
    run.used = 1;
    return run;
}

void count_in(Direction& direction, uint32_t sequence)
{
    bool again = false;
    if (sequence < max_sequence) {
        uint8_t& byte = direction.seen[sequence / 8];
        const uint8_t bit = 1u << (sequence % 8);
        again = byte & bit;
        byte |= bit;
    }
    if (again)
        direction.doubled++;
    else
        direction.distinct++;
    if (direction.frames && !again && sequence < direction.last)
        direction.late++;
    direction.first = direction.frames ? std::min(direction.first, sequence) : sequence;
    direction.last = direction.frames ? std::max(direction.last, sequence) : sequence;
    direction.frames++;
}

std::string field(const char* key, uint64_t value)
{
    return "\"" + std::string(key) + "\":" + std::to_string(value);
}

uint64_t missing(const Direction& direction)
{
    return direction.frames ? uint64_t{direction.last} + 1 - direction.distinct : 0;
}

std::string to_json(const Direction& direction)
{
    return "{" + field("frames", direction.frames) + "," +
           field("probe_distinct", direction.distinct) + "," +
           field("probe_doubled", direction.doubled) + "," +
           field("probe_missing", missing(direction)) + "," + field("probe_late", direction.late) +
           "," + field("first", direction.first) + "," + field("last", direction.last) + "}";
}

} // namespace

void count_probe(Counts& counts, const ProbePacket& packet, bool answer)
{
    if (packet.run == 0)
        return;
    Run& run = run_of(counts, packet.run);
    count_in(answer ? run.answer : run.request, packet.sequence);
}

std::string to_json(const Counts& counts)
{
    static Direction none;
    const Run* newest = nullptr;
    std::string runs;
    for (uint32_t i = 0; i < std::min(counts.next, max_runs); i++) {
        // From the newest to the oldest.
        const Run& run = counts.runs[(counts.next - 1 - i) % max_runs];
        if (!newest)
            newest = &run;
        runs += (runs.empty() ? "\"" : ",\"") + std::to_string(run.id) +
                "\":{\"request\":" + to_json(run.request) + ",\"answer\":" + to_json(run.answer) +
                "}";
    }
    return "{" + field("frames", counts.frames) + "," + field("bytes", counts.bytes) + "," +
           field("failed", counts.failed) + "," + field("looped", counts.looped) + "," +
           field("run", newest ? newest->id : 0) +
           ",\"request\":" + to_json(newest ? newest->request : none) +
           ",\"answer\":" + to_json(newest ? newest->answer : none) + ",\"runs\":{" + runs + "}}";
}

} // namespace lab
