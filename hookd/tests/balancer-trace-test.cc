// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/balancer-trace.
#include <config.h>

#include "hookd/balancer-trace.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

db::Vm vm_of(const std::string& name, const std::string& hypervisor, const std::string& address,
             int port)
{
    db::Vm vm;
    vm.id = "id-" + name;
    vm.name = name;
    vm.hypervisor = hypervisor;
    vm.state = "running";
    vm.ips = {address};
    vm.ports = {{"52:54:00:00:00:0" + std::to_string(port), "i-" + name, "br0",
                 "vnet" + std::to_string(port), port}};
    return vm;
}

Walked walk_to(const std::string& hypervisor, int port)
{
    Walked walked;
    walked.steps = {{hypervisor, "", "out by port " + std::to_string(port), {"table 252"}}};
    walked.hypervisor = hypervisor;
    walked.out_port = port;
    walked.result = "delivered";
    return walked;
}

} // namespace

TEST_GROUP(BalancerTrace)
{
    db::Balancer web;
    std::vector<db::Vm> vms{vm_of("lb", "hv1", "10.0.10.5", 5), vm_of("s1", "hv1", "10.0.20.11", 1),
                            vm_of("s2", "hv2", "10.0.20.12", 2)};
    std::vector<db::ServerHealth> health;
    SwitchAnswers answers{{"hv1", {}}, {"hv2", {}}};
    TracedConnection connection{"192.0.2.1", 40000, ""};
    TraceEntry uplink{"hv1", "uplink", "an uplink", "", ""};

    void setup() override
    {
        web.name = "web";
        web.vip = "10.0.10.100";
        web.port = 80;
        web.directors = {"id-lb"};
        web.servers = {{"10.0.20.11", 8080, 1, "active", "ae:48:0a:00:14:0b", 0},
                       {"10.0.20.12", 80, 1, "active", "ae:48:0a:00:14:0c", 0}};
    }
    void builtin(const std::string& how, std::vector<std::string> servers)
    {
        web.director = "builtin";
        web.directors.clear();
        web.policy = "mh";
        web.vip_mac = "ae:48:0a:00:0a:64";
        answers["hv1"].how = how;
        answers["hv1"].servers = std::move(servers);
    }
    TracePlan plan()
    {
        return plan_trace(web, connection, uplink, vms, health, answers);
    }
    std::string refusal(const std::string& packet)
    {
        auto read = read_connection(packet, web);
        return read ? "" : read.error().message;
    }
    Result<TraceEntry> entry(const std::string& from)
    {
        SwitchPort port;
        port.interface = "r-10";
        port.ofport = 9;
        return find_entry(from, {"hv1", {port}, vms}, web, connection);
    }
};

TEST(BalancerTrace, PacketSaysWhoTheClientIs)
{
    auto read =
        read_connection("tcp, nw_src=10.0.40.2,tp_src=1234,nw_dst=10.0.10.100,tp_dst=80", web);
    CHECK_TRUE(bool(read));
    CHECK_EQUAL(std::string("10.0.40.2"), read->client);
    CHECK_EQUAL(1234, read->client_port);
    CHECK_EQUAL(std::string("3"), read_connection("in_port=3", web)->in_port);
    CHECK_EQUAL(std::string(), read_connection("", web)->client);
    web.vip = "fd10::100";
    CHECK_EQUAL(std::string("fd40::2"), read_connection("tcp6,ipv6_src=fd40::2", web)->client);
}

TEST(BalancerTrace, PacketThatIsNotForTheVipIsRefusedInOneLine)
{
    STRCMP_CONTAINS("not for the VIP, 10.0.10.100", refusal("tcp,nw_dst=10.0.10.101").c_str());
    STRCMP_CONTAINS("not for the VIP's port, 80", refusal("tp_dst=81").c_str());
    STRCMP_CONTAINS("\"udp\"", refusal("udp").c_str());
    STRCMP_CONTAINS("\"dl_vlan=5\"", refusal("tcp,dl_vlan=5").c_str());
    STRCMP_CONTAINS("VIP's family", refusal("nw_src=10.0.0.0/8").c_str());
    STRCMP_CONTAINS("1 to 65535", refusal("tp_src=0").c_str());
    STRCMP_CONTAINS("\"ipv6_src=fd40::2\"", refusal("ipv6_src=fd40::2").c_str());
    STRCMP_CONTAINS("\"banana\"", refusal("banana").c_str());
}

