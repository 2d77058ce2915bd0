// SPDX-License-Identifier: Apache-2.0
//
// schedd/averages: the load of a node or of a process by hour and by day, in bounded space
// (spec Q18).
//
// A value without I/O; the clock is the caller's.  A slot says itself which hour or day it is of,
// so a clock that jumps leaves nothing behind that could be taken for another time's.
#pragma once

#include "schedd/units.h"

#include <optional>
#include <vector>

namespace holdfast::schedd {

/// The average over one hour or day: a row.
struct AverageSlot {
    std::uint32_t period = 0;  // Hours, or days, since the epoch.
    std::uint32_t seconds = 0; // How much of it was seen; 0: nothing.
    std::uint64_t sum = 0;     // Load by seconds.

    bool operator==(const AverageSlot&) const = default;
};

/// Which hours of the day count: bit h is the hour from h to h + 1, UTC.
using HourMask = std::uint32_t;
constexpr HourMask all_hours = (1U << 24) - 1;

class Averages {
public:
    /// Keeps so many hours and days: the space is that of so many slots, for ever.
    /// Shape:   both at least 1.
    explicit Averages(std::size_t n_hours = 24, std::size_t n_days = 31);

    /// It was so loaded from `from` to `to`.
    /// Shape:   an interval that is longer than an hour, or does not go forward, is a gap of the
    ///          clock, and says nothing.
    /// Units:   `load` is a Load of a node, or Cpu of a process; less than 0 counts as 0.
    void add(Time from, Time to, std::int64_t load);

    /// The average over the hours that begin in [from, to), of those in `mask`.
    /// Errors:  none if nothing of it was seen, or is kept.
    std::optional<std::int64_t> over_hours(Time from, Time to, HourMask mask = all_hours) const;
    /// The same by days.
    std::optional<std::int64_t> over_days(Time from, Time to) const;

    /// The rows.
    const std::vector<AverageSlot>& hours() const { return hours_; }
    const std::vector<AverageSlot>& days() const { return days_; }
    /// From a row of before; one that is older than what is kept is left out.
    void restore_hour(const AverageSlot& slot) { restore(hours_, slot); }
    void restore_day(const AverageSlot& slot) { restore(days_, slot); }

private:
    static void restore(std::vector<AverageSlot>& slots, const AverageSlot& slot);

    std::vector<AverageSlot> hours_; // That of hour h is at h modulo their number.
    std::vector<AverageSlot> days_;
};

} // namespace holdfast::schedd
