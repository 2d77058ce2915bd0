// SPDX-License-Identifier: Apache-2.0
//
// Tests of schedd/consolidate: spec Q15 (nodes put aside) and Q16.
#include <config.h>

#include "schedd/tests/fleet.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::schedd;

TEST_GROUP(Q15Aside)
{
    Fleet fleet;
    void setup() override
    {
        fleet.policy.merge_at = 0; // Not of these tests.
        fleet.policy.imbalance = 2000;
        fleet.add({300});
        fleet.add({300});
        fleet.add({100});
    }
};

TEST(Q15Aside, AtOrUnderTheThresholdItIsPutAsideAndItsProcessesGo)
{
    const Round round = fleet.period();
    CHECK_EQUAL(1U, round.roles.size());
    CHECK_TRUE(hv(3) == round.roles[0].node && Role::spare == round.roles[0].role);
    CHECK_EQUAL(std::string("hv3 had 10.0 % on average, not over 10.0 %: it is put aside as spare"),
                round.roles[0].reason);
    fleet.node(hv(3)).role = Role::spare;
    CHECK_EQUAL(1U, count(fleet.round(), Why::vacate));
    fleet.node(hv(3)).role = Role::active;
    fleet.node(hv(3)).average = 101;
    CHECK_TRUE(fleet.period().roles.empty());
    CHECK_TRUE(says(reasons(fleet.period()), "no node was at or under 10.0 %"));
}

TEST(Q15Aside, NeitherTheLeaderNorWhatHasPinnedProcesses)
{
    fleet.environment.leader = hv(3);
    CHECK_TRUE(fleet.period().roles.empty());
    fleet.environment.leader = no_node;
    fleet.process(3).pinned = true;
    CHECK_TRUE(fleet.period().roles.empty());
    CHECK_TRUE(says(reasons(fleet.period()),
                    "hv3 had 10.0 % on average: it stays, 1 process there cannot "
                    "be moved"));
}

TEST(Q15Aside, OneNodeStaysWhateverTheLoads)
{
    for (int i = 1; i <= 3; ++i)
        fleet.node(hv(i)).average = 0;
    const Round round = fleet.period();
    CHECK_EQUAL(2U, round.roles.size());
    CHECK_TRUE(says(reasons(round), "it stays, the others have no room for what it runs"));
}

TEST(Q15Aside, NotWhereTheOthersHaveNoRoom)
{
    fleet.process(1).cpu = fleet.process(2).cpu = 790;
    CHECK_TRUE(fleet.period().roles.empty());
}

TEST_GROUP(Q16Merge)
{
    // hv1 is busy; hv2 to hv4 had 20, 15 and 15 %.
    Fleet fleet;
    void setup() override
    {
        fleet.policy.imbalance = 2000;
        fleet.add({600});
        fleet.add({100, 100});
        fleet.add({150});
        fleet.add({150});
    }
};

TEST(Q16Merge, SeveralUnderTheThresholdAreMergedOnOne)
{
    const Round round = fleet.period();
    CHECK_EQUAL(2U, round.roles.size());
    for (const RoleChange& change : round.roles)
        CHECK_TRUE(Role::freeing == change.role && hv(2) == change.into);
    CHECK_EQUAL(std::string("hv4 had 15.0 % on average, under 25.0 %: merged on hv2, which will be "
                            "at 50.0 %"),
                round.roles[1].reason);
}

TEST(Q16Merge, RoundsMoveThemThereAndThenTheNodesAreFree)
{
    for (NodeId node : {hv(3), hv(4)}) {
        fleet.node(node).role = Role::freeing;
        fleet.node(node).into = hv(2);
    }
    Round round = fleet.round();
    CHECK_EQUAL(2U, count(round, Why::merge));
    CHECK_TRUE(hv(2) == round.moves[0].to && hv(2) == round.moves[1].to);
    CHECK_TRUE(round.roles.empty());
    fleet.process(4).node = fleet.process(5).node = hv(2);
    round = fleet.round();
    CHECK_EQUAL(2U, round.roles.size());
    CHECK_TRUE(Role::freed == round.roles[0].role);
    CHECK_EQUAL(std::string("hv3 is free: it serves another environment"), round.roles[0].reason);
    fleet.policy.freed = Freed::second;
    CHECK_EQUAL(std::string("hv3 is free: it forms a second environment"),
                fleet.round().roles[0].reason);
}

TEST(Q16Merge, OneAloneIsNotMerged)
{
    fleet.node(hv(3)).average = fleet.node(hv(4)).average = 250;
    CHECK_TRUE(fleet.period().roles.empty());
}

TEST(Q16Merge, WhatDoesNotFitOnOneIsMergedOnTwo)
{
    fleet.policy.threshold = 450;
    fleet.policy.leader_threshold = 450;
    const Round round = fleet.period();
    CHECK_EQUAL(1U, round.roles.size()); // 20 and 15 % are 35; 50 % would be too much.
}

TEST(Q16Merge, OnlyWithinTheUsersShares)
{
    fleet.environment.shares = {{hv(3), hv(4)}};
    fleet.process(4).user = UserId{0};
    fleet.process(5).user = UserId{0};
    const Round round = fleet.period();
    CHECK_EQUAL(1U, round.roles.size());
    CHECK_TRUE(hv(4) == round.roles[0].node && hv(3) == round.roles[0].into);
}

TEST(Q16Merge, WhatIsPinnedStaysAndTheLeaderIsLeftOut)
{
    fleet.process(4).pinned = true;
    fleet.environment.leader = hv(4);
    CHECK_TRUE(fleet.period().roles.empty());
}
