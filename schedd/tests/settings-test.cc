// SPDX-License-Identifier: Apache-2.0
//
// Tests of schedd/settings.
#include <config.h>

#include "schedd/settings.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::schedd;

TEST_GROUP(Settings){};

TEST(Settings, DefaultsOfTheFileAreThoseOfTheDecisions)
{
    const Settings settings = *settings_of(Config{});
    CHECK_EQUAL(SharePolicy{}.base, settings.policy.base);
    CHECK_TRUE(SharePolicy{}.period == settings.policy.period);
    CHECK_EQUAL(SharePolicy{}.candidate_load, settings.policy.candidate_load);
    CHECK_EQUAL(SharePolicy{}.grow_at, settings.policy.grow_at);
    CHECK_EQUAL(SharePolicy{}.shrink_at, settings.policy.shrink_at);
    CHECK_EQUAL(SharePolicy{}.use_at, settings.policy.use_at);
    CHECK_EQUAL(SharePolicy{}.spare_at, settings.policy.spare_at);
    const Rates usual;
    for (const auto& [ours, rate] :
         {std::pair{settings.rates.hour_a_day, usual.hour_a_day},
          std::pair{settings.rates.hour_a_week, usual.hour_a_week},
          std::pair{settings.rates.storage, usual.storage},
          std::pair{settings.rates.work_per_hour, usual.work_per_hour}}) {
        CHECK_EQUAL(rate.amount, ours.amount);
        CHECK_EQUAL(rate.per, ours.per);
    }
}

TEST(Settings, WhatTheFileSaysCounts)
{
    auto config = parse_config("quota_base = 20\nquota_period_days = 7\nrate_gib = 3/2\n"
                               "schedd_lease_s = 5\nquota_interval_s = 60\n",
                               "file");
    const Settings settings = *settings_of(*config);
    CHECK_EQUAL(20 * unit, settings.policy.base);
    CHECK_EQUAL(7 * 86400, settings.policy.period.count());
    CHECK_EQUAL(3 * unit, settings.rates.storage.amount);
    CHECK_EQUAL(2, settings.rates.storage.per);
    CHECK_EQUAL(5, settings.lease.count());
    CHECK_EQUAL(60, settings.interval.count());
}

TEST(Settings, PairThatCannotHoldIsRefusedWithItsFigures)
{
    auto config = parse_config("quota_shrink_at = 80\n", "file");
    CHECK_EQUAL(std::string("file: shrink_at 80.0 % is not under grow_at 75.0 %: lower the one or "
                            "raise the other"),
                settings_of(*config).error().message);
}
