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

TEST(Settings, DefaultsOfBalanceAreThoseOfTheDecisions)
{
    const Settings settings = *settings_of(Config{});
    const BalancePolicy usual;
    CHECK_EQUAL(usual.threshold, settings.balance.threshold);
    CHECK_EQUAL(usual.maximum, settings.balance.maximum);
    CHECK_EQUAL(usual.leader_threshold, settings.balance.leader_threshold);
    CHECK_EQUAL(usual.imbalance, settings.balance.imbalance);
    CHECK_EQUAL(usual.even, settings.balance.even);
    CHECK_EQUAL(usual.hold, settings.balance.hold);
    CHECK_EQUAL(usual.most_moves, settings.balance.most_moves);
    CHECK_TRUE(usual.rest == settings.balance.rest);
    CHECK_EQUAL(usual.give_up_after, settings.balance.give_up_after);
    CHECK_EQUAL(usual.aside_at, settings.balance.aside_at);
    CHECK_EQUAL(usual.merge_at, settings.balance.merge_at);
    CHECK_EQUAL(usual.join_from, settings.balance.join_from);
    CHECK_TRUE(usual.at_maximum == settings.balance.at_maximum);
    CHECK_TRUE(usual.on_return == settings.balance.on_return);
    CHECK_TRUE(usual.join_takes == settings.balance.join_takes);
    CHECK_TRUE(settings.round == Settings{}.round);
    CHECK_TRUE(settings.average == Settings{}.average);
}

TEST(Settings, ChoicesOfBalanceAreOneOfTwoWords)
{
    const auto config = parse_config("balance_at_maximum = all\nbalance_on_return = exchange\n"
                                     "balance_join_takes = heaviest\n",
                                     "file");
    const BalancePolicy policy = settings_of(*config)->balance;
    CHECK_TRUE(policy.at_maximum == AtMaximum::all);
    CHECK_TRUE(policy.on_return == OnReturn::roles_changed);
    CHECK_TRUE(policy.join_takes == JoinTakes::heaviest);
    CHECK_EQUAL(std::string("file, line 1: balance_on_return is \"no\": give back or exchange"),
                parse_config("balance_on_return = no\n", "file").error().message);
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
