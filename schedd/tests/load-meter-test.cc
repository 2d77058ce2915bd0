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
    const Averages after = averages_from(averages_json(before));
    CHECK_EQUAL(420, *after.over_hours(start - Seconds{3600}, start + Seconds{60}));
    CHECK_EQUAL(420, *after.over_days(start - Seconds{86400}, start + Seconds{60}));
}

TEST(Q18LoadMeter, FileThatIsNoneIsMeasuredAnew)
{
    for (const char* text : {"", "{", "{\"hours\":[[1]],\"days\":[]}", "{\"hours\":3}"}) {
        const Averages averages = averages_from(nlohmann::json::parse(text, nullptr, false));
        CHECK_FALSE(averages.over_days(Time{}, Time{} + Seconds{1'000'000'000}).has_value());
    }
}

TEST_GROUP(Q18ServiceLoads)
{
    ServiceLoads loads{Seconds{300}};
    const Time start{holdfast::schedd::Seconds{1'700'000'000}};
    Time now = start;

    void second(const ServiceTimes& times, Cpu busy)
    {
        loads.take(times, busy, std::chrono::seconds{1}, now, now + Seconds{1});
        now += Seconds{1};
    }
};

TEST(Q18ServiceLoads, EachServiceHasItsPartAndTheRestIsTheNodes)
{
    second({{"a", 0}, {"b", 1'000'000'000}}, 900);
    second({{"a", 200'000'000}, {"b", 1'500'000'000}}, 900);
    const auto report = loads.report(now);
    CHECK_EQUAL(200, report["services"]["a"]["cpu"].get<Cpu>());
    CHECK_EQUAL(500, report["services"]["b"]["cpu"].get<Cpu>());
    CHECK_EQUAL(200, report["services"]["a"]["day"].get<Cpu>());
    CHECK_EQUAL(1, report["services"]["a"]["seconds"].get<int>());
    CHECK_TRUE(report["system"].get<Cpu>() > 200);
}

TEST(Q18ServiceLoads, ServiceThatIsStartedAnewIsNoJump)
{
    second({{"a", 5'000'000'000}}, 100);
    second({{"a", 10'000'000}}, 100);
    CHECK_FALSE(loads.report(now)["services"].contains("a"));
    second({{"a", 110'000'000}}, 100);
    CHECK_EQUAL(100, loads.report(now)["services"]["a"]["cpu"].get<Cpu>());
}

TEST(Q18ServiceLoads, OfOneThatHasGoneNothingIsKept)
{
    second({{"a", 0}}, 0);
    second({{"a", 100'000'000}}, 100);
    second({}, 0);
    CHECK_TRUE(loads.averages().empty());
}

TEST(Q18ServiceLoads, AveragesComeBackFromTheirFile)
{
    second({{"a", 0}}, 0);
    second({{"a", 100'000'000}}, 100);
    ServiceLoads again{Seconds{300}};
    again.restore(loads.averages());
    again.take({{"a", 0}}, 0, std::chrono::seconds{1}, now, now + Seconds{1});
    again.take({{"a", 300'000'000}}, 300, std::chrono::seconds{1}, now + Seconds{1},
               now + Seconds{2});
    CHECK_EQUAL(200, again.report(now + Seconds{2})["services"]["a"]["day"].get<Cpu>());
}
