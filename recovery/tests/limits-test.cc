// SPDX-License-Identifier: Apache-2.0
//
// Tests of recovery/limits: spec R12.
#include <config.h>

#include "recovery/limits.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::recovery;
using namespace std::chrono_literals;

TEST_GROUP(R12Limits)
{
    const Instant now{100h};
    Attempts attempts;
    FleetState fleet{10, 0, 0};
    const Limits limits;

    Permit permit(bool by_hand = false) const
    {
        return may_begin(attempts, fleet, limits, now, by_hand);
    }
};

TEST(R12Limits, OneBeginsAtOnce)
{
    CHECK_TRUE(Verdict::begin == permit().verdict);
    STRCMP_EQUAL("", permit().why.c_str());
}

TEST(R12Limits, NoMoreThanSoManyAtOnceByHandNeither)
{
    fleet.running = 2;
    CHECK_TRUE(Verdict::begin == permit().verdict);
    fleet.running = 3;
    CHECK_TRUE(Verdict::wait == permit().verdict);
    CHECK_FALSE(permit().when.has_value());
    CHECK_TRUE(Verdict::wait == permit(true).verdict);
}

TEST(R12Limits, AfterAFailureItWaitsTwiceAsLongEachTime)
{
    attempts = after(attempts, false, now);
    CHECK_TRUE(Verdict::wait == permit().verdict);
    CHECK_TRUE(now + 30s == *permit().when);
    attempts = after(attempts, false, now);
    CHECK_TRUE(now + 60s == *permit().when);
    CHECK_TRUE(Verdict::begin == permit(true).verdict);
    attempts.last = now - 60s;
    CHECK_TRUE(Verdict::begin == permit().verdict);
}

TEST(R12Limits, ItGivesUpAfterSoManyAndByHandItCanBeTriedAgain)
{
    attempts = {3, now - 10h};
    CHECK_TRUE(Verdict::give_up == permit().verdict);
    STRCMP_EQUAL("its recovery has failed 3 times: see why, then recover it by hand",
                 permit().why.c_str());
    CHECK_TRUE(Verdict::begin == permit(true).verdict);
    CHECK_EQUAL(0, after(attempts, true, now).failed);
}

TEST(R12Limits, WhatWasWellForLongBeginsAnew)
{
    attempts = {2, now - 59min};
    CHECK_EQUAL(2, as_of(attempts, true, limits, now).failed);
    attempts.last = now - 60min;
    CHECK_EQUAL(0, as_of(attempts, true, limits, now).failed);
    CHECK_EQUAL(2, as_of(attempts, false, limits, now).failed);
}

TEST(R12Limits, HalfTheHypervisorsGoneStopsItAndSaysSo)
{
    fleet.gone = 4;
    CHECK_TRUE(Verdict::begin == permit().verdict);
    fleet.gone = 5;
    CHECK_TRUE(Verdict::stopped == permit().verdict);
    STRCMP_EQUAL("5 of 10 hypervisors are not heard of: no VM is recovered until fewer than half "
                 "are; see the network, or recover by hand",
                 permit().why.c_str());
    CHECK_TRUE(Verdict::begin == permit(true).verdict);
    fleet = {1, 0, 0};
    CHECK_TRUE(Verdict::begin == permit().verdict);
}

TEST(R12Limits, BackOffIsBoundedHoweverOftenItFailed)
{
    attempts = {1'000'000, now};
    Limits many;
    many.attempts = 2'000'000;
    CHECK_TRUE(now + 600s == *may_begin(attempts, fleet, many, now).when);
}
