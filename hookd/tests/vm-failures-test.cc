// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "hookd/vm-failures.h"

#include "hookd/lease-guard.h"

#include <libvirt/libvirt.h>

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;
using recovery::DomainState;

namespace {

db::Vm record(const std::string& id, const std::string& state)
{
    db::Vm vm;
    vm.id = id;
    vm.name = "name-" + id;
    vm.hypervisor = "hv1";
    vm.state = state;
    return vm;
}

db::Recovery row(const std::string& state, const std::string& failure = "crashed")
{
    db::Recovery one;
    one.id = "r";
    one.vm = "v";
    one.hypervisor = "hv1";
    one.state = state;
    one.failure = failure;
    one.replacement = "w";
    one.target = "hv2";
    return one;
}

} // namespace

TEST_GROUP(R8Failures)
{
    std::vector<db::Vm> vms{record("v", "stopped")};
    std::map<std::string, Domain> domains{{"v", {}}};
    std::vector<db::Recovery> rows;
    OwnVms own;

    void setup() override
    {
        own.self = "hv1";
        own.vms = &vms;
        own.domains = &domains;
        own.ran = {"v"};
        domains["v"].seems = DomainState::crashed;
    }
    std::string failure()
    {
        const auto change = compute_failures(own, rows, 7);
        return change.begun.empty() ? "none" : change.begun[0].failure;
    }
};

TEST(R8Failures, AVmWhoseQemuHasGoneHasCrashedOnce)
{
    const auto change = compute_failures(own, rows, 7);
    CHECK_EQUAL(1U, change.begun.size());
    const db::Recovery& begun = change.begun[0];
    CHECK_EQUAL(std::string("v hv1 crashed failed"),
                begun.vm + " " + begun.hypervisor + " " + begun.failure + " " + begun.state);
    CHECK_EQUAL(7, begun.since);
    own.ran.clear();
    CHECK_EQUAL(std::string("none"), failure());
}

TEST(R8Failures, WhyItHasStoppedCanBeToldLater)
{
    domains["v"].seems = DomainState::runs; // The hook says that it has stopped, and no more.
    CHECK_EQUAL(std::string("none"), failure());
    CHECK_TRUE(running_here("hv1", vms, own.ran, domains) == std::set<std::string>{"v"});
    domains["v"].seems = DomainState::crashed;
    CHECK_EQUAL(std::string("crashed"), failure());
    CHECK_TRUE(running_here("hv1", vms, own.ran, domains).empty());
}

TEST(R8Failures, OneThatIsNotDefinedIsKnownByItsEvent)
{
    domains.clear();
    CHECK_EQUAL(std::string("none"), failure());
    own.ended_badly = {"v"};
    CHECK_EQUAL(std::string("crashed"), failure());
}

TEST(R8Failures, WhatIsWantedIsNone)
{
    domains["v"].seems = DomainState::off;
    CHECK_EQUAL(std::string("none"), failure());
    domains["v"].seems = DomainState::crashed;
    own.moving = {"v"};
    CHECK_EQUAL(std::string("none"), failure());
    own.moving.clear();
    vms[0].kind = "service";
    CHECK_EQUAL(std::string("none"), failure());
    vms[0].kind = "domain";
    vms[0].hypervisor = "hv2";
    CHECK_EQUAL(std::string("none"), failure());
}

TEST(R8Failures, GuestsThatStandStillOrDoNotAnswerAreToldApart)
{
    vms[0].state = "running";
    domains["v"].seems = DomainState::halted;
    CHECK_EQUAL(std::string("halted"), failure());
    domains["v"].seems = DomainState::paused;
    CHECK_EQUAL(std::string("none"), failure());
    domains["v"].seems = DomainState::runs;
    own.agent_silent["v"] = recovery::Seconds{29};
    CHECK_EQUAL(std::string("none"), failure());
    own.agent_silent["v"] = recovery::Seconds{30};
    CHECK_EQUAL(std::string("hung"), failure());
}

