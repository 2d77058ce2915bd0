// SPDX-License-Identifier: Apache-2.0
//
// common/boot-clock: the time since the machine was started, also while it was suspended.
//
// Unlike std::chrono::steady_clock, which stands still then.  It means the same in each process,
// until the machine is started anew.
#pragma once

#include <time.h>

#include <chrono>

namespace holdfast {

struct BootClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<BootClock>;
    static constexpr bool is_steady = true;

    static time_point now()
    {
        timespec time{};
        clock_gettime(CLOCK_BOOTTIME, &time);
        return time_point{std::chrono::seconds{time.tv_sec} +
                          std::chrono::nanoseconds{time.tv_nsec}};
    }
};

} // namespace holdfast
