// SPDX-License-Identifier: Apache-2.0
//
// schedd/recent: an average that forgets, of what is measured now and then.
//
// A value without I/O: two numbers, whatever the time it covers.
#pragma once

#include "schedd/units.h"

namespace holdfast::schedd {

/// What was so long ago as the span counts for about a third of what is.
class Recent {
public:
    explicit Recent(Seconds span) : span_{span} {}

    /// It was so for that long, until now.
    /// Shape:   a time that is not more than 0 says nothing.
    void add(Cpu value, std::chrono::nanoseconds length);

    /// 0 before anything was added.
    Cpu value() const;
    /// How much of it was seen.
    Seconds seen() const { return std::chrono::duration_cast<Seconds>(seen_); }

private:
    Seconds span_;
    std::chrono::nanoseconds seen_{};
    double sum_ = 0;
    double weight_ = 0; // Of what was seen: it is little at first.
};

} // namespace holdfast::schedd
