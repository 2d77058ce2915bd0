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
    if (auto holds = check(settings.policy); !holds)
        return Error{Errc::invalid, config.file + ": " + holds.error().message};
    return settings;
}

} // namespace holdfast::schedd
