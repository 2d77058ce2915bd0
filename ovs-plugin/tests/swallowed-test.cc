// SPDX-License-Identifier: Apache-2.0
#include "ovs-plugin/swallowed.h"

#include <CppUTest/TestHarness.h>

using holdfast::plugin::drop_strange;
using holdfast::plugin::Frame;
using holdfast::plugin::frames_not_taken;
using holdfast::plugin::SentFrame;
using holdfast::plugin::swallowed_frame;
using holdfast::plugin::taken_of_recent;

namespace {

auto not_taken(const std::vector<SentFrame>& recent, const std::vector<Frame>& taken, std::size_t n)
{
    return frames_not_taken(recent, taken, n);
}

} // namespace

TEST_GROUP(Swallowed){};

TEST(Swallowed, FrameBeforeTheFirstTakenIsKeptByQemu)
{
    const std::vector<SentFrame> recent{{{1}, 10}, {{2}, 20}, {{3}, 30}, {{4}, 40}};
    LONGS_EQUAL(1, *swallowed_frame(recent, {{3}, {4}}, 0));
}

TEST(Swallowed, NewestFrameIsKeptWhenNothingCouldBeTaken)
{
    const std::vector<SentFrame> recent{{{1}, 10}, {{2}, 20}};
    LONGS_EQUAL(1, *swallowed_frame(recent, {}, 0));
}

TEST(Swallowed, FrameReadBetweenTwoTakenOnesIsKept)
{
    const std::vector<SentFrame> recent{{{1}, 10}, {{2}, 20}, {{3}, 30}};
    LONGS_EQUAL(1, *swallowed_frame(recent, {{1}, {3}}, 0));
}

TEST(Swallowed, NothingIsKeptWhenAllWasTaken)
{
    CHECK_FALSE(swallowed_frame({{{1}, 10}, {{2}, 20}}, {{1}, {2}}, 0).has_value());
}

TEST(Swallowed, NothingIsKeptWhenNothingWasSent)
{
    CHECK_FALSE(swallowed_frame({}, {}, 0).has_value());
}

TEST(Swallowed, EqualFramesAreCountedNotMerged)
{
    const std::vector<SentFrame> recent{{{7}, 10}, {{7}, 20}, {{7}, 30}};
    LONGS_EQUAL(0, *swallowed_frame(recent, {{7}, {7}}, 0));
}

TEST(Swallowed, FrameFromBeforeTheStopIsNotKeptWhereThatIsTheEvidence)
{
    const std::vector<SentFrame> recent{{{1}, 10}, {{2}, 20}, {{3}, 30}};
    CHECK_FALSE(swallowed_frame(recent, {{3}}, 25).has_value());
    LONGS_EQUAL(1, *swallowed_frame(recent, {{3}}, 15));
}

TEST(Swallowed, FramesThatNeitherTheGuestNorWeHaveAreFound)
{
    const std::vector<SentFrame> recent{{{1}, 10}, {{2}, 20}, {{3}, 30}, {{4}, 40}};
    CHECK_TRUE(*not_taken(recent, {{4}}, 2) == std::vector<std::size_t>{2});
    CHECK_TRUE(*not_taken(recent, {{2}, {4}}, 3) == std::vector<std::size_t>{2});
    CHECK_TRUE(*not_taken(recent, {}, 2) == (std::vector<std::size_t>{2, 3}));
    CHECK_TRUE(not_taken(recent, {{3}, {4}}, 2)->empty());
    CHECK_TRUE(not_taken(recent, {}, 0)->empty());
}

TEST(Swallowed, FramesThatCannotBeWhatWasTakenAreNotBelieved)
{
    const std::vector<SentFrame> recent{{{1}, 10}, {{2}, 20}};
    CHECK_FALSE(not_taken(recent, {{1}}, 1).has_value());
    CHECK_FALSE(not_taken(recent, {{2}, {1}}, 2).has_value());
    CHECK_FALSE(not_taken(recent, {}, 3).has_value());
}

TEST(Swallowed, WhatCameWhenNoMoreWasRememberedIsToldFromTheRest)
{
    const std::vector<SentFrame> recent{{{1}, 10}, {{2}, 20}, {{3}, 30}, {{4}, 40}};
    LONGS_EQUAL(2, taken_of_recent(recent, {{3}, {4}, {5}, {6}}));
    LONGS_EQUAL(2, taken_of_recent(recent, {{2}, {4}, {5}})); // QEMU read one between.
    LONGS_EQUAL(1, taken_of_recent(recent, {{4}}));
    LONGS_EQUAL(0, taken_of_recent(recent, {{5}, {6}}));
    LONGS_EQUAL(0, taken_of_recent(recent, {}));
    LONGS_EQUAL(0, taken_of_recent({}, {{1}}));
}

TEST(Swallowed, WhatTheHypervisorItselfSaidIsTakenOutOfWhatCameBack)
{
    const std::vector<SentFrame> sent{{{1}, 10}, {{2}, 20}, {{3}, 30}, {{4}, 40}};
    std::vector<Frame> taken{{9}, {3}, {8}, {4}};
    LONGS_EQUAL(2, drop_strange(taken, sent, 2));
    CHECK_TRUE((taken == std::vector<Frame>{{3}, {4}}));
    LONGS_EQUAL(0, drop_strange(taken, sent, 2));
    taken = {{9}, {4}};
    LONGS_EQUAL(0, drop_strange(taken, sent, 0));
    CHECK_TRUE((taken == std::vector<Frame>{{9}, {4}}));
    taken = {{2}, {4}}; // The third was dropped.
    LONGS_EQUAL(0, drop_strange(taken, sent, 2));
    LONGS_EQUAL(1, *swallowed_frame(sent, {{3}, {8}, {4}, {9}}, 0));
    taken = {{9}, {7}};
    LONGS_EQUAL(1, drop_strange(taken, {}, 1));
    CHECK_TRUE((taken == std::vector<Frame>{{9}}));
}
