// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/load (spec balancer.md, B9: dynamic).
#include <config.h>

#include "hookd/load.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

constexpr std::int64_t second = 1'000'000'000;

LoadSample sample(std::int64_t seconds, double worked, int n_cpus = 2, int memory = -1)
{
    return {seconds * second, 7, static_cast<std::uint64_t>(worked * second), n_cpus, memory};
}

db::Vm vm(const std::string& id, const std::string& address, const std::string& hypervisor)
{
    db::Vm made;
    made.id = made.name = id;
    made.hypervisor = hypervisor;
    made.state = "running";
    made.ips = {address};
    return made;
}

db::Balancer balancer(const std::string& name, const std::string& policy,
                      const std::string& check = "none")
{
    db::Balancer made;
    made.name = name;
    made.director = "builtin";
    made.policy = policy;
    made.check = check;
    for (const char* address : {"10.0.20.11", "10.0.20.12"}) {
        auto& server = made.servers.emplace_back();
        server.address = address;
    }
    return made;
}

} // namespace

TEST_GROUP(Load)
{
    std::vector<db::Vm> vms{vm("s1", "10.0.20.11", "hv1"), vm("s2", "10.0.20.12", "hv2")};
    std::vector<db::Balancer> balancers{balancer("web", "dynamic")};
    std::vector<db::ServerHealth> health;

    std::vector<db::ServerHealth> rows(int cpu, int memory = -1)
    {
        return rows_with({{"s1", {cpu, memory}}, {"s2", {cpu, memory}}}, balancers, vms, health,
                         "hv1");
    }
};

TEST(Load, CpusAreAsBusyAsTheyWorkedBetweenTwoSamples)
{
    CHECK_EQUAL(250, load_between(sample(10, 100), sample(15, 102.5)).cpu);
    CHECK_EQUAL(1000, load_between(sample(10, 100), sample(15, 110)).cpu);
    CHECK_EQUAL(1000, load_between(sample(10, 100), sample(15, 130)).cpu); // QEMU's own work.
    CHECK_EQUAL(0, load_between(sample(10, 100), sample(15, 100)).cpu);
}

TEST(Load, WhatCannotBeToldIsNotKnown)
{
    CHECK_EQUAL(-1, load_between(sample(10, 0), sample(15, 2)).cpu);
    CHECK_EQUAL(-1, load_between(sample(10, 100), sample(15, 3)).cpu); // It was started anew.
    CHECK_EQUAL(-1, load_between(sample(10, 100), sample(10, 101)).cpu);
    CHECK_EQUAL(-1, load_between(sample(10, 100, 0), sample(15, 101, 0)).cpu);
    CHECK_EQUAL(-1, load_between(sample(10, 1), sample(15, 2)).memory);
}

TEST(Load, AGuestThatIsSilentForOnceHasTheMemoryThatItHad)
{
    CHECK_EQUAL(700, load_between(sample(10, 1, 2, 300), sample(15, 2, 2, 700)).memory);
    CHECK_EQUAL(300, load_between(sample(10, 1, 2, 300), sample(15, 2)).memory);
}

TEST(Load, OfTwoStartsNothingIsBetween)
{
    auto anew = sample(15, 102.5);
    anew.start = 8;
    CHECK_TRUE((VmLoad{-1, -1} == load_between(sample(10, 100, 2, 700), anew)));
}

TEST(Load, AGuestThatDoesNotTellIsAskedOnceAStart)
{
    MemoryAsked asked;
    CHECK_FALSE(is_to_be_asked(asked, "s1", sample(10, 1, 2, 700)));
    CHECK_TRUE(is_to_be_asked(asked, "s1", sample(15, 1)));
    CHECK_FALSE(is_to_be_asked(asked, "s1", sample(20, 1)));
    CHECK_TRUE(is_to_be_asked(asked, "s2", sample(20, 1)));
    auto anew = sample(25, 1);
    anew.start = 8;
    CHECK_TRUE(is_to_be_asked(asked, "s1", anew));
    CHECK_FALSE(is_to_be_asked(asked, "s1", anew));
}

