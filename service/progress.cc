// SPDX-License-Identifier: Apache-2.0
//
// service/progress: see progress.h.
#include <config.h>

#include "service/progress.h"

#include <algorithm>

#include "service/round-plan.h"

namespace holdfast::service {

void ProgressCount::round(std::uint64_t bytes)
{
    rounds_.push_back(bytes);
    of_round_ = 0;
}

void ProgressCount::sent(std::uint64_t bytes)
{
    total_ += bytes;
    of_round_ += bytes;
}

double ProgressCount::later_bytes() const
{
    const std::size_t n = rounds_.size();
    if (n < 2 || rounds_[n - 2] == 0)
        return 0;
    // One that does not shrink is the last: round-plan.
    const double ratio = static_cast<double>(rounds_[n - 1]) / static_cast<double>(rounds_[n - 2]);
    if (ratio >= 1)
        return 0;
    double next = static_cast<double>(rounds_[n - 1]), all = 0;
    for (std::size_t i = n; i < most_rounds; ++i)
        all += next *= ratio;
    return all;
}

Progress ProgressCount::at(Time now) const
{
    Progress progress;
    progress.round = static_cast<std::int64_t>(rounds_.size());
    progress.bytes = static_cast<std::int64_t>(total_);
    const double seconds = std::chrono::duration<double>(now - begun_).count();
    const double rate = seconds > 0 ? static_cast<double>(total_) / seconds : 0;
    progress.rate = static_cast<std::int64_t>(rate);
    if (rounds_.empty() || rate < 1)
        return progress;
    const double rest = static_cast<double>(rounds_.back() - std::min(rounds_.back(), of_round_));
    progress.left =
        std::chrono::milliseconds{static_cast<std::int64_t>((rest + later_bytes()) / rate * 1000)};
    return progress;
}

} // namespace holdfast::service
