// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "lab/probe-report.h"

#include <CppUTest/TestHarness.h>

using lab::Arrival;
using lab::sum_up;

namespace {
constexpr int64_t ms = 1'000'000;
const std::vector<int64_t> four_packets{0, 1 * ms, 2 * ms, 3 * ms};
} // namespace

TEST_GROUP(ProbeReport){};

TEST(ProbeReport, AllAnsweredIsNothingLost)
{
    const auto report = sum_up(four_packets, {{0, 1 * ms}, {1, 2 * ms}, {2, 3 * ms}, {3, 4 * ms}});
    CHECK_EQUAL(4u, report.answered);
    CHECK_EQUAL(0u, report.lost + report.doubled + report.reordered);
    CHECK_EQUAL(1 * ms, report.round_trip_ns);
}

TEST(ProbeReport, UnansweredPacketIsLostAndListedWithItsTime)
{
    const auto report = sum_up(four_packets, {{0, 1 * ms}, {1, 2 * ms}, {3, 4 * ms}});
    CHECK_EQUAL(1u, report.lost);
    CHECK_EQUAL(2u, report.lost_list.at(0).sequence);
    CHECK_EQUAL(2 * ms, report.lost_list.at(0).sent_ns);
}

TEST(ProbeReport, SecondAnswerIsDoubledAndNotReordered)
{
    const auto report =
        sum_up(four_packets, {{0, 1 * ms}, {1, 2 * ms}, {2, 3 * ms}, {1, 3 * ms}, {3, 4 * ms}});
    CHECK_EQUAL(1u, report.doubled);
    CHECK_EQUAL(0u, report.reordered);
    CHECK_EQUAL(4u, report.answered);
}

TEST(ProbeReport, OvertakenPacketIsReorderedOnce)
{
    const auto report = sum_up(four_packets, {{0, 1 * ms}, {2, 3 * ms}, {3, 4 * ms}, {1, 5 * ms}});
    CHECK_EQUAL(1u, report.reordered);
}

TEST(ProbeReport, LongestGapNamesThePacketsAroundIt)
{
    const auto report =
        sum_up(four_packets, {{0, 1 * ms}, {1, 2 * ms}, {2, 90 * ms}, {3, 91 * ms}});
    CHECK_EQUAL(88 * ms, report.gap.length_ns);
    CHECK_EQUAL(1u, report.gap.from_sequence);
    CHECK_EQUAL(2u, report.gap.to_sequence.value());
}

TEST(ProbeReport, GapThatNeverEndsReachesToTheLastSending)
{
    const auto report = sum_up({0, 1 * ms, 50 * ms}, {{0, 1 * ms}});
    CHECK_EQUAL(49 * ms, report.gap.length_ns);
    CHECK_FALSE(report.gap.to_sequence.has_value());
}

TEST(ProbeReport, AnswerToAPacketNeverSentCountsForNothing)
{
    const auto report = sum_up({0}, {{0, 1 * ms}, {7, 2 * ms}});
    CHECK_EQUAL(1u, report.answered);
    CHECK_EQUAL(0u, report.doubled);
}

TEST(ProbeReport, NothingSentIsAReportOfZeros)
{
    const auto report = sum_up({}, {});
    CHECK_EQUAL(0u, report.sent + report.lost);
    CHECK_EQUAL(0, report.gap.length_ns);
}
