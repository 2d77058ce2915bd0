// SPDX-License-Identifier: Apache-2.0
//
// Tests of schedd/review: spec Q3.
#include <config.h>

#include "schedd/review.h"

#include "db/row-check.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::schedd;

TEST_GROUP(Q3Review)
{
    SharePolicy policy;
    Period period{4, 500, 500, 600, 0, 100};

    Review reviewed()
    {
        return review(policy, "ann", 120 * unit, period);
    }
};

TEST(Q3Review, NoChangeBetweenTheThresholds)
{
    const Review found = reviewed();
    CHECK_EQUAL(0, found.change);
    CHECK_EQUAL(120 * unit, found.amount);
    CHECK_EQUAL(std::string("ann: 4 nodes at 50.0 %, 60.0 % used: no change"), found.reason);
}

TEST(Q3Review, GrowsAtOnceByAsMuchAsTheLoadWants)
{
    period.load = 900;
    const Review found = reviewed();
    CHECK_EQUAL(3, found.change); // 4 nodes at 90 % are 7 at 52.5 % or less.
    CHECK_EQUAL(210 * unit, found.amount);
    CHECK_EQUAL(std::string("ann: 4 nodes at 90.0 %, 60.0 % used, at or over 75.0 %: 3 nodes more"),
                found.reason);
    period.load = 750;
    CHECK_EQUAL(2, reviewed().change); // At the threshold is over it.
    period.load = 749;
    CHECK_EQUAL(0, reviewed().change);
}

TEST(Q3Review, NeverMoreThanTwiceNorMoreThanTheFleet)
{
    period.load = 3000;
    CHECK_EQUAL(4, reviewed().change);
    period.n_fleet = 5;
    CHECK_EQUAL(1, reviewed().change);
    period.n_fleet = 4;
    CHECK_EQUAL(0, reviewed().change);
    CHECK_EQUAL(120 * unit, reviewed().amount);
}

TEST(Q3Review, NeverMoreThanARowCanHold)
{
    policy.base = 1'000'000 * unit; // Four of them are the largest amount.
    period = {3, 900, 900, 900, 0, 100};
    CHECK_EQUAL(1, reviewed().change);
    CHECK_EQUAL(db::amount_max, reviewed().amount);
    period.n_nodes = 4;
    CHECK_EQUAL(0, reviewed().change);
    STRCMP_CONTAINS("but an amount of 4000000 is the most", reviewed().reason.c_str());
    period = {6, 100, 100, 50, 5, 100}; // Since before the base was raised.
    CHECK_EQUAL(0, reviewed().change);
}

TEST(Q3Review, LoadThatIsOthersGivesNoMoreNodes)
{
    period.load = 900;
    period.used = 100;
    CHECK_EQUAL(0, reviewed().change);
    CHECK_EQUAL(std::string("ann: 4 nodes at 90.0 %, 10.0 % used: no change, the load is others': "
                            "less than 50.0 % is used"),
                reviewed().reason);
}

TEST(Q3Review, ShrinksByOneAfterTheSecondReviewThatSaysSo)
{
    period.load = 100;
    period.used = 50;
    const Review first = reviewed();
    CHECK_EQUAL(0, first.change);
    CHECK_EQUAL(1, first.low_reviews);
    period.low_reviews = first.low_reviews;
    const Review second = reviewed();
    CHECK_EQUAL(-1, second.change);
    CHECK_EQUAL(90 * unit, second.amount);
    CHECK_EQUAL(0, second.low_reviews);
}

TEST(Q3Review, WhatCannotShrinkIsNotCountedForEver)
{
    period = {1, 100, 100, 0, policy.shrink_after, 100};
    CHECK_EQUAL(policy.shrink_after, reviewed().low_reviews);
    period.low_reviews = db::in_a_row_max; // Of an older program.
    CHECK_EQUAL(policy.shrink_after, reviewed().low_reviews);
}

TEST(Q3Review, OneGoodPeriodBeginsTheCountAnew)
{
    period.low_reviews = 1;
    CHECK_EQUAL(0, reviewed().low_reviews);
}

TEST(Q3Review, MuchUseOrOneNodeOnlyDoesNotShrink)
{
    period = {4, 100, 100, 900, 5, 100};
    CHECK_EQUAL(0, reviewed().change);
    period = {1, 100, 100, 0, 5, 100};
    CHECK_EQUAL(0, reviewed().change);
    CHECK_EQUAL(std::string("ann: 1 node at 10.0 %, 0.0 % used, both under 30.0 %: no change, one "
                            "node is the least"),
                reviewed().reason);
}

TEST(Q3Review, DoesNotShrinkIntoTheThresholdForMore)
{
    policy.grow_at = 500;
    policy.shrink_at = 300;
    period = {2, 290, 290, 0, 5, 100};
    CHECK_EQUAL(0, reviewed().change);
    CHECK_EQUAL(std::string("ann: 2 nodes at 29.0 %, 0.0 % used, both under 30.0 %: no change, one "
                            "node fewer would load the others 58.0 %"),
                reviewed().reason);
}

TEST(Q3Review, OwnHoursDecideWhereSoConfigured)
{
    period.load = 200;
    period.own_load = 900;
    CHECK_EQUAL(0, reviewed().change);
    policy.own_hours = true;
    CHECK_EQUAL(3, reviewed().change);
}