TEST(BalancerTrace, EntryIsNamedOrFoundByTheClientsAddress)
{
    vms.push_back(vm_of("c1", "hv2", "10.0.40.2", 4));
    connection = {"10.0.40.2", 40000, ""};
    CHECK_EQUAL(std::string("hv2"), entry("")->hypervisor);
    CHECK_EQUAL(std::string("in_port=4"), entry("")->where);
    connection = {};
    CHECK_EQUAL(std::string("uplink"), entry("")->where);
    CHECK_EQUAL(std::string("192.0.2.1"), connection.client);
    connection = {};
    CHECK_EQUAL(std::string("in_port=9"), entry("r-10")->where);
    CHECK_EQUAL(std::string("hv1"), entry("9")->hypervisor);
    connection = {};
    CHECK_EQUAL(std::string("in_port=4"), entry("c1")->where);
    CHECK_EQUAL(std::string("10.0.40.2"), connection.client);
    STRCMP_CONTAINS("did you mean c1", entry("c11").error().message.c_str());
    vms.back().state = "stopped";
    STRCMP_CONTAINS("VM c1 is stopped", entry("c1").error().message.c_str());
    connection.in_port = "9";
    CHECK_EQUAL(std::string("in_port=9"), entry("")->where);
    STRCMP_CONTAINS("not both", entry("c1").error().message.c_str());
}

TEST(BalancerTrace, ExternalDirectorIsFollowedToEachServer_B1_B2)
{
    TracePlan made = plan();
    CHECK_EQUAL(1u, made.steps.size());
    CHECK_EQUAL(std::string("lb"), made.steps[0].vm);
    CHECK_FALSE(made.steps[0].problem);
    CHECK_EQUAL(2u, made.legs.size());
    CHECK_EQUAL(std::string("in_port=5"), made.legs[1].entry.where);
    CHECK_EQUAL(std::string("tcp,nw_src=192.0.2.1,nw_dst=10.0.10.100,tp_src=40000,tp_dst=80,"
                            "dl_src=52:54:00:00:00:05,dl_dst=ae:48:0a:00:14:0c"),
                frame_to_server(web, connection, made.legs[1]));
}

TEST(BalancerTrace, DirectorThatIsNotThereIsAProblem)
{
    vms[0].state = "stopped";
    CHECK_TRUE(plan().steps.at(0).problem);
    STRCMP_CONTAINS("director: VM lb is stopped", plan().steps[0].text.c_str());
    CHECK_TRUE(plan().legs.empty());
    web.directors = {"id-gone"};
    STRCMP_CONTAINS("id-gone", plan().steps.at(0).text.c_str());
    web.directors.clear();
    STRCMP_CONTAINS("names no director", plan().steps.at(0).text.c_str());
}

TEST(BalancerTrace, BuiltInDirectorSaysWhichServer_B9)
{
    builtin("chosen", {"10.0.20.12"});
    CHECK_EQUAL(1u, plan().legs.size());
    CHECK_EQUAL(std::string("10.0.20.12"), plan().legs[0].server.address);
    STRCMP_CONTAINS("policy mh chooses 10.0.20.12", plan().steps.at(1).text.c_str());
    CHECK_EQUAL(std::string("uplink"), plan().legs[0].entry.where);
    answers["hv1"].how = "held";
    STRCMP_CONTAINS("already: it stays at 10.0.20.12", plan().steps.at(1).text.c_str());
    builtin("open", {"10.0.20.11", "10.0.20.12"});
    CHECK_EQUAL(2u, plan().legs.size());
    builtin("refused", {});
    CHECK_TRUE(plan().steps.at(1).problem);
    CHECK_TRUE(plan().legs.empty());
    builtin("", {});
    STRCMP_CONTAINS("no built-in director", plan().steps.at(1).text.c_str());
}

