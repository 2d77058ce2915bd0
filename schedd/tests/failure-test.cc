// SPDX-License-Identifier: Apache-2.0
//
// Tests of schedd/stand-in: spec Q15, a node that fails and comes back.
#include <config.h>

#include "schedd/tests/fleet.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::schedd;

TEST_GROUP(Q15Failure)
{
    // hv1 has failed, hv2 is active, hv3 is the spare.
    Fleet fleet;
    void setup() override
    {
        fleet.policy.imbalance = 2000;
        fleet.add({200, 200});
        fleet.add({100});
        fleet.add({});
        fleet.node(hv(1)).role = Role::failed;
        fleet.node(hv(3)).role = Role::spare;
        fleet.environment.shares = {{hv(1), hv(2)}};
        for (auto& process : fleet.environment.processes)
            process.user = UserId{0};
    }
    /// hv3 runs what hv1 had, which is repaired.
    void repaired()
    {
        fleet.node(hv(1)).role = Role::returned;
        fleet.node(hv(3)).role = Role::active;
        fleet.node(hv(3)).stands_in_for = hv(1);
        fleet.process(1).node = fleet.process(2).node = hv(3);
    }
};

TEST(Q15Failure, ASpareTakesItsRoleAndStartsItsServices)
{
    fleet.process(1).pinned = true; // It runs nowhere: being pinned does not hold it.
    fleet.process(2).rests_until = fleet.environment.now + Seconds{100};
    const Round round = fleet.round();
    CHECK_EQUAL(2U, count(round, Why::failed));
    for (const Move& move : round.moves)
        CHECK_TRUE(hv(3) == move.to); // Though hv3 is in no share: it has hv1's place.
    CHECK_TRUE(hv(3) == round.roles[0].node && Role::active == round.roles[0].role);
    CHECK_TRUE(hv(1) == round.roles[0].stands_in_for);
    CHECK_EQUAL(std::string("hv1 has failed: the spare hv3 takes its role"), round.roles[0].reason);
}

TEST(Q15Failure, TheStrongestSpareIsTaken)
{
    fleet.node(fleet.add({}, 4000)).role = Role::spare;
    CHECK_TRUE(hv(4) == fleet.round().roles[0].node);
}

TEST(Q15Failure, WithoutASpareItsServicesStartOnTheLeastLoadedOfTheShare)
{
    fleet.node(hv(3)).role = Role::active;
    const Round round = fleet.round();
    CHECK_TRUE(round.roles.empty());
    CHECK_EQUAL(2U, count(round, Why::failed));
    CHECK_TRUE(hv(2) == round.moves[0].to);
}

TEST(Q15Failure, StartsAreNotBoundedAsMovesAreAndMissingPlacesAreSaid)
{
    fleet.policy.most_moves = 1;
    CHECK_EQUAL(2U, count(fleet.round(), Why::failed));
    fleet.node(hv(2)).role = fleet.node(hv(3)).role = Role::drained;
    CHECK_TRUE(says(reasons(fleet.round()), "hv1 has failed, and not all is started elsewhere: 2 "
                                            "with no other node that may take them"));
}

TEST(Q15Failure, TheStandInOfALeaderLeads)
{
    fleet.environment.leader = hv(1);
    const Round round = fleet.round();
    CHECK_TRUE(hv(3) == round.handovers[0].leader);
    CHECK_EQUAL(8, round.handovers[0].term);
    fleet.node(hv(3)).role = Role::drained;
    CHECK_TRUE(hv(2) == fleet.round().handovers[0].leader);
}

TEST(Q15Failure, TheSameStandInTakesWhatIsLeft)
{
    fleet.node(hv(3)).role = Role::active;
    fleet.node(hv(3)).stands_in_for = hv(1);
    fleet.process(1).node = hv(3);
    const Round round = fleet.round();
    CHECK_TRUE(round.roles.empty());
    CHECK_EQUAL(1U, round.moves.size());
    CHECK_TRUE(hv(3) == round.moves[0].to);
}

TEST(Q15Failure, RepairedItHasItsRoleBackAndTheSpareIsSpareAgain)
{
    repaired();
    Round round = fleet.round();
    CHECK_EQUAL(2U, count(round, Why::returned));
    CHECK_TRUE(round.roles.empty()); // Not before all is back.
    fleet.process(1).node = fleet.process(2).node = hv(1);
    round = fleet.round();
    CHECK_EQUAL(2U, round.roles.size());
    CHECK_TRUE(hv(1) == round.roles[0].node && Role::active == round.roles[0].role);
    CHECK_TRUE(hv(3) == round.roles[1].node && Role::spare == round.roles[1].role);
    CHECK_TRUE(no_node == round.roles[1].stands_in_for);
}

TEST(Q15Failure, OrTheTwoHaveChangedRoles)
{
    repaired();
    fleet.policy.on_return = OnReturn::roles_changed;
    const Round round = fleet.round();
    CHECK_TRUE(round.moves.empty());
    CHECK_TRUE(hv(1) == round.roles[0].node && Role::spare == round.roles[0].role);
    CHECK_TRUE(hv(3) == round.roles[1].node && Role::active == round.roles[1].role);
    CHECK_TRUE(hv(1) == round.roles[1].stands_in_for); // In the users' shares.
}

TEST(Q15Failure, RepairedWithoutAStandInItIsActive)
{
    fleet.node(hv(1)).role = Role::returned;
    const Round round = fleet.round();
    CHECK_TRUE(hv(1) == round.roles[0].node && Role::active == round.roles[0].role);
    CHECK_EQUAL(std::string("hv1 is repaired, and nothing stands in for it"),
                round.roles[0].reason);
}
