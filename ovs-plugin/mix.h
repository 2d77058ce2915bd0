// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/mix: a hash that is the same on every switch of the fleet, unlike std::hash.
#pragma once

#include <cstdint>

namespace holdfast::plugin {

/// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): every bit of the input counts.
constexpr std::uint64_t mix(std::uint64_t x)
{
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

} // namespace holdfast::plugin