TEST(R8Failures, OneIsToldOfUntilItIsOverAndNotOfOneThatWasReplaced)
{
    rows = {row("failed")};
    CHECK_EQUAL(std::string("none"), failure());
    CHECK_TRUE(compute_failures(own, rows, 7).over.empty());
    vms[0].state = "running";
    domains["v"].seems = DomainState::runs;
    CHECK_TRUE(compute_failures(own, rows, 7).over == rows);
    rows = {row("failed", "hypervisor-dead")};
    CHECK_TRUE(compute_failures(own, rows, 7).over.empty());
    rows = {row("running")};
    CHECK_TRUE(compute_failures(own, rows, 7).over.empty());
    vms[0].state = "stopped";
    domains["v"].seems = DomainState::crashed;
    rows = {row("over")};
    CHECK_EQUAL(std::string("crashed"), failure());
    rows = {row("recovered")};
    CHECK_EQUAL(std::string("none"), failure());
    rows[0].replacement = "v"; // It was started here, and is lost once more.
    rows[0].target = "hv1";
    CHECK_EQUAL(std::string("crashed"), failure());
}

TEST(R8Failures, LibvirtsStatesAreThose)
{
    CHECK_TRUE(DomainState::crashed ==
               domain_state_of(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_CRASHED));
    CHECK_TRUE(DomainState::crashed == domain_state_of(VIR_DOMAIN_CRASHED, 0));
    for (int reason : {VIR_DOMAIN_SHUTOFF_UNKNOWN, VIR_DOMAIN_SHUTOFF_SHUTDOWN,
                       VIR_DOMAIN_SHUTOFF_DESTROYED, VIR_DOMAIN_SHUTOFF_MIGRATED})
        CHECK_TRUE(DomainState::off == domain_state_of(VIR_DOMAIN_SHUTOFF, reason));
    CHECK_TRUE(DomainState::halted ==
               domain_state_of(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR));
    CHECK_TRUE(DomainState::paused == domain_state_of(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER));
    CHECK_TRUE(DomainState::runs == domain_state_of(VIR_DOMAIN_RUNNING, 0));
}

TEST_GROUP(R9Never){};

TEST(R9Never, WhatWasRecoveredElsewhereIsNotStarted)
{
    std::vector<db::Vm> vms{record("v", "stopped"), record("w", "running")};
    const auto told = [&](const db::Recovery& one, const char* self, bool coming) {
        auto may = may_start_here(self, "v", coming, {one}, vms);
        return may ? std::string{"yes"} : may.error().message;
    };
    STRCMP_EQUAL(
        "name-w has its place since it was lost on hv1: \"holdfast recovery allow\" lets it "
        "be started again",
        told(row("recovered"), "hv1", false).c_str());
    CHECK_TRUE(told(row("running"), "hv1", false) != "yes");
    for (const char* state : {"failed", "given-up", "over", "allowed"})
        STRCMP_EQUAL("yes", told(row(state), "hv1", false).c_str());
    auto restarted = row("recovered");
    restarted.replacement = "v";
    STRCMP_CONTAINS("it was started on hv2", told(restarted, "hv1", false).c_str());
    STRCMP_EQUAL("yes", told(restarted, "hv2", false).c_str());
    STRCMP_EQUAL("yes", told(restarted, "hv1", true).c_str());
}

TEST(R9Never, WhatComesBackIsEndedWhereItWasRecoveredElsewhere)
{
    Domain runs;
    runs.state = Reality::running;
    std::map<std::string, Domain> domains{{"v", runs}};
    const auto ended = [&](const char* self, const std::vector<db::Recovery>& rows) {
        return !to_be_ended(self, domains, rows, {}, {}).empty();
    };
    CHECK_TRUE(ended("hv1", {row("recovered")}));
    for (const char* state : {"failed", "running", "allowed"})
        CHECK_FALSE(ended("hv1", {row(state)}));
    auto here = row("recovered");
    here.target = "hv1"; // Where another VM has its place.
    CHECK_TRUE(ended("hv1", {here}));
    here.replacement = "v"; // It itself, anew.
    CHECK_FALSE(ended("hv1", {here}));
    CHECK_FALSE(ended("hv3", {here})); // It may have come there by a move long ago.
    domains["v"].state = Reality::absent;
    CHECK_FALSE(ended("hv1", {row("recovered")}));
}

