// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/trace, hookd/hook-server's first line and hookd/migrate's addresses.
#include <config.h>

#include "hookd/fleet-note.h"
#include "hookd/hook-server.h"
#include "hookd/migrate.h"
#include "hookd/trace.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

const char* const through_tunnel = R"(Flow: tcp,in_port=1,nw_dst=10.0.0.20

bridge("br0")
-------------
 0. reg13=0,in_port=1, priority 140000, cookie 0x484f4c4446415354
    load:0x1->NXM_NX_REG1[]
    resubmit(,250)
252. reg0=0x1001,reg2=0, priority 100000, cookie 0x484f4c4446415354
    set_field:0x1001->tun_id
    set_field:10.90.0.1->tun_dst
    output:2
     -> output to native tunnel

bridge("br0")
-------------
 0. priority 0
    NORMAL
     -> forwarding to learned port

Final flow: tcp,tun_dst=10.90.0.1
Datapath actions: tnl_push(tnl_port(3)),2
)";

const char* const dropped = R"(Flow: tcp,in_port=1
bridge("br0")
-------------
252. priority 65536
    drop

Final flow: unchanged
Datapath actions: drop
)";

const char* const past_taps = R"(Flow: icmp,in_port=2

bridge("br0")
-------------
 0. in_port=2, priority 5
    load:0x7->NXM_NX_REG0[]
    resubmit(,251)
251. reg0=0x7, priority 5
    clone(load:0x3->NXM_NX_REG0[],resubmit(,252))
    load:0x3->NXM_NX_REG0[]
    resubmit(,252)
    252. reg0=0x3, priority 5
            output:3
    clone(load:0x3->NXM_NX_REG0[],resubmit(,252))
    load:0x3->NXM_NX_REG0[]
    resubmit(,252)
    252. reg0=0x3, priority 5
            set_field:0x1001->tun_id
            output:3
    load:0x4->NXM_NX_REG0[]
    resubmit(,252)
252. reg0=0x4, priority 5
    output:4

Final flow: icmp,reg0=0x4,in_port=2
Datapath actions: 3,3,4
)";

} // namespace

TEST_GROUP(Trace){};

/// Spec C17: what becomes of a tap's copy is not what becomes of the packet.
TEST(Trace, CopiesAreNotFollowed)
{
    TraceStep step = parse_trace(past_taps);
    CHECK_EQUAL(4, *step.out_port);
    CHECK_FALSE(step.tun_id.has_value());
    CHECK_EQUAL(3u, step.rules.size());
    CHECK_EQUAL(std::string("table 252. reg0=0x4, priority 5"), step.rules[2]);
}

TEST(Trace, FrameIntoTheTunnelIsFollowedToItsEndAndLabel)
{
    TraceStep step = parse_trace(through_tunnel);
    CHECK_EQUAL(2u, step.rules.size());
    CHECK_EQUAL(std::string("table 0. reg13=0,in_port=1, priority 140000"), step.rules[0]);
    CHECK_EQUAL(2, *step.out_port);
    CHECK_EQUAL(0x1001u, *step.tun_id);
    CHECK_EQUAL(std::string("10.90.0.1"), step.tun_dst);
    CHECK_FALSE(step.dropped);
}

TEST(Trace, DropIsADrop)
{
    CHECK_TRUE(parse_trace(dropped).dropped);
    CHECK_TRUE(parse_trace("").dropped);
}

TEST(Trace, FieldsOfAPacketAreFoundWhole)
{
    CHECK_EQUAL(std::string("10.0.0.1"), field_of("tcp,nw_src=10.0.0.1,tp_dst=80", "nw_src"));
    CHECK_EQUAL(std::string(), field_of("tcp,xnw_src=1", "nw_src"));
    CHECK_EQUAL(std::string("tcp,tp_dst=80"), without_in_port("in_port=3, tcp,tp_dst=80"));
}

