// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "schedd/averages.h"

#include <algorithm>

namespace holdfast::schedd {

namespace {

constexpr std::int64_t hour = 3600, day = 86400;

/// The slot of `period`, emptied if it was another's: also of a later one, which a clock that was
/// wrong has left.
AverageSlot& slot_of(std::vector<AverageSlot>& slots, std::uint32_t period)
{
    AverageSlot& slot = slots[period % slots.size()];
    if (slot.period != period)
        slot = {period, 0, 0};
    return slot;
}

void add_to(std::vector<AverageSlot>& slots, std::int64_t length, std::int64_t from,
            std::int64_t to, std::uint64_t load)
{
    while (from < to) {
        const std::int64_t end = std::min(to, (from / length + 1) * length);
        AverageSlot& slot = slot_of(slots, static_cast<std::uint32_t>(from / length));
        // A clock that was put back passes an hour twice: it has no more seconds for that.
        const auto seconds = std::min<std::int64_t>(end - from, length - slot.seconds);
        slot.seconds += static_cast<std::uint32_t>(seconds);
        slot.sum += load * static_cast<std::uint64_t>(seconds);
        from = end;
    }
}

std::optional<std::int64_t> average(const std::vector<AverageSlot>& slots, std::int64_t length,
                                    Time from, Time to, HourMask mask)
{
    std::uint64_t seconds = 0, sum = 0;
    for (const AverageSlot& slot : slots) {
        const std::int64_t begin = slot.period * length;
        if (begin < from.time_since_epoch().count() || begin >= to.time_since_epoch().count() ||
            (mask >> (slot.period % 24) & 1) == 0)
            continue;
        seconds += slot.seconds;
        sum += slot.sum;
    }
    if (seconds == 0)
        return std::nullopt;
    return static_cast<std::int64_t>(sum / seconds);
}

} // namespace

Averages::Averages(std::size_t n_hours, std::size_t n_days) : hours_(n_hours), days_(n_days) {}

void Averages::add(Time from_time, Time to_time, std::int64_t load)
{
    const std::int64_t from = from_time.time_since_epoch().count();
    const std::int64_t to = to_time.time_since_epoch().count();
    if (from < 0 || to <= from || to - from > hour)
        return;
    // So that a sum of a day's seconds cannot overflow.
    const auto bounded =
        static_cast<std::uint64_t>(std::clamp<std::int64_t>(load, 0, std::int64_t{1} << 40));
    add_to(hours_, hour, from, to, bounded);
    add_to(days_, day, from, to, bounded);
}

std::optional<std::int64_t> Averages::over_hours(Time from, Time to, HourMask mask) const
{
    return average(hours_, hour, from, to, mask);
}

std::optional<std::int64_t> Averages::over_days(Time from, Time to) const
{
    return average(days_, day, from, to, ~HourMask{0});
}

void Averages::restore(std::vector<AverageSlot>& slots, const AverageSlot& slot)
{
    AverageSlot& place = slots[slot.period % slots.size()];
    if (place.seconds == 0 || place.period < slot.period)
        place = slot;
}

} // namespace holdfast::schedd
