// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/drain: who goes where, in which order, and what is said of those that stay.
#include <config.h>

#include "hookd/drain.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

constexpr db::TimeNs second = 1'000'000'000;

db::Hypervisor hypervisor(const std::string& name)
{
    db::Hypervisor row;
    row.name = name;
    row.seen = 1000 * second;
    return row;
}

db::Vm vm(const std::string& name, const std::string& on)
{
    db::Vm row;
    row.id = "id-" + name;
    row.name = name;
    row.hypervisor = on;
    row.state = "running";
    return row;
}

} // namespace

TEST_GROUP(Drain)
{
    std::vector<db::Hypervisor> hypervisors{hypervisor("hv1"), hypervisor("hv2"),
                                            hypervisor("hv3")};
    std::vector<db::Vm> vms;
    std::vector<db::Move> moves;
    db::TimeNs now = 1010 * second;
    std::map<std::string, std::set<std::string>> closed;

    FleetView view() const
    {
        return {hypervisors, vms, moves, now, closed};
    }

    void leave(const std::string& name, const std::string& state)
    {
        db::Move row;
        row.vm = "id-" + name;
        row.role = "source";
        row.hypervisor = "hv1";
        row.state = state;
        moves = {row};
    }

    /// The orders of a round: "ids>hv2 web>hv3".
    std::string round(Drain & drain) const
    {
        std::string text;
        for (const auto& order : drain.next(view()))
            text += (text.empty() ? "" : " ") + order.vm.name + ">" + order.to;
        return text;
    }

    void arrive(Drain & drain, const std::string& name, const std::string& at)
    {
        for (db::Vm& row : vms)
            if (row.name == name)
                row.hypervisor = at;
        drain.moved("id-" + name, now);
    }

    std::string target(const std::map<std::string, int>& coming = {},
                       const std::set<std::string>& tried = {}) const
    {
        auto to = choose_target(view(), "hv1", coming, tried);
        return to ? *to : to.error().message;
    }

    std::string refusal(const std::string& node) const
    {
        auto may = check_drain(view(), node);
        return may ? "" : may.error().message;
    }
};

TEST(Drain, Q6VmGoesWhereItsOwnerHasAShareOrStays)
{
    hypervisors[0].drained = true;
    vms = {vm("a", "hv1"), vm("b", "hv1"), vm("c", "hv2")};
    closed = {{"id-a", {"hv3"}}, {"id-b", {"hv2", "hv3"}}};
    Drain drain{"hv1", 2};
    STRCMP_EQUAL("a>hv2", round(drain).c_str());
    arrive(drain, "a", "hv2");
    round(drain);
    CHECK_TRUE(drain.over());
    STRCMP_EQUAL("no hypervisor in the share of its owner can take it",
                 drain.outcomes().at(1).why.c_str());
}

TEST(Drain, TargetIsWhereTheFewestRun)
{
    vms = {vm("a", "hv1"), vm("b", "hv2")};
    STRCMP_EQUAL("hv3", target().c_str());
    vms.push_back(vm("c", "hv3"));
    STRCMP_EQUAL("hv2", target().c_str()); // The first by name.
    vms[1].state = "stopped";
    STRCMP_EQUAL("hv2", target().c_str());
    vms = {vm("p", "hv2")};
    vms.back().kind = "port"; // No guest.
    STRCMP_EQUAL("hv2", target().c_str());
}

TEST(Drain, ThoseOnTheirWayCount)
{
    STRCMP_EQUAL("hv3", target({{"hv2", 1}}).c_str());
    STRCMP_EQUAL("hv2", target({{"hv2", 1}, {"hv3", 2}}).c_str());
}

TEST(Drain, TargetIsNoneThatIsDrainedOrSilent)
{
    hypervisors[1].drained = true;
    STRCMP_EQUAL("hv3", target().c_str());
    hypervisors[2].seen = now - 61 * second;
    STRCMP_EQUAL("no hypervisor can take it (hv2 is drained, hv3 is not heard of any more)",
                 target().c_str());
    hypervisors[2].seen = now - 59 * second;
    STRCMP_EQUAL("hv3", target().c_str());
    hypervisors[2].seen = 0; // It has just joined.
    STRCMP_EQUAL("hv3", target().c_str());
}

