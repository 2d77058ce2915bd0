// SPDX-License-Identifier: Apache-2.0
//
// hookd/chain-way: the one or two directions of a chain, and what those of two have in common.
//
// Pure; used where chains are compared: hookd/chain-meet and hookd/chain-over.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "db/rows.h"

namespace holdfast::hookd {

using Hops = std::vector<db::Hop>;

/// One direction of a chain.
struct Way {
    const db::Chain* chain = nullptr;
    std::string match;
    Hops hops; // In this direction's order.
};

/// The way there, and of a symmetric chain the way back; both point to `chain`.
std::vector<Way> ways_of(const db::Chain& chain);

/// Whether it holds for a direction of the first and one of the second.
template <class Test>
bool any_ways(const db::Chain& a, const db::Chain& b, Test test)
{
    const auto ways = ways_of(a);
    const auto others = ways_of(b);
    return std::any_of(ways.begin(), ways.end(), [&](const Way& way) {
        return std::any_of(others.begin(), others.end(),
                           [&](const Way& other) { return test(way, other); });
    });
}

/// Whether some VM is in both.
bool share_any(const Hops& a, const Hops& b);

/// Whether what comes out of a common hop goes on by the same hops on either way.
bool same_onward(const Hops& a, const Hops& b);

} // namespace holdfast::hookd
