// SPDX-License-Identifier: Apache-2.0
//
// db/chain-order: which of the chains that match a frame, all of one priority, takes it.
//
// OpenFlow leaves that undefined, and may decide otherwise where the frame enters than behind a
// hop: it would pass a part of each.  So the switches order them, all of them alike.
#pragma once

#include <cstdint>
#include <utility>

#include "db/rows.h"

namespace holdfast::db {

/// A number below this for each chain; of two the higher wins.
constexpr int chain_orders = 8192;

/// Shape:   differs for all chains that one hypervisor numbers; for two of different ones it is the
///          same once in 8192.
inline int chain_order(std::uint32_t spi)
{
    constexpr std::uint32_t apart = 2531; // Prime: hypervisors' blocks begin far from each other.
    return static_cast<int>((spi + (spi >> 12) * apart) % chain_orders);
}

/// Whether `a` takes the frames of both.
inline bool is_over(const Chain& a, const Chain& b)
{
    return std::pair{a.priority, chain_order(a.spi)} > std::pair{b.priority, chain_order(b.spi)};
}

} // namespace holdfast::db
