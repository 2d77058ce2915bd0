// SPDX-License-Identifier: Apache-2.0
#include "db/chain-order.h"
#include "db/entry-port.h"
#include "ovs-plugin/flows.h"

#include <algorithm>
#include <set>

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::plugin;

namespace {

constexpr int uplink = 1, tunnel = 2, fw_port = 3, ids_port = 4;

db::Vm vm(const char* id, std::uint32_t label, const char* hypervisor, const char* mac)
{
    db::Vm row;
    row.id = id;
    row.name = id;
    row.label = label;
    row.hypervisor = hypervisor;
    row.state = "running";
    row.ports = {{mac, "", "br0", "", 0}};
    return row;
}

Port port(const char* kind, int ofport, const char* vm_id, const char* mac)
{
    return {"br0", "p" + std::to_string(ofport), ofport, vm_id, mac, vm_id, 0, kind};
}

} // namespace

/// Two hypervisors; chain web through fw (here) and ids (there); c1 is a client here.
TEST_GROUP(Flows)
{
    db::Snapshot snapshot;
    std::vector<Port> ports;
    Overrides overrides;

    void setup() override
    {
        snapshot.hypervisors = {{1, "hv1", "a", "10.90.0.1", "br0", true, 0},
                                {2, "hv2", "b", "10.90.0.2", "br0", false, 0}};
        snapshot.vms = {vm("fw", 0x1001, "hv1", "52:54:00:00:00:01"),
                        vm("ids", 0x2001, "hv2", "52:54:00:00:00:02"),
                        vm("c1", 0x1002, "hv1", "52:54:00:00:00:03")};
        db::Chain chain;
        chain.name = "web";
        chain.spi = 0x1001;
        chain.match = "ip,in_port=9,nw_dst=10.0.0.5";
        chain.hops = {{{"fw"}}, {{"ids"}}};
        snapshot.chains = {chain};
        ports = {port("uplink", uplink, "", ""), port("tunnel", tunnel, "", ""),
                 port("vm", fw_port, "fw", "52:54:00:00:00:01"),
                 port("port", 9, "c1", "52:54:00:00:00:03")};
    }

    std::string actions(int table, int priority, const std::string& match)
    {
        for (const auto& flow : compile(snapshot, ports, overrides).flows)
            if (flow.table == table && flow.priority == priority && flow.match == match)
                return flow.actions;
        return "none";
    }

    int there() const
    {
        return path_priority(snapshot.chains[0], false);
    }
    int back() const
    {
        return path_priority(snapshot.chains[0], true);
    }

    void make_symmetric()
    {
        auto& chain = snapshot.chains[0];
        chain.symmetric = true;
        chain.rspi = 0x1002;
        chain.match_reverse = "ip,nw_src=10.0.0.5";
    }

    void plug_ids()
    {
        ports.push_back(port("vm", ids_port, "ids", "52:54:00:00:00:02"));
    }
};

namespace {
constexpr const char* to_port_4 =
    "load:0xffff->NXM_OF_IN_PORT[],load:0x48460001->NXM_NX_PKT_MARK[],output:4";
constexpr const char* to_port_4_the_long_way =
    "load:0xffff->NXM_OF_IN_PORT[],load:0x48460003->NXM_NX_PKT_MARK[],output:4";
constexpr const char* to_hv2 =
    "load:0xffff->NXM_OF_IN_PORT[],set_field:0x2001->tun_id,set_field:oam->tun_flags,"
    "set_field:10.90.0.2->tun_dst,output:2";
constexpr const char* passed_to_hv2 =
    "load:0xffff->NXM_OF_IN_PORT[],set_field:0x802001->tun_id,set_field:oam->tun_flags,"
    "set_field:10.90.0.2->tun_dst,output:2";
} // namespace

TEST(Flows, WithoutChainsAndMovesThereAreNone)
{
    snapshot.chains.clear();
    CHECK_TRUE(compile(snapshot, ports, overrides).flows.empty());
}

TEST(Flows, AllAreHiddenAndLeaveInBandControlAlone)
{
    make_symmetric();
    plug_ids();
    for (const auto& flow : compile(snapshot, ports, overrides).flows) {
        CHECK_TRUE(flow.priority >= 65536);
        CHECK_TRUE(flow.table != table_entry || flow.priority <= 179999);
    }
}

