// SPDX-License-Identifier: Apache-2.0
//
// Tests of schedd/pool and schedd/use: spec Q2, Q4, Q6, Q7.
#include <config.h>

#include "schedd/pool.h"
#include "schedd/tests/values.h"
#include "schedd/use.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::schedd;

namespace {

constexpr UserId ann{0}, bob{1};

/// hv1 to hv4; bob has hv1 and hv2.
Pool four_nodes()
{
    return {
        {},
        {open_node("hv1", 100), open_node("hv2", 50), open_node("hv3", 300), open_node("hv4", 200)},
        {user_named("ann"), user_named("bob", {hv(1), hv(2)})}};
}

std::vector<NodeId> given(const Result<ShareChange>& change)
{
    std::vector<NodeId> nodes;
    for (const Reservation& one : change->given)
        nodes.push_back(one.node);
    return nodes;
}

} // namespace

TEST_GROUP(Q2Candidates){};

TEST(Q2Candidates, FewestUsersFirstThenTheLowestLoad)
{
    const auto change = four_nodes().decide({ann, 90 * unit, {}});
    CHECK_TRUE((std::vector{hv(4), hv(3), hv(2)}) == given(change));
    CHECK_EQUAL(std::string("ann: amount 90 with base 30 is 3 nodes; given are hv4 (0 users, "
                            "20.0 %), hv3 (0 users, 30.0 %), hv2 (1 user, 5.0 %)"),
                change->reason);
}

TEST(Q2Candidates, LoadedFullCrowdedAndClosedNodesAreNone)
{
    std::vector<Node> nodes(6, open_node("hv"));
    nodes[0].average = 801;
    nodes[1].capacity = 29 * unit;
    nodes[2].processes = 1000;
    nodes[3].offer = Offer::spare;
    nodes[4].offer = Offer::drained;
    nodes[5].offer = Offer::failed;
    nodes.push_back(open_node("free", 800));
    const Pool pool{{}, nodes, {user_named("ann")}};
    CHECK_TRUE((std::vector{hv(7)}) == pool.candidates(ann, 10));
    CHECK_EQUAL(std::string("ann wants 2 more nodes for an amount of 60, 1 of 7 can be given: ask "
                            "for less, or later"),
                pool.decide({ann, 60 * unit, {}}).error().message);
}

TEST(Q2Candidates, UserChoosesAndTheRestIsGivenByRank)
{
    const auto change = four_nodes().decide({ann, 60 * unit, {hv(1)}});
    CHECK_TRUE((std::vector{hv(1), hv(4)}) == given(change));
}

TEST(Q2Candidates, ChoiceThatIsNoCandidateIsRefusedWithTheFigures)
{
    Pool pool = four_nodes();
    pool.observe(hv(3), 900, 0, 0);
    CHECK_EQUAL(std::string("node hv3 cannot be chosen: its load is 90.0 %, over 80.0 %: choose "
                            "another"),
                pool.decide({ann, 30 * unit, {hv(3)}}).error().message);
    CHECK_EQUAL(std::string("2 nodes are chosen, ann gets 1 more for an amount of 30: choose "
                            "fewer"),
                pool.decide({ann, 30 * unit, {hv(1), hv(2)}}).error().message);
    CHECK_EQUAL(std::string("node hv1 is in the share of bob already: choose another"),
                pool.decide({bob, 90 * unit, {hv(1)}}).error().message);
    CHECK_EQUAL(std::string("node hv4 is chosen twice: leave one out"),
                pool.decide({ann, 60 * unit, {hv(4), hv(4)}}).error().message);
}

TEST(Q2Candidates, TheAdministratorHasAllNodes)
{
    User root = user_named("root");
    root.administrator = true;
    const Pool pool{{}, {open_node("hv1"), open_node("hv2")}, {root}};
    CHECK_TRUE(bool(pool.may_run(ann, hv(1))));
    CHECK_TRUE(bool(pool.may_run(ann, hv(2))));
    CHECK_EQUAL(std::string("root is an administrator and has all 2 nodes: nothing needs to be "
                            "given"),
                pool.decide({ann, 30 * unit, {}}).error().message);
}