TEST(BalancerTrace, ServerThatWasTakenOutIsFollowedWhileItHasTheConnection_B9)
{
    builtin("held", {"10.0.20.13"});
    vms.push_back(vm_of("s3", "hv2", "10.0.20.13", 3));
    answers["hv1"].leaving = {{"10.0.20.13", 8080, 0, "draining", "ae:48:0a:00:14:0d", 0}};
    STRCMP_CONTAINS("stays at 10.0.20.13, which was taken out of web and is leaving",
                    plan().steps.at(1).text.c_str());
    CHECK_FALSE(plan().steps[1].problem);
    CHECK_EQUAL(1u, plan().legs.size());
    const TraceLeg leg = plan().legs[0];
    CHECK_EQUAL(std::string("s3"), leg.vm->name);
    CHECK_EQUAL(std::string(), unreachable(leg, "web", answers));
    STRCMP_CONTAINS("dl_dst=ae:48:0a:00:14:0d", frame_to_server(web, connection, leg).c_str());
    STRCMP_CONTAINS("becomes 10.0.20.13:8080",
                    steps_out(web, leg, walk_to("hv2", 3)).back().text.c_str());
    answers["hv1"].leaving.clear();
    CHECK_TRUE(plan().legs.empty());
}

TEST(BalancerTrace, SorryServerThatIsAServerTooIsFollowedOnce_B10)
{
    builtin("sorry", {"10.0.20.11"});
    web.sorry = "10.0.20.11";
    web.sorry_port = 8080;
    web.sorry_mac = "ae:48:0a:00:14:0b";
    CHECK_TRUE(plan().steps.at(1).problem);
    CHECK_EQUAL(1u, plan().legs.size());
}

TEST(BalancerTrace, DeadServerIsNamed_B10)
{
    builtin("chosen", {"10.0.20.12"});
    web.check = "tcp";
    health = {{"web", "10.0.20.11", "hv1", "down", 1, "connection refused", -1, -1, -1},
              {"web", "10.0.20.12", "hv2", "up", 1, "", -1, -1, -1}};
    CHECK_EQUAL(3u, plan().steps.size());
    CHECK_EQUAL(std::string("hv1"), plan().steps[2].hypervisor);
    STRCMP_CONTAINS("dead by its health: connection refused", plan().steps[2].text.c_str());
    health.clear();
    STRCMP_CONTAINS("nobody has probed", plan().steps.at(2).text.c_str());
}

TEST(BalancerTrace, SwitchThatDoesNothingIsAProblem)
{
    builtin("chosen", {"10.0.20.12"});
    answers["hv1"].kernel = true;
    STRCMP_CONTAINS("kernel's datapath", plan().steps.at(1).text.c_str());
    CHECK_TRUE(plan().legs.empty());
    answers["hv1"] = {"no answer within 10 s", false, "", {}};
    STRCMP_CONTAINS("hv1 does not answer: no answer", plan().steps.at(1).text.c_str());
}

TEST(BalancerTrace, ServerThatIsNotThereIsAProblem)
{
    TraceLeg leg = plan().legs.at(1);
    CHECK_EQUAL(std::string(), unreachable(leg, "web", answers));
    answers["hv2"].trouble = "it is silent";
    STRCMP_CONTAINS("it is silent", unreachable(leg, "web", answers).c_str());
    leg.vm->ports[0].mac.clear();
    STRCMP_CONTAINS("MAC address of VM s2 is unknown", unreachable(leg, "web", answers).c_str());
    leg.vm->ports.clear();
    STRCMP_CONTAINS("plugged into no bridge", unreachable(leg, "web", answers).c_str());
    leg.vm->state = "stopped";
    STRCMP_CONTAINS("VM s2 is stopped", unreachable(leg, "web", answers).c_str());
    leg.vm.reset();
    STRCMP_CONTAINS("balancer server del web 10.0.20.12", unreachable(leg, "web", answers).c_str());
}

TEST(BalancerTrace, AddressesAreTranslatedAtTheServersPortThereAndBack_B3_B5)
{
    TraceLeg leg = plan().legs.at(0);
    CHECK_TRUE(arrived(leg, walk_to("hv1", 1)));
    auto out = steps_out(web, leg, walk_to("hv1", 1));
    CHECK_EQUAL(3u, out.size());
    STRCMP_CONTAINS("the switch answers ae:48:0a:00:14:0b", out[0].text.c_str());
    CHECK_EQUAL(1u, out[1].rules.size());
    STRCMP_CONTAINS("10.0.10.100:80 becomes 10.0.20.11:8080", out[2].text.c_str());
    auto back = steps_back(web, connection, leg, walk_to("hv1", 0));
    STRCMP_CONTAINS("10.0.20.11:8080 becomes 10.0.10.100:80", back.front().text.c_str());
    STRCMP_CONTAINS("straight to 192.0.2.1:40000", back.back().text.c_str());
    CHECK_EQUAL(std::string("back"), back.back().way);
    CHECK_EQUAL(std::string("tcp,nw_src=10.0.10.100,nw_dst=192.0.2.1,tp_src=80,tp_dst=40000,"
                            "dl_src=52:54:00:00:00:01"),
                frame_to_client(web, connection, leg, vms));
    CHECK_EQUAL(std::string("there and back"), trace_result(out));
}

