// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/service-place (spec S8).
#include <config.h>

#include "hookd/service-place.h"

#include <algorithm>

#include "db/entry-port.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

const char* const id = "11111111-2222-3333-4444-555555555555";

db::Service service()
{
    db::Service row;
    row.id = id;
    row.name = "count";
    row.ips = {"10.0.0.50/24"};
    row.vlan = 10;
    return row;
}

db::Vm record(const std::string& hypervisor, const std::string& fabric = "",
              const std::string& entry = "")
{
    db::Vm row;
    row.id = id;
    row.kind = "service";
    row.hypervisor = hypervisor;
    row.ports.push_back({"02:33:44:55:55:55", id, "br0", "hfs111111112222", 7, fabric, entry});
    return row;
}

db::VmPort here(const db::Vm& was, const std::string& self, const std::string& fabric)
{
    return placed({"02:33:44:55:55:55", id, "br0", "hfs111111112222", 9}, was, self, fabric);
}

Config config(const std::string& self)
{
    Config all;
    all.hypervisor = self;
    return all;
}

SwitchPort port(const std::string& kind, const std::string& name, const std::string& iface_id)
{
    SwitchPort one;
    one.bridge = "br0";
    one.interface = name;
    one.iface_id = iface_id;
    one.kind = kind;
    return one;
}

bool says(const std::vector<std::string>& command, const std::string& word)
{
    return std::ranges::find(command, word) != command.end();
}

} // namespace

TEST_GROUP(ServicePlace){};

TEST(ServicePlace, ItBelongsToTheNetworkWhereItWasRun)
{
    db::Vm fresh;
    fresh.hypervisor = "hv1";
    CHECK_TRUE(here(fresh, "hv1", "a") == here(record("hv1", "old"), "hv1", "a"));
    STRCMP_EQUAL("a", here(fresh, "hv1", "a").fabric.c_str());
    STRCMP_EQUAL("", here(fresh, "hv1", "a").entry.c_str());
    CHECK_EQUAL(10, tag_of(service(), here(fresh, "hv1", "a")));
}

TEST(ServicePlace, InAnotherNetworkWhomItLeftStandsInForIt)
{
    const auto port = here(record("hv1", "a"), "hv2", "b");
    STRCMP_EQUAL("a", port.fabric.c_str());
    STRCMP_EQUAL("hv1", port.entry.c_str());
    CHECK_EQUAL(9, port.ofport);
    CHECK_EQUAL(db::dead_vlan, tag_of(service(), port));
    CHECK_TRUE(here(record("hv2", "a", "hv1"), "hv2", "b") == port); // And so it stays.
    CHECK_TRUE(here(record("hv2", "a", "hv1"), "hv3", "c") == port); // Also in a third.
}

TEST(ServicePlace, NobodyStandsInForItInItsOwnNetwork)
{
    for (const char* self : {"hv1", "hv3"}) {
        const auto port = here(record("hv2", "a", "hv1"), self, "a");
        STRCMP_EQUAL("a", port.fabric.c_str());
        STRCMP_EQUAL("", port.entry.c_str());
    }
}

TEST(ServicePlace, NetworkThatIsNamedAfterAMoveCutsNothingOff)
{
    // Whom it left is its home, whatever that network is called by now.
    const auto back = here(record("hv2", "", "hv1"), "hv1", "a");
    STRCMP_EQUAL("a", back.fabric.c_str());
    STRCMP_EQUAL("", back.entry.c_str());
    // Where it runs, its port stays as it was made.
    const auto stays = here(record("hv2", "south", "hv1"), "hv2", "south");
    STRCMP_EQUAL("south", stays.fabric.c_str());
    STRCMP_EQUAL("hv1", stays.entry.c_str());
}

