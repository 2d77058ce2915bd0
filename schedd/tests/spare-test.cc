// SPDX-License-Identifier: Apache-2.0
//
// Tests of schedd/spare: spec Q5.
#include <config.h>

#include "schedd/spare.h"
#include "schedd/tests/values.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::schedd;

TEST_GROUP(Q5Spare)
{
    // ann's nodes have 85 % on average, bob's 40 %.
    Pool pool{
        {},
        {open_node("hv1", 900), open_node("hv2", 800), open_node("hv3", 400), open_node("hv4", 50)},
        {user_named("ann", {hv(1), hv(2)}), user_named("bob", {hv(3)})}};
    const UserId ann{0}, bob{1};
};

TEST(Q5Spare, TheLowestAverageIsTheSpare)
{
    const SpareChoice choice = choose_spare(pool);
    CHECK_TRUE(hv(4) == choice.spare);
    CHECK_TRUE(no_node == choice.before);
    CHECK_EQUAL(std::string("spare is hv4: its average load of 5.0 % is the lowest"),
                choice.reason);
    apply(pool, choice);
    CHECK_TRUE((std::vector{hv(3)}) == pool.candidates(ann, 9)); // Reserved: it is not given.
}

TEST(Q5Spare, AtOrOverTheThresholdTheSpareIsInTheShare)
{
    apply(pool, choose_spare(pool));
    const auto loans = share_spare(pool, hv(4));
    CHECK_EQUAL(1U, loans.size());
    CHECK_TRUE(ann == loans[0].user && loans[0].lent);
    CHECK_EQUAL(std::string("ann: the average load of 2 nodes is 85.0 %, at or over 85.0 %: the "
                            "spare hv4 comes to the share"),
                loans[0].reason);
    apply(pool, loans[0]);
    CHECK_TRUE(bool(pool.may_run(ann, hv(4))));
    CHECK_FALSE(bool(pool.may_run(bob, hv(4))));
    CHECK_TRUE(share_spare(pool, hv(4)).empty()); // As long as it lasts nothing changes.
}

TEST(Q5Spare, AllThatAreOverItShareIt)
{
    pool.observe(hv(3), 950, 0, 0);
    CHECK_EQUAL(2U, share_spare(pool, hv(4)).size());
}

TEST(Q5Spare, WhenItIsOverTheSpareLeavesTheShare)
{
    pool.lend(ann, hv(4));
    pool.observe(hv(1), 890, 0, 0);
    const auto loans = share_spare(pool, hv(4));
    CHECK_EQUAL(1U, loans.size());
    CHECK_FALSE(loans[0].lent);
    apply(pool, loans[0]);
    CHECK_FALSE(bool(pool.may_run(ann, hv(4))));
}

TEST(Q5Spare, TheNextPeriodsSpareTakesThePlaceOfThisOnes)
{
    apply(pool, choose_spare(pool));
    apply(pool, share_spare(pool, hv(4))[0]);
    pool.observe(hv(4), 500, 0, 0);
    const SpareChoice next = choose_spare(pool);
    CHECK_TRUE(hv(3) == next.spare && hv(4) == next.before);
    apply(pool, next);
    CHECK_TRUE(Offer::open == pool.node(hv(4)).offer);
    const auto loans = share_spare(pool, hv(3));
    CHECK_EQUAL(2U, loans.size());
    CHECK_EQUAL(std::string("ann: hv4 is no spare any more and leaves the share"), loans[0].reason);
    CHECK_TRUE(loans[1].lent && loans[1].spare == hv(3));
}

TEST(Q5Spare, DrainedAndFailedNodesAreNoSpare)
{
    pool.set_offer(hv(4), Offer::failed);
    pool.set_offer(hv(3), Offer::drained);
    CHECK_TRUE(hv(2) == choose_spare(pool).spare);
    pool.set_offer(hv(1), Offer::failed);
    pool.set_offer(hv(2), Offer::failed);
    CHECK_EQUAL(std::string("no spare: all nodes are drained or have failed"),
                choose_spare(pool).reason);
}
