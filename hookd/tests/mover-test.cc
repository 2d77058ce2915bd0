// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/mover: what begins a side of a move, and what it knows then (spec C15, C18).
#include <config.h>

#include "hookd/mover.h"

#include "db/tests/folder.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

/// The switch is not there: what is decided does not depend on it.
struct NoSwitch : SwitchListener {
    void switch_connected(std::set<std::string>) override {}
    void switch_lost(const std::string&) override {}
    void switch_ports(std::vector<SwitchPort>) override {}
    void switch_event(const nlohmann::json&) override {}
};

/// A store with this hypervisor, hv2, and its VM.
Ledger ledger_at(const std::string& path)
{
    auto ledger = Ledger::open(path);
    CHECK_TRUE(bool(ledger));
    db::Hypervisor self;
    self.name = self.id = "hv2";
    self.number = 2;
    self.self = true;
    db::Vm vm;
    vm.id = vm.name = "v1";
    vm.kind = "domain";
    vm.label = 2u << 12 | 1;
    vm.hypervisor = "hv2";
    StoreChange change;
    change.put_hypervisors = {self};
    change.put_vms = {vm};
    CHECK_TRUE(bool(ledger->apply(change)));
    return std::move(*ledger);
}

/// The destination's row.
db::Move row_of_hv1(const std::string& state)
{
    db::Move row;
    row.id = "m1";
    row.vm = "v1";
    row.hypervisor = "hv1";
    row.peer = "hv2";
    row.role = "destination";
    row.state = state;
    return row;
}

} // namespace

TEST_GROUP(Mover)
{
    tests::Folder folder;
    boost::asio::io_context io;
    NoSwitch nobody;
    World world{Config{}, ledger_at(folder / "holdfast.db")};
    SwitchLink link{io, nobody};
    Mover mover{io, world, link};

    void setup() override
    {
        world.libvirt_here = true;
        mover.resume();
    }
    std::string state_after(const std::string& peer_state)
    {
        mover.peer_rows({row_of_hv1(peer_state)});
        return mover.row("v1")->state;
    }
};

TEST(Mover, VmThatLeftUnseenIsGoneFromItsSourceWhenItComesUpElsewhere)
{
    CHECK_EQUAL(std::string("armed"), state_after("staged"));
    CHECK_EQUAL(std::string("cleaned"), state_after("active"));
}

TEST(Mover, VmThatIsHereIsAwaitedUntilItHasGone)
{
    world.domains["v1"].state = Reality::running;
    CHECK_EQUAL(std::string("armed"), state_after("staged"));
    CHECK_EQUAL(std::string("turned"), state_after("active"));
    mover.signal("v1", Signal::gone, 1);
    CHECK_EQUAL(std::string("cleaned"), mover.row("v1")->state);
}

TEST(Mover, GuestThatStandsStillAlreadyIsTurnedAtOnce)
{
    world.domains["v1"].state = Reality::paused;
    CHECK_EQUAL(std::string("turned"), state_after("staged"));
}

TEST(Mover, WhatIsToldOfAMoveIsInItsRowAndInNoOther)
{
    mover.incoming("s1", "m2", "hv1");
    mover.told("s1", "m2", {}, {{"bytes", 5}, {"left_ms", 7}});
    CHECK_EQUAL(5, mover.row("s1")->figures.at("bytes"));
    CHECK_EQUAL(7, mover.row("s1")->figures.at("left_ms"));
    mover.told("s1", "m1", {{"restored", 9}}, {{"bytes", 6}});
    CHECK_FALSE(mover.row("s1")->times.contains("restored"));
    CHECK_EQUAL(5, mover.row("s1")->figures.at("bytes"));
    mover.told("s1", "m2", {{"restored", 9}}, {});
    CHECK_EQUAL(9, mover.row("s1")->times.at("restored"));
    CHECK_FALSE(mover.row("s1")->figures.contains("left_ms")); // Nothing is left of it.
}

TEST(Mover, FrameOfAServicesPortIsNoSignOfLife)
{
    db::Service row;
    row.id = row.name = "s1";
    row.hypervisor = "hv1";
    StoreChange change;
    change.put_services = {row};
    CHECK_TRUE(bool(world.commit(change)));
    for (const char* id : {"s1", "v2"}) {
        mover.incoming(id, std::string{"move of "} + id, "hv1");
        mover.switch_event({{"kind", "first-frame"}, {"vm", id}, {"frame_ns", 7}});
    }
    CHECK_EQUAL(std::string("staged"), mover.row("s1")->state);
    CHECK_EQUAL(7, mover.row("s1")->times.at("first_frame"));
    CHECK_EQUAL(std::string("active"), mover.row("v2")->state);
}

TEST(Mover, RecordFollowsNothingThatIsSeenBeforeTheLastOrdersOfAMoveAreDone)
{
    mover.incoming("v2", "m2", "hv1");
    mover.signal("v2", Signal::cpus_resumed, 1);
    CHECK_EQUAL(std::string("active"), mover.row("v2")->state);
    CHECK_TRUE(mover.under_way().contains("v2")); // The switch is still to be told.
}

TEST(Mover, GuestThatStoodStillRunsByQemusWordAlone)
{
    std::string asked;
    world.ask_whether_it_runs = [&](const std::string& vm) { asked = vm; };
    world.domains["v1"].state = Reality::paused;
    CHECK_EQUAL(std::string("turned"), state_after("staged"));
    world.domains["v1"].state = Reality::running; // A libvirtd that has just begun says so.
    mover.libvirt_back();
    CHECK_EQUAL(std::string("v1"), asked);
    CHECK_EQUAL(std::string("turned"), mover.row("v1")->state);
    mover.signal("v1", Signal::cpus_resumed, 1);
    CHECK_EQUAL(std::string("armed"), mover.row("v1")->state);
}