TEST(Flows, WhereNoHopHasItsPortAVMElsewhereCostsOneFlow)
{
    const auto of_ids = [this] {
        const auto all = compile(snapshot, ports, overrides).flows;
        return std::count_if(all.begin(), all.end(), [](const Flow& flow) {
            return flow.match.find("52:54:00:00:00:02") != std::string::npos;
        });
    };
    CHECK_EQUAL(4, of_ids());
    std::erase_if(ports, [](const Port& one) { return one.vm_id == "fw"; });
    CHECK_EQUAL(1, of_ids());
}

TEST(Flows, FragmentsOfAGroupsPacketsAreSpreadByTheirAddresses)
{
    STRCMP_EQUAL("none", actions(table_spread, 110000, "reg3=0x100").c_str());
    snapshot.chains[0].hops[0].vms.emplace_back("ids");
    CHECK_TRUE(actions(table_classify, there(), "ip,in_port=9,nw_dst=10.0.0.5")
                   .ends_with("load:0x100->NXM_NX_REG3[],resubmit(,249)"));
    STRCMP_CONTAINS("(symmetric_l3l4+udp,", actions(table_spread, 110000, "reg3=0x100").c_str());
    for (const char* match : {"reg3=0x100,ip,ip_frag=yes", "reg3=0x100,ipv6,ip_frag=yes"})
        STRCMP_CONTAINS("(symmetric_l3,", actions(table_spread, 120000, match).c_str());
}

TEST(Flows, PathsOfOnePriorityAreInOneOrderWhateverTheirTable)
{
    auto& a = snapshot.chains[0];
    auto b = a;
    b.spi = 0x1003;
    // The higher priority, of one priority always the same chain, of one chain the way there.
    CHECK_TRUE(path_priority(a, false) > path_priority(a, true));
    const bool first = path_priority(a, true) > path_priority(b, false);
    CHECK_TRUE(first ? path_priority(a, false) > path_priority(b, true)
                     : path_priority(a, false) < path_priority(b, true));
    for (std::uint32_t spi : {0x1001u, 0x7fefffu, 0x7fffffu}) {
        a.spi = spi;
        b.priority = a.priority + 1;
        CHECK_TRUE(path_priority(a, false) < path_priority(b, true));
    }
    a.priority = 65535;
    CHECK_TRUE(path_priority(a, false) < over_paths);
    a.priority = 0;
    CHECK_TRUE(path_priority(a, true) > 179999);
}

TEST(Flows, ChainsOfOneHypervisorAllDifferInOrder)
{
    std::set<int> orders;
    for (std::uint32_t spi = 0x5001; spi <= 0x5fff; ++spi)
        CHECK_TRUE(orders.insert(db::chain_order(spi)).second);
    CHECK_TRUE(*orders.rbegin() < db::chain_orders);
}

TEST(Flows, WireTakesFramesInAtItsFirstPortAndThoseOfTheWayBackAtItsSecond)
{
    make_symmetric();
    auto& fw = snapshot.vms[0];
    fw.ports.push_back({"52:54:00:00:00:11", "", "br0", "", 0});
    ports.push_back(port("vm", 14, "fw", "52:54:00:00:00:11"));
    snapshot.chains[0].hops[0].kind = "wire";
    const auto out = [](int ofport) {
        return "load:0xffff->NXM_OF_IN_PORT[],load:0x48460001->NXM_NX_PKT_MARK[],output:" +
               std::to_string(ofport);
    };
    for (const char* from : {",reg2=0", ",reg2=1"}) {
        CHECK_EQUAL(out(fw_port), actions(table_deliver, there(),
                                          std::string{"reg0=0x1001,ip,nw_dst=10.0.0.5"} + from));
        CHECK_EQUAL(out(14), actions(table_deliver, back(),
                                     std::string{"reg0=0x1001,ip,nw_src=10.0.0.5"} + from));
    }
}

TEST(Flows, NoTwoHaveOneKey)
{
    make_symmetric();
    plug_ids();
    std::set<std::tuple<int, int, std::string>> keys;
    for (const auto& flow : compile(snapshot, ports, overrides).flows)
        CHECK_TRUE(keys.insert({flow.table, flow.priority, flow.match}).second);
}