TEST(Trace, SenderIsFoundByAddress)
{
    db::Vm vm;
    vm.id = "v";
    vm.hypervisor = "hv1";
    vm.ips = {"10.0.0.1"};
    vm.ports.push_back({"52:54:00:00:00:01", "i", "br0", "vnet0", 4});
    std::vector<db::Vm> vms{vm};
    CHECK_TRUE(sender_of("tcp,nw_src=10.0.0.1", vms) == &vms[0]);
    CHECK_TRUE(sender_of("tcp,dl_src=52:54:00:00:00:01", vms) == &vms[0]);
    CHECK_TRUE(sender_of("tcp,nw_dst=10.0.0.1", vms) == nullptr);
    CHECK_TRUE(vm_at(vms, "hv1", 4) == &vms[0]);
    CHECK_TRUE(vm_at(vms, "hv2", 4) == nullptr);
    CHECK_EQUAL(std::string("tcp,nw_dst=10.0.0.1,dl_dst=52:54:00:00:00:01"),
                with_macs("tcp,nw_dst=10.0.0.1", vms));
}

TEST_GROUP(HookMessage){};

TEST(HookMessage, FirstLineHasFiveLengths)
{
    auto lengths = parse_hook_header("HOLDFAST-HOOK 1 2 7 5 1 4096");
    CHECK_TRUE(bool(lengths));
    CHECK_EQUAL(7u, (*lengths)[1]);
    CHECK_EQUAL(4096u, (*lengths)[4]);
}

TEST(HookMessage, NonsenseIsRefused)
{
    CHECK_FALSE(bool(parse_hook_header("")));
    CHECK_FALSE(bool(parse_hook_header("GET / HTTP/1.0")));
    CHECK_FALSE(bool(parse_hook_header("HOLDFAST-HOOK 1 2 7 5 1")));
    CHECK_FALSE(bool(parse_hook_header("HOLDFAST-HOOK 1 2 7 5 1 4 5")));
    CHECK_FALSE(bool(parse_hook_header("HOLDFAST-HOOK 1 -2 7 5 1 4")));
    CHECK_FALSE(bool(parse_hook_header("HOLDFAST-HOOK 1 2 7 5 1 99999999")));
    CHECK_FALSE(bool(parse_hook_header("HOLDFAST-HOOK 1 2 7 5 9999 1")));
    CHECK_FALSE(bool(parse_hook_header("HOLDFAST-HOOK 1 99999999999999999999999 7 5 9 1")));
}

TEST_GROUP(FleetNote){};

TEST(FleetNote, AddressesAreReadAsPeopleWriteThem)
{
    CHECK_TRUE(*parse_listen("10.91.0.1") == (Listen{"10.91.0.1", 6650}));
    CHECK_TRUE(*parse_listen("10.91.0.1:7000") == (Listen{"10.91.0.1", 7000}));
    CHECK_TRUE(*parse_listen("tcp:10.91.0.1:7000") == (Listen{"10.91.0.1", 7000}));
    CHECK_TRUE(*parse_listen("ptcp:7000:10.91.0.1") == (Listen{"10.91.0.1", 7000}));
    CHECK_TRUE(*parse_listen("fd00::1") == (Listen{"fd00::1", 6650}));
    CHECK_EQUAL(std::string("tcp:10.91.0.1:6650"), remote_of("10.91.0.1"));
    CHECK_EQUAL(std::string("tcp:[fd00::1]:6650"), remote_of("fd00::1"));
    CHECK_EQUAL(std::string("tcp:[fd00::1]:7000"), remote_of("[fd00::1]:7000"));
    CHECK_EQUAL(std::string("tcp:hv1.example:6650"), remote_of("hv1.example"));
    CHECK_EQUAL(std::string("tcp:hv1.example:7000"), remote_of("tcp:hv1.example:7000"));
    CHECK_EQUAL(std::string("ssl:10.91.0.1:6650"), remote_of("ssl:10.91.0.1:6650"));
    CHECK_TRUE(*parse_listen("[fd00::1]:7000") == (Listen{"[fd00::1]", 7000}));
}

TEST(FleetNote, AddressesThatAreNoneAreRefused)
{
    for (const char* text : {"", "host:name:x", "10.0.0.1:x", "10.0.0.1:70000",
                             "ptcp:", "ptcp:7000", "10.0.0.1; rm"}) {
        CHECK_FALSE_TEXT(bool(parse_listen(text)), text);
    }
}

TEST_GROUP(Migrate){};

TEST(Migrate, AddressNamesThePeer)
{
    db::Hypervisor peer;
    peer.name = "hv2";
    peer.vtep = "10.90.0.2";
    CHECK_EQUAL(std::string("qemu+tcp://hv2/system"),
                expand_uri("qemu+tcp://{hypervisor}/system", peer));
    CHECK_EQUAL(std::string("tcp://10.90.0.2"), expand_uri("tcp://{vtep}", peer));
}