TEST(Drain, TargetIsNoneThatWasTried)
{
    STRCMP_EQUAL("hv3", target({}, {"hv2"}).c_str());
    CHECK_FALSE(bool(choose_target(view(), "hv1", {}, {"hv2", "hv3"})));
}

TEST(Drain, UnknownNodeIsRefusedWithTheNearest)
{
    STRCMP_EQUAL("there is no hypervisor \"hv9\": did you mean hv1?", refusal("hv9").c_str());
}

TEST(Drain, DrainedNodeIsRefusedUnlessSomethingRunsThere)
{
    hypervisors[0].drained = true;
    STRCMP_EQUAL("hv1 is drained already, and nothing runs there: 'holdfast node return hv1' ends "
                 "that",
                 refusal("hv1").c_str());
    vms = {vm("a", "hv1")};
    STRCMP_EQUAL("", refusal("hv1").c_str());
}

TEST(Drain, LastNodeIsRefused)
{
    hypervisors[1].drained = true;
    hypervisors.pop_back();
    STRCMP_EQUAL("no other hypervisor can take the VMs of hv1 (hv2 is drained): let one join, or "
                 "return one, first",
                 refusal("hv1").c_str());
    hypervisors.pop_back();
    STRCMP_EQUAL("no other hypervisor can take the VMs of hv1 (there is no other): let one join, "
                 "or return one, first",
                 refusal("hv1").c_str());
}

TEST(Drain, SilentNodeIsRefused)
{
    hypervisors[0].seen = 1;
    CHECK_TRUE(refusal("hv1").find("not heard of") != std::string::npos);
    hypervisors[0].self = true;
    STRCMP_EQUAL("", refusal("hv1").c_str());
}

TEST(Drain, SpreadsAndKeepsToItsBound)
{
    hypervisors[0].drained = true;
    vms = {vm("a", "hv1"), vm("b", "hv1"), vm("c", "hv1"), vm("z", "hv3"), vm("off", "hv1")};
    vms[4].state = "stopped";
    Drain drain{"hv1", 2};
    STRCMP_EQUAL("a>hv2 b>hv2", round(drain).c_str());
    STRCMP_EQUAL("", round(drain).c_str());
    arrive(drain, "b", "hv2");
    STRCMP_EQUAL("c>hv3", round(drain).c_str()); // hv2: b there, a on its way.
    CHECK_FALSE(drain.over());
    arrive(drain, "a", "hv2");
    arrive(drain, "c", "hv3");
    STRCMP_EQUAL("", round(drain).c_str());
    CHECK_TRUE(drain.over());
    CHECK_EQUAL(3u, drain.outcomes().size());
    STRCMP_EQUAL("c", drain.outcomes()[2].vm.c_str());
    STRCMP_EQUAL("hv3", drain.outcomes()[2].to.c_str());
}

TEST(Drain, VmIsGoneWhenItsRowSaysSoOrLate)
{
    hypervisors[0].drained = true;
    vms = {vm("a", "hv1")};
    Drain drain{"hv1", 1};
    STRCMP_EQUAL("a>hv2", round(drain).c_str());
    drain.moved("id-a", now);
    STRCMP_EQUAL("", round(drain).c_str()); // Not a second time.
    CHECK_FALSE(drain.over());
    now += 16 * second;
    round(drain);
    CHECK_TRUE(drain.over());
}

TEST(Drain, VmIsNotGoneBeforeItsMoveHasEnded)
{
    hypervisors[0].drained = true;
    vms = {vm("a", "hv1")};
    Drain drain{"hv1", 1};
    round(drain);
    arrive(drain, "a", "hv2");
    leave("a", "turned");
    round(drain);
    CHECK_FALSE(drain.over());
    leave("a", "cleaned");
    round(drain);
    CHECK_TRUE(drain.over());
}

