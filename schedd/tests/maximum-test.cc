// SPDX-License-Identifier: Apache-2.0
//
// Tests of schedd/maximum: spec Q13.
#include <config.h>

#include "schedd/tests/fleet.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::schedd;

TEST_GROUP(Q13Maximum)
{
    // hv1 is at 96 %, hv2 at 95 %; hv3 and hv4 have room.
    Fleet fleet;
    void setup() override
    {
        fleet.policy.imbalance = 2000;
        fleet.add({320, 320, 320});
        fleet.add({300, 350, 300});
        fleet.add({100}, 4000);
        fleet.add({100}, 4000);
    }
};

TEST(Q13Maximum, TheWorstBecomesASpareAndAllItsProcessesMoveAway)
{
    const Round round = fleet.round();
    CHECK_EQUAL(1U, round.roles.size());
    CHECK_TRUE(hv(1) == round.roles[0].node && Role::spare == round.roles[0].role);
    CHECK_EQUAL(std::string("hv1 is at 96.0 %, at or over the maximum of 95.0 %: it becomes a "
                            "spare, its processes go"),
                round.roles[0].reason);
    CHECK_EQUAL(3U, count(round, Why::vacate));
}

TEST(Q13Maximum, AllOfThemWhereSoConfigured)
{
    fleet.policy.at_maximum = AtMaximum::all;
    const Round round = fleet.round();
    CHECK_EQUAL(2U, round.roles.size());
    CHECK_EQUAL(6U, count(round, Why::vacate));
}

TEST(Q13Maximum, LaterAnotherOnesProcessesMoveInPartToThatSpare)
{
    fleet.node(hv(1)).role = Role::spare;
    for (int i = 1; i <= 3; ++i)
        fleet.process(i).node = hv(3);
    const Round round = fleet.round();
    CHECK_EQUAL(1U, count(round, Why::relieve)); // 95 and 0 % become 60 and 35 %.
    CHECK_TRUE(hv(1) == round.moves[0].to);
    CHECK_TRUE(hv(1) == round.roles[0].node && Role::active == round.roles[0].role);
    CHECK_TRUE(says(round.roles[0].reason, "hv2 is at 95.0 %, at or over the maximum of 95.0 %: "
                                           "the spare hv1 takes part of it"));
}

TEST(Q13Maximum, ItMustLast)
{
    fleet.node(hv(1)).rounds_maximum = fleet.node(hv(2)).rounds_maximum = 1;
    const Round round = fleet.round();
    CHECK_TRUE(round.roles.empty());
    CHECK_EQUAL(2, round.memory[0].rounds_maximum);
    CHECK_EQUAL(0, round.memory[2].rounds_maximum);
}

TEST(Q13Maximum, NoSpareIsMadeWhereTheOthersHaveNoRoom)
{
    fleet.node(hv(3)).system = fleet.node(hv(4)).system = 2900; // 75 %
    const Round round = fleet.round();
    CHECK_TRUE(round.roles.empty());
    CHECK_TRUE(says(reasons(round), "it cannot become a spare, its processes take 0.96 processors "
                                    "and the others have fewer under 80.0 %"));
}

TEST(Q13Maximum, WhatCannotLeaveASpareYetIsSaid)
{
    fleet.process(1).pinned = true;
    fleet.policy.most_moves = 1;
    Round round = fleet.round();
    CHECK_EQUAL(1U, count(round, Why::vacate));
    CHECK_TRUE(says(reasons(round), "hv1 is not empty yet: 1 moves at once are the most"));
    fleet.node(hv(1)).role = Role::spare;
    fleet.node(hv(2)).rounds_maximum = 0; // Else it would come back to help.
    fleet.process(2).node = fleet.process(3).node = hv(3);
    fleet.policy.most_moves = 10;
    round = fleet.round();
    CHECK_TRUE(says(reasons(round), "hv1 is not empty yet: 1 pinned"));
}

TEST(Q13Maximum, NothingComesToASpare)
{
    fleet.policy.imbalance = 150;
    fleet.node(hv(4)).role = Role::spare;
    fleet.process(8).node = hv(3);
    fleet.policy.maximum = 2000;
    for (const Move& move : fleet.round().moves)
        CHECK_TRUE(hv(4) != move.to);
    CHECK_FALSE(fleet.round().moves.empty());
}

TEST(Q13Maximum, TheLeaderIsNoSpare)
{
    fleet.environment.leader = hv(1);
    fleet.policy.leader_threshold = 940;
    const Round round = fleet.round();
    for (const RoleChange& change : round.roles)
        CHECK_TRUE(hv(1) != change.node);
    CHECK_EQUAL(1U, count(round, Why::leader));
}
