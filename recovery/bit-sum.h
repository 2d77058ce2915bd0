// SPDX-License-Identifier: Apache-2.0
//
// recovery/bit-sum: for many VMs at once, whether the weights of the bits they have come up to a
// bar.
//
// Pure.  A plane has a bit for each VM: whether it has one element.  The sums are kept as planes
// too, one for each of their binary digits, and added as a processor's adder does, so that one
// instruction works on as many VMs as a register has bits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast::recovery {

struct Plane {
    const std::uint64_t* bits = nullptr;
    std::uint32_t weight = 0; // At least 1.
};

/// VMs that are looked at together.
constexpr std::size_t group_size = 512;
using GroupBits = std::array<std::uint64_t, group_size / 64>;

/// Of group `group` of the planes, which VMs have a sum of weights of at least `bar`.
/// Shape:   planes are readable up to the group's end; the sum of all weights is below 2^31.
GroupBits reach(std::span<const Plane> planes, std::size_t group, std::uint64_t bar);

} // namespace holdfast::recovery