TEST(ServicePlace, AHopOrAServerIsRefusedWithTheMend)
{
    const auto apart = here(record("hv1", "a"), "hv2", "");
    db::Chain chain;
    chain.name = "web";
    chain.hops = {{{id}}};
    db::Balancer balancer;
    balancer.name = "shop";
    balancer.servers.resize(1);
    balancer.servers[0].address = "10.0.0.50";
    CHECK_TRUE(bool(may_live_apart(service(), apart, "", {}, {})));
    CHECK_TRUE(bool(may_live_apart(service(), record("hv1").ports[0], "", {chain}, {balancer})));
    STRCMP_EQUAL("it is a hop of chain web; this is a network without a name, and its addresses "
                 "are of network a: take it out of the chain first, or choose a hypervisor of its "
                 "own network",
                 may_live_apart(service(), apart, "", {chain}, {}).error().message.c_str());
    STRCMP_CONTAINS("it is part of balancer shop; ",
                    may_live_apart(service(), apart, "", {}, {balancer}).error().message.c_str());
    balancer.servers.clear();
    balancer.directors = {id};
    CHECK_FALSE(bool(may_live_apart(service(), apart, "", {}, {balancer})));
}

TEST(ServicePlace, OneThatRunsApartBecomesNoHop)
{
    CHECK_TRUE(bool(may_be_led_to(record("hv1", "a"))));
    auto apart = record("hv2", "a", "hv1");
    apart.name = "count";
    STRCMP_EQUAL("service count runs in another network than its addresses': move it to a "
                 "hypervisor of network a first",
                 may_be_led_to(apart).error().message.c_str());
}

TEST(ServicePlace, PortsStandInForWhatRunsElsewhereAndGoWithIt)
{
    const std::vector services{service()};
    const std::vector away{record("hv2", "a", "hv1")};
    const auto made = change_entries(config("hv1"), away, services, {});
    CHECK_TRUE(says(made, "hfe111111112222") && says(made, "hfl111111112222"));
    CHECK_TRUE(says(made, "tag=10") && says(made, "tag=4095"));
    CHECK_TRUE(says(made, "options:peer=hfl111111112222"));
    std::vector ports{port("entry", "hfe111111112222", db::entry_id(id)),
                      port("lead", "hfl111111112222", db::lead_id(id))};
    CHECK_TRUE(change_entries(config("hv1"), away, services, ports).empty());
    CHECK_TRUE(change_entries(config("hv3"), away, services, {}).empty());
    const auto gone = change_entries(config("hv1"), {record("hv1", "a")}, services, ports);
    CHECK_TRUE(says(gone, "del-port") && says(gone, "hfe111111112222"));
    CHECK_FALSE(says(gone, "add-port"));
    ports.pop_back(); // Half of it is no way.
    CHECK_TRUE(says(change_entries(config("hv1"), away, services, ports), "hfl111111112222"));
}

TEST(ServicePlace, HomeIsLeftOnceWhatStandsInForItIsThere)
{
    const auto there = record("hv2", "a", "hv1");
    const std::vector<SwitchPort> ports{port("entry", "hfe1", db::entry_id(id)),
                                        port("lead", "hfl1", db::lead_id(id))};
    const auto home = record("hv1", "a"), near = record("hv3", "a");
    CHECK_FALSE(is_entered(&home, "hv1", ports)); // Nobody has taken it over yet.
    CHECK_FALSE(is_entered(&there, "hv1", {}));
    CHECK_FALSE(is_entered(&there, "hv1", {ports[0]}));
    CHECK_TRUE(is_entered(&there, "hv1", ports));
    CHECK_TRUE(is_entered(&near, "hv1", {}));  // In its own network it needs none.
    CHECK_TRUE(is_entered(&there, "hv3", {})); // Another stands in for it.
    CHECK_TRUE(is_entered(nullptr, "hv1", {}));
}

TEST(ServicePlace, OneWhoseEntryIsLostIsNamed)
{
    auto vm = record("hv2", "a", "hv1");
    vm.name = "count";
    db::Hypervisor entry;
    entry.name = "hv1";
    STRCMP_EQUAL("", not_entered({vm}, {entry}, "hv2").c_str());
    entry.lost = true;
    STRCMP_EQUAL(
        "service count is not reached: hv1, by way of which its network reaches it, is not "
        "heard of: bring that back, or move the service to a hypervisor of network a",
        not_entered({vm}, {entry}, "hv2").c_str());
    STRCMP_EQUAL("", not_entered({vm}, {entry}, "hv3").c_str());
}
