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
    return {seconds * second, static_cast<std::uint64_t>(worked * second), n_cpus, memory};
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