TEST(BalancerTrace, RoutedServerIsReachedByItsGateway_B3_B4)
{
    web.gateway = "10.0.10.1";
    web.number = 3;
    web.servers = {{"10.0.20.12", 8080, 1, "active", "ae:48:0a:00:14:0c", 0, "routed"},
                   {"10.9.9.9", 80, 1, "active", "ae:48:0a:09:09:09", 0, "routed"}};
    const TraceGateway there{"10.0.10.1", 10, GatewayState::known, "52:54:00:00:10:01", "r-10"};
    answers["hv1"].gateways = {
        {{"10.0.10.9", 10, GatewayState::known, "52:54:00:00:00:99", "x"}, there}};
    answers["hv1"].vlans = {{"5", 10}};
    const auto legs = plan().legs;
    CHECK_EQUAL(2u, legs.size());
    CHECK_EQUAL(std::string(), unreachable(legs[0], "web", answers));
    CHECK_EQUAL(std::string(), unreachable(legs[1], "web", answers));
    const auto steps = steps_by_gateway(web, legs[0]);
    CHECK_EQUAL(4u, steps.size());
    STRCMP_CONTAINS("it asks for its MAC address", steps[0].text.c_str());
    CHECK_EQUAL(std::string("10.0.10.100 becomes 10.0.20.12 with DSCP 3, ae:48:0a:00:14:0c becomes "
                            "52:54:00:00:10:01, of the gateway 10.0.10.1 in VLAN 10: out by r-10"),
                steps[1].text);
    CHECK_EQUAL(std::string("the gateway routes it to 10.0.20.12"), steps[2].text);
    CHECK_EQUAL(std::string("at the port of s2: 10.0.20.12:80 with DSCP 3 becomes 10.0.20.12:8080"),
                steps[3].text);
    CHECK_EQUAL(std::string("hv2"), steps[3].hypervisor);
    // One outside of the fleet.
    CHECK_EQUAL(3u, steps_by_gateway(web, legs[1]).size());
    STRCMP_CONTAINS("no VM of the fleet", steps_by_gateway(web, legs[1])[2].text.c_str());
}

TEST(BalancerTrace, GatewayThatIsNotKnownIsToldByWhatTheSwitchDid_B4)
{
    builtin("chosen", {"10.0.20.12"});
    web.gateway = "10.0.10.1";
    web.servers[1].way = "routed";
    TraceGateway there{"10.0.10.1", 10, GatewayState::known, "52:54:00:00:10:01", "r-10"};
    const auto why = [&] { return unreachable(plan().legs.at(0), "web", answers); };
    const auto steps = [&] { return steps_by_gateway(web, plan().legs.at(0)); };
    STRCMP_CONTAINS("the switch of hv1 does not say what it knows of gateways", why().c_str());
    CHECK_TRUE(ends_at_gateway(plan().legs.at(0)));
    answers["hv1"].gateways.emplace();
    CHECK_EQUAL(std::string(), why());
    STRCMP_CONTAINS("the MAC address of the gateway 10.0.10.1, for which hv1 has not asked yet",
                    steps()[0].text.c_str());
    CHECK_EQUAL(std::string("there and back, if the gateway 10.0.10.1 answers ARP: hv1 has not "
                            "asked yet"),
                trace_result(steps()));
    there.state = GatewayState::asked;
    answers["hv1"].gateways = {{there}};
    CHECK_EQUAL(std::string(), why());
    CHECK_EQUAL(std::string("there and back, if the gateway 10.0.10.1 in VLAN 10 answers ARP: hv1 "
                            "has just asked"),
                trace_result(steps()));
    there.state = GatewayState::unanswered;
    answers["hv1"].gateways = {{there}};
    CHECK_EQUAL(
        std::string("the gateway 10.0.10.1 in VLAN 10 was asked by hv1, and does not answer "
                    "ARP: what is for 10.0.20.12 is dropped there"),
        why());
    CHECK_TRUE(ends_at_gateway(plan().legs.at(0)));
    there.state = GatewayState::silent;
    answers["hv1"].gateways = {{there}};
    CHECK_FALSE(ends_at_gateway(plan().legs.at(0)));
    CHECK_EQUAL(std::string(), why());
    CHECK_TRUE(steps()[0].problem);
    STRCMP_CONTAINS("out by r-10; it does not answer ARP any more", trace_result(steps()).c_str());
    there.state = GatewayState::known;
    answers["hv1"].gateways = {{there}};
    CHECK_EQUAL(std::string("there and back"), trace_result(steps()));
}

