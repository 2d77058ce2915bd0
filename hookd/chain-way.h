// SPDX-License-Identifier: Apache-2.0
//
// hookd/chain-way: the one or two directions of a chain, and what those of two have in common.
//
// Pure; used where chains are compared: hookd/chain-meet and hookd/chain-over.
#pragma once

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

/// Whether some VM is in both.
bool share_any(const Hops& a, const Hops& b);

/// Whether what comes out of a common hop goes on by the same hops on either way.
bool same_onward(const Hops& a, const Hops& b);

} // namespace holdfast::hookd