TEST(Q2Candidates, WhatIsReturnedIsNotInUseAndMostLoaded)
{
    Pool pool{{},
              {open_node("hv1", 900), open_node("hv2", 500), open_node("hv3", 100)},
              {user_named("ann", {hv(1), hv(2), hv(3)})}};
    pool.use(ann, {hv(1)});
    const auto change = pool.decide({ann, 60 * unit, {}});
    CHECK_TRUE((std::vector{hv(2)}) == change->returned);
    CHECK_EQUAL(std::string("ann: amount 60 with base 30 is 2 nodes; returned are hv2 (50.0 %)"),
                change->reason);
    CHECK_TRUE(bool(pool.apply(*change)));
    CHECK_EQUAL(0, pool.node(hv(2)).reserved);
    CHECK_EQUAL(0, pool.node(hv(2)).users);
}

TEST(Q2Candidates, UnknownNamesAreToldWithTheNearest)
{
    const Pool pool = four_nodes();
    CHECK_TRUE(hv(3) == *pool.node_named("hv3"));
    CHECK_EQUAL(std::string("no user \"anna\" is known: did you mean \"ann\"?"),
                pool.user_named("anna").error().message);
    CHECK_EQUAL(std::string("no node \"x\" is known"), pool.node_named("x").error().message);
    CHECK_TRUE(Errc::not_found == pool.decide({UserId{9}, unit, {}}).error().code);
    CHECK_TRUE(Errc::not_found == pool.decide({ann, unit, {NodeId{9}}}).error().code);
}

TEST_GROUP(Q7Room){};

TEST(Q7Room, ADecisionChangesNothing)
{
    const Pool pool = four_nodes();
    const auto before = pool.nodes();
    CHECK_TRUE(bool(pool.decide({ann, 90 * unit, {}})));
    CHECK_TRUE(before == pool.nodes());
}

TEST(Q7Room, TwoDecisionsOnTheSameRoomGiveItOnce)
{
    Node small = open_node("hv1");
    small.capacity = 30 * unit;
    Pool pool{{}, {small}, {user_named("ann"), user_named("bob")}};
    const auto first = pool.decide({ann, 30 * unit, {}});
    const auto second = pool.decide({bob, 30 * unit, {}});
    CHECK_TRUE(first && second);
    CHECK_TRUE(bool(pool.apply(*first)));
    const auto refused = pool.apply(*second);
    CHECK_TRUE(Errc::outdated == refused.error().code);
    CHECK_EQUAL(std::string("node hv1 has no room for bob any more: 30 of 30 are given: decide "
                            "again"),
                refused.error().message);
    CHECK_EQUAL(30 * unit, pool.node(hv(1)).reserved);
    CHECK_TRUE(pool.user(bob).share.empty());
    CHECK_EQUAL(0, pool.user(bob).amount);
}

TEST(Q7Room, TheSameDecisionAppliesOnce)
{
    Pool pool = four_nodes();
    const auto change = pool.decide({ann, 30 * unit, {}});
    CHECK_TRUE(bool(pool.apply(*change)));
    CHECK_TRUE(Errc::outdated == pool.apply(*change).error().code);
    CHECK_EQUAL(1U, pool.user(ann).share.size());
}

TEST(Q7Room, NothingIsGivenOfAChangeThatCannotBeWhole)
{
    Node small = open_node("hv2", 200);
    small.capacity = 30 * unit;
    Pool pool{{}, {open_node("hv1"), small}, {user_named("ann"), user_named("bob")}};
    const auto both = pool.decide({ann, 60 * unit, {}});
    CHECK_TRUE(bool(pool.apply(*pool.decide({bob, 30 * unit, {hv(2)}}))));
    CHECK_FALSE(bool(pool.apply(*both)));
    CHECK_EQUAL(0, pool.node(hv(1)).reserved);
}