TEST(Load, ALoadThatCannotBeReadAnyMoreIsNotKnown)
{
    Loads loads;
    const std::vector<std::string> both{"s1", "s2"};
    CHECK_TRUE(loads.of(both, 9 * second).empty()); // A first sample may still come.
    loads.take({{"s1", sample(10, 100, 2, 700)}, {"s2", sample(10, 100)}});
    CHECK_TRUE(loads.of(both, 10 * second).empty());
    loads.take({{"s1", sample(15, 102.5)}, {"s2", sample(15, 105)}});
    const std::map<std::string, VmLoad> known{{"s1", {250, 700}}, {"s2", {500, -1}}};
    CHECK_TRUE(known == loads.of(both, 15 * second));
    loads.take({{"s2", sample(25, 115)}}); // One is not told of.
    CHECK_TRUE(known == loads.of(both, 30 * second - 1));
    CHECK_TRUE((std::map<std::string, VmLoad>{{"s1", {-1, -1}}, {"s2", {500, -1}}} ==
                loads.of(both, 30 * second)));
    // It comes again, and tells of its memory what it told last.
    loads.take({{"s1", sample(40, 115)}});
    CHECK_TRUE((std::map<std::string, VmLoad>{{"s1", {250, 700}}, {"s2", {-1, -1}}} ==
                loads.of(both, 40 * second)));
}

TEST(Load, OneOfWhichNothingWasEverHeardIsNotKnownAfterAWhile)
{
    Loads loads;
    CHECK_TRUE(loads.of({"s1"}, 100 * second).empty());
    CHECK_TRUE(loads.of({"s1"}, 115 * second - 1).empty());
    CHECK_TRUE((std::map<std::string, VmLoad>{{"s1", {}}} == loads.of({"s1"}, 115 * second)));
    // One that is measured no more is forgotten: it is waited for again.
    CHECK_TRUE(loads.of({}, 116 * second).empty());
    CHECK_TRUE(loads.of({"s1"}, 200 * second).empty());
}

TEST(Load, WhatIsNotKnownIsWrittenWhereSomethingWas)
{
    CHECK_TRUE(rows(-1).empty());
    health = {{"web", "10.0.20.11", "hv1", "up", 0, "not probed", 400, 200, -1}};
    const auto made = rows(-1);
    CHECK_EQUAL(1u, made.size());
    CHECK_TRUE(made[0].cpu == -1 && made[0].memory == -1);
}

TEST(Load, ServersOfDynamicBalancersThatRunHereAreMeasured)
{
    CHECK_TRUE((std::vector<std::string>{"s1"} == vms_to_measure(balancers, vms, "hv1")));
    CHECK_TRUE((std::vector<std::string>{"s2"} == vms_to_measure(balancers, vms, "hv2")));
    CHECK_TRUE(vms_to_measure({balancer("web", "wlc")}, vms, "hv1").empty());
    balancers[0].director = "external";
    CHECK_TRUE(vms_to_measure(balancers, vms, "hv1").empty());
}

TEST(Load, AServerThatIsNotProbedHasARowForItsLoad)
{
    const auto made = rows(400, 200);
    CHECK_EQUAL(1u, made.size());
    CHECK_TRUE((db::ServerHealth{"web", "10.0.20.11", "hv1", "up", 0, "not probed", 400, 200, -1} ==
                made[0]));
}

TEST(Load, AServerThatIsProbedHasItInTheRowOfItsProbes)
{
    balancers[0].check = "tcp";
    CHECK_TRUE(rows(400).empty());
    health = {{"web", "10.0.20.11", "hv1", "down", 7, "refused", -1, -1, 900}};
    const auto made = rows(400);
    CHECK_EQUAL(1u, made.size());
    CHECK_TRUE((db::ServerHealth{"web", "10.0.20.11", "hv1", "down", 7, "refused", 400, -1, 900} ==
                made[0]));
}

TEST(Load, ALittleChangeIsNone)
{
    health = {{"web", "10.0.20.11", "hv1", "up", 0, "not probed", 400, 200, -1}};
    CHECK_TRUE(rows(449, 200).empty());
    CHECK_TRUE(rows(351, 249).empty());
    CHECK_EQUAL(1u, rows(450, 200).size());
    CHECK_EQUAL(1u, rows(400, 150).size());
    CHECK_EQUAL(1u, rows(400, -1).size());
}
