// SPDX-License-Identifier: Apache-2.0
//
// Tests of the status page, of the daemons' answers as shown, and of following a migration.
#include <config.h>

#include "ctl/status.h"

#include "ctl/migration.h"
#include "ctl/tests/rows.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::ctl;
using namespace std::chrono_literals;

namespace {

constexpr db::TimeNs second = 1'000'000'000;

Facts healthy()
{
    Facts facts;
    facts.program_version = "1.0";
    facts.store_path = "/s.db";
    World world;
    world.hypervisors = {{1, "hv1", "i", "10.0.0.1", "br0", true, 0}};
    facts.world = world;
    facts.hookd = Json{{"version", "1.0"}, {"libvirt", "ok"}, {"switch", "ok"}, {"fleet", "none"}};
    facts.switch_module = Json{{"version", "1.0"}, {"bridge", "br0"}, {"flows", 4}};
    facts.now = 1000 * second;
    return facts;
}

bool has(const std::vector<std::string>& lines, const std::string& part)
{
    for (const auto& line : lines)
        if (line.find(part) != std::string::npos)
            return true;
    return false;
}

db::Task task(const std::string& state, const std::string& reply = {})
{
    db::Task row;
    row.id = "t";
    row.state = state;
    row.reply = reply;
    return row;
}

MoveLine line(Outcome outcome)
{
    MoveLine move;
    move.id = "m";
    move.vm = "v";
    move.from = "hv1";
    move.to = "hv2";
    move.state = "turned";
    move.outcome = outcome;
    return move;
}

} // namespace

TEST_GROUP(Status)
{
    Style style;
};

TEST(Status, AHealthyMachineHasNoProblem)
{
    CHECK_TRUE(problems(healthy()).empty());
    STRCMP_CONTAINS("nothing is wrong", status_page(healthy(), style).c_str());
    CHECK_TRUE(status_json(healthy())["ok"].get<bool>());
}

TEST(Status, TwoRunningVmsWithOneMacAddressAreAProblem)
{
    auto facts = healthy();
    facts.world->vms = {vm("a", "hv1", 1), vm("b", "hv2", 0)};
    CHECK_TRUE(problems(facts).empty()); // One that is off may be its clone.
    facts.world->vms[1] = vm("b", "hv2", 2);
    CHECK_TRUE(has(problems(facts), "VMs a and b have one MAC address, 52:54:00:00:00:01"));
}

TEST(Status, BalancerWhoseServersAreDeadIsAProblem)
{
    auto facts = healthy();
    facts.world->balancers = {builtin("shop", "10.0.20.11", "10.0.20.12")};
    facts.world->health = {health("shop", "10.0.20.11", "hv1", "down", "timed out"),
                           health("shop", "10.0.20.12", "hv1", "up", "connected")};
    CHECK_TRUE(has(problems(facts), "balancer shop: 1 of 2 servers get no connections"));
    facts.world->health[1].state = "down";
    CHECK_TRUE(has(problems(facts), "balancer shop: all its servers are dead"));
}

TEST(Status, EachPartThatIsDownIsAProblemAndTheRestIsShown)
{
    auto facts = healthy();
    facts.hookd = Error{Errc::unavailable, "hookd is down"};
    facts.switch_module = Error{Errc::unavailable, "switch is down"};
    auto page = status_page(facts, style);
    STRCMP_CONTAINS("- switch is down\n  - hookd is down\n", page.c_str());
    STRCMP_CONTAINS("hv1 (here)", page.c_str());
    facts.world = Error{Errc::io, "no store"};
    CHECK_EQUAL(3u, problems(facts).size());
    CHECK_FALSE(status_json(facts)["ok"].get<bool>());
}

TEST(Status, WhatTheDaemonsComplainAboutIsPassedOn)
{
    auto facts = healthy();
    (*facts.switch_module)["problems"] = {"bridge br9 is not there"};
    (*facts.hookd)["libvirt"] = "not connected";
    (*facts.hookd)["problems"] = {"two hypervisors are called hv1", 7};
    auto all = problems(facts);
    CHECK_EQUAL(3u, all.size());
    CHECK_TRUE(has(all, "switch: bridge br9"));
    CHECK_TRUE(has(all, "libvirt: not connected"));
}

TEST(Status, AChainThatWaitsNamesItsVm)
{
    auto facts = healthy();
    facts.world->chains = {{"c", 1, 0, "", "", 1, false, "drop", "", true, "", {{{"x"}}}}};
    CHECK_TRUE(has(problems(facts), "chain c waits for x, which is plugged in nowhere: start it; "
                                    "until then its traffic is dropped"));
}

TEST(Status, AGuestThatStandsStillTooLongIsAProblem)
{
    auto facts = healthy();
    db::Move move{"m", "source", "v", "hv1", "hv2", "turned", {}, {}};
    move.times = {{"turned", facts.now - 29 * second}};
    facts.world->moves = {move};
    CHECK_TRUE(problems(facts).empty());
    facts.world->moves[0].times["turned"] = facts.now - 31 * second;
    CHECK_TRUE(has(problems(facts), "stands still between hv1 and hv2 since 31 s"));
}

