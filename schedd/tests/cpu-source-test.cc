// SPDX-License-Identifier: Apache-2.0
//
// Tests of schedd/cpu-source and schedd/recent: spec Q18.
#include <config.h>

#include <unistd.h>

#include "schedd/cpu-source.h"
#include "schedd/recent.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::schedd;
using namespace std::chrono_literals;

TEST_GROUP(Q18CpuSource){};

TEST(Q18CpuSource, ProcessHasItsOwnTimeAndThatOfTheChildrenItWaitedFor)
{
    CHECK_EQUAL(10u, *parse_process_ticks("7 (a) b) S 1 7 7 0 -1 4194304 118 0 0 0 1 2 3 4 20 0"));
    CHECK_FALSE(parse_process_ticks("7 (a) S 1 7 7").has_value());
    CHECK_FALSE(parse_process_ticks("").has_value());
}

TEST(Q18CpuSource, ControlGroupsOfBothVersionsAreRead)
{
    CHECK_EQUAL(5'000u, *parse_group_usage("usage_usec 5\nuser_usec 3\nsystem_usec 2\n"));
    CHECK_EQUAL(5'123u, *parse_group_usage("5123\n"));
    for (const char* text : {"", "usage_usec", "usage_usec x", "-1", "nr_periods 5"})
        CHECK_FALSE(parse_group_usage(text).has_value());
}

TEST(Q18CpuSource, PressureIsThatOfFiveMinutes)
{
    CHECK_EQUAL(412, *parse_pressure("some avg10=85.11 avg60=75.67 avg300=41.21 total=1\n"
                                     "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"));
    CHECK_FALSE(parse_pressure("").has_value());
    CHECK_FALSE(parse_pressure("full avg300=1.00").has_value());
}

TEST(Q18CpuSource, MachineAndProcessTreeAreRead)
{
    const NodeCpu machine{0, ""};
    CHECK_TRUE(machine.n_cpus() > 0);
    CHECK_TRUE(machine.read()->all > 0);
    CHECK_TRUE(read_tree(getpid()).has_value());
    CHECK_FALSE(read_tree(0).has_value());
}

TEST_GROUP(Q18Recent){};

TEST(Q18Recent, FirstValueIsTheAverageAtOnce)
{
    Recent recent{Seconds{300}};
    CHECK_EQUAL(0, recent.value());
    recent.add(800, 1s);
    CHECK_EQUAL(800, recent.value());
    CHECK_EQUAL(1, recent.seen().count());
}

TEST(Q18Recent, WhatIsLongAgoIsForgotten)
{
    Recent recent{Seconds{300}};
    for (int i = 0; i < 300; ++i)
        recent.add(1000, 1s);
    for (int i = 0; i < 300; ++i)
        recent.add(0, 1s);
    // One span of each: e^-1 of the old to 1 of the new, of what was seen.
    CHECK_EQUAL(269, recent.value());
    for (int i = 0; i < 3000; ++i)
        recent.add(0, 1s);
    CHECK_EQUAL(0, recent.value());
}

TEST(Q18Recent, NoTimeSaysNothing)
{
    Recent recent{Seconds{300}};
    recent.add(1000, 0s);
    recent.add(1000, -1s);
    CHECK_EQUAL(0, recent.value());
}
