// SPDX-License-Identifier: Apache-2.0
//
// Tests of schedd/load-meter: spec Q18.
#include <config.h>

#include "schedd/load-meter.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::schedd;

TEST_GROUP(Q18LoadMeter){};

TEST(Q18LoadMeter, BusyIsAllButIdleAndWaiting)
{
    const auto ticks =
        parse_cpu_ticks("cpu  100 10 50 800 40 5 15 20 7 3\ncpu0 1 1 1 1 1 1 1 1 1 1\n");
    CHECK_EQUAL(200u, ticks->busy);
    CHECK_EQUAL(1040u, ticks->all);
}

TEST(Q18LoadMeter, WhatIsNotTheKernelsIsNothing)
{
    CHECK_FALSE(parse_cpu_ticks("").has_value());
    CHECK_FALSE(parse_cpu_ticks("cpu 1 2 3").has_value());
    CHECK_FALSE(parse_cpu_ticks("intr 1 2 3 4 5 6 7 8").has_value());
}

TEST(Q18LoadMeter, LoadIsTheBusyPartOfTheTimeBetween)
{
    CHECK_EQUAL(250, *load_between({100, 1000}, {150, 1200}));
    CHECK_FALSE(load_between({100, 1000}, {100, 1000}).has_value());
    CHECK_FALSE(load_between({100, 1000}, {50, 1200}).has_value()); // The machine was restarted.
}

TEST(Q18LoadMeter, AveragesComeBackFromTheirFile)
{
    Averages before{24, 366};
    const Time start{holdfast::schedd::Seconds{1'700'000'000}};
    before.add(start, start + Seconds{60}, 420);
    const Averages after = averages_from(averages_text(before));
    CHECK_EQUAL(420, *after.over_hours(start - Seconds{3600}, start + Seconds{60}));
    CHECK_EQUAL(420, *after.over_days(start - Seconds{86400}, start + Seconds{60}));
}

TEST(Q18LoadMeter, FileThatIsNoneIsMeasuredAnew)
{
    for (const char* text : {"", "{", "{\"hours\":[[1]],\"days\":[]}", "{\"hours\":3}"}) {
        const Averages averages = averages_from(text);
        CHECK_FALSE(averages.over_days(Time{}, Time{} + Seconds{1'000'000'000}).has_value());
    }
}
