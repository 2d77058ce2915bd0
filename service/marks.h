// SPDX-License-Identifier: Apache-2.0
//
// service/marks: when the parts of a move's pause were done, by the clock that rows of moves have
// (spec S10).  Kept until the pause is over, so that telling them takes none of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace holdfast::service {

/// Nanoseconds since the epoch.
inline std::int64_t now_ns()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// The times, by what was done.
class Marks {
public:
    /// Now it was done.
    void note(const std::string& what) { times_[what] = now_ns(); }
    const std::map<std::string, std::int64_t>& times() const { return times_; }

private:
    std::map<std::string, std::int64_t> times_;
};

} // namespace holdfast::service