TEST(Flows, WhatTheHypervisorItselfSaysByTheTunnelsAddressIsOnNoChain)
{
    const auto released = actions(table_classify, 65536, "");
    STRCMP_EQUAL(released.c_str(),
                 actions(table_entry, 145000, "in_port=LOCAL,reg13=0,ip,nw_src=10.90.0.1").c_str());
    STRCMP_EQUAL(
        released.c_str(),
        actions(table_entry, 145000, "in_port=LOCAL,reg13=0,arp,arp_spa=10.90.0.1").c_str());
    STRCMP_EQUAL(released.c_str(),
                 actions(table_entry, 145000, "in_port=1,reg13=0,ip,nw_dst=10.90.0.1").c_str());
    STRCMP_EQUAL(released.c_str(),
                 actions(table_entry, 145000, "in_port=1,reg13=0,arp,arp_tpa=10.90.0.1").c_str());
    snapshot.hypervisors[0].vtep = "fd90::1";
    STRCMP_EQUAL(
        released.c_str(),
        actions(table_entry, 145000, "in_port=LOCAL,reg13=0,ipv6,ipv6_src=fd90::1").c_str());
    STRCMP_EQUAL(released.c_str(),
                 actions(table_entry, 145000, "in_port=1,reg13=0,ipv6,ipv6_dst=fd90::1").c_str());
    STRCMP_EQUAL(released.c_str(), actions(table_entry, 145000,
                                           "in_port=1,reg13=0,icmp6,icmp_type=135,icmp_code=0,"
                                           "nd_target=fd90::1")
                                       .c_str());
}

TEST(Flows, ClassifierLeadsToTheFirstHop)
{
    STRCMP_EQUAL("load:0->NXM_NX_REG1[0],load:0x2001->NXM_NX_REG5[],load:0x1001->NXM_NX_REG0[],"
                 "resubmit(,252)",
                 actions(table_classify, there(), "ip,in_port=9,nw_dst=10.0.0.5").c_str());
}

TEST(Flows, WhatTheFabricFloodsEntersAChainOnceWhereItsLastHopIs)
{
    make_symmetric();
    plug_ids();
    // For a VM here it enters here; for anybody else it has a mark, with which no hop gets it.
    STRCMP_EQUAL("load:1->NXM_NX_REG1[],resubmit(,248)",
                 actions(table_entry, 140000, "in_port=1,reg13=0").c_str());
    STRCMP_EQUAL("resubmit(,250)",
                 actions(table_arrive, 100000, "dl_dst=52:54:00:00:00:03").c_str());
    STRCMP_EQUAL("load:3->NXM_NX_REG1[],resubmit(,250)", actions(table_arrive, 65536, "").c_str());
    STRCMP_EQUAL("resubmit(,247)", actions(table_deliver, over_paths, "reg1=2/2").c_str());
    STRCMP_EQUAL("drop", actions(table_elect, 65536, "").c_str());
    // fw, the last of the way back, is here; ids, of the other way, elsewhere.
    STRCMP_EQUAL("load:0->NXM_NX_REG1[0],load:0x1001->NXM_NX_REG5[],load:0x2001->NXM_NX_REG0[],"
                 "resubmit(,252)",
                 actions(table_classify, back(), "ip,nw_src=10.0.0.5").c_str());
    STRCMP_EQUAL("load:0->NXM_NX_REG1[],resubmit(,252)",
                 actions(table_elect, 100000, "reg5=0x1001").c_str());
    STRCMP_EQUAL("none", actions(table_elect, 100000, "reg5=0x2001").c_str());
    // A group may be left here or there: nobody is the one.
    snapshot.chains[0].hops[1].vms.emplace_back("fw");
    CHECK_TRUE(actions(table_classify, there(), "ip,in_port=9,nw_dst=10.0.0.5")
                   .find("load:0x0->NXM_NX_REG5[]") != std::string::npos);
    // One that is turned away from here is sent after.
    overrides["fw"] = {Override::Place::elsewhere, "10.90.0.2"};
    STRCMP_EQUAL("resubmit(,250)",
                 actions(table_arrive, 100000, "dl_dst=52:54:00:00:00:01").c_str());
}