TEST(R9Never, TheLastRecoveryCountsAndAMoveSince)
{
    Domain runs;
    runs.state = Reality::running;
    std::map<std::string, Domain> domains{{"v", runs}};
    std::vector<db::Vm> vms{record("v", "running")};
    auto there = row("recovered");
    there.replacement = "v";
    there.changed = 10;
    auto back = there;
    back.hypervisor = "hv2";
    back.target = "hv1";
    back.changed = 20;
    CHECK_TRUE(to_be_ended("hv1", domains, {there, back}, {}, {}).empty());
    CHECK_FALSE(to_be_ended("hv2", domains, {there, back}, {}, {}).empty());
    db::Move move;
    move.vm = "v";
    move.role = "destination";
    move.hypervisor = "hv1";
    move.state = "staged";
    move.times = {{"active", 11}};
    CHECK_TRUE(to_be_ended("hv1", domains, {there}, {"v"}, {move}).empty());
    CHECK_FALSE(to_be_ended("hv1", domains, {there}, {}, {move}).empty());
    CHECK_TRUE(moved_here("hv1", vms, {there}, {move}).empty());
    move.state = "active";
    CHECK_TRUE(to_be_ended("hv1", domains, {there}, {}, {move}).empty());
    const auto moved = moved_here("hv1", vms, {there}, {move});
    CHECK_EQUAL(1U, moved.size());
    STRCMP_EQUAL("hv1", moved[0].target.c_str());
    CHECK_TRUE(moved_here("hv1", vms, moved, {move}).empty());
    move.times = {{"active", 9}}; // Before it was recovered.
    CHECK_FALSE(to_be_ended("hv1", domains, {there}, {}, {move}).empty());
}

TEST(R9Never, WhatCanHaveBeenRecoveredIsNotStartedUnseen)
{
    CHECK_TRUE(bool(may_start_leased(true, false)));
    CHECK_FALSE(bool(may_start_leased(false, false)));
    CHECK_FALSE(bool(may_start_leased(true, true)));
}

TEST(R9Never, WhatIsBeingRecoveredIsNotMoved)
{
    std::vector<db::Vm> vms{record("v", "running")};
    CHECK_FALSE(bool(may_start_here("hv3", "v", true, {row("running")}, vms)));
    CHECK_TRUE(bool(may_start_here("hv3", "v", true, {row("recovered")}, vms)));
}

TEST(R9Never, ALeaseEndsHereBeforeItEndsForTheOthers)
{
    using Seconds = LeaseGuard::Seconds;
    const LeaseGuard::Time start{};
    LeaseGuard guard{start};
    CHECK_FALSE(guard.expired(Seconds{0}, start + Seconds{100}));
    CHECK_FALSE(guard.expired(Seconds{40}, start + Seconds{29}));
    CHECK_TRUE(guard.expired(Seconds{40}, start + Seconds{30}));
    guard.confirmed(start + Seconds{10});
    CHECK_FALSE(guard.expired(Seconds{40}, start + Seconds{39}));
    guard.confirmed(start + Seconds{5}); // An answer that was late.
    CHECK_TRUE(guard.expired(Seconds{40}, start + Seconds{40}));
    CHECK_TRUE(guard.deadline(Seconds{40}) == start + Seconds{45});
    CHECK_TRUE(LeaseGuard::beat_for(Seconds{30}) * 3 < Seconds{30} * 3 / 4);
    CHECK_TRUE(LeaseGuard::beat_for(Seconds{5}) == Seconds{1});
}
