// SPDX-License-Identifier: Apache-2.0
//
// Tests of schedd/even, schedd/plan and judged(): spec Q6, Q10, Q11, Q17.
#include <config.h>

#include "schedd/tests/fleet.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::schedd;

TEST_GROUP(Q11Balance)
{
    Fleet fleet;
};

TEST(Q11Balance, CrowdedProcessesMoveToTheLeastLoadedUntilEven)
{
    fleet.add({100, 100, 100, 100, 100, 100});
    fleet.add({});
    fleet.add({100});
    const Round round = fleet.round();
    CHECK_EQUAL(3U, round.moves.size()); // 60, 0, 10 % become 30, 20, 20 %.
    CHECK_TRUE(hv(2) == round.moves[0].to);
    CHECK_EQUAL(std::string("s1: to even the loads; hv1 60.0 % to 50.0 %, hv2 0.0 % to 10.0 %"),
                round.moves[0].reason);
    CHECK_EQUAL(7, round.term);
}

TEST(Q11Balance, ANodeOverTheThresholdIsRelievedEvenIfAllAreLoaded)
{
    fleet.policy.imbalance = 900;
    fleet.policy.maximum = 2000;
    fleet.add({300, 300, 300});
    fleet.add({300, 300, 100});
    CHECK_EQUAL(0U, count(fleet.round(), Why::even)); // 60 and 100 % would be no gain.
    fleet.add({100});
    CHECK_EQUAL(1U, count(fleet.round(), Why::even));
    CHECK_TRUE(hv(3) == fleet.round().moves[0].to);
}

TEST(Q11Balance, NothingToDoIsSaidWithTheFigures)
{
    fleet.add({300});
    fleet.add({200});
    CHECK_EQUAL(std::string("balanced: hv1 is the most loaded at 30.0 %, hv2 the least at 20.0 %, "
                            "none is at 80.0 % or has a process with a node in its share less "
                            "loaded by 15.0 %\n"),
                reasons(fleet.round()));
    fleet.node(hv(1)).role = fleet.node(hv(2)).role = Role::drained;
    CHECK_EQUAL(std::string("nothing to balance: no node is active\n"), reasons(fleet.round()));
}

TEST(Q11Balance, MovingEndsAtTheNarrowerThreshold)
{
    fleet.add({50, 50, 50, 50, 50, 50});
    fleet.add({});
    // 30 and 0: to 17.5 and 12.5 would be three moves, and 5 % apart is even.
    CHECK_EQUAL(3U, fleet.round().moves.size());
}

TEST(Q11Balance, LoadsOfUnlikeNodesAreComparedByTheirCapacity)
{
    fleet.add({500, 400}, 2000); // 45 %
    fleet.add({500}, 1000);      // 50 %
    CHECK_TRUE(fleet.round().moves.empty());
    fleet.add({}, 4000);
    CHECK_TRUE(hv(3) == fleet.round().moves[0].to);
}

TEST_GROUP(Q10System)
{
    Fleet fleet;
};

TEST(Q10System, WhatIsTheNodesOwnIsLoadThatStays)
{
    fleet.node(fleet.add({})).system = 900;
    fleet.add({});
    const Round round = fleet.round();
    CHECK_TRUE(round.moves.empty());
    CHECK_TRUE(says(reasons(round), "hv1 is at 90.0 %, the least loaded node at 0.0 %: nothing "
                                    "moves: no service process"));
}

TEST_GROUP(Q6Shares)
{
    Fleet fleet;
    void setup() override
    {
        fleet.add({200, 200, 200});
        fleet.add({300});
        fleet.add({});
        fleet.environment.shares = {{hv(1), hv(2)}};
    }
};

TEST(Q6Shares, AProcessMovesWithinTheShareOnly)
{
    for (auto& process : fleet.environment.processes)
        process.user = UserId{0};
    const Round round = fleet.round();
    CHECK_EQUAL(1U, round.moves.size());
    CHECK_TRUE(hv(2) == round.moves[0].to); // Though hv3 is idle.
}

TEST(Q6Shares, WhatIsEvenWithinTheShareIsNotCrowded)
{
    for (auto& process : fleet.environment.processes)
        process.user = UserId{0};
    fleet.process(4).cpu = 600;
    CHECK_TRUE(fleet.round().moves.empty());
    CHECK_EQUAL(0, fleet.round().memory[0].rounds_over);
}

TEST(Q6Shares, WhatIsOutsideMovesIntoTheShare)
{
    fleet.process(4).user = UserId{0};
    fleet.process(4).node = hv(3);
    const Round round = fleet.round();
    CHECK_EQUAL(1U, count(round, Why::share));
    CHECK_TRUE(hv(2) == round.moves[0].to);
}

TEST(Q6Shares, AUserWithoutAShareHasNowhereToGo)
{
    fleet.process(4).user = UserId{5};
    const Round round = fleet.round();
    CHECK_EQUAL(0U, count(round, Why::share));
    CHECK_TRUE(says(reasons(round), "processes stay outside of their users' shares: 1 with no "
                                    "other node that may take them"));
}

