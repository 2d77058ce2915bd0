// SPDX-License-Identifier: Apache-2.0
//
// bench/workload: what a month of users' processes wants of the nodes, the same for whoever places
// them.
//
// Synthetic and seeded: each user has hours of the day at which he works, less at weekends; his
// processes come, live for some days and go.  What a process wants depends on nothing but seed,
// process and time.
#pragma once

#include "schedd/units.h"

#include <vector>

namespace holdfast::bench {

/// From one balancing round to the next.
constexpr schedd::Seconds round_length{600};
constexpr int rounds_an_hour = 6, rounds_a_day = 144;

/// A number that depends on all three, and looks like chance.
std::uint64_t chance(std::uint64_t seed, std::uint64_t a, std::uint64_t b);
/// The same, from 0 up to 1.
double part(std::uint64_t seed, std::uint64_t a, std::uint64_t b);

class Workload {
public:
    Workload(std::uint32_t n_users, std::uint32_t each, std::uint64_t seed);

    /// The processes that are new in this round, in the place of one that has ended.
    /// Shape:   to be called for each round from 0 on.
    std::vector<std::uint32_t> advance(int round);
    /// What a process takes in this round.
    schedd::Cpu cpu(std::uint32_t process, int round) const;
    std::uint32_t user(std::uint32_t process) const { return process / each_; }
    std::uint32_t n_processes() const { return static_cast<std::uint32_t>(weights_.size()); }

private:
    double level(std::uint32_t user, int round) const;

    std::uint32_t each_;
    std::uint64_t seed_;
    std::vector<double> weights_;          // Of each process, thousandths of a processor.
    std::vector<int> ends_;                // The round in which another takes its place.
    std::vector<std::uint64_t> numbers_;   // How many have been at its place.
    std::vector<double> begins_, lengths_; // Of each user's working day, hours.
};

} // namespace holdfast::bench
