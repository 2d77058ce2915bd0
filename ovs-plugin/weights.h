// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/weights: servers' weights that change with time: a slow start (spec B10), and the
// feedback of the policy `dynamic` (spec B9).  Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace holdfast::plugin {

/// The weight of a server that takes connections since `since_ms`: it rises evenly from 1 to
/// `weight` within `slow_start_ms`.
/// Shape:   0 stays 0; with `slow_start_ms` 0 it is `weight` at once.
/// Units:   ms of any one clock.
std::uint32_t started_weight(std::uint32_t weight, std::int64_t since_ms, std::int64_t now_ms,
                             std::int64_t slow_start_ms);

/// How busy a server is.
/// Units:   0 (idle) to 1 (no more to give); none where it is not known.
struct Load {
    std::optional<double> cpu;
    std::optional<double> memory;
    std::optional<double> connections; // Of its limit.
    std::optional<double> answer_time; // Of what is still good.

    bool operator==(const Load&) const = default;
};

/// What of a weight of 1 a dynamic weight of 1 is: a hundredth, since those change in small steps.
constexpr std::uint32_t dynamic_unit = 100;
/// A dynamic weight stays between these shares of the configured one.
constexpr double dynamic_floor = 0.1, dynamic_ceiling = 2;
/// The most that a call changes a weight by, as a share of the configured one.
constexpr double dynamic_step = 0.1;

/// The next weights: a server that is busier than the servers on average gets fewer connections.
/// Shape:   one value a server in each; `previous` is what the last call gave, or empty at first.
///          A server whose load is not known keeps its weight.  With equal loads all come back to
///          the configured weights.  To be called every few seconds.
/// Units:   `base` as configured; `previous` and the result in hundredths of that (dynamic_unit),
///          1 at least, but 0 where `base` is 0.
std::vector<std::uint32_t> dynamic_weights(std::span<const std::uint32_t> base,
                                           std::span<const std::uint32_t> previous,
                                           std::span<const Load> loads);

} // namespace holdfast::plugin
