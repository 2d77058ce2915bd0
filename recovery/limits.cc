// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "recovery/limits.h"

#include <algorithm>

namespace holdfast::recovery {
namespace {

/// Twice as long after each failure, and never overflowing.
Seconds back_off(int failed, const Limits& limits)
{
    Seconds time = limits.back_off;
    for (int i = 1; i < failed && time < limits.longest; ++i)
        time *= 2;
    return std::min(time, limits.longest);
}

/// Where half of all are gone it is rather the network, or this one, that has failed.
bool fleet_wide(const FleetState& fleet)
{
    return fleet.gone > 0 && 2 * fleet.gone >= fleet.members;
}

} // namespace

Permit may_begin(const Attempts& attempts, const FleetState& fleet, const Limits& limits,
                 Instant now, bool by_hand)
{
    if (!by_hand && fleet_wide(fleet))
        return {Verdict::stopped,
                {},
                std::to_string(fleet.gone) + " of " + std::to_string(fleet.members) +
                    " hypervisors are not heard of: no VM is recovered until fewer than half are; "
                    "see the network, or recover by hand"};
    if (!by_hand && attempts.failed >= limits.attempts)
        return {Verdict::give_up,
                {},
                "its recovery has failed " + std::to_string(attempts.failed) +
                    " times: see why, then recover it by hand"};
    if (fleet.running >= limits.at_once)
        return {Verdict::wait, {}, std::to_string(fleet.running) + " recoveries are under way"};
    const Instant next = attempts.last + back_off(attempts.failed, limits);
    if (!by_hand && attempts.failed > 0 && now < next)
        return {Verdict::wait, next, "its recovery has failed: it is tried again later"};
    return {};
}

Attempts after(Attempts attempts, bool recovered, Instant now)
{
    return {recovered ? 0 : attempts.failed + 1, now};
}

Attempts as_of(Attempts attempts, bool well, const Limits& limits, Instant now)
{
    return well && now - attempts.last >= limits.well_after ? Attempts{} : attempts;
}

} // namespace holdfast::recovery