TEST(Flows, WhatPassesNoHopIsReleasedWhereItIs)
{
    snapshot.chains[0].hops = {{{"fw"}, "tap"}};
    const auto path = actions(table_classify, there(), "ip,in_port=9,nw_dst=10.0.0.5");
    const auto released = actions(table_classify, 65536, "");
    CHECK_TRUE(path.ends_with(released));
    CHECK_TRUE(path.find("IN_PORT") == std::string::npos);
}

TEST(Flows, FrameOutOfAHopGoesToTheNextWhateverPortItEnteredBy)
{
    STRCMP_EQUAL("load:0x2001->NXM_NX_REG0[],resubmit(,252)",
                 actions(table_exit, there(), "reg0=0x1001,ip,nw_dst=10.0.0.5").c_str());
}

TEST(Flows, FrameOutOfTheLastHopIsReleased)
{
    plug_ids();
    STRCMP_EQUAL("resubmit(,253)",
                 actions(table_exit, there(), "reg0=0x2001,ip,nw_dst=10.0.0.5").c_str());
}

TEST(Flows, SymmetricChainPassesTheHopsInReverseOrder)
{
    make_symmetric();
    plug_ids();
    STRCMP_EQUAL("load:0->NXM_NX_REG1[0],load:0x1001->NXM_NX_REG5[],load:0x2001->NXM_NX_REG0[],"
                 "resubmit(,252)",
                 actions(table_classify, back(), "ip,nw_src=10.0.0.5").c_str());
    STRCMP_EQUAL("load:0x1001->NXM_NX_REG0[],resubmit(,252)",
                 actions(table_exit, back(), "reg0=0x2001,ip,nw_src=10.0.0.5").c_str());
    STRCMP_EQUAL("resubmit(,253)",
                 actions(table_exit, back(), "reg0=0x1001,ip,nw_src=10.0.0.5").c_str());
}

TEST(Flows, HopElsewhereIsReachedThroughTheTunnel)
{
    STRCMP_EQUAL(to_hv2, actions(table_deliver, 100000, "reg0=0x2001,reg2=0").c_str());
}

TEST(Flows, FrameFromTheTunnelIsPassedOnMarkedSoThatItIsNotPassedOnTwice)
{
    STRCMP_EQUAL(passed_to_hv2, actions(table_deliver, 100000, "reg0=0x2001,reg2=1").c_str());
    STRCMP_EQUAL("none", actions(table_deliver, 100000, "reg0=0x2001,reg2=3").c_str());
}

TEST(Flows, StagedPortTakesWhatComesFromTheTunnelOnly)
{
    plug_ids();
    STRCMP_EQUAL(to_port_4_the_long_way,
                 actions(table_deliver, 110000, "reg0=0x2001,reg2=3").c_str());
    STRCMP_EQUAL(to_port_4, actions(table_deliver, 110000, "reg0=0x2001,reg2=1").c_str());
    STRCMP_EQUAL(to_hv2, actions(table_deliver, 100000, "reg0=0x2001,reg2=0").c_str());
}

TEST(Flows, ActivatedPortTakesAllBeforeTheStoreSaysSo)
{
    plug_ids();
    overrides["ids"] = {Override::Place::here, {}};
    STRCMP_EQUAL(to_port_4, actions(table_deliver, 100000, "reg0=0x2001,reg2=0").c_str());
}

TEST(Flows, TurnedAwayVmIsPassedOnFromEverywhere)
{
    overrides["fw"] = {Override::Place::elsewhere, "10.90.0.2"};
    const std::string there =
        "load:0xffff->NXM_OF_IN_PORT[],set_field:0x1001->tun_id,set_field:oam->tun_flags,"
        "set_field:10.90.0.2->tun_dst,output:2";
    STRCMP_EQUAL(there.c_str(), actions(table_deliver, 100000, "reg0=0x1001,reg2=0").c_str());
    STRCMP_EQUAL("none", actions(table_deliver, 110000, "reg0=0x1001,reg2=3").c_str());
    STRCMP_EQUAL("none", actions(table_deliver, 110000, "reg0=0x1001,reg2=1").c_str());
    STRCMP_EQUAL("load:0x1001->NXM_NX_REG0[],resubmit(,252)",
                 actions(table_entry, 135000, "reg13=0x80000000,dl_dst=52:54:00:00:00:01").c_str());
}

