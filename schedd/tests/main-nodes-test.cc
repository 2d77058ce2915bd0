// SPDX-License-Identifier: Apache-2.0
//
// Tests of schedd/main-nodes: spec Q9.
#include <config.h>

#include "schedd/main-nodes.h"
#include "schedd/tests/values.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::schedd;

TEST_GROUP(Q9MainNodes)
{
    const std::vector<NodeId> environment{hv(1), hv(2), hv(3), hv(4), hv(5)};
    std::vector<Application> applications{{"web", {hv(1), hv(2)}, 10}, {"mail", {hv(2)}, 9}};
    ApplicationPolicy policy;

    std::vector<ApplicationNodes> placed(Load load = 0)
    {
        return *place_applications(applications, environment, load, policy);
    }
};

TEST(Q9MainNodes, AsManyUsersAsTheThresholdMainNodesOnlyFewerAllNodes)
{
    const auto found = placed();
    CHECK_TRUE((std::vector{hv(1), hv(2)}) == found[0].nodes);
    CHECK_EQUAL(std::string("web: 10 users, 10 or more: on its main nodes only"), found[0].reason);
    CHECK_TRUE(environment == found[1].nodes);
    CHECK_EQUAL(std::string("mail: 9 users, fewer than 10: on all nodes"), found[1].reason);
}

TEST(Q9MainNodes, GroupedEachHasItsMainNodesAndTheRestIsDealtOut)
{
    policy.otherwise = ApplicationPolicy::Else::grouped;
    applications[0].users = 1;
    const auto found = placed();
    CHECK_TRUE((std::vector{hv(1), hv(2), hv(4)}) == found[0].nodes);
    CHECK_TRUE((std::vector{hv(2), hv(3), hv(5)}) == found[1].nodes);
    CHECK_EQUAL(std::string("mail: 9 users, fewer than 10: on its group's nodes"), found[1].reason);
}

TEST(Q9MainNodes, TheLoadDecidesInsteadWhereSoConfigured)
{
    policy.by = ApplicationPolicy::By::load;
    CHECK_TRUE(environment == placed(701)[0].nodes);
    CHECK_EQUAL(std::string("web: load 70.1 %, over 70.0 %: on all nodes"), placed(701)[0].reason);
    CHECK_TRUE((std::vector{hv(2)}) == placed(700)[1].nodes);
}

TEST(Q9MainNodes, MainNodesOutsideOfTheEnvironmentAreRefused)
{
    applications[1].main_nodes = {hv(9), hv(1)};
    CHECK_EQUAL(std::string("application mail: 1 of its 2 main nodes are in the environment: name "
                            "those of its 5 nodes only"),
                place_applications(applications, environment, 0, policy).error().message);
    applications[1].main_nodes.clear();
    CHECK_EQUAL(std::string("application mail has no main node: name one"),
                place_applications(applications, environment, 0, policy).error().message);
}