TEST(Q7Room, ManyAtOnceCannotPassByALoadThatHasNotCaughtUp)
{
    // Ten could have room; each is expected to bring a tenth of load, which is not measured yet.
    SharePolicy policy;
    std::vector<User> users;
    for (int i = 0; i < 10; ++i)
        users.push_back(user_named("u" + std::to_string(i)));
    Pool pool{policy, {open_node("hv1", 550)}, users};
    int n_given = 0;
    for (std::uint32_t i = 0; i < 10; ++i)
        if (const auto change = pool.decide({UserId{i}, 30 * unit, {}}))
            n_given += bool(pool.apply(*change));
    CHECK_EQUAL(3, n_given);        // 55 %, 65 %, 75 %; 85 % is over 80 %.
    pool.observe(hv(1), 560, 0, 0); // They bring little: there is room again.
    CHECK_TRUE(bool(pool.decide({UserId{9}, 30 * unit, {}})));
}

TEST(Q7Room, ReservationsOfBeforeAreCounted)
{
    const Pool pool = four_nodes();
    CHECK_EQUAL(30 * unit, pool.node(hv(1)).reserved);
    CHECK_EQUAL(1, pool.node(hv(2)).users);
    CHECK_EQUAL(0, pool.node(hv(3)).reserved);
}

TEST_GROUP(Q6Enforced){};

TEST(Q6Enforced, NothingRunsOutsideOfTheShare)
{
    const Pool pool = four_nodes();
    CHECK_TRUE(bool(pool.may_run(bob, hv(1))));
    CHECK_EQUAL(std::string("node hv3 is outside of the share of bob (hv1, hv2): use one of these, "
                            "or ask for a larger amount than 60"),
                pool.may_run(bob, hv(3)).error().message);
    CHECK_EQUAL(std::string("node hv1 is outside of the share of ann (no node): use one of these, "
                            "or ask for a larger amount than 0"),
                pool.may_run(ann, hv(1)).error().message);
    CHECK_TRUE(Errc::not_found == pool.may_run(bob, hv(9)).error().code);
}

TEST_GROUP(Q4Use){};

TEST(Q4Use, OnlyNodesOfTheShareArePicked)
{
    const Pool pool = four_nodes();
    CHECK_TRUE(bool(pick(pool, bob, {hv(1)})));
    CHECK_TRUE(bool(pick(pool, bob, {hv(1), hv(2)})));
    CHECK_TRUE(bool(pick(pool, bob, {})));
    CHECK_FALSE(bool(pick(pool, bob, {hv(1), hv(3)})));
    CHECK_EQUAL(std::string("node hv1 is picked twice: leave one out"),
                pick(pool, bob, {hv(1), hv(1)}).error().message);
}

TEST(Q4Use, WhatIsInUseIsPaidForByUserAndNode)
{
    Pool pool = four_nodes();
    pool.use(bob, {hv(2)});
    CHECK_TRUE((std::vector<Use>{{bob, hv(2), 30 * unit * 60}}) == uses(pool, bob, Seconds{60}));
    pool.use(bob, {hv(1), hv(2)});
    CHECK_EQUAL(2U, uses(pool, bob, Seconds{60}).size());
    CHECK_TRUE(uses(pool, bob, Seconds{-60}).empty());
}

TEST(Q4Use, ALoanInUseIsPaidForTooAndEndsWithIt)
{
    Pool pool = four_nodes();
    pool.lend(bob, hv(3));
    CHECK_TRUE(bool(pick(pool, bob, {hv(3)})));
    pool.use(bob, {hv(3)});
    CHECK_TRUE((std::vector<Use>{{bob, hv(3), 30 * unit}}) == uses(pool, bob, Seconds{1}));
    pool.take_back(bob, hv(3));
    CHECK_TRUE(uses(pool, bob, Seconds{1}).empty());
}
