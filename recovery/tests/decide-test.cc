// SPDX-License-Identifier: Apache-2.0
//
// Tests of recovery/decide: spec R8, R12.
#include <config.h>

#include "recovery/decide.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::recovery;

namespace {

constexpr db::TimeNs second = 1'000'000'000;
constexpr db::TimeNs now = 1'000'000 * second;

db::Hypervisor hypervisor(const std::string& name)
{
    db::Hypervisor row;
    row.name = name;
    row.seen = now - second;
    row.answers = true;
    return row;
}

db::Vm vm(const std::string& id, const std::string& hypervisor, const char* state = "running")
{
    db::Vm row;
    row.id = row.name = id;
    row.hypervisor = hypervisor;
    row.state = state;
    return row;
}

db::Recovery failed(const std::string& id, const std::string& vm, const char* failure = "crashed")
{
    db::Recovery row;
    row.id = id;
    row.vm = vm;
    row.hypervisor = "hv2";
    row.failure = failure;
    row.since = row.changed = now - 5 * second;
    return row;
}

} // namespace

TEST_GROUP(R12Decide)
{
    PoolRows rows{{hypervisor("hv1"), hypervisor("hv2"), hypervisor("hv3")},
                  {vm("a", "hv2", "stopped"), vm("b", "hv2", "stopped"), vm("c", "hv1")},
                  {},
                  {},
                  {}};
    Limits limits;
    std::set<std::string> late;

    void setup() override
    {
        rows.hypervisors[0].self = true;
        db::RecoveryPolicy policy = default_policy();
        policy.automatic = "on";
        rows.policies = {policy};
    }
    /// "run r1, put r2 failed: text", or "nothing".
    std::string decided()
    {
        std::string text;
        for (const Order& order : decide(rows, limits, late, now)) {
            text += text.empty() ? "" : ", ";
            text += order.kind == Order::Kind::run      ? "run "
                    : order.kind == Order::Kind::remove ? "remove "
                                                        : "put ";
            text += order.was ? order.to.id : "new " + order.to.vm + " " + order.to.failure;
            if (order.kind == Order::Kind::put)
                text += " " + order.to.state + (order.to.text.empty() ? "" : ": " + order.to.text);
        }
        return text.empty() ? "nothing" : text;
    }
};

TEST(R12Decide, WhatHasFailedIsRecoveredInItsOrderAndNotMoreAtOnceThanAllowed)
{
    rows.recoveries = {failed("r1", "a"), failed("r2", "b")};
    rows.recoveries[1].since -= 1;
    STRCMP_EQUAL("run r2, run r1", decided().c_str());
    limits.at_once = 1;
    STRCMP_EQUAL("run r2", decided().c_str());
    rows.recoveries[1].state = "running";
    rows.recoveries[1].by = "hv1";
    STRCMP_EQUAL("nothing", decided().c_str());
}

TEST(R12Decide, OnlyWhereThePolicySaysSo)
{
    rows.recoveries = {failed("r1", "a")};
    rows.policies[0].automatic = "";
    STRCMP_EQUAL("nothing", decided().c_str());
    db::RecoveryPolicy of_vm;
    of_vm.name = "a";
    of_vm.automatic = "on";
    rows.policies.push_back(of_vm);
    STRCMP_EQUAL("run r1", decided().c_str());
    rows.policies[0].automatic = "on";
    rows.policies[1].automatic = "off";
    STRCMP_EQUAL("nothing", decided().c_str());
}

TEST(R12Decide, R8FailuresThatLeaveAVmRunningAreNotRecovered)
{
    for (const char* failure : {"halted", "hung", "hypervisor-dead"}) {
        rows.recoveries = {failed("r1", "a", failure)};
        STRCMP_EQUAL("run r1", decided().c_str());
    }
    for (const char* failure : {"cut-off", "service-down", "by-hand"}) {
        rows.recoveries = {failed("r1", "a", failure)};
        STRCMP_EQUAL("nothing", decided().c_str());
    }
}

TEST(R12Decide, R8ADeadHypervisorsVmsHaveFailedAndOneThatMayRunIsToldApart)
{
    rows.vms = {vm("a", "hv2"), vm("b", "hv1"), vm("c", "hv2", "stopped")};
    rows.hypervisors[1].lost = true;
    STRCMP_EQUAL("put new a hypervisor-dead failed", decided().c_str());
    rows.hypervisors[1].answers = false;
    STRCMP_EQUAL("put new a cut-off failed: it may run: hv2 answers echoes, or never did; see that "
                 "it is off, then recover it by hand",
                 decided().c_str());
    rows.hypervisors[1] = hypervisor("hv2");
    late = {"hv2"};
    STRCMP_CONTAINS("put new a cut-off failed", decided().c_str());
    rows.recoveries = {failed("r1", "a", "cut-off")};
    STRCMP_EQUAL("nothing", decided().c_str());
    rows.hypervisors[1].lost = true;
    STRCMP_EQUAL("put r1 failed", decided().c_str());
    CHECK_TRUE(decide(rows, limits, late, now)[0].to.failure == "hypervisor-dead");
}