TEST(Drain, VmThatFailsIsTriedElsewhereThenStaysWithTheReason)
{
    hypervisors[0].drained = true;
    vms = {vm("a", "hv1"), vm("b", "hv1")};
    Drain drain{"hv1", 1};
    STRCMP_EQUAL("a>hv2", round(drain).c_str());
    drain.failed("id-a", "no room");
    STRCMP_EQUAL("a>hv3", round(drain).c_str());
    drain.failed("id-a", "no processor of its kind");
    STRCMP_EQUAL("b>hv2", round(drain).c_str()); // It goes on with the others.
    arrive(drain, "b", "hv2");
    round(drain);
    CHECK_TRUE(drain.over());
    STRCMP_EQUAL("hv3: no processor of its kind", drain.outcomes()[0].why.c_str());
    STRCMP_EQUAL("", drain.outcomes()[0].to.c_str());
}

TEST(Drain, VmIsTriedThriceAtMost)
{
    for (const char* more : {"hv4", "hv5"})
        hypervisors.push_back(hypervisor(more));
    hypervisors[0].drained = true;
    vms = {vm("a", "hv1")};
    Drain drain{"hv1", 1};
    int tries = 0;
    for (; !round(drain).empty(); ++tries)
        drain.failed("id-a", "no");
    CHECK_EQUAL(3, tries);
    CHECK_TRUE(drain.over());
}

TEST(Drain, PortsThatOthersPluggedAreNamed)
{
    hypervisors[0].drained = true;
    vms = {vm("c1", "hv1")};
    vms[0].kind = "port";
    Drain drain{"hv1", 1};
    STRCMP_EQUAL("", round(drain).c_str());
    CHECK_TRUE(drain.over());
    STRCMP_EQUAL("is a port that others plugged, which libvirt cannot move",
                 drain.outcomes()[0].why.c_str());
}

TEST(Drain, MoveThatIsUnderWayIsAwaited)
{
    hypervisors[0].drained = true;
    vms = {vm("a", "hv1"), vm("b", "hv1")};
    leave("a", "armed");
    Drain drain{"hv1", 1};
    STRCMP_EQUAL("", round(drain).c_str()); // It takes the one place.
    CHECK_FALSE(drain.over());
    leave("a", "back");
    STRCMP_EQUAL("a>hv2", round(drain).c_str());
    arrive(drain, "a", "hv2");
    leave("b", "turned");
    STRCMP_EQUAL("", round(drain).c_str());
    vms[1].hypervisor = "hv3";
    leave("b", "cleaned");
    round(drain);
    CHECK_TRUE(drain.over());
    STRCMP_EQUAL("hv3", drain.outcomes()[1].to.c_str());
}

TEST(Drain, ReturnedNodeKeepsTheRest)
{
    hypervisors[0].drained = true;
    vms = {vm("a", "hv1"), vm("b", "hv1")};
    Drain drain{"hv1", 1};
    STRCMP_EQUAL("a>hv2", round(drain).c_str());
    hypervisors[0].drained = false;
    STRCMP_EQUAL("", round(drain).c_str());
    CHECK_FALSE(drain.over()); // What was begun goes on.
    arrive(drain, "a", "hv2");
    round(drain);
    CHECK_TRUE(drain.over());
    STRCMP_EQUAL("hv1 was returned meanwhile", drain.outcomes()[1].why.c_str());
}

TEST(Drain, VmThatStopsBeforeItsTurnIsForgotten)
{
    hypervisors[0].drained = true;
    vms = {vm("a", "hv1"), vm("b", "hv1")};
    Drain drain{"hv1", 1};
    round(drain);
    arrive(drain, "a", "hv2");
    vms[1].state = "stopped";
    STRCMP_EQUAL("", round(drain).c_str());
    CHECK_TRUE(drain.over());
    CHECK_EQUAL(1u, drain.outcomes().size());
}

TEST(Drain, ServicesThatAreReachedByWayOfItAreNamed)
{
    vms = {vm("a", "hv1"), vm("b", "hv2")};
    vms[1].ports.emplace_back();
    CHECK_TRUE(entered_by(view(), "hv1").empty());
    vms[1].ports[0].entry = "hv1";
    const auto all = entered_by(view(), "hv1");
    CHECK_EQUAL(1u, all.size());
    STRCMP_EQUAL("b", all[0].vm.c_str());
    STRCMP_EQUAL("runs on hv2, and its network reaches it by way of hv1: move it to another of its "
                 "network before hv1 goes",
                 all[0].why.c_str());
}
