// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/weights: see the header.
#include "ovs-plugin/weights.h"

#include <algorithm>
#include <cmath>

namespace holdfast::plugin {

namespace {

/// How much of the way to its goal a weight goes in a call.  With all of it the weights would
/// swing: where servers are nearly full, a little more weight is a lot more load.
constexpr double dynamic_share = 0.1;
/// Counts as free in any server, so that one that is full does not make the others' share infinite.
constexpr double dynamic_spare = 0.1;

/// What the server has least of decides.
std::optional<double> scarcest(const Load& load)
{
    std::optional<double> highest;
    for (const auto& value : {load.cpu, load.memory, load.connections, load.answer_time})
        if (value && !std::isnan(*value))
            highest = std::max(highest.value_or(0), std::clamp(*value, 0.0, 1.0));
    return highest;
}

/// The average of the loads that are known.
double average(std::span<const Load> loads)
{
    double sum = 0;
    std::size_t n_known = 0;
    for (const auto& load : loads) {
        if (const auto value = scarcest(load)) {
            sum += *value;
            ++n_known;
        }
    }
    return n_known > 0 ? sum / static_cast<double>(n_known) : 0;
}

/// A step from `now` to `goal`, one unit at least if they differ.
double towards(double goal, double now, double step_max)
{
    const double way = goal - now;
    const double step = std::min(std::max(std::abs(way) * dynamic_share, 1.0), step_max);
    return now + std::copysign(std::min(step, std::abs(way)), way);
}

} // namespace

std::uint32_t started_weight(std::uint32_t weight, std::int64_t since_ms, std::int64_t now_ms,
                             std::int64_t slow_start_ms)
{
    if (weight == 0 || now_ms - since_ms >= slow_start_ms)
        return weight;
    const auto passed = static_cast<double>(std::max<std::int64_t>(now_ms - since_ms, 0));
    const double share = passed / static_cast<double>(slow_start_ms);
    return 1 + static_cast<std::uint32_t>((weight - 1) * share);
}

std::vector<std::uint32_t> dynamic_weights(std::span<const std::uint32_t> base,
                                           std::span<const std::uint32_t> previous,
                                           std::span<const Load> loads)
{
    const double all = average(loads);
    std::vector<std::uint32_t> weights;
    weights.reserve(base.size());
    for (std::size_t i = 0; i < base.size(); ++i) {
        const double full = static_cast<double>(base[i]) * dynamic_unit;
        const double now = previous.empty() ? full : previous[i];
        const auto load = scarcest(loads[i]);
        // What is free here, against what is free on average.
        const double goal =
            load ? full * (1 - *load + dynamic_spare) / (1 - all + dynamic_spare) : now;
        const double next = towards(goal, now, full * dynamic_step);
        weights.push_back(static_cast<std::uint32_t>(
            std::lround(std::clamp(next, full * dynamic_floor, full * dynamic_ceiling))));
    }
    return weights;
}

} // namespace holdfast::plugin
