// SPDX-License-Identifier: Apache-2.0
//
// hookd/chain-way: see chain-way.h.
#include <config.h>

#include "hookd/chain-way.h"

#include <algorithm>

#include "hookd/chain-change.h"

namespace holdfast::hookd {

std::vector<Way> ways_of(const db::Chain& chain)
{
    std::vector<Way> ways{{&chain, chain.match, chain.hops}};
    if (chain.symmetric)
        ways.push_back({&chain, chain.match_reverse, {chain.hops.rbegin(), chain.hops.rend()}});
    return ways;
}

bool share_any(const Hops& a, const Hops& b)
{
    return std::any_of(a.begin(), a.end(), [&](const db::Hop& hop) {
        return std::any_of(b.begin(), b.end(),
                           [&](const db::Hop& other) { return share(hop, other); });
    });
}

bool same_onward(const Hops& a, const Hops& b)
{
    for (auto here = a.begin(); here != a.end(); ++here)
        for (auto there = b.begin(); there != b.end(); ++there)
            if (share(*here, *there) &&
                (here->kind != there->kind || !std::equal(here + 1, a.end(), there + 1, b.end())))
                return false;
    return true;
}

} // namespace holdfast::hookd
