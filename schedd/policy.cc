// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "schedd/policy.h"

#include <tuple>

namespace holdfast::schedd {

namespace {

struct Threshold {
    const char* name;
    Load load;
};

Error cannot_hold(const Threshold& low, const Threshold& high)
{
    return {Errc::invalid, std::string{low.name} + " " + load_text(low.load) + " is not under " +
                               high.name + " " + load_text(high.load) +
                               ": lower the one or raise the other"};
}

/// The first of `pairs` whose first is not less than its second.
template <std::size_t n>
Result<void> check_pairs(const Threshold (&pairs)[n][2])
{
    for (const auto& [low, high] : pairs) {
        for (const Threshold& one : {low, high})
            if (one.load < 0 || one.load > 10'000)
                return Error{Errc::invalid, std::string{one.name} + " " + load_text(one.load) +
                                                ": give 0 % to 1000 %"};
        if (low.load >= high.load)
            return cannot_hold(low, high);
    }
    return {};
}

Result<void> check_least(const char* name, std::int64_t value, std::int64_t least)
{
    if (value >= least)
        return {};
    return Error{Errc::invalid, std::string{name} + " " + std::to_string(value) + ": give " +
                                    std::to_string(least) + " or more"};
}

} // namespace

Result<void> check(const SharePolicy& policy)
{
    if (policy.base <= 0)
        return Error{Errc::invalid,
                     "base amount " + amount_text(policy.base) + ": give more than 0"};
    if (auto least = check_least("shrink_after", policy.shrink_after, 1); !least)
        return least;
    if (auto least = check_least("period", policy.period.count(), 1); !least)
        return least;
    const Threshold none{"nothing", 0};
    const Threshold pairs[][2] = {
        {{"shrink_at", policy.shrink_at}, {"grow_at", policy.grow_at}},
        {none, {"candidate_load", policy.candidate_load}},
        {none, {"spare_at", policy.spare_at}},
        {none, {"use_at", policy.use_at}},
    };
    return check_pairs(pairs);
}

Result<void> check(const BalancePolicy& policy)
{
    for (const auto& [name, value, least] :
         {std::tuple{"hold", std::int64_t{policy.hold}, 1},
          {"most_moves", std::int64_t{policy.most_moves}, 1},
          {"give_up_after", std::int64_t{policy.give_up_after}, 1},
          {"join_from", std::int64_t{policy.join_from}, 1},
          {"rest", std::int64_t{policy.rest.count()}, 0}})
        if (auto enough = check_least(name, value, least); !enough)
            return enough;
    const Threshold threshold{"threshold", policy.threshold};
    const Threshold pairs[][2] = {
        {threshold, {"maximum", policy.maximum}},
        {{"leader_threshold", policy.leader_threshold}, {"maximum", policy.maximum}},
        {{"even", policy.even}, {"imbalance", policy.imbalance}},
        {{"aside_at", policy.aside_at}, threshold},
        {{"merge_at", policy.merge_at}, threshold},
    };
    return check_pairs(pairs);
}

} // namespace holdfast::schedd