TEST(Status, AnAnswerThatIsNoObjectIsAnError)
{
    for (const char* text : {"", "[]", "7", "nonsense", "{"})
        CHECK_TRUE(parse_answer(text, "d").error().code == Errc::damaged);
}

TEST(Status, KeysOfAnotherTypeCountAsEmpty)
{
    Json odd{{"problems", "x"}, {"ok", 1}, {"n", "seven"}, {"steps", {1, "a"}}};
    CHECK_TRUE(texts_of(odd, "problems").empty());
    CHECK_FALSE(truth_of(odd, "ok"));
    CHECK_EQUAL(0, number_of(odd, "n"));
    CHECK_TRUE(objects_of(odd, "steps").empty());
    STRCMP_CONTAINS("result: -", trace_page(odd, style).c_str());
}

TEST(Status, CheckNamesTheHypervisorsThatDiffer)
{
    Json answer = Json::parse(R"({"ok":false,"hypervisors":[
        {"hypervisor":"hv1","ok":true,"flows":9,"problems":[]},
        {"hypervisor":"hv2","ok":false,"flows":8,"problems":["missing table=250"]}]})");
    STRCMP_CONTAINS("(hv2)", check_failure(answer)->c_str());
    STRCMP_CONTAINS("missing table=250", check_page(answer, style).c_str());
    answer["ok"] = true;
    CHECK_FALSE(check_failure(answer).has_value());
}

TEST(Status, FleetMembersAreListedWithTheirAge)
{
    Json answer = Json::parse(R"({"state":"connected","address":"tcp:10.0.0.1:6650","members":[
        {"hypervisor":"hv1","number":1,"vtep":"10.0.0.1","seen_ns":0,"self":true},
        {"hypervisor":"hv2","number":2,"vtep":"10.0.0.2","seen_ns":988000000000,"self":false}]})");
    auto page = fleet_page(answer, 1000 * second, style);
    STRCMP_CONTAINS("fleet connected to tcp:10.0.0.1:6650", page.c_str());
    STRCMP_CONTAINS("12 s ago", page.c_str());
    STRCMP_CONTAINS("hv1 (here)", page.c_str());
    STRCMP_CONTAINS("No fleet", fleet_page(Json{{"state", "none"}}, 0, style).c_str());
}

TEST_GROUP(Migration)
{
    Migration::Clock::time_point now{};
    Migration migration{"t", "v", "hv2", {}};

    bool over(std::chrono::seconds after = 0s)
    {
        return migration.ended(now + after).has_value();
    }
    std::string failure(std::chrono::seconds after = 0s)
    {
        auto ended = migration.ended(now + after);
        return ended && !*ended ? ended->error().message : "";
    }
};

TEST(Migration, LastsWhileTaskAndMoveAreUnderWay)
{
    CHECK_FALSE(over(1000s));
    migration.see({task("running")}, {line(Outcome::under_way)}, now);
    CHECK_FALSE(over(1000s));
    CHECK_EQUAL(std::string("turned"), migration.progress());
}

TEST(Migration, EndsWellWhenTheSourceIsCleanedAndTheTaskIsDone)
{
    migration.see({task("running")}, {line(Outcome::done)}, now);
    CHECK_FALSE(over(1s));
    CHECK_TRUE(over(Migration::patience));
    CHECK_EQUAL(std::string(), failure(Migration::patience));
    migration.see({task("done")}, {line(Outcome::done)}, now);
    CHECK_TRUE(over());
    CHECK_EQUAL(std::string(), failure());
}

TEST(Migration, AFailedTaskGivesItsReason)
{
    migration.see({task("failed", "no such host")}, {}, now);
    CHECK_EQUAL(std::string("no such host"), failure());
}

TEST(Migration, AFailedTaskWaitsForTheMoveToEnd)
{
    migration.see({task("failed", "aborted")}, {line(Outcome::under_way)}, now);
    CHECK_FALSE(over(1s));
    migration.see({task("failed", "aborted")}, {line(Outcome::back)}, now);
    CHECK_EQUAL(std::string("aborted"), failure(1s));
}

TEST(Migration, AMoveThatWentBackWaitsForTheReasonButNotForEver)
{
    migration.see({task("running")}, {line(Outcome::back)}, now);
    CHECK_FALSE(over(1s));
    STRCMP_CONTAINS("goes on at hv1", failure(Migration::patience).c_str());
}

TEST(Migration, AMoveSeenNowhereEndsWithItsTask)
{
    migration.see({task("done")}, {}, now);
    CHECK_FALSE(over(1s));
    CHECK_TRUE(over(Migration::patience));
    CHECK_EQUAL(std::string(), failure(Migration::patience));
}

TEST(Migration, SwitchesThatDoNotEndTheMoveAreAFailure)
{
    migration.see({task("done")}, {line(Outcome::under_way)}, now);
    STRCMP_CONTAINS("the switches have not ended the move", failure(Migration::patience).c_str());
}

TEST(Migration, AnEarlierMoveOfTheVmIsNotTakenForThisOne)
{
    Migration later{"t", "v", "hv2", {line(Outcome::back)}};
    later.see({task("running")}, {line(Outcome::back)}, now);
    CHECK_FALSE(later.move().has_value());
}
