// SPDX-License-Identifier: Apache-2.0
//
// Tests of schedd/decisions: spec Q1 to Q5, Q7, and "Bad input", by rows.
#include <config.h>

#include "schedd/decisions.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::schedd;
using nlohmann::json;

namespace {

constexpr db::TimeNs second = 1'000'000'000;
constexpr db::TimeNs day = 86'400 * second;
constexpr db::TimeNs start = 20'000 * day;

db::Hypervisor hypervisor(const std::string& name, int load)
{
    db::Hypervisor row;
    row.name = name;
    row.capacity = 60 * unit; // Two users.
    row.load = row.period_load = load;
    return row;
}

} // namespace

TEST_GROUP(Decisions)
{
    Settings settings;
    db::ShareRows rows{{{"schedd", "hv1", 1, 1, 0, "", start, start, ""}},
                       {},
                       {hypervisor("hv1", 300), hypervisor("hv2", 100), hypervisor("hv3", 200),
                        hypervisor("hv4", 400)},
                       {}};
    db::TimeNs now = start;

    /// Makes it so, as hookd does.
    json done(const Result<Plan>& plan)
    {
        if (!plan)
            FAIL(plan.error().message.c_str());
        for (const db::Quota& row : plan->put) {
            std::erase_if(rows.quotas, [&](const db::Quota& one) { return one.name == row.name; });
            rows.quotas.push_back(row);
        }
        std::ranges::sort(rows.quotas, {}, &db::Quota::name);
        for (const std::string& user : plan->remove)
            std::erase_if(rows.quotas, [&](const db::Quota& one) { return one.name == user; });
        rows.leases = {plan->lease};
        return plan->answer;
    }

    Result<Plan> request(const json& arguments)
    {
        auto order = order_from(arguments);
        return order ? plan_request(rows, settings, *order, now) : order.error();
    }

    std::string refused(const Result<Plan>& plan)
    {
        return plan ? "" : plan.error().message;
    }

    const db::Quota& quota(const std::string& user)
    {
        return *std::ranges::find(rows.quotas, user, &db::Quota::name);
    }
};

