// SPDX-License-Identifier: Apache-2.0
//
// schedd/load-meter: how busy this node is, by hour and by day (spec Q18).
//
// The kernel's counts are read, and averages kept in a file beside the store, in bounded space.
// Used on the daemon's loop only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"
#include "schedd/averages.h"

namespace holdfast::schedd {

/// What all processors together have done since the start.
/// Units:   ticks of the kernel.
struct CpuTicks {
    std::uint64_t busy = 0;
    std::uint64_t all = 0;
};

/// None if the text is not the kernel's.
/// Source:  proc(5), /proc/stat: user, nice, system, irq, softirq and steal are busy; guests' time
/// is
///          in user's and nice's.
std::optional<CpuTicks> parse_cpu_ticks(std::string_view stat);

/// None if no time has passed, or the counts went backwards.
std::optional<Load> load_between(const CpuTicks& before, const CpuTicks& after);

/// Averages as the text of a file, and back.
std::string averages_text(const Averages& averages);
/// What is no slot is left out: it is measured anew.
Averages averages_from(const std::string& text);

class LoadMeter {
public:
    /// Goes on with the averages in `file`, if there are any.
    explicit LoadMeter(std::string file);

    /// Measures what was done since the last look.
    void look(Time now);
    /// Errors:  io.
    Result<void> save() const;

    /// Of the hours that have begun in the last two, and of a period that ends now; -1: not known.
    int recent(Time now) const;
    int over(Seconds period, Time now) const;

private:
    std::string file_;
    Averages averages_;
    std::optional<CpuTicks> last_;
    Time since_{};
};

} // namespace holdfast::schedd
