// SPDX-License-Identifier: Apache-2.0
//
// schedd/settings: see settings.h.
#include <config.h>

#include "schedd/settings.h"

#include "common/text.h"

namespace holdfast::schedd {
namespace {

constexpr Load percent = 10;

Rate rate_of(const std::string& text)
{
    const auto ratio = parse_ratio(text).value();
    return {ratio.first * unit, ratio.second};
}

BalancePolicy balance_of(const Config& config)
{
    BalancePolicy policy;
    policy.threshold = config.balance_threshold * percent;
    policy.maximum = config.balance_maximum * percent;
    policy.leader_threshold = config.balance_leader_threshold * percent;
    policy.imbalance = config.balance_imbalance * percent;
    policy.even = config.balance_even * percent;
    policy.hold = config.balance_hold;
    policy.most_moves = config.balance_moves;
    policy.rest = Seconds{config.balance_rest_s};
    policy.give_up_after = config.balance_give_up_after;
    policy.aside_at = config.balance_aside_at * percent;
    policy.merge_at = config.balance_merge_at * percent;
    policy.join_from = config.balance_join_from;
    policy.at_maximum = config.balance_at_maximum == "all" ? AtMaximum::all : AtMaximum::worst;
    policy.on_return =
        config.balance_on_return == "exchange" ? OnReturn::roles_changed : OnReturn::spare_again;
    policy.join_takes =
        config.balance_join_takes == "heaviest" ? JoinTakes::heaviest : JoinTakes::several;
    return policy;
}

} // namespace

Result<Settings> settings_of(const Config& config)
{
    Settings settings;
    settings.policy.base = config.quota_base * unit;
    settings.policy.period = std::chrono::hours{24} * config.quota_period_days;
    settings.policy.candidate_load = config.quota_candidate_load * percent;
    settings.policy.grow_at = config.quota_grow_at * percent;
    settings.policy.shrink_at = config.quota_shrink_at * percent;
    settings.policy.use_at = config.quota_use_at * percent;
    settings.policy.spare_at = config.quota_spare_at * percent;
    settings.rates.hour_a_day = rate_of(config.rate_hour_a_day);
    settings.rates.hour_a_week = rate_of(config.rate_hour_a_week);
    settings.rates.storage = rate_of(config.rate_gib);
    settings.rates.work_per_hour = rate_of(config.rate_work_an_hour);
    settings.interval = Seconds{config.quota_interval_s};
    settings.lease = Seconds{config.schedd_lease_s};
    settings.balance = balance_of(config);
    settings.round = Seconds{config.balance_interval_s};
    settings.average = Seconds{config.balance_average_s};
    for (const auto& holds : {check(settings.policy), check(settings.balance)})
        if (!holds)
            return Error{Errc::invalid, config.file + ": " + holds.error().message};
    return settings;
}

} // namespace holdfast::schedd