TEST(Flows, FlowsTurnOnceThePortHasGone)
{
    db::Move move;
    move.vm = "fw";
    move.role = "source";
    move.hypervisor = "hv1";
    move.peer = "hv2";
    move.state = "turned";
    snapshot.moves = {move};
    const std::string there =
        "load:0xffff->NXM_OF_IN_PORT[],set_field:0x1001->tun_id,set_field:oam->tun_flags,"
        "set_field:10.90.0.2->tun_dst,output:2";
    const auto to_fw = [&] { return actions(table_deliver, 100000, "reg0=0x1001,reg2=0"); };
    CHECK_TRUE(there != to_fw()); // Its port is here: frames are held there, and passed on.
    std::erase_if(ports, [](const Port& port) { return port.vm_id == "fw"; });
    STRCMP_EQUAL(there.c_str(), to_fw().c_str());
}

TEST(Flows, TagThatATrunkLeftGoesAtThePortOfItsVlan)
{
    ports.push_back(port("vm", 7, "web", "52:54:00:00:00:09"));
    ports.back().tag = 10;
    snapshot.vms.push_back(vm("web", 0x1009, "hv2", "52:54:00:00:00:09"));
    const std::string here = deliver_here(7, true);
    STRCMP_EQUAL(here.c_str(), actions(table_deliver, 110000, "reg0=0x1009,reg2=3").c_str());
    STRCMP_EQUAL(("strip_vlan," + here).c_str(),
                 actions(table_deliver, 110001, "reg0=0x1009,reg2=3,dl_vlan=10").c_str());
}

TEST(Flows, FramesForAnotherPortOfAVmGoThereByItsAddress)
{
    auto web = vm("web", 0x1009, "hv2", "52:54:00:00:00:09");
    web.ports.push_back({"52:54:00:00:00:0a", "", "br0", "", 0});
    snapshot.vms.push_back(web);
    ports.push_back(port("vm", 8, "web", "52:54:00:00:00:0a"));
    ports.push_back(port("vm", 7, "web", "52:54:00:00:00:09"));
    STRCMP_EQUAL(deliver_here(7, true).c_str(),
                 actions(table_deliver, 110000, "reg0=0x1009,reg2=3").c_str());
    STRCMP_EQUAL(
        deliver_here(8, true).c_str(),
        actions(table_deliver, 110002, "reg0=0x1009,reg2=3,dl_dst=52:54:00:00:00:0a").c_str());
    // It has come: what each of its ports says enters there.
    snapshot.vms.back().hypervisor = "hv1";
    STRCMP_CONTAINS("load:0x8->NXM_OF_IN_PORT",
                    actions(table_release, 110000, "dl_src=52:54:00:00:00:0a").c_str());
    STRCMP_CONTAINS("load:0x7->NXM_OF_IN_PORT",
                    actions(table_release, 110000, "dl_src=52:54:00:00:00:09").c_str());
    // It has been turned away: both addresses are led after it.
    overrides["web"] = {Override::Place::elsewhere, "10.90.0.2"};
    for (const char* mac : {"52:54:00:00:00:09", "52:54:00:00:00:0a"})
        CHECK_TRUE("none" !=
                   actions(table_entry, 135000, std::string{"reg13=0x80000000,dl_dst="} + mac));
}

TEST(Flows, ActivationOfAPortThatWentAgainSaysNothing)
{
    plug_ids();
    overrides["ids"] = {Override::Place::here, {}};
    CHECK_TRUE(to_hv2 != actions(table_deliver, 100000, "reg0=0x2001,reg2=0"));
    std::erase_if(ports, [](const Port& port) { return port.vm_id == "ids"; });
    STRCMP_EQUAL(to_hv2, actions(table_deliver, 100000, "reg0=0x2001,reg2=0").c_str());
}

