// SPDX-License-Identifier: Apache-2.0
#include "ovs-plugin/swallowed.h"

#include <CppUTest/TestHarness.h>

using holdfast::plugin::Frame;
using holdfast::plugin::swallowed_frame;

TEST_GROUP(Swallowed){};

TEST(Swallowed, FrameBeforeTheFirstTakenIsKeptByQemu) {
    const std::vector<Frame> recent{{1}, {2}, {3}, {4}};
    LONGS_EQUAL(1, *swallowed_frame(recent, {{3}, {4}}));
}

TEST(Swallowed, NewestFrameIsKeptWhenNothingCouldBeTaken) {
    const std::vector<Frame> recent{{1}, {2}};
    LONGS_EQUAL(1, *swallowed_frame(recent, {}));
}

TEST(Swallowed, FrameReadBetweenTwoTakenOnesIsKept) {
    const std::vector<Frame> recent{{1}, {2}, {3}};
    LONGS_EQUAL(1, *swallowed_frame(recent, {{1}, {3}}));
}

TEST(Swallowed, NothingIsKeptWhenAllWasTaken) {
    CHECK_FALSE(swallowed_frame({{1}, {2}}, {{1}, {2}}).has_value());
}

TEST(Swallowed, NothingIsKeptWhenNothingWasSent) {
    CHECK_FALSE(swallowed_frame({}, {}).has_value());
}

TEST(Swallowed, EqualFramesAreCountedNotMerged) {
    const std::vector<Frame> recent{{7}, {7}, {7}};
    LONGS_EQUAL(0, *swallowed_frame(recent, {{7}, {7}}));
}
