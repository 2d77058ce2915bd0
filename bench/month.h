// SPDX-License-Identifier: Apache-2.0
//
// bench/month: a month of a fleet, hour by hour, under one way to place and move processes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::bench {

/// Who decides where a process runs.
enum class Way {
    random,       // On a node of the user's share by chance; nothing moves.
    least,        // On the least loaded node of the share; nothing moves.
    random_moves, // By chance; a crowded node sends one by chance to a node by chance.
    least_moves,  // On the least loaded; a crowded node sends its largest to the least loaded.
    holdfast,     // On the least loaded, and as schedd/balance decides.
};

std::optional<Way> way_named(const std::string& name);

/// What one hour was like.
struct Hour {
    std::int64_t spread = 0;     // Largest less smallest load of active nodes, thousandths.
    std::int64_t deviation = 0;  // Standard deviation of their loads, thousandths.
    int over = 0;                // Nodes at or over the threshold.
    int moves = 0;               // Begun in this hour.
    int borrowers = 0;           // Users who had the spare in their share.
    std::int64_t spare_load = 0; // Of the spare, thousandths.
    int reserve = 0;             // Nodes that the balancer keeps as spares.
};

/// Shape:   one Hour an hour, of `n_days` days.
std::vector<Hour> run_month(std::uint32_t n_nodes, int n_days, std::uint64_t seed, Way way);

} // namespace holdfast::bench