TEST(Flows, MoveThatNobodyEndedSaysNothingOnceTheVmIsKnownElsewhere)
{
    db::Move move;
    move.vm = "fw";
    move.role = "source";
    move.hypervisor = "hv1";
    move.peer = "hv3"; // Not where it is now.
    move.state = "turned";
    snapshot.moves = {move};
    for (auto& vm : snapshot.vms)
        if (vm.id == "fw")
            vm.hypervisor = "hv2";
    STRCMP_EQUAL("none",
                 actions(table_entry, 135000, "reg13=0x80000000,dl_dst=52:54:00:00:00:01").c_str());
    ports = {port("uplink", uplink, "", ""), port("tunnel", tunnel, "", ""),
             port("vm", fw_port, "fw", "52:54:00:00:00:01")};
    CHECK_TRUE("none" != actions(table_deliver, 110000, "reg0=0x1001,reg2=3"));
}

TEST(Flows, MovingAVmTouchesItsDeliveryAloneWhateverItsPaths)
{
    plug_ids();
    for (int i = 0; i < 100; ++i) {
        auto chain = snapshot.chains[0];
        chain.name += std::to_string(i);
        chain.match = "ip,nw_dst=10.1.0." + std::to_string(i);
        snapshot.chains.push_back(chain);
    }
    const auto before = compile(snapshot, ports, overrides).flows;
    overrides["ids"] = {Override::Place::here, {}};
    const auto after = compile(snapshot, ports, overrides).flows;
    std::vector<Flow> changed;
    std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                        std::back_inserter(changed));
    for (const auto& flow : changed)
        CHECK_TRUE(flow.table == table_deliver || flow.table == table_release ||
                   flow.table == table_elect);
    CHECK_TRUE(changed.size() <= 5);
}

TEST(Flows, UplinkFrameOfAVmElsewhereWasClassifiedThere)
{
    CHECK_TRUE(actions(table_classify, over_paths, "reg1=1/1,dl_src=52:54:00:00:00:02")
                   .find("load:0x80000000->NXM_NX_REG13[]") != std::string::npos);
}

TEST(Flows, WhatAnotherSwitchSaysAsAVipIsHandedOnByNoHop_B14)
{
    db::Balancer web;
    web.name = "web";
    web.vip = "10.0.0.100";
    web.vip_mac = "ae:48:0a:00:00:64";
    web.policy = "mh";
    web.director = "builtin";
    snapshot.balancers = {web};
    CHECK_TRUE(actions(table_classify, over_paths, "reg1=1/1,dl_src=ae:48:0a:00:00:64")
                   .find("load:0x80000000->NXM_NX_REG13[]") != std::string::npos);
}

TEST(Flows, ReleasedFrameResumesAtThePortWhereItEntered)
{
    CHECK_TRUE(actions(table_release, 110000, "dl_src=52:54:00:00:00:03")
                   .starts_with("load:0x9->NXM_OF_IN_PORT[]"));
    CHECK_TRUE(
        actions(table_release, 100000, "reg2=0,dl_src=52:54:00:00:00:02")
            .find("set_field:0x0->tun_id,set_field:oam->tun_flags,set_field:10.90.0.2->tun_dst") !=
        std::string::npos);
}

TEST(Flows, CopyOutOfAHopOnNoPathIsDropped)
{
    STRCMP_EQUAL("drop", actions(table_exit, 66500, "dl_src=52:54:00:00:00:03").c_str());
    STRCMP_EQUAL("resubmit(,250)",
                 actions(table_exit, 67000, "reg0=0x1001,dl_src=52:54:00:00:00:01").c_str());
}

TEST(Flows, PortOfAHopIsGuardedAgainstFloodedCopies)
{
    const auto set = compile(snapshot, ports, overrides);
    LONGS_EQUAL(1, set.guarded.size());
    STRCMP_EQUAL("p3", set.guarded[0].interface.c_str());
}

TEST(Flows, PendingHopDropsAndIsNamed)
{
    snapshot.vms.erase(snapshot.vms.begin() + 1);
    STRCMP_EQUAL("load:0x7fffff->NXM_NX_REG0[],resubmit(,252)",
                 actions(table_exit, there(), "reg0=0x1001,ip,nw_dst=10.0.0.5").c_str());
    snapshot.vms.push_back(vm("ids", 0x2001, "hv1", "52:54:00:00:00:02"));
    const auto set = compile(snapshot, ports, overrides);
    LONGS_EQUAL(1, set.problems.size());
    CHECK_TRUE(set.problems[0].find("ids") != std::string::npos);
}

