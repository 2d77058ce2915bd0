// SPDX-License-Identifier: Apache-2.0
//
// Of which nodes an environment is made (spec Q8).
#include <config.h>

#include "env/members.h"
#include "env/tests/values.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::env;
using holdfast::tests::node;
using holdfast::tests::row;

TEST_GROUP(Members)
{
    std::vector<db::Hypervisor> hypervisors{row(node("a", 2, 4)), row(node("b", 4, 8)),
                                            row(node("c", 1, 1))};
    db::Quota quota;

    void setup() override
    {
        quota.name = "ann";
        quota.in_use = {"a", "b"};
    }
    std::string names(const std::vector<Member>& all)
    {
        std::string text;
        for (const Member& one : all)
            text += one.name;
        return text;
    }
};

TEST(Members, AreTheNodesInUse)
{
    CHECK_EQUAL(std::string("ab"), names(members(quota, hypervisors)));
    CHECK_EQUAL(4, members(quota, hypervisors)[1].resources->cpus);
    quota.in_use = {"gone", "c"};
    CHECK_EQUAL(std::string("c"), names(members(quota, hypervisors)));
}

TEST(Members, LeaderIsTheFirstThatIsHeardOf)
{
    hypervisors[0].lost = true;
    const auto all = members(quota, hypervisors);
    CHECK_EQUAL(std::string("ba"), names(all));
    CHECK_FALSE(all[1].resources.has_value());
    hypervisors[0].self = true; // It knows better.
    CHECK_EQUAL(std::string("ab"), names(members(quota, hypervisors)));
}

TEST(Members, LeaderShowsAllAndAnotherItself)
{
    auto all = members(quota, hypervisors);
    CHECK_EQUAL(std::string("ab"), names(shown_on("a", all)));
    CHECK_EQUAL(std::string("b"), names(shown_on("b", all)));
    CHECK_EQUAL(std::string(""), names(shown_on("c", all)));
    all[1].resources.reset();
    CHECK_EQUAL(std::string("a"), names(shown_on("a", all)));
}

TEST(Members, WorkBeginsOnTheLeastBusy)
{
    auto all = members(quota, hypervisors);
    CHECK_EQUAL(std::string("a"), *least_loaded(all));
    all[0].resources->user = 500;
    CHECK_EQUAL(std::string("b"), *least_loaded(all));
    all[1].resources->load[0] = 1000; // 10 want 4 processors.
    CHECK_EQUAL(std::string("a"), *least_loaded(all));
    all[0].resources.reset();
    CHECK_EQUAL(std::string("b"), *least_loaded(all));
    all[1].resources.reset();
    CHECK_TRUE(least_loaded(all).error().code == Errc::unavailable);
}
