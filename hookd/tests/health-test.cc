// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/health (spec balancer.md, B10).
#include <config.h>

#include "hookd/health.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

constexpr db::TimeNs second = 1'000'000'000;

db::ServerHealth row(const std::string& hypervisor, const std::string& state = "down",
                     db::TimeNs since = 0, const std::string& text = "")
{
    return {"web", "10.0.20.11", hypervisor, state, since, text, -1, -1, -1};
}

db::Vm vm(const std::string& address, const std::string& hypervisor)
{
    db::Vm made;
    made.id = made.name = address;
    made.hypervisor = hypervisor;
    made.state = "running";
    made.ips = {address};
    return made;
}

} // namespace

TEST_GROUP(Health)
{
    Health health{row("hv1"), 2, 3};
    db::TimeNs now = 100 * second;

    bool good(int answer_us = -1)
    {
        return health.take({true, "connected", answer_us}, now += second);
    }
    bool bad(const std::string& text = "refused")
    {
        return health.take({false, text, -1}, now += second);
    }
    std::string state()
    {
        return health.row().state;
    }
};

TEST(Health, NewServerIsDownUntilItsFirstGoodProbe)
{
    CHECK_EQUAL(std::string("down"), state());
    CHECK_TRUE(bad());
    CHECK_EQUAL(std::string("down"), state());
    CHECK_EQUAL(std::string("refused"), health.row().text);
    CHECK_EQUAL(now, health.row().since);
    for (int i = 0; i < 5; ++i)
        CHECK_FALSE(bad());
    CHECK_TRUE(good()); // One is enough, whatever `rise` is.
    CHECK_EQUAL(std::string("up"), state());
    CHECK_EQUAL(now, health.row().since);
    CHECK_EQUAL(std::string("connected"), health.row().text);
}

TEST(Health, FirstGoodProbeIsEnough)
{
    CHECK_TRUE(good());
    CHECK_EQUAL(std::string("up"), state());
    CHECK_FALSE(good());
}

TEST(Health, ServerFallsAfterSoManyBadProbesInARow)
{
    good();
    bad();
    bad();
    CHECK_EQUAL(std::string("up"), state());
    CHECK_FALSE(good()); // Begins anew.
    CHECK_FALSE(bad());
    CHECK_FALSE(bad());
    CHECK_EQUAL(std::string("connected"), health.row().text);
    CHECK_TRUE(bad("timed out"));
    CHECK_EQUAL(std::string("down"), state());
    CHECK_EQUAL(std::string("timed out"), health.row().text);
    CHECK_EQUAL(now, health.row().since);
    CHECK_EQUAL(-1, health.row().answer_us);
}

TEST(Health, ServerRisesAfterSoManyGoodProbesInARow)
{
    good();
    for (int i = 0; i < 3; ++i)
        bad();
    CHECK_FALSE(good());
    CHECK_FALSE(bad());
    CHECK_FALSE(good());
    CHECK_EQUAL(std::string("down"), state());
    CHECK_TRUE(good());
    CHECK_EQUAL(std::string("up"), state());
}

TEST(Health, WhyItIsDownIsWrittenAtMostEveryTenSeconds)
{
    bad("refused"); // Second 1.
    for (int i = 2; i < 11; ++i)
        CHECK_FALSE(bad("timed out"));
    CHECK_TRUE(bad("timed out"));
    CHECK_EQUAL(std::string("timed out"), health.row().text);
    for (int i = 0; i < 30; ++i)
        CHECK_FALSE(bad("timed out")); // The same is not written again.
}

TEST(Health, AnswerTimeIsSmoothedAndWrittenWhenItIsAnother)
{
    CHECK_TRUE(good(1000));
    CHECK_EQUAL(1000, health.row().answer_us);
    for (int i = 0; i < 30; ++i)
        CHECK_FALSE(good(1100));
    CHECK_TRUE(good(9000));
    CHECK_TRUE(health.row().answer_us > 1900 && health.row().answer_us < 2300);
    for (int i = 1; i < 10; ++i)
        CHECK_FALSE(good(9000)); // Not each time.
    CHECK_TRUE(good(9000));
}

TEST(Health, ProbingGoesOnFromWhatWasKnown)
{
    health = Health{row("hv1"), 2, 3, row("hv2", "up", 7 * second, "HTTP 200")};
    CHECK_TRUE(bad()); // Its own row is there from the first on.
    CHECK_EQUAL(std::string("up"), state());
    CHECK_EQUAL(7 * second, health.row().since);
    CHECK_EQUAL(std::string("HTTP 200"), health.row().text);
    CHECK_EQUAL(std::string("hv1"), health.row().hypervisor);
    CHECK_FALSE(bad());
    CHECK_TRUE(bad());
    CHECK_EQUAL(std::string("down"), state());
    // What was dead is not new: it has to rise.
    health = Health{row("hv1"), 2, 3, row("hv2", "down", 7 * second, "refused")};
    CHECK_TRUE(good());
    CHECK_EQUAL(std::string("down"), state());
    CHECK_TRUE(good());
    CHECK_EQUAL(std::string("up"), state());
}

TEST(Health, TextIsOneLine)
{
    bad("two\nlines");
    CHECK_EQUAL(std::string("two lines"), health.row().text);
}

TEST(Health, ServersAreProbedWhereTheirVmsRun)
{
    db::Balancer web, plain;
    web.name = "web";
    web.check = "tcp";
    web.servers = {{"10.0.20.11", 80, 1, "active", ""},
                   {"10.0.20.12", 80, 0, "draining", ""},
                   {"10.0.20.13", 80, 1, "active", ""},
                   {"10.0.20.14", 80, 1, "active", ""}};
    plain = web;
    plain.name = "plain";
    plain.check = "none";
    const std::vector vms{vm("10.0.20.11", "hv1"), vm("10.0.20.12", "hv1"),
                          vm("10.0.20.13", "hv2")};
    const auto targets = probe_targets({plain, web}, vms, "hv1");
    CHECK_EQUAL(2u, targets.size());
    CHECK_TRUE((targets[0] == ProbeTarget{web, web.servers[0]}));
    CHECK_TRUE((targets[1].key("hv1") == db::HealthKey{"web", "10.0.20.12", "hv1"}));
}

TEST(Health, RowOfAServerThatMovedStaysUntilItIsProbedThere)
{
    std::vector rows{row("hv1", "up")};
    CHECK_TRUE(rows_to_drop(rows, {vm("10.0.20.11", "hv1")}, "hv1").empty());
    CHECK_TRUE(rows_to_drop(rows, {vm("10.0.20.11", "hv2")}, "hv1").empty());
    rows.push_back(row("hv2", "up"));
    CHECK_TRUE((rows_to_drop(rows, {vm("10.0.20.11", "hv2")}, "hv1") ==
                std::vector<db::HealthKey>{{"web", "10.0.20.11", "hv1"}}));
    CHECK_TRUE(rows_to_drop(rows, {vm("10.0.20.11", "hv1")}, "hv1").empty());
    CHECK_TRUE(rows_to_drop(rows, {}, "hv1").empty());
}