TEST(Flows, HopOutOfReachIsNamedWithWhatIsMissing)
{
    const auto problem = [&] {
        const auto set = compile(snapshot, ports, overrides);
        LONGS_EQUAL(1, set.problems.size());
        return set.problems.at(0);
    };
    for (auto& hypervisor : snapshot.hypervisors)
        if (!hypervisor.self)
            hypervisor.vtep.clear();
    CHECK_TRUE(problem().find("its tunnel is not known") != std::string::npos);
    std::erase_if(ports, [](const Port& port) { return port.kind == "tunnel"; });
    CHECK_TRUE(problem().find("no port holdfast0") != std::string::npos);
}

TEST(Flows, DeadHopIsBypassedOnlyWhereTheChainSaysSo)
{
    snapshot.vms[1].state = "stopped";
    const auto exit_of_fw = [&] {
        return actions(table_exit, there(), "reg0=0x1001,ip,nw_dst=10.0.0.5");
    };
    STRCMP_EQUAL("load:0x2001->NXM_NX_REG0[],resubmit(,252)", exit_of_fw().c_str());
    snapshot.chains[0].dead = "bypass";
    STRCMP_EQUAL("resubmit(,253)", exit_of_fw().c_str());
}

/// A service of hypervisor hv1's network, which runs in another on hv2 (spec S8).
TEST_GROUP(Apart)
{
    db::Snapshot snapshot;
    std::vector<Port> ports{port("uplink", uplink, "", ""), port("tunnel", tunnel, "", "")};
    const std::string from = "in_port=7,reg13=0";
    const std::string own = "reg0=0x1001,reg2=1,dl_src=02:00:00:00:00:01";

    void at(const char* self, const char* runs_on, const char* entry)
    {
        snapshot.hypervisors = {{1, "hv1", "a", "10.90.0.1", "br0", std::string{self} == "hv1", 0},
                                {2, "hv2", "b", "10.90.0.2", "br0", std::string{self} == "hv2", 0},
                                {3, "hv3", "c", "10.90.0.3", "br0", std::string{self} == "hv3", 0}};
        snapshot.vms = {vm("s", 0x1001, runs_on, "02:00:00:00:00:01")};
        snapshot.vms[0].kind = "service";
        snapshot.vms[0].ports[0].entry = entry;
    }
    void plug(const char* kind, int ofport, const std::string& iface_id, int tag)
    {
        ports.push_back({"br0", "hfs" + std::to_string(ofport), ofport, iface_id,
                         std::string{kind} == "port" ? "02:00:00:00:00:01" : "", "", tag, kind});
    }
    std::string actions(int table, int priority, const std::string& match)
    {
        for (const auto& flow : compile(snapshot, ports, {}).flows)
            if (flow.table == table && flow.priority == priority && flow.match == match)
                return flow.actions;
        return "none";
    }
};

TEST(Apart, WhatItSendsGoesToWhomStandsInForIt)
{
    at("hv2", "hv2", "hv1");
    plug("port", 7, "s", db::dead_vlan);
    CHECK_EQUAL(deliver_elsewhere(0x1001, "10.90.0.1", tunnel, false), actions(0, 152500, from));
    STRCMP_CONTAINS("output:7", actions(252, 100000, "reg0=0x1001,reg2=1").c_str());
    STRCMP_CONTAINS("strip_vlan",
                    actions(252, 100001, "reg0=0x1001,reg2=1,vlan_tci=0x1000/0x1000").c_str());
    CHECK_EQUAL(std::string("none"), actions(253, 110000, "dl_src=02:00:00:00:00:01"));
}

TEST(Apart, NothingOfTheTunnelIsFloodedWhereNobodyHasAPort)
{
    at("hv3", "hv2", "hv1");
    CHECK_EQUAL(std::string("drop"), actions(252, 65536, ""));
    snapshot.vms[0].ports[0].entry.clear();
    CHECK_TRUE(compile(snapshot, ports, {}).flows.empty());
}

TEST(Apart, WhileItComesItsPortSaysSo)
{
    at("hv2", "hv1", "");
    plug("port", 7, "s", db::dead_vlan);
    CHECK_EQUAL(deliver_elsewhere(0x1001, "10.90.0.1", tunnel, false), actions(0, 152500, from));
    snapshot.hypervisors.erase(snapshot.hypervisors.begin());
    CHECK_EQUAL(std::string("drop"), actions(0, 152500, from)); // Never into this network.
    STRCMP_CONTAINS("service s is cut off: hv1",
                    compile(snapshot, ports, {}).problems.at(0).c_str());
}

