// SPDX-License-Identifier: Apache-2.0
//
// Tests of schedd/join: spec Q14.
#include <config.h>

#include "schedd/tests/fleet.h"

#include <set>

#include <CppUTest/TestHarness.h>

using namespace holdfast::schedd;

TEST_GROUP(Q14Join)
{
    // Three nodes of 2 processors at 60, 55 and 50 %; none is crowded.
    Fleet fleet;
    void setup() override
    {
        fleet.policy.imbalance = 900;
        fleet.add({200, 200, 200, 200, 200, 200}, 2000);
        fleet.add({200, 200, 200, 200, 300}, 2000);
        fleet.add({500, 500}, 2000);
    }
    void join(Cpu capacity)
    {
        fleet.node(fleet.add({}, capacity)).role = Role::joining;
    }
    std::set<NodeId> sources(const Round& round)
    {
        std::set<NodeId> found;
        for (const Move& move : round.moves) {
            CHECK_TRUE(hv(4) == move.to && Why::join == move.why);
            found.insert(move.from);
        }
        return found;
    }
};

TEST(Q14Join, OfTheLowestRankItTakesPartOfTheMostLoadedOnes)
{
    join(1000);
    const Round round = fleet.round();
    CHECK_TRUE((std::set{hv(1)}) == sources(round));
    CHECK_TRUE(says(reasons(round), "hv4 joins with 1 processors, more than 0 of 3: it takes"));
    CHECK_TRUE(Role::active == round.roles[0].role);
}

TEST(Q14Join, OfTheHighestItTakesPartsOfSeveral)
{
    join(8000);
    const Round round = fleet.round();
    CHECK_EQUAL(3U, sources(round).size());
    CHECK_TRUE(says(reasons(round), "hv4 joins with 8 processors, more than 3 of 3: it takes"));
    fleet.policy.join_from = 2;
    CHECK_TRUE((std::set{hv(1), hv(2)}) == sources(fleet.round()));
}

TEST(Q14Join, OrTheHeaviestProcesses)
{
    join(8000);
    fleet.node(hv(3)).system = 400;
    fleet.policy.join_takes = JoinTakes::heaviest;
    fleet.policy.most_moves = 2;
    const Round round = fleet.round();
    CHECK_EQUAL(2U, round.moves.size());
    CHECK_TRUE((std::set{hv(3)}) == sources(round));
}

TEST(Q14Join, PinnedOnesStay)
{
    join(8000);
    for (auto& process : fleet.environment.processes)
        process.pinned = true;
    CHECK_TRUE(fleet.round().moves.empty());
    fleet.policy.join_takes = JoinTakes::heaviest;
    CHECK_TRUE(fleet.round().moves.empty());
}

TEST(Q14Join, TheFirstNodeOfAnEnvironmentJustBegins)
{
    Fleet first;
    first.node(first.add({})).role = Role::joining;
    CHECK_TRUE(Role::active == first.round().roles[0].role);
}
