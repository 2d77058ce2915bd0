// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/merge: see the header.
#include "ovs-plugin/merge.h"

#include <algorithm>
#include <limits>

namespace holdfast::plugin {

namespace {

// Flows lead directly to a guest that has come within this, or nothing is sent to it.  Nor is
// anything on its way that is older, as long as the long way works.
constexpr std::int64_t merge_ms = 500;
// The long way takes a millisecond or two; past this its end is gone.
constexpr std::int64_t patience_of_vm_ms = 20;
// That a service leaves by is there until it is known to run here: only its switch may be busy.
constexpr std::int64_t first_patience_of_service_ms = 500;
// From then on it may be gone, or its switch busy with all that changes then.
constexpr std::int64_t patience_of_service_ms = 100;
// Where there is no end of frames to read, each look takes 32 of them: no more than this are queued
// (shim-queues.c).
constexpr int looks_max = 1280;

} // namespace

void Merge::begin(std::int64_t now_ms)
{
    until_ms_ = now_ms + merge_ms;
    emptied_ = emptied_ || of_ == Of::vm;
}

Merge::Step Merge::step(const Seen& seen)
{
    if (!active())
        return Step::nothing;
    if (awaits())
        return barrier_over(seen);
    if (!emptied_ || seen.keeps)
        return Step::ask;
    if (seen.long_way_ms)
        until_ms_ = std::max(until_ms_, seen.long_way_ms + merge_ms);
    if (!past(until_ms_, seen))
        return Step::nothing;
    until_ms_ = 0;
    return Step::release;
}

/// Whether it is later than that for what can be seen, too: a switch that had no processor for a
/// while finds out how late it is before it has read what came meanwhile.
bool Merge::past(std::int64_t ms, const Seen& seen)
{
    const bool due = seen.now_ms >= ms;
    if (due && seen.read_ms < ms && n_looks_++ < looks_max)
        return false;
    n_looks_ = 0;
    return due;
}

/// One that is late has a busy switch to pass if other frames still come from there.
Merge::Step Merge::barrier_over(const Seen& seen)
{
    const bool lives = sent_ && seen.long_way_ms > asked_ms_ && seen.now_ms < asked_ms_ + merge_ms;
    if (!seen.barrier_came && lives)
        waits_until_ms_ = std::max(waits_until_ms_, seen.long_way_ms + patience_ms_);
    if (sent_ && !seen.barrier_came && !past(waits_until_ms_, seen))
        return Step::nothing;
    waits_until_ms_ = 0;
    if (!emptied_) {
        emptied_ = true; // What goes the long way since is before a barrier of its own.
        return step(seen);
    }
    if (sent_ && seen.barrier_came && seen.long_way_ms &&
        seen.read_ms < seen.long_way_ms + merge_ms) {
        until_ms_ = seen.long_way_ms + merge_ms;
        return Step::pass;
    }
    until_ms_ = 0;
    return Step::release;
}

void Merge::asked(std::int64_t now_ms, bool sent)
{
    patience_ms_ = !emptied_            ? first_patience_of_service_ms
                   : of_ == Of::service ? patience_of_service_ms
                                        : patience_of_vm_ms;
    asked_ms_ = now_ms;
    sent_ = sent;
    waits_until_ms_ = now_ms + (sent ? patience_ms_ : 0);
}

std::int64_t Merge::next_wake() const
{
    if (!active())
        return std::numeric_limits<std::int64_t>::max();
    return awaits() ? waits_until_ms_ : until_ms_;
}

} // namespace holdfast::plugin
