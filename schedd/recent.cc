// SPDX-License-Identifier: Apache-2.0
//
// schedd/recent: see recent.h.
#include <config.h>

#include "schedd/recent.h"

#include <cmath>

namespace holdfast::schedd {

void Recent::add(Cpu value, std::chrono::nanoseconds length)
{
    if (length.count() <= 0)
        return;
    using Real = std::chrono::duration<double>;
    const double kept = std::exp(-Real{length} / Real{span_});
    sum_ = sum_ * kept + static_cast<double>(value) * (1 - kept);
    weight_ = weight_ * kept + (1 - kept);
    seen_ += length;
}

Cpu Recent::value() const
{
    return weight_ > 0 ? std::llround(sum_ / weight_) : 0;
}

} // namespace holdfast::schedd