TEST(BalancerTrace, GatewayDoesNotAnswerOnceItHasBeenAskedSeveralTimes_B4)
{
    CHECK_TRUE(gateway_state(false, false, false) == GatewayState::unasked);
    CHECK_TRUE(gateway_state(false, true, false) == GatewayState::asked);
    CHECK_TRUE(gateway_state(false, true, true) == GatewayState::unanswered);
    CHECK_TRUE(gateway_state(true, true, true) == GatewayState::silent);
    CHECK_TRUE(gateway_state(true, true, false) == GatewayState::known);
    CHECK_TRUE(gateway_state(true, false, false) == GatewayState::known);
}

TEST(BalancerTrace, SwitchOfALeavingServerIsAskedOnceItIsKnown)
{
    const TracePlan all = plan();
    std::set<std::string> hypervisors;
    for (const TraceLeg& leg : all.legs)
        if (leg.vm)
            hypervisors.insert(leg.vm->hypervisor);
    CHECK_TRUE(hypervisors.contains("hv2"));
    CHECK_TRUE(still_to_ask(all, {}) == hypervisors);
    for (const std::string& one : hypervisors)
        answers[one];
    CHECK_TRUE(still_to_ask(all, answers).empty());
    answers.erase("hv2");
    CHECK_TRUE(still_to_ask(all, answers) == std::set<std::string>{"hv2"});
}

TEST(BalancerTrace, GatewayIsThatOfTheVlanThatThePacketIsIn_B4)
{
    builtin("chosen", {"10.0.20.12"});
    web.gateway = "10.0.10.1";
    web.servers[1].way = "routed";
    const auto gateway = [&] { return plan().legs.at(0).gateway; };
    answers["hv1"].gateways = {{{"10.0.10.1", 10, GatewayState::known, "52:54:00:00:10:01", "r-10"},
                                {"10.0.10.1", 20, GatewayState::unanswered, "", ""}}};
    answers["hv1"].vlans = {{"9", 20}, {"8", 10}};
    CHECK_TRUE(gateway().state == GatewayState::known); // By an uplink in any VLAN.
    uplink.where = "in_port=9";
    CHECK_TRUE(gateway().state == GatewayState::unanswered);
    uplink.where = "in_port=8";
    CHECK_TRUE(gateway().state == GatewayState::known);
    uplink.where = "in_port=7"; // A trunk's, or without a tag: the guest may tag.
    CHECK_TRUE(gateway().state == GatewayState::known);
    uplink.where = "in_port=8";
    answers["hv1"].gateways->erase(answers["hv1"].gateways->begin());
    CHECK_TRUE(gateway().state == GatewayState::unasked); // In that VLAN.
    answers["hv1"].gateways->front().state = GatewayState::known;
    answers["hv1"].vlans.reset();
    CHECK_TRUE(gateway().state == GatewayState::known);
}

TEST(BalancerTrace, FrameThatDoesNotArriveIsAProblem)
{
    TraceLeg leg = plan().legs.at(1);
    CHECK_FALSE(arrived(leg, walk_to("hv1", 2))); // That port, on another switch.
    Walked walked = walk_to("hv2", 0);
    walked.result = "dropped on hv2";
    auto out = steps_out(web, leg, walked);
    CHECK_TRUE(out.back().problem);
    CHECK_EQUAL(std::string("does not come to s2: dropped on hv2"), out.back().text);
    walked.lost = true;
    auto back = steps_back(web, connection, leg, walked);
    CHECK_TRUE(back.back().problem);
    out.insert(out.end(), back.begin(), back.end());
    CHECK_EQUAL(std::string("does not come to s2: dropped on hv2 (and 1 more)"), trace_result(out));
}
