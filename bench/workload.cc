// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "bench/workload.h"

#include <algorithm>
#include <cmath>

namespace holdfast::bench {

std::uint64_t chance(std::uint64_t seed, std::uint64_t a, std::uint64_t b)
{
    // Two rounds of the finaliser of MurmurHash3 (public domain).
    std::uint64_t value = seed * 0x9e3779b97f4a7c15 + a;
    for (const std::uint64_t more : {b, std::uint64_t{0}}) {
        value = (value ^ value >> 33) * 0xff51afd7ed558ccd;
        value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53;
        value = (value ^ value >> 33) + more * 0x9e3779b97f4a7c15;
    }
    return value ^ value >> 29;
}

double part(std::uint64_t seed, std::uint64_t a, std::uint64_t b)
{
    return static_cast<double>(chance(seed, a, b) >> 11) * 0x1p-53;
}

Workload::Workload(std::uint32_t n_users, std::uint32_t each, std::uint64_t seed)
    : each_{each}, seed_{seed}, weights_(n_users * each), ends_(n_users * each),
      numbers_(n_users * each)
{
    for (std::uint32_t user = 0; user < n_users; ++user) {
        // Most begin between 7 and 11, one of eight works at night.
        const double begin = 7 + 4 * part(seed, user, 1);
        begins_.push_back(part(seed, user, 2) < 0.125 ? begin + 12 : begin);
        lengths_.push_back(7 + 4 * part(seed, user, 3));
    }
}

std::vector<std::uint32_t> Workload::advance(int round)
{
    std::vector<std::uint32_t> renewed;
    for (std::uint32_t i = 0; i < weights_.size(); ++i) {
        if (ends_[i] > round)
            continue;
        const std::uint64_t number = numbers_[i]++;
        // Lives of three days on average, weights of 0.6 processors: many small, few large.
        ends_[i] = round + 1 +
                   static_cast<int>(-std::log(1 - part(seed_ + 1, i, number)) * 3 * rounds_a_day);
        weights_[i] = std::min(4000.0, 150 - std::log(1 - part(seed_ + 2, i, number)) * 450);
        renewed.push_back(i);
    }
    return renewed;
}

/// How much of his most a user wants: little at night, in half an hour up to all of it.
double Workload::level(std::uint32_t user, int round) const
{
    const double hour = std::fmod(round / double{rounds_an_hour} - begins_[user] + 24, 24);
    const double edge = std::min(hour, lengths_[user] - hour);
    const int weekday = round / rounds_a_day % 7;
    return 0.2 + (weekday < 5 ? 0.8 : 0.25) * std::clamp(2 * edge, 0.0, 1.0);
}

schedd::Cpu Workload::cpu(std::uint32_t process, int round) const
{
    const double noise = 0.8 + 0.4 * part(seed_ + 3, process, static_cast<std::uint64_t>(round));
    return static_cast<schedd::Cpu>(weights_[process] * noise * level(user(process), round));
}

} // namespace holdfast::bench