TEST(Decisions, Q1NinetyWithBaseThirtyIsThreeNodes)
{
    const json answer = done(request({{"user", "ann"}, {"amount", 90'000}}));
    CHECK_TRUE(answer["nodes"] == json({"hv2", "hv3", "hv1"})); // Q2: the least loaded first.
    CHECK_EQUAL(std::string("ann: amount 90 with base 30 is 3 nodes; given are hv2 (0 users, "
                            "10.0 %), hv3 (0 users, 20.0 %), hv1 (0 users, 30.0 %)"),
                answer["reason"].get<std::string>());
    CHECK_EQUAL(30'000, quota("ann").share.at("hv1"));
    CHECK_EQUAL(start, quota("ann").given.at("hv1"));
    CHECK_TRUE((quota("ann").in_use == std::vector<std::string>{"hv1", "hv2", "hv3"}));
}

TEST(Decisions, Q1UsageBecomesAnAmountByTheRates)
{
    const json answer = done(request({{"user", "ann"}, {"hours_a_day", 6'000}})); // 60 units.
    CHECK_EQUAL(60'000, answer["amount"].get<int>());
    CHECK_EQUAL(2u, quota("ann").share.size());
}

TEST(Decisions, Q2NodesWithFewestUsersComeFirstAndAUserMayChoose)
{
    done(request({{"user", "ann"}, {"amount", 30'000}}));
    done(request({{"user", "bob"}, {"amount", 30'000}}));
    CHECK_TRUE(quota("ann").share.contains("hv2"));
    CHECK_TRUE(quota("bob").share.contains("hv3"));
    done(request({{"user", "cat"}, {"amount", 30'000}, {"nodes", {"hv4"}}}));
    CHECK_TRUE(quota("cat").share.contains("hv4"));
    CHECK_EQUAL(std::string("no node \"hv5\" is known: did you mean \"hv1\"?"),
                refused(request({{"user", "dan"}, {"amount", 30'000}, {"nodes", {"hv5"}}})));
}

TEST(Decisions, Q2AdministratorHasAllAndReservesNothing)
{
    done(request({{"user", "root"}, {"administrator", true}}));
    CHECK_TRUE(quota("root").administrator);
    CHECK_TRUE(quota("root").share.empty());
}

TEST(Decisions, Q7SameRoomIsNotGivenTwice)
{
    settings.policy.candidate_load = 10'000;
    for (const char* user : {"a", "b"})
        done(request({{"user", user}, {"amount", 120'000}}));
    CHECK_EQUAL(std::string("c wants 1 more node for an amount of 30, 0 of 4 can be given: ask for "
                            "less, or later"),
                refused(request({{"user", "c"}, {"amount", 30'000}})));
}

TEST(Decisions, Q7WhatWasGivenCountsUntilTheLoadHasSeenIt)
{
    rows.hypervisors = {hypervisor("hv1", 350), hypervisor("hv2", 0)};
    rows.hypervisors[0].capacity = rows.hypervisors[1].capacity = 1000 * unit;
    settings.policy.base = 500 * unit;
    done(request({{"user", "a"}, {"amount", 500'000}, {"nodes", {"hv1"}}}));
    // 35 % measured, and 50 % that are to come, are too much; an hour later they are in the
    // average.
    CHECK_FALSE(refused(request({{"user", "b"}, {"amount", 500'000}, {"nodes", {"hv1"}}})).empty());
    now += 3600 * second;
    CHECK_TRUE(refused(request({{"user", "b"}, {"amount", 500'000}, {"nodes", {"hv1"}}})).empty());
}

TEST(Decisions, NodeThatIsDrainedLostOrGivesNothingIsNotGiven)
{
    rows.hypervisors[1].drained = true;
    rows.hypervisors[2].lost = true;
    rows.hypervisors[0].capacity = 0;
    done(request({{"user", "ann"}, {"amount", 30'000}}));
    CHECK_TRUE(quota("ann").share.contains("hv4"));
}

TEST(Decisions, ShareOnAHypervisorThatHasLeftIsForgotten)
{
    done(request({{"user", "ann"}, {"amount", 60'000}}));
    std::erase_if(rows.hypervisors, [](const auto& row) { return row.name == "hv2"; });
    done(request({{"user", "ann"}, {"amount", 60'000}}));
    CHECK_EQUAL(2u, quota("ann").share.size());
    CHECK_FALSE(quota("ann").share.contains("hv2"));
}

TEST(Decisions, ShareOnAHypervisorThatGivesNothingAnyMoreIsKept)
{
    done(request({{"user", "ann"}, {"amount", 60'000}}));
    rows.hypervisors[1].capacity = 0;
    now += 30 * day;
    CHECK_EQUAL(std::string("hv3"),
                done(plan_review(rows, settings, now))["spare"].get<std::string>());
    CHECK_EQUAL(30'000, quota("ann").share.at("hv2"));
    CHECK_TRUE((quota("ann").in_use == std::vector<std::string>{"hv2", "hv3"}));
    CHECK_EQUAL(std::string("node hv2 cannot be chosen: it has no capacity for users: choose "
                            "another"),
                refused(request({{"user", "bob"}, {"amount", 30'000}, {"nodes", {"hv2"}}})));
    done(request({{"user", "bob"}, {"amount", 60'000}}));
    CHECK_FALSE(quota("bob").share.contains("hv2"));
    CHECK_TRUE(quota("ann").share.contains("hv2"));
}

TEST(Decisions, BadInputIsRefusedWithItsFigures)
{
    CHECK_EQUAL(std::string("amount 0 with a base amount of 30: both must be more than 0"),
                refused(request({{"user", "ann"}, {"amount", 0}})));
    CHECK_EQUAL(std::string("amount -1 with a base amount of 30: both must be more than 0"),
                refused(request({{"user", "ann"}, {"amount", -1000}})));
    CHECK_EQUAL(std::string("amount 121 wants 5 nodes of 30, the fleet has 4: ask for 120 at most"),
                refused(request({{"user", "ann"}, {"amount", 121'000}})));
    CHECK_EQUAL(std::string("hours a day 25: give 0 to 24"),
                refused(request({{"user", "ann"}, {"hours_a_day", 25'000}})));
    CHECK_EQUAL(std::string("user \"a b\": give at most 64 letters, digits, - _ ."),
                refused(request({{"user", "a b"}, {"amount", 30'000}})));
    for (const json& none : {json{{"user", "ann"}}, json{{"amount", 30'000}}, json::object(),
                             json{{"user", "ann"}, {"amount", 30'000}, {"storage", 1}}})
        CHECK_FALSE(refused(request(none)).empty());
}

TEST(Decisions, Q4PickedNodesAreOfTheShareAndWhatWasUsedIsAccounted)
{
    done(request({{"user", "ann"}, {"amount", 60'000}}));
    now += 10 * second;
    CHECK_EQUAL(std::string("node hv4 is outside of the share of ann (hv2, hv3): use one of these, "
                            "or ask for a larger amount than 60"),
                refused(plan_select(rows, settings, "ann", {"hv4"}, now)));
    CHECK_FALSE(refused(plan_select(rows, settings, "bob", {"hv4"}, now)).empty());
    done(plan_select(rows, settings, "ann", {"hv3"}, now));
    CHECK_TRUE(quota("ann").in_use == std::vector<std::string>{"hv3"});
    CHECK_EQUAL(300'000, quota("ann").used.at("hv2"));
    now += 5 * second + second / 2;
    done(plan_interval(rows, settings, now));
    CHECK_EQUAL(300'000, quota("ann").used.at("hv2"));
    CHECK_EQUAL(450'000, quota("ann").used.at("hv3"));
    now += second / 2; // The half second is not lost.
    done(plan_interval(rows, settings, now));
    CHECK_EQUAL(480'000, quota("ann").used.at("hv3"));
}

TEST(Decisions, Q4ChangeWritesOneUsersRowAndAccountsEachForHimself)
{
    done(request({{"user", "ann"}, {"amount", 60'000}}));
    now += 10 * second;
    done(request({{"user", "bob"}, {"amount", 30'000}}));
    CHECK_TRUE(quota("ann").used.empty());
    now += 10 * second;
    const auto picked = plan_select(rows, settings, "ann", {"hv3"}, now);
    CHECK_EQUAL(1u, picked->put.size());
    done(picked);
    CHECK_EQUAL(600'000, quota("ann").used.at("hv2"));
    CHECK_TRUE(quota("bob").used.empty());
    now += 10 * second;
    done(plan_interval(rows, settings, now));
    CHECK_EQUAL(600'000, quota("ann").used.at("hv2"));
    CHECK_EQUAL(900'000, quota("ann").used.at("hv3"));
    CHECK_EQUAL(600'000, quota("bob").used.begin()->second); // Not from before he came.
    now += 10 * second;
    done(plan_interval(rows, settings, now));
    CHECK_EQUAL(1'200'000, quota("ann").used.at("hv3"));
    CHECK_EQUAL(900'000, quota("bob").used.begin()->second);
}

TEST(Decisions, PeriodsAndIntervalsEndInTime)
{
    db::Lease lease = rows.leases[0];
    settings.interval = Seconds{60};
    const auto is_due = [&](db::TimeNs later) { return due(lease, settings, start + later); };
    CHECK_TRUE(Due::nothing == is_due(59 * second));
    CHECK_TRUE(Due::interval == is_due(60 * second));
    CHECK_TRUE(Due::interval == is_due(30 * day - second));
    CHECK_TRUE(Due::review == is_due(30 * day));
    CHECK_TRUE(Due::interval == is_due(-1));
    lease.reviewed += day;
    CHECK_TRUE(Due::interval == is_due(0));
}

TEST(Decisions, TimesThatAreYetToComeAreNow)
{
    now += 365 * day;
    rows.leases[0].reviewed = rows.leases[0].accounted = now;
    done(request({{"user", "ann"}, {"amount", 60'000}}));
    now = start; // The clock is set back.
    done(plan_interval(rows, settings, now));
    CHECK_EQUAL(start, rows.leases[0].reviewed);
    CHECK_EQUAL(start, rows.leases[0].accounted);
    CHECK_EQUAL(start, quota("ann").given.at("hv2"));
    CHECK_TRUE(quota("ann").used.empty());
    now += 10 * second;
    done(plan_interval(rows, settings, now));
    CHECK_EQUAL(300'000, quota("ann").used.at("hv2"));
}

TEST(Decisions, Q3LoadedAndUsedShareGrowsAndItsReasonHasTheFigures)
{
    done(request({{"user", "ann"}, {"amount", 60'000}}));
    for (auto& row : rows.hypervisors)
        row.load = row.period_load = row.name < "hv4" ? 760 : 100;
    now += 30 * day;
    const json answer = done(plan_review(rows, settings, now));
    CHECK_EQUAL(std::string("ann"), answer["users"][0]["user"].get<std::string>());
    CHECK_EQUAL(2, answer["users"][0]["before"].get<int>());
    CHECK_EQUAL(3, answer["users"][0]["after"].get<int>());
    STRCMP_CONTAINS("ann: 2 nodes at 76.0 %, 100.0 % used, at or over 75.0 %: 1 node more",
                    answer["users"][0]["reason"].get<std::string>().c_str());
    CHECK_TRUE(quota("ann").share.contains("hv4"));
    CHECK_TRUE(quota("ann").used.empty()); // A new period.
    CHECK_EQUAL(now, rows.leases[0].reviewed);
}

TEST(Decisions, Q3NoRoomOrNoLoadIsSaid)
{
    done(request({{"user", "ann"}, {"amount", 120'000}}));
    for (auto& row : rows.hypervisors)
        row.load = row.period_load = 900;
    now += 30 * day;
    STRCMP_CONTAINS(
        "but the fleet has no more nodes",
        plan_review(rows, settings, now).answer["users"][0]["reason"].get<std::string>().c_str());
    rows.hypervisors[0].load = rows.hypervisors[0].period_load = -1;
    STRCMP_CONTAINS(
        "the load of a node is not known yet",
        plan_review(rows, settings, now).answer["users"][0]["reason"].get<std::string>().c_str());
}

TEST(Decisions, Q5SpareIsTheLeastLoadedAndIsLentWhileTheUsersNodesAreLoaded)
{
    done(request({{"user", "ann"}, {"amount", 60'000}, {"nodes", {"hv1", "hv4"}}}));
    now += 30 * day;
    CHECK_EQUAL(std::string("hv2"),
                done(plan_review(rows, settings, now))["spare"].get<std::string>());
    CHECK_TRUE(quota("ann").borrowed.empty());
    rows.hypervisors[0].load = rows.hypervisors[3].load = 900;
    now += 3600 * second;
    const Plan loaded = plan_interval(rows, settings, now);
    done(loaded);
    CHECK_TRUE(quota("ann").borrowed == std::vector<std::string>{"hv2"});
    STRCMP_CONTAINS("the spare hv2 comes to the share", loaded.events.at(0).c_str());
    rows.hypervisors[0].load = rows.hypervisors[3].load = 100;
    done(plan_interval(rows, settings, now));
    CHECK_TRUE(quota("ann").borrowed.empty());
    // What is kept in reserve is given to nobody.
    STRCMP_CONTAINS(
        "it is the spare",
        refused(request({{"user", "bob"}, {"amount", 30'000}, {"nodes", {"hv2"}}})).c_str());
}

TEST(Decisions, LongestNamesAreTakenWhole)
{
    const std::string user(64, 'u');
    const std::string node(64, 'n');
    rows.hypervisors.push_back(hypervisor(node, 300));
    done(request({{"user", user}, {"amount", 60'000}, {"nodes", {node}}}));
    done(plan_select(rows, settings, user, {node}, now));
    CHECK_TRUE(quota(user).in_use == std::vector{node});
    CHECK_EQUAL(std::string("no user \"") + std::string(64, 'x') + "...\" is known",
                refused(plan_removal(rows, settings, std::string(65, 'x'), now)));
    // A name is what it is, with nothing before it or behind.
    CHECK_FALSE(refused(plan_select(rows, settings, user + " ", {node}, now)).empty());
    done(plan_removal(rows, settings, user, now));
    CHECK_TRUE(rows.quotas.empty());
}

TEST(Decisions, UserIsTakenAway)
{
    done(request({{"user", "ann"}, {"amount", 60'000}}));
    CHECK_EQUAL(std::string("no user \"ane\" is known: did you mean \"ann\"?"),
                refused(plan_removal(rows, settings, "ane", now)));
    done(plan_removal(rows, settings, "ann", now));
    CHECK_TRUE(rows.quotas.empty());
}