TEST(R12Decide, OneThatIsHeardOfAgainIsWellIfItsVmRuns)
{
    rows.recoveries = {failed("r1", "a", "hypervisor-dead")};
    rows.vms[0].state = "running";
    STRCMP_EQUAL("put r1 over: hv2 is heard of again", decided().c_str());
    rows.vms[0].state = "stopped"; // Its machine was started anew.
    STRCMP_EQUAL("run r1", decided().c_str());
}

TEST(R12Decide, HalfTheFleetGoneStopsAllAndSaysSoOnce)
{
    rows.recoveries = {failed("r1", "a")};
    rows.hypervisors[1].lost = rows.hypervisors[2].lost = true;
    const std::string why = "2 of 3 hypervisors are not heard of: no VM is recovered until fewer "
                            "than half are; see the network, or recover by hand";
    STRCMP_EQUAL(("put r1 failed: " + why).c_str(), decided().c_str());
    rows.recoveries[0].text = why;
    STRCMP_EQUAL("nothing", decided().c_str());
}

TEST(R12Decide, WhatFailsIsTriedLaterAndGivenUpInTheEnd)
{
    rows.recoveries = {failed("r1", "a")};
    rows.recoveries[0].attempts = 1;
    STRCMP_EQUAL("nothing", decided().c_str());
    rows.recoveries[0].changed = now - 31 * second;
    STRCMP_EQUAL("run r1", decided().c_str());
    rows.recoveries[0].attempts = 3;
    rows.recoveries[0].text = "no VM is similar enough";
    STRCMP_EQUAL("put r1 given-up: no VM is similar enough; its recovery has failed 3 times: see "
                 "why, then recover it by hand",
                 decided().c_str());
}

TEST(R12Decide, AVmThatFailsAgainSoonAfterItsRecoveryIsNotRecoveredForEver)
{
    rows.recoveries = {failed("r1", "a")};
    for (const char* id : {"r2", "r3", "r4"}) {
        auto former = failed(id, "a");
        former.state = "allowed";
        rows.recoveries.push_back(former);
    }
    STRCMP_CONTAINS("put r1 given-up", decided().c_str());
    for (std::size_t i = 1; i < 4; ++i)
        rows.recoveries[i].changed = now - 3601 * second;
    STRCMP_EQUAL("run r1", decided().c_str());
}

TEST(R12Decide, WhatADeadOneWasAtIsTakenUpByOthers)
{
    rows.recoveries = {failed("r1", "a")};
    rows.recoveries[0].state = "running";
    rows.recoveries[0].by = "hv3";
    STRCMP_EQUAL("nothing", decided().c_str());
    rows.hypervisors[2].lost = true;
    STRCMP_EQUAL("put r1 failed: hv3 is not heard of any more, which was recovering it",
                 decided().c_str());
    CHECK_EQUAL(1, decide(rows, limits, late, now)[0].to.attempts);
    rows.hypervisors[2] = hypervisor("hv4"); // It has another name now, or was taken out.
    STRCMP_CONTAINS("put r1 failed: hv3 is not heard of", decided().c_str());
}

TEST(R12Decide, OneThatIsRefusedMakesWayForTheNext)
{
    rows.recoveries = {failed("r1", "a"), failed("r2", "b")};
    rows.recoveries[0].since -= 1;
    rows.recoveries[0].attempts = 1;
    limits.at_once = 1;
    STRCMP_EQUAL("run r2", decided().c_str());
}

TEST(R12Decide, WhatWasToldOfWhereAVmIsNoMoreIsOver)
{
    rows.recoveries = {failed("r1", "a")};
    rows.vms[0].hypervisor = "hv3";
    STRCMP_EQUAL("put r1 over: it is on hv3 since", decided().c_str());
}

TEST(R12Decide, AVmThatWasStartedElsewhereIsLookedAfterThere)
{
    auto there = failed("r1", "a", "hypervisor-dead");
    there.state = "recovered";
    there.replacement = "a";
    there.target = "hv3";
    rows.recoveries = {there};
    rows.vms = {vm("a", "hv2")}; // Its record follows soon.
    rows.hypervisors[1].lost = true;
    STRCMP_EQUAL("nothing", decided().c_str());
    rows.vms[0].hypervisor = "hv3";
    rows.hypervisors[1].lost = false;
    rows.hypervisors[2].lost = true;
    STRCMP_EQUAL("put new a hypervisor-dead failed", decided().c_str());
    rows.recoveries[0].replacement = "b";
    STRCMP_EQUAL("nothing", decided().c_str());
}

TEST(R12Decide, OldHistoryIsForgottenButNotWhatKeepsAVmFromBeingStarted)
{
    for (int i = 0; i < 202; ++i) {
        rows.recoveries.push_back(failed("r" + std::to_string(i), "a"));
        rows.recoveries.back().state = i == 0 ? "recovered" : "over";
        rows.recoveries.back().changed = i;
    }
    STRCMP_EQUAL("remove r1", decided().c_str());
}
