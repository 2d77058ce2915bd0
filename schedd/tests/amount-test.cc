// SPDX-License-Identifier: Apache-2.0
//
// Tests of schedd/amount and schedd/policy: spec Q1, and its section "Bad input".
#include <config.h>

#include "schedd/amount.h"
#include "schedd/policy.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::schedd;

TEST_GROUP(Q1Amount){};

TEST(Q1Amount, NinetyWithBaseThirtyIsThreeNodes)
{
    CHECK_EQUAL(3, *nodes_for(90 * unit, 30 * unit, 10));
}

TEST(Q1Amount, AnythingMoreIsOneNodeMore)
{
    CHECK_EQUAL(4, *nodes_for(90 * unit + 1, 30 * unit, 10));
    CHECK_EQUAL(1, *nodes_for(1, 30 * unit, 10));
}

TEST(Q1Amount, UsageBecomesAnAmountByTheRates)
{
    Rates rates;
    rates.hour_a_day = {10 * unit, 1};
    rates.storage = {unit, 10};
    // 7.5 hours a day are 75, 20 GiB are 2.
    CHECK_EQUAL(77 * unit, *amount_of({7500, 0, 20'000, 0}, rates));
}

TEST(Q1Amount, ThirdsAreAddedExactly)
{
    Rates rates;
    rates.hour_a_day = rates.storage = rates.work_per_hour = {unit, 3};
    // A third three times is one; rounded each it would be more, and another node.
    CHECK_EQUAL(unit, *amount_of({1000, 0, 1000, 1000}, rates));
    CHECK_EQUAL(1, *nodes_for(*amount_of({1000, 0, 1000, 1000}, rates), unit, 10));
}

TEST(Q1Amount, TheSumIsRoundedUp)
{
    Rates rates;
    rates.hour_a_week = {10 * unit, 7};
    CHECK_EQUAL(1429, *amount_of({0, 1000, 0, 0}, rates)); // 10/7 is 1.4285714...
}

TEST(Q1Amount, TheLargestQuantitiesAndOddestRatesDoNotOverflow)
{
    const Rates rates{{1'000'000 * unit, 9973},
                      {1'000'000 * unit, 9967},
                      {1'000'000 * unit, 9949},
                      {1'000'000 * unit, 9941}};
    CHECK_TRUE(bool(check(rates)));
    // As fractions: 2406497 + 16855623 + 100512614333 + 100593501659, and parts that make 2.
    const auto amount = amount_of({24'000, 168'000, 1'000'000'000, 1'000'000'000}, rates);
    CHECK_EQUAL(201'125'378'114, *amount);
}

TEST(Q1Amount, NothingAndLessThanNothingAreRefusedWithTheFigures)
{
    CHECK_EQUAL(std::string("amount 0 with a base amount of 30: both must be more than 0"),
                nodes_for(0, 30 * unit, 10).error().message);
    CHECK_EQUAL(std::string("amount -5 with a base amount of 30: both must be more than 0"),
                nodes_for(-5 * unit, 30 * unit, 10).error().message);
    CHECK_EQUAL(std::string("storage -1.5: give 0 to 1000000"),
                amount_of({0, 0, -1500, 0}, {}).error().message);
    CHECK_EQUAL(std::string("hours a day 25: give 0 to 24"),
                amount_of({25'000, 0, 0, 0}, {}).error().message);
    CHECK_FALSE(bool(amount_of({}, {})));
}

TEST(Q1Amount, MoreThanTheFleetIsRefusedWithTheFigures)
{
    CHECK_EQUAL(std::string("amount 900 wants 30 nodes of 30, the fleet has 20: ask for 600 at "
                            "most"),
                nodes_for(900 * unit, 30 * unit, 20).error().message);
}

TEST(Q1Amount, RatesThatCannotBeCountedWithAreRefused)
{
    Rates rates;
    rates.storage = {unit, 0};
    CHECK_EQUAL(std::string("rate of storage is 1 per 0: give 0 to 1000000 per 1 to 10000"),
                check(rates).error().message);
}

TEST_GROUP(Policy){};

TEST(Policy, DefaultsHold)
{
    CHECK_TRUE(bool(check(SharePolicy{})));
    CHECK_TRUE(bool(check(BalancePolicy{})));
    CHECK_TRUE(bool(check(Rates{})));
}

TEST(Policy, ThresholdPairThatCannotHoldIsRefusedWithTheFigures)
{
    SharePolicy shares;
    shares.shrink_at = 800;
    CHECK_EQUAL(std::string("shrink_at 80.0 % is not under grow_at 75.0 %: lower the one or raise "
                            "the other"),
                check(shares).error().message);
    BalancePolicy balance;
    balance.maximum = balance.threshold;
    CHECK_EQUAL(std::string("threshold 80.0 % is not under maximum 80.0 %: lower the one or raise "
                            "the other"),
                check(balance).error().message);
    balance = {};
    balance.even = 200;
    CHECK_FALSE(bool(check(balance)));
}

TEST(Policy, CountsThatCannotBeAreRefused)
{
    BalancePolicy balance;
    balance.most_moves = 0;
    CHECK_EQUAL(std::string("most_moves 0: give 1 or more"), check(balance).error().message);
    SharePolicy shares;
    shares.base = -1;
    CHECK_EQUAL(std::string("base amount -0.001: give more than 0"), check(shares).error().message);
}
