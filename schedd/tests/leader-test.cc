// SPDX-License-Identifier: Apache-2.0
//
// Tests of schedd/leader: spec Q12.
#include <config.h>

#include "schedd/tests/fleet.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::schedd;

TEST_GROUP(Q12Leader)
{
    // hv1 leads at 75 %; hv3 has the lowest average, hv2 is idle now.
    Fleet fleet;
    void setup() override
    {
        fleet.policy.imbalance = 900; // Only the leader's own threshold decides here.
        fleet.environment.leader = fleet.add({250, 250, 250});
        fleet.add({100});
        fleet.add({200});
        fleet.node(hv(2)).average = 300;
        fleet.node(hv(3)).average = 150;
    }
};

TEST(Q12Leader, MovableProcessesGoToTheLeastLoadedUntilItIsUnderTheThreshold)
{
    const Round round = fleet.round();
    CHECK_EQUAL(1U, count(round, Why::leader));
    CHECK_TRUE(hv(2) == round.moves[0].to);
    CHECK_TRUE(round.handovers.empty());
}

TEST(Q12Leader, WithPinnedOnesLeadershipGoesToTheLowestAverage)
{
    for (int i = 1; i <= 3; ++i)
        fleet.process(i).pinned = true;
    const Round round = fleet.round();
    CHECK_EQUAL(0U, round.moves.size());
    CHECK_EQUAL(1U, round.handovers.size());
    CHECK_TRUE(hv(3) == round.handovers[0].leader);
    CHECK_EQUAL(8, round.handovers[0].term);
    CHECK_EQUAL(std::string("leader hv1 is at 75.0 %, at or over 70.0 %, with 0 movable and 3 "
                            "pinned processes: hv3 leads, it is at 20.0 % with the lowest average, "
                            "15.0 %"),
                round.handovers[0].reason);
    CHECK_EQUAL(0, round.leader_rounds);
}

TEST(Q12Leader, OfSomeOfEachTheGreaterNumberDecides)
{
    fleet.process(1).pinned = true;
    CHECK_EQUAL(1U, count(fleet.round(), Why::leader));
    fleet.process(2).pinned = true;
    CHECK_EQUAL(1U, fleet.round().handovers.size());
    CHECK_EQUAL(0U, fleet.round().moves.size());
}

TEST(Q12Leader, ANodeThatIsOverTheThresholdNowDoesNotLead)
{
    for (int i = 1; i <= 3; ++i)
        fleet.process(i).pinned = true;
    fleet.process(5).cpu = 700; // hv3: at the threshold now, whatever its average.
    fleet.process(5).pinned = true;
    CHECK_TRUE(hv(2) == fleet.round().handovers[0].leader);
    fleet.process(4).cpu = 700;
    fleet.process(4).pinned = true;
    CHECK_TRUE(fleet.round().handovers.empty());
    CHECK_TRUE(says(reasons(fleet.round()), "leadership stays, no other node is under 70.0 %"));
}

TEST(Q12Leader, ItMustLastAndUnderTheThresholdNothingIsDone)
{
    fleet.environment.leader_rounds = 1;
    Round round = fleet.round();
    CHECK_TRUE(round.moves.empty() && round.handovers.empty());
    CHECK_EQUAL(2, round.leader_rounds);
    fleet.environment.leader_rounds = 2;
    CHECK_EQUAL(1U, count(fleet.round(), Why::leader));
    fleet.process(1).cpu = 199;
    CHECK_EQUAL(0, fleet.round().leader_rounds);
    CHECK_TRUE(fleet.round().moves.empty());
}

TEST(Q12Leader, ALeaderThatRunsNothingHandsOver)
{
    Fleet other;
    other.environment.leader = other.add({});
    other.node(hv(1)).system = 750;
    other.add({});
    CHECK_TRUE(hv(2) == other.round().handovers[0].leader);
}
