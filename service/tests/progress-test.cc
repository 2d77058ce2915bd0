// SPDX-License-Identifier: Apache-2.0
//
// How far a service's memory is (S10).
#include <config.h>

#include "service/progress.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::service;
using namespace std::chrono_literals;

namespace {

constexpr ProgressCount::Time start{};

} // namespace

TEST_GROUP(ProgressCount){};

TEST(ProgressCount, NothingIsKnownBeforeTheFirstByte)
{
    ProgressCount count{start};
    CHECK_TRUE(count.at(start + 1s) == Progress{});
    count.round(1000);
    CHECK_TRUE(count.at(start) == (Progress{1, 0, 0, 0ms}));
}

TEST(ProgressCount, OfTheFirstRoundItsRestIsLeft)
{
    ProgressCount count{start};
    count.round(1000);
    count.sent(250);
    CHECK_TRUE(count.at(start + 1s) == (Progress{1, 250, 250, 3000ms}));
    count.sent(750);
    CHECK_TRUE(count.at(start + 4s) == (Progress{1, 1000, 250, 0ms}));
}

TEST(ProgressCount, LaterRoundsAreTakenToShrinkAsTheLastTwoDid)
{
    ProgressCount count{start};
    count.round(1024);
    count.sent(1024);
    count.round(512);
    // Six more: 256, 128, ... 8.
    CHECK_TRUE(count.at(start + 1s) ==
               (Progress{2, 1024, 1024,
                         std::chrono::milliseconds{512 * 1000 / 1024 + 504 * 1000 / 1024}}));
}

TEST(ProgressCount, ARoundThatIsNoSmallerIsTheLast)
{
    ProgressCount count{start};
    count.round(1000);
    count.sent(1000);
    count.round(1000);
    count.sent(500);
    CHECK_TRUE(count.at(start + 1s) == (Progress{2, 1500, 1500, 333ms}));
}

TEST(ProgressCount, MoreThanWasThereIsNotLessThanNothing)
{
    ProgressCount count{start};
    count.round(10);
    count.sent(20);
    CHECK_TRUE(count.at(start + 1s).left == 0ms);
}