TEST_GROUP(Q17Flapping)
{
    Fleet fleet;
    void setup() override
    {
        fleet.add({200, 200, 200});
        fleet.add({});
    }
};

TEST(Q17Flapping, TheImbalanceMustLastSeveralRounds)
{
    fleet.node(hv(1)).rounds_over = 0;
    Round round = fleet.round();
    CHECK_TRUE(round.moves.empty());
    CHECK_EQUAL(1, round.memory[0].rounds_over);
    CHECK_EQUAL(std::string("hv1 is at 60.0 %: round 1 of 3 that finds it crowded\n"),
                reasons(round));
    fleet.node(hv(1)).rounds_over = 2;
    CHECK_EQUAL(1U, fleet.round().moves.size());
}

TEST(Q17Flapping, OneEvenRoundBeginsTheCountAnew)
{
    fleet.process(1).node = hv(2);
    fleet.process(1).cpu = 400;
    CHECK_EQUAL(0, fleet.round().memory[0].rounds_over);
}

TEST(Q17Flapping, AMoveThatGainsLessThanATenthIsNone)
{
    Fleet one;
    one.add({960});
    one.add({20});
    CHECK_TRUE(one.round().moves.empty()); // 94 % apart before, and as much afterwards.
    CHECK_TRUE(says(reasons(one.round()), "1 whose move would gain too little"));
}

TEST(Q17Flapping, ATenthExactlyIsEnough)
{
    Fleet tight;
    tight.policy.imbalance = 60;
    tight.add({5, 495});
    tight.add({400});
    // 10.0 % apart; moving 0.5 % leaves 9.0 %.
    CHECK_EQUAL(1U, tight.round().moves.size());
    tight.process(1).cpu = 4;
    tight.process(2).cpu = 496;
    CHECK_EQUAL(0U, tight.round().moves.size());
}

TEST(Q17Flapping, MovesUnderWayAreCountedWhereTheyLead)
{
    fleet.process(1).to = hv(2);
    // 40 and 20 % then: one more would leave 20 and 40.
    CHECK_EQUAL(0U, fleet.round().moves.size());
}

TEST(Q17Flapping, EachMoveSeesThoseDecidedBefore)
{
    Fleet many;
    for (int i = 0; i < 4; ++i)
        many.add({150, 150, 150, 150});
    many.add({});
    // Three send one each to the idle one; a fourth would make it what they were.
    CHECK_EQUAL(3U, many.round().moves.size());
}

TEST(Q17Flapping, AMovedProcessRests)
{
    for (int i = 1; i <= 3; ++i)
        fleet.process(i).rests_until = fleet.environment.now + Seconds{1};
    CHECK_TRUE(says(reasons(fleet.round()), "nothing moves: 3 rest after a move or are given up"));
    fleet.process(2).rests_until = fleet.environment.now;
    CHECK_EQUAL(1U, fleet.round().moves.size());
    CHECK_EQUAL(1U, fleet.round().moves[0].process);
}

TEST(Q17Flapping, MovesAtOnceAreBoundedWithThoseUnderWay)
{
    Fleet many;
    many.policy.most_moves = 3;
    many.add(std::vector<Cpu>(20, 40));
    many.add({});
    CHECK_EQUAL(3U, many.round().moves.size());
    CHECK_TRUE(says(reasons(many.round()), "3 moves at once are the most"));
    many.process(1).to = many.process(2).to = hv(2);
    CHECK_EQUAL(1U, many.round().moves.size());
}

TEST(Q17Flapping, PinnedProcessesAreLoadThatStays)
{
    fleet.process(1).pinned = fleet.process(2).pinned = true;
    CHECK_EQUAL(1U, fleet.round().moves.size());
    CHECK_EQUAL(2U, fleet.round().moves[0].process);
    fleet.process(3).pinned = true;
    CHECK_TRUE(says(reasons(fleet.round()), "nothing moves: 3 pinned"));
}

TEST(Q17Flapping, UselessRepetitionIsGivenUp)
{
    const BalancePolicy policy; // Three useless moves, half an hour of rest.
    const Time now{Seconds{1000}};
    const Outcome useless{900, 100, 100, 900}; // It took the load along.
    Trust trust;
    for (int i = 1; i <= 2; ++i) {
        trust = judged(trust, useless, now, policy);
        CHECK_EQUAL(i, trust.useless);
        CHECK_TRUE(now + policy.rest == trust.rests_until);
    }
    trust = judged(trust, useless, now, policy);
    CHECK_TRUE(now + 2 * policy.rest == trust.rests_until);
    trust = judged(trust, useless, now, policy);
    CHECK_TRUE(now + 4 * policy.rest == trust.rests_until);
    trust = judged({1000, {}}, useless, now, policy);
    CHECK_TRUE(now + 1024 * policy.rest == trust.rests_until); // Weeks, and no overflow.
    CHECK_EQUAL(0, judged(trust, {900, 100, 500, 500}, now, policy).useless);
    CHECK_EQUAL(1, judged({}, {900, 100, 830, 100}, now, policy).useless); // Less than a tenth.
}
