// SPDX-License-Identifier: Apache-2.0
//
// Tests of schedd/averages: spec Q18.
#include <config.h>

#include "schedd/averages.h"

#include <random>

#include <CppUTest/TestHarness.h>

using namespace holdfast::schedd;

TEST_GROUP(Q18Averages){static Time time(int day, int hour, int minute = 0){
    return Time{Seconds{20'000 * 86'400LL + day * 86'400 + hour * 3600 + minute * 60}};
}
}
;

TEST(Q18Averages, HoursAndDaysAreWeighedByTime)
{
    Averages averages;
    averages.add(time(0, 8), time(0, 8, 45), 400);
    averages.add(time(0, 8, 45), time(0, 9), 800);
    averages.add(time(0, 9), time(0, 10), 100);
    CHECK_EQUAL(500, *averages.over_hours(time(0, 8), time(0, 9)));
    CHECK_EQUAL(300, *averages.over_hours(time(0, 8), time(0, 10)));
    CHECK_EQUAL(300, *averages.over_days(time(0, 0), time(1, 0)));
}

TEST(Q18Averages, AnIntervalOverTheHourBelongsToBoth)
{
    Averages averages;
    averages.add(time(0, 8, 50), time(0, 9, 10), 600);
    averages.add(time(0, 9, 10), time(0, 9, 30), 0);
    CHECK_EQUAL(600, *averages.over_hours(time(0, 8), time(0, 9)));
    CHECK_EQUAL(200, *averages.over_hours(time(0, 9), time(0, 10)));
}

TEST(Q18Averages, OwnHoursOnly)
{
    Averages averages{24 * 31, 31};
    for (int day = 0; day < 5; ++day)
        for (int hour = 0; hour < 24; ++hour)
            averages.add(time(day, hour), time(day, hour + 1), hour >= 9 && hour < 17 ? 900 : 30);
    const HourMask nine_to_five = 0x1fe00;
    CHECK_EQUAL(900, *averages.over_hours(time(0, 0), time(5, 0), nine_to_five));
    CHECK_EQUAL(320, *averages.over_hours(time(0, 0), time(5, 0)));
}

TEST(Q18Averages, WhatWasNotSeenHasNoAverage)
{
    Averages averages;
    CHECK_FALSE(averages.over_hours(time(0, 0), time(1, 0)).has_value());
    averages.add(time(0, 8), time(0, 9), 500);
    CHECK_FALSE(averages.over_hours(time(0, 9), time(0, 12)).has_value());
}

TEST(Q18Averages, ClockThatJumpsForwardLeavesAGapAndNoLoad)
{
    Averages averages;
    averages.add(time(0, 8), time(0, 9), 500);
    averages.add(time(0, 9), time(3, 9), 900); // The machine slept, or its clock was set.
    averages.add(time(3, 9), time(3, 10), 100);
    CHECK_EQUAL(500, *averages.over_hours(time(0, 0), time(3, 9)));
    CHECK_EQUAL(100, *averages.over_hours(time(3, 9), time(3, 10)));
    CHECK_EQUAL(100, *averages.over_days(time(3, 0), time(4, 0)));
}

TEST(Q18Averages, ClockThatIsPutBackCountsNoHourTwice)
{
    Averages averages;
    averages.add(time(0, 8), time(0, 9), 500);
    averages.add(time(0, 9), time(0, 8), 900);     // Not forward.
    averages.add(time(0, 8, 30), time(0, 9), 900); // That half hour is known.
    CHECK_EQUAL(500, *averages.over_hours(time(0, 8), time(0, 9)));
    CHECK_EQUAL(3600U, averages.hours()[8 % 24].seconds);
}

TEST(Q18Averages, WhatAWrongClockLeftDoesNotStandInTheWay)
{
    Averages averages;
    for (int hour = 0; hour < 24; ++hour)
        averages.add(time(9000, hour), time(9000, hour + 1), 900); // A quarter of a century ahead.
    averages.add(time(0, 8), time(0, 9), 500);
    CHECK_EQUAL(500, *averages.over_hours(time(0, 0), time(1, 0)));
}

TEST(Q18Averages, SpaceAndValuesAreBoundedWhateverComes)
{
    std::mt19937_64 random{18};
    Averages averages;
    Time now = time(0, 0);
    for (int i = 0; i < 50'000; ++i) {
        const Time next = now + Seconds{static_cast<int>(random() % 5000) - 200};
        averages.add(now, next, static_cast<int>(random() % 1001));
        now = next;
    }
    CHECK_EQUAL(24U, averages.hours().size());
    CHECK_EQUAL(31U, averages.days().size());
    for (const auto& slot : averages.hours()) {
        CHECK_TRUE(slot.seconds <= 3600);
        CHECK_TRUE(slot.sum <= 1000ULL * slot.seconds);
    }
    for (const auto& slot : averages.days()) {
        CHECK_TRUE(slot.seconds <= 86'400);
        CHECK_TRUE(slot.sum <= 1000ULL * slot.seconds);
    }
    CHECK_TRUE(*averages.over_hours(now - Seconds{86'400}, now) <= 1000);
}

TEST(Q18Averages, RowsBringItBackAndOlderOnesAreLeftOut)
{
    Averages averages;
    averages.add(time(0, 8), time(0, 9), 500);
    Averages again;
    for (const auto& slot : averages.hours())
        again.restore_hour(slot);
    for (const auto& slot : averages.days())
        again.restore_day(slot);
    CHECK_TRUE(averages.hours() == again.hours());
    CHECK_TRUE(averages.days() == again.days());
    AverageSlot older = averages.hours()[8];
    older.period -= 24;
    older.sum = 0;
    again.restore_hour(older);
    CHECK_EQUAL(500, *again.over_hours(time(0, 8), time(0, 9)));
}