TEST(Apart, PortThatStandsInLeadsToItWhereverItRuns)
{
    at("hv1", "hv2", "hv1");
    plug("entry", 8, db::entry_id("s"), 10);
    plug("lead", 7, db::lead_id("s"), db::dead_vlan);
    STRCMP_CONTAINS("resubmit(,252)", actions(0, 152500, from).c_str());
    CHECK_EQUAL(deliver_elsewhere(0x1001, "10.90.0.2", tunnel, false),
                actions(252, 100000, "reg0=0x1001,reg2=0"));
    snapshot.vms[0].hypervisor = "hv3";
    CHECK_EQUAL(deliver_elsewhere(0x1001, "10.90.0.3", tunnel, false),
                actions(252, 100000, "reg0=0x1001,reg2=0"));
}

TEST(Apart, WhatItSendsEntersWhereItsPortWouldBe)
{
    at("hv1", "hv2", "hv1");
    plug("entry", 8, db::entry_id("s"), 10);
    plug("lead", 7, db::lead_id("s"), db::dead_vlan);
    const auto enters = actions(252, over_paths + 1, own);
    STRCMP_CONTAINS("load:0x8->NXM_OF_IN_PORT[]", enters.c_str());
    STRCMP_CONTAINS("resubmit(,250)", enters.c_str()); // Its chains begin here.
    CHECK_EQUAL(std::string("none"), actions(250, over_paths, "reg1=1/1,dl_src=02:00:00:00:00:01"));
    STRCMP_CONTAINS("0x8->NXM_OF_IN_PORT",
                    actions(253, 110000, "dl_src=02:00:00:00:00:01").c_str());
    CHECK_EQUAL(std::string("none"), actions(253, 100000, "reg2=0,dl_src=02:00:00:00:00:01"));
}

TEST(Apart, ItLeavesHomeBeforeThePortThatStandsInIsThere)
{
    at("hv1", "hv1", "");
    plug("port", 7, "s", 0);
    CHECK_EQUAL(std::string("none"), actions(252, over_paths + 1, own));
    db::Move move;
    move.vm = "s";
    move.role = "source";
    move.hypervisor = "hv1";
    move.peer = "hv2";
    move.state = "turned";
    snapshot.moves = {move};
    STRCMP_CONTAINS("load:0x7->NXM_OF_IN_PORT[]", actions(252, over_paths + 1, own).c_str());
}

TEST(Apart, OwnBroadcastThatComesBackGoesNoFurther)
{
    at("hv1", "hv3", "hv1"); // It has moved within the network, and this one does not know yet.
    plug("entry", 8, db::entry_id("s"), 10);
    plug("lead", 7, db::lead_id("s"), db::dead_vlan);
    CHECK_EQUAL(std::string("drop"), actions(0, 152600, from + ",dl_src=02:00:00:00:00:01"));
    CHECK_EQUAL(std::string("none"), actions(252, over_paths + 1,
                                             "reg0=0x1001,reg2=0,dl_src=02:"
                                             "00:00:00:00:01"));
}

TEST(Apart, PortThatOthersHaveNotWiredYetIsNone)
{
    at("hv2", "hv1", "");
    plug("port", 7, "s", db::dead_vlan);
    ports.back().interface = "tap3";
    CHECK_EQUAL(std::string("none"), actions(0, 152500, from));
    ports.back().interface = "hfs7";
    ports.back().kind = "vm";
    CHECK_EQUAL(std::string("none"), actions(0, 152500, from));
}

TEST(Apart, OneThatHasComeBackNeedsNobody)
{
    at("hv1", "hv1", "");
    plug("port", 7, "s", 0);
    plug("entry", 8, db::entry_id("s"), 0);
    plug("lead", 9, db::lead_id("s"), db::dead_vlan);
    CHECK_EQUAL(std::string("none"), actions(0, 152500, from));
    STRCMP_CONTAINS("output:7", actions(252, 100000, "reg0=0x1001,reg2=0").c_str());
}
