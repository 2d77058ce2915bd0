// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "recovery/bit-sum.h"

#include <cstring>

// The same code for each kind of processor; the loader takes the best that the machine can run.
#if defined(__x86_64__)
#define FOR_EACH_PROCESSOR                                                                         \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

namespace holdfast::recovery {
namespace {

/// A bit for each VM of a group; the compiler makes of it what registers there are.
using Bits = std::uint64_t __attribute__((vector_size(group_size / 8)));

constexpr std::size_t most_digits = 32;

/// The sums, by binary digit.  Bits of one digit are put aside until there are two of them: a full
/// adder then takes both, which is half as much work as to add each by itself.
struct Sums {
    Bits digit[most_digits];
    Bits aside[most_digits];
    bool waits[most_digits]; // There is something aside.
    std::size_t n_digits;
};

/// A digit comes into use with the first bits that come to it.
[[gnu::always_inline]] inline void open(Sums& sums, std::size_t place)
{
    for (; sums.n_digits <= place; ++sums.n_digits) {
        sums.digit[sums.n_digits] = Bits{};
        sums.waits[sums.n_digits] = false;
    }
}

[[gnu::always_inline]] inline void add(Sums& sums, std::size_t place, const Bits& bits)
{
    Bits carried = bits;
    for (;; ++place) {
        open(sums, place);
        if (!sums.waits[place]) {
            sums.aside[place] = carried;
            sums.waits[place] = true;
            return;
        }
        const Bits sum = sums.digit[place], other = sums.aside[place];
        const Bits half = sum ^ other;
        sums.digit[place] = half ^ carried;
        carried = (sum & other) | (half & carried);
        sums.waits[place] = false;
    }
}

/// Adds what is still aside, from the lowest digit up.
[[gnu::always_inline]] inline void settle(Sums& sums)
{
    for (std::size_t place = 0; place < sums.n_digits; ++place) {
        if (!sums.waits[place])
            continue;
        sums.waits[place] = false;
        const Bits carried = sums.digit[place] & sums.aside[place];
        sums.digit[place] ^= sums.aside[place];
        if (place + 1 < sums.n_digits) {
            add(sums, place + 1, carried);
        } else {
            open(sums, place + 1);
            sums.digit[place + 1] = carried;
        }
    }
}

} // namespace

FOR_EACH_PROCESSOR
GroupBits reach(std::span<const Plane> planes, std::size_t group, std::uint64_t bar)
{
    Sums sums;
    sums.n_digits = 0;
    for (const Plane& plane : planes) {
        // Too many planes for the processor to see by itself how each goes on.
        __builtin_prefetch(plane.bits + (group + 2) * (group_size / 64));
        Bits bits;
        std::memcpy(&bits, plane.bits + group * (group_size / 64), sizeof bits);
        for (std::uint32_t rest = plane.weight; rest != 0; rest &= rest - 1)
            add(sums, static_cast<std::size_t>(__builtin_ctz(rest)), bits);
    }
    settle(sums);
    GroupBits result{};
    if (bar >> sums.n_digits != 0)
        return result;
    // From the highest digit down: above the bar by now, or as high.
    Bits above{}, even = ~Bits{};
    for (std::size_t place = sums.n_digits; place-- > 0;) {
        if (bar >> place & 1) {
            even &= sums.digit[place];
        } else {
            above |= even & sums.digit[place];
            even &= ~sums.digit[place];
        }
    }
    const Bits reached = above | even;
    std::memcpy(result.data(), &reached, sizeof reached);
    return result;
}

} // namespace holdfast::recovery
