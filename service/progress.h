// SPDX-License-Identifier: Apache-2.0
//
// service/progress: how far the memory of a service is that goes ahead of it (spec S10).
//
// Pure; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace holdfast::service {

/// As it is at an instant.
struct Progress {
    std::int64_t round = 0;           // 1 for the first.
    std::int64_t bytes = 0;           // Sent so far, in all rounds.
    std::int64_t rate = 0;            // Bytes a second, writing the rounds down included.
    std::chrono::milliseconds left{}; // Until memory has gone ahead, as far as can be told.

    bool operator==(const Progress&) const = default;
};

/// Counts what is sent.
class ProgressCount {
public:
    using Time = std::chrono::steady_clock::time_point;

    explicit ProgressCount(Time begun) : begun_{begun} {}

    /// Another round begins, of so many bytes.
    void round(std::uint64_t bytes);
    /// Some of it have been sent.
    void sent(std::uint64_t bytes);
    /// What is left is the rest of this round, and as much as later rounds have if each is to the
    /// one before it as the last two were to each other. Of the first nothing follows yet.
    Progress at(Time now) const;

private:
    double later_bytes() const;

    Time begun_;
    std::vector<std::uint64_t> rounds_; // Bytes of each.
    std::uint64_t total_ = 0;           // Sent.
    std::uint64_t of_round_ = 0;        // Sent of the last.
};

} // namespace holdfast::service
