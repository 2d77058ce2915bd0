// SPDX-License-Identifier: Apache-2.0
#include "ovs-plugin/swallowed.h"

#include <CppUTest/TestHarness.h>

using holdfast::plugin::Frame;
using holdfast::plugin::SentFrame;
using holdfast::plugin::swallowed_frame;

TEST_GROUP(Swallowed){};

TEST(Swallowed, FrameBeforeTheFirstTakenIsKeptByQemu) {
    const std::vector<SentFrame> recent{{{1}, 10}, {{2}, 20}, {{3}, 30}, {{4}, 40}};
    LONGS_EQUAL(1, *swallowed_frame(recent, {{3}, {4}}, 0));
}

TEST(Swallowed, NewestFrameIsKeptWhenNothingCouldBeTaken) {
    const std::vector<SentFrame> recent{{{1}, 10}, {{2}, 20}};
    LONGS_EQUAL(1, *swallowed_frame(recent, {}, 0));
}

TEST(Swallowed, FrameReadBetweenTwoTakenOnesIsKept) {
    const std::vector<SentFrame> recent{{{1}, 10}, {{2}, 20}, {{3}, 30}};
    LONGS_EQUAL(1, *swallowed_frame(recent, {{1}, {3}}, 0));
}

TEST(Swallowed, NothingIsKeptWhenAllWasTaken) {
    CHECK_FALSE(swallowed_frame({{{1}, 10}, {{2}, 20}}, {{1}, {2}}, 0).has_value());
}

TEST(Swallowed, NothingIsKeptWhenNothingWasSent) {
    CHECK_FALSE(swallowed_frame({}, {}, 0).has_value());
}

TEST(Swallowed, EqualFramesAreCountedNotMerged) {
    const std::vector<SentFrame> recent{{{7}, 10}, {{7}, 20}, {{7}, 30}};
    LONGS_EQUAL(0, *swallowed_frame(recent, {{7}, {7}}, 0));
}

TEST(Swallowed, FrameFromBeforeTheStopIsNotKeptWhereThatIsTheEvidence) {
    const std::vector<SentFrame> recent{{{1}, 10}, {{2}, 20}, {{3}, 30}};
    CHECK_FALSE(swallowed_frame(recent, {{3}}, 25).has_value());
    LONGS_EQUAL(1, *swallowed_frame(recent, {{3}}, 15));
}
