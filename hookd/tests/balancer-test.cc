// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/balancer and common/synthetic-mac (spec balancer.md, B2, B8, "Bad input").
#include <config.h>

#include "hookd/balancer.h"

#include "common/synthetic-mac.h"
#include "db/balancer.h"
#include "hookd/balancer-options.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

db::Vm vm(const std::string& name, const std::string& address)
{
    db::Vm row;
    row.id = "id-" + name;
    row.name = name;
    if (!address.empty())
        row.ips = {"fd00::1", address};
    row.ports.push_back({"52:54:00:00:00:01", "if-" + name, "br0", "vnet0", 1});
    return row;
}

std::string mac(const std::string& layout, const std::string& prefix, const std::string& address)
{
    auto made = synthetic_mac(layout, prefix, *parse_ipv4(address));
    return made ? *made : made.error().message;
}

} // namespace

TEST_GROUP(SyntheticMac){};

TEST(SyntheticMac, PrefixIsBeforeBehindOrAmongTheAddressBytes)
{
    CHECK_EQUAL(std::string("ae:48:0a:00:14:0b"), mac("prefix", "ae:48", "10.0.20.11"));
    CHECK_EQUAL(std::string("0a:00:14:0b:ae:48"), mac("suffix", "AE:48", "10.0.20.11"));
    CHECK_EQUAL(std::string("0a:00:ae:14:0b:48"), mac("split", "ae:48", "10.0.20.11"));
    CHECK_EQUAL(std::string("ae:48:00:00:00:01"), *synthetic_mac("table", "ae:48", 1));
}

TEST(SyntheticMac, MulticastAddressIsRefused)
{
    for (const char* layout : {"suffix", "split"}) {
        CHECK_EQUAL(std::string("MAC layout ") + layout +
                        " makes a multicast address of 11.0.0.5, since its first byte is odd: "
                        "give --mac-layout prefix or table",
                    mac(layout, "ae:48", "11.0.0.5"));
    }
    CHECK_EQUAL(std::string("ae:48:0b:00:00:05"), mac("prefix", "ae:48", "11.0.0.5"));
}

TEST(SyntheticMac, PrefixThatIsNotLocallyAdministeredOrIsMulticastIsRefused)
{
    STRCMP_CONTAINS("ad:48 is multicast", check_mac_prefix("ad:48").error().message.c_str());
    STRCMP_CONTAINS("ac:48 is not locally administered",
                    check_mac_prefix("ac:48").error().message.c_str());
    for (const char* bad : {"", "ae", "ae48", "ae:4", "ae:48:00", "ag:48", "+e:48"})
        STRCMP_CONTAINS("no two bytes", check_mac_prefix(bad).error().message.c_str());
    CHECK_TRUE(bool(check_mac_prefix("02:00")));
}

TEST(SyntheticMac, UnknownLayoutIsRefused)
{
    CHECK_EQUAL(std::string("MAC layout middle is unknown: give prefix, suffix, split or table"),
                mac("middle", "ae:48", "10.0.0.1"));
}

TEST_GROUP(Balancer)
{
    std::vector<db::Vm> vms{vm("lb1", "10.0.0.80"), vm("web1", "10.0.20.11"),
                            vm("web2", "10.0.20.12"), vm("other", "")};
    std::vector<db::Balancer> balancers;
    BalancerRequest request{"web", "10.0.0.80:80/tcp", {"10.0.20.11", "10.0.20.12:8080"}};

    Result<db::Balancer> make()
    {
        return make_balancer(request, balancers, vms);
    }
    std::string error()
    {
        auto made = make();
        return made ? std::string{} : made.error().message;
    }
    db::Balancer add()
    {
        balancers.push_back(*make());
        return balancers.back();
    }
    /// What is said when there is one server, written so.
    std::string server_error(const std::string& server)
    {
        request.servers = {server};
        return error();
    }
    std::string vip_error(const std::string& vip)
    {
        request.vip = vip;
        return error();
    }
};

TEST(Balancer, IsCompleteWithIdsPortsAndMacs)
{
    auto made = make();
    CHECK_EQUAL(std::string(), error());
    CHECK_EQUAL(std::string("10.0.0.80"), made->vip);
    CHECK_EQUAL(80, made->port);
    CHECK_EQUAL(std::string("tcp"), made->protocol);
    CHECK_EQUAL(std::string("external"), made->director);
    CHECK_TRUE(made->directors == std::vector<std::string>{"id-lb1"});
    CHECK_TRUE((made->servers == std::vector<db::RealServer>{
                                     {"10.0.20.11", 80, 1, "active", "ae:48:0a:00:14:0b"},
                                     {"10.0.20.12", 8080, 1, "active", "ae:48:0a:00:14:0c"}}));
}

TEST(Balancer, DirectorNeedsAnOnLinkRouteToEachServer)
{
    auto routes = db::director_routes(*make());
    CHECK_EQUAL(2u, routes.size());
    CHECK_EQUAL(std::string("ip route replace 10.0.20.12/32 dev DEV scope link"), routes[1]);
}

TEST(Balancer, NameIsChecked)
{
    request.name = "";
    CHECK_EQUAL(std::string("a balancer needs a name: give one of letters, digits, - _ ."),
                error());
    for (const auto& bad : {std::string{"a b"}, std::string(65, 'a')}) {
        request.name = bad;
        STRCMP_CONTAINS("this name will not do", error().c_str());
    }
}

TEST(Balancer, VipOfABadFormIsRefused)
{
    for (const char* bad : {"", "10.0.0.80", "10.0.0.80:80", "10.0.0.80/tcp", "web:80/tcp",
                            "10.0.0.300:80/tcp", "10.0.0.80:/tcp"})
        STRCMP_CONTAINS("give ADDR:PORT/PROTO, such as 10.0.0.80:80/tcp", vip_error(bad).c_str());
    for (const char* bad : {"10.0.0.80:0/tcp", "10.0.0.80:65536/tcp", "10.0.0.80:http/tcp"})
        STRCMP_CONTAINS("is none: give one from 1 to 65535", vip_error(bad).c_str());
    STRCMP_CONTAINS("protocol sctp is not balanced: give tcp or udp",
                    vip_error("10.0.0.80:80/sctp").c_str());
    for (const char* bad : {"224.0.0.5:80/tcp", "0.0.0.0:80/tcp", "127.0.0.1:80/udp",
                            "169.254.72.2:80/tcp", "[fdc5:d3a2:7e41:0::2]:80/tcp"})
        STRCMP_CONTAINS("no machine can have this address", vip_error(bad).c_str());
}

TEST(Balancer, Ipv6VipHasServersOfItsFamilyAndNumbersForMacs)
{
    vms[1].ips.push_back("fd00:0:0:20::11"); // As well as its IPv4 address.
    vms[2].ips.push_back("fd00:0:0:20::12");
    add();
    request.name = "six";
    request.vip = "[FD00:0::80]:80/tcp"; // There are many ways to write it.
    request.director = "external:lb1";
    request.servers = {"fd00:0:0:20:0::11", "[fd00:0:0:20::12]:8080"};
    auto made = make();
    CHECK_EQUAL(std::string(), error());
    CHECK_EQUAL(std::string("fd00::80"), made->vip);
    CHECK_EQUAL(std::string("[fd00::80]:80/tcp"), db::vip_text(*made));
    CHECK_EQUAL(std::string("table"), made->mac_layout);
    const auto mac = [&](int i) { return made->servers.at(i).mac; };
    CHECK_TRUE((made->servers ==
                std::vector<db::RealServer>{{"fd00:0:0:20::11", 80, 1, "active", mac(0)},
                                            {"fd00:0:0:20::12", 8080, 1, "active", mac(1)}}));
    CHECK_TRUE(mac(0) != mac(1) && mac(0).starts_with("ae:48:f") && mac(0).size() == 17);
    CHECK_EQUAL(std::string("ip -6 route replace fd00:0:0:20::11/128 dev DEV"),
                db::director_routes(*made)[0]);
    CHECK_TRUE(bool(weigh_server(*made, "FD00:0:0:20::11", 3)));
    CHECK_EQUAL(1u, remove_server(*made, "FD00:0:0:20::11")->servers.size());
}

TEST(Balancer, Ipv6VipIsChecked)
{
    for (const char* bad :
         {"fd00::80:80/tcp", "[fd00::80]/tcp", "[fd00::80:80/tcp", "[web]:80/tcp"})
        STRCMP_CONTAINS("give ADDR:PORT/PROTO, such as 10.0.0.80:80/tcp or [fd00::80]:80/tcp",
                        vip_error(bad).c_str());
    for (const char* bad : {"[ff02::1]:80/tcp", "[::]:80/tcp", "[::1]:80/tcp", "[fe80::1]:80/tcp",
                            "[::ffff:10.0.0.80]:80/tcp"})
        STRCMP_CONTAINS("no machine can have this address", vip_error(bad).c_str());
    request.vip = "[fd00::80]:80/tcp";
    request.director = "external:lb1";
    request.mac_layout = "suffix";
    STRCMP_CONTAINS("MAC layout suffix holds no IPv6 address: give --mac-layout table",
                    error().c_str());
    request.mac_layout = "table";
    STRCMP_CONTAINS("server 10.0.20.11 is IPv4, and the VIP is IPv6: give an IPv6 address of that "
                    "VM",
                    error().c_str());
    request.gateway = "10.0.0.1";
    STRCMP_CONTAINS("servers outside of the fleet are reached by IPv4 alone: leave it out",
                    error().c_str());
}

TEST(Balancer, VipOrNameOfAnotherIsRefused)
{
    add();
    CHECK_EQUAL(std::string("balancer web: this name is taken: choose another, or first "
                            "\"holdfast balancer del web\""),
                error());
    request.name = "web2";
    CHECK_EQUAL(std::string("balancer web2: 10.0.0.80:80/tcp is balancer web's already: give "
                            "another --vip, or add servers to that one"),
                error());
    CHECK_EQUAL(std::string(), vip_error("10.0.0.80:80/udp"));
}

TEST(Balancer, DirectorsAreNamedOrHaveTheVip)
{
    request.director = "external:web1,id-lb1";
    CHECK_TRUE((make()->directors == std::vector<std::string>{"id-lb1", "id-web1"}));
    request.director = "external:lb2";
    STRCMP_CONTAINS("there is no VM \"lb2\": did you mean lb1?", error().c_str());
    request.director = "external:lb1,id-lb1";
    STRCMP_CONTAINS("director lb1 is named twice", error().c_str());
    request.director = "external:lb1,";
    STRCMP_CONTAINS("a director has no name", error().c_str());
    request.director = "external:";
    STRCMP_CONTAINS("a director has no name", error().c_str());
    request.director = "nobody";
    STRCMP_CONTAINS("nobody is unknown: give builtin, external or external:VM[,VM...]",
                    error().c_str());
    request.director = "external";
    CHECK_EQUAL(std::string("balancer web: no VM is known to have the address 10.0.0.81: name the "
                            "director's VM, --director external:VM, or have the switches choose, "
                            "--director builtin"),
                vip_error("10.0.0.81:80/tcp"));
}

TEST(Balancer, VipIsNoOtherVmsThanADirectors)
{
    request.director = "external:other";
    CHECK_EQUAL(std::string("balancer web: VM lb1 has the address 10.0.0.80, and is no director of "
                            "it: name it with --director, give another --vip, or take it from the "
                            "VM"),
                error());
    CHECK_EQUAL(std::string(), vip_error("10.0.0.81:80/tcp")); // None is known to have it.
    request.director = "external:other,lb1";
    CHECK_EQUAL(std::string(), vip_error("10.0.0.80:80/tcp"));
}

TEST(Balancer, GatewayIsARoutersAddress)
{
    request.gateway = "10.0.0.1";
    CHECK_EQUAL(std::string("10.0.0.1"), make()->gateway);
    request.gateway = "fd00::1";
    STRCMP_CONTAINS("is no IPv4 address of a router", error().c_str());
    request.gateway = "10.0.0.80";
    STRCMP_CONTAINS("is the VIP itself", error().c_str());
}

TEST(Balancer, MacOptionsAreChecked)
{
    request.mac_prefix = "01:02";
    STRCMP_CONTAINS("balancer web: MAC prefix 01:02 is multicast", error().c_str());
    request.mac_prefix = "02:AB";
    CHECK_EQUAL(std::string("02:ab:0a:00:14:0b"), make()->servers[0].mac);
    CHECK_EQUAL(std::string("02:ab"), make()->mac_prefix);
    request.mac_layout = "middle";
    STRCMP_CONTAINS("balancer web: MAC layout middle is unknown", error().c_str());
    request.mac_layout = "suffix";
    vms[1].ips = {"11.0.0.5"};
    STRCMP_CONTAINS("multicast address of 11.0.0.5", server_error("11.0.0.5").c_str());
}

TEST(Balancer, ServerOfABadFormIsRefused)
{
    for (const char* bad : {"", "web1", "10.0.20.11:", "10.0.20.300", "224.0.0.1", "0.0.0.0"})
        STRCMP_CONTAINS("give ADDR[:PORT][,weight=N]", server_error(bad).c_str());
    for (const char* bad : {"10.0.20.11:0", "10.0.20.11:65536", "10.0.20.11:http"})
        STRCMP_CONTAINS("is none: give one from 1 to 65535", server_error(bad).c_str());
    for (const char* bad : {"10.0.20.11,weight=65536", "10.0.20.11,weight=-1",
                            "10.0.20.11,weight=", "10.0.20.11,weight=1x"})
        STRCMP_CONTAINS("is out of range: give 0 to 65535", server_error(bad).c_str());
    STRCMP_CONTAINS("\"heavy\" is unknown: give weight=N, limit=N or way=routed",
                    server_error("10.0.20.11,heavy").c_str());
    CHECK_EQUAL(std::string("balancer web: server 10.0.20.11,weight=1,limit=2,weight=3: weight is "
                            "given twice: give it once"),
                server_error("10.0.20.11,weight=1,limit=2,weight=3"));
    CHECK_TRUE(server_error("10.0.20.11,he\navy").find('\n') == std::string::npos);
    request.servers.clear();
    CHECK_EQUAL(std::string("balancer web: it has no servers: name at least one with --server"),
                error());
}

TEST(Balancer, ServerOfTheWrongFamilyIsRefused)
{
    for (const char* v6 : {"fd00::1", "[fd00::1]", "[fd00::1]:80"})
        STRCMP_CONTAINS("is IPv6, and the VIP is IPv4", server_error(v6).c_str());
}

TEST(Balancer, ServerTwiceOrTheVipItselfIsRefused)
{
    request.servers = {"10.0.20.11:80", "10.0.20.11:81"};
    CHECK_EQUAL(std::string("balancer web: server 10.0.20.11 is in it twice: name each address "
                            "once"),
                error());
    CHECK_EQUAL(std::string("balancer web: server 10.0.0.80 is the VIP itself: give the server's "
                            "own address"),
                server_error("10.0.0.80:8080"));
}

TEST(Balancer, ServerMustBeOneVmOfTheFleet)
{
    CHECK_EQUAL(std::string("balancer web: server 10.0.20.13: no VM of the fleet is known to have "
                            "this address: give it one in its domain's metadata "
                            "(holdfast-hookd(8), \"VM METADATA\"), or reach a server outside of "
                            "the fleet by a router, with way=routed and --gateway"),
                server_error("10.0.20.13"));
    vms.push_back(vm("web3", "10.0.20.11"));
    CHECK_EQUAL(std::string("balancer web: two VMs have the address 10.0.20.11, web1 and web3: "
                            "take it from one of them"),
                server_error("10.0.20.11"));
}

TEST(Balancer, ServerHasOneSyntheticMacInAllBalancers)
{
    add();
    request.name = "tls";
    request.vip = "10.0.0.80:443/tcp";
    request.servers = {"10.0.20.11"};
    CHECK_EQUAL(std::string(), error());
    request.mac_prefix = "02:01";
    CHECK_EQUAL(std::string("balancer tls: server 10.0.20.11 has the synthetic MAC "
                            "ae:48:0a:00:14:0b in balancer web already: give --mac-prefix ae:48 "
                            "--mac-layout prefix, as there"),
                error());
}

TEST(Balancer, PrefixOfAVmsMacIsRefused)
{
    request.mac_prefix = "52:54";
    STRCMP_CONTAINS("--mac-prefix 52:54: the MAC address 52:54:00:", error().c_str());
    request.mac_layout = "suffix"; // There it is no range of addresses.
    CHECK_EQUAL(std::string(), error());
}

TEST(Balancer, TwoAddressesOfOneVmAreTwoServers)
{
    vms[1].ips.push_back("10.0.20.99");
    request.servers = {"10.0.20.11", "10.0.20.99"};
    CHECK_EQUAL(std::string(), error());
    CHECK_EQUAL(2u, make()->servers.size());
}

TEST(Balancer, SyntheticMacIsNobodyElses)
{
    vms[3].ports[0].mac = "ae:48:0a:00:14:0b";
    CHECK_EQUAL(std::string("balancer web: server 10.0.20.11 would have the MAC address "
                            "ae:48:0a:00:14:0b of VM other: give another --mac-prefix"),
                error());
    vms[3].ports.clear();
    add();
    vms.push_back(vm("odd", "174.72.10.0")); // ae:48:0a:00, the first bytes of web1's.
    request.name = "odd";
    request.vip = "10.0.0.80:443/tcp";
    request.mac_prefix = "16:0b";
    request.mac_layout = "suffix";
    balancers[0].servers[0].mac = "ae:48:0a:00:16:0b";
    STRCMP_CONTAINS("would have the synthetic MAC ae:48:0a:00:16:0b of server 10.0.20.11",
                    server_error("174.72.10.0").c_str());
}

TEST(Balancer, TableNumbersAreAnAddressesOwnInAllBalancers)
{
    request.mac_layout = "table";
    auto first = add();
    CHECK_TRUE(first.servers[0].mac != first.servers[1].mac);
    vms.push_back(vm("web3", "10.0.20.13"));
    request.name = "tls";
    request.vip = "10.0.0.80:443/tcp";
    request.servers = {"10.0.20.13", "10.0.20.11"};
    auto second = add();
    CHECK_TRUE(second.servers[0].mac != first.servers[0].mac &&
               second.servers[0].mac != first.servers[1].mac);
    CHECK_EQUAL(first.servers[0].mac, second.servers[1].mac);
}

TEST(Balancer, TableNumberOfOneThatWasTakenOutIsNotTheNextOnes)
{
    request.mac_layout = "table";
    request.servers = {"10.0.20.11"};
    const auto first = add().servers[0].mac;
    balancers.clear(); // It holds connections in some switch still.
    vms.push_back(vm("web3", "10.0.20.13"));
    request.servers = {"10.0.20.13"};
    const auto next = add().servers[0].mac;
    CHECK_TRUE(first != next);
    // It comes back; and one whose number another has, by chance, gets the one after it.
    balancers.clear();
    request.servers = {"10.0.20.11"};
    CHECK_EQUAL(first, add().servers[0].mac);
    balancers[0].servers[0].mac = next;
    request.name = "tls";
    request.vip = "10.0.0.80:443/tcp";
    request.servers = {"10.0.20.13"};
    const auto after = std::stoul(next.substr(15), nullptr, 16) + 1;
    CHECK_EQUAL(after, std::stoul(add().servers[0].mac.substr(15), nullptr, 16));
}

TEST(Balancer, OneServerPortIsBehindOneAddressOnce)
{
    add();
    request.name = "alt";
    request.vip = "10.0.0.80:8000/tcp";
    CHECK_EQUAL(std::string("balancer alt: server 10.0.20.11:80 is behind 10.0.0.80:80/tcp already "
                            "(balancer web), and their answers could not be told apart: give "
                            "another port of it"),
                server_error("10.0.20.11:80"));
    CHECK_EQUAL(std::string(), server_error("10.0.20.11:81"));
    vms[0].ips.push_back("10.0.0.81");
    request.vip = "10.0.0.81:80/tcp"; // Another VIP: connection tracking tells them apart.
    CHECK_EQUAL(std::string(), server_error("10.0.20.11:80"));
}

TEST(Balancer, ServersAreAddedAndRemoved)
{
    auto balancer = add();
    vms.push_back(vm("web3", "10.0.20.13"));
    auto more = add_server(balancer, "10.0.20.13:81", balancers, vms);
    CHECK_EQUAL(3u, more->servers.size());
    CHECK_EQUAL(std::string("ae:48:0a:00:14:0d"), more->servers[2].mac);
    CHECK_EQUAL(81, more->servers[2].port);
    STRCMP_CONTAINS("balancer web: server 10.0.20.13 is in it twice",
                    add_server(*more, "10.0.20.13", balancers, vms).error().message.c_str());
    STRCMP_CONTAINS("balancer web: server nobody: give ADDR",
                    add_server(*more, "nobody", balancers, vms).error().message.c_str());
    auto less = remove_server(*more, "10.0.20.11");
    CHECK_EQUAL(2u, less->servers.size());
    CHECK_EQUAL(std::string("balancer web: it has no server 10.0.20.11: it has 10.0.20.12, "
                            "10.0.20.13"),
                remove_server(*less, "10.0.20.11").error().message);
}

TEST(Balancer, LastServerIsNotRemoved)
{
    request.servers.resize(1);
    CHECK_EQUAL(std::string("balancer web: server 10.0.20.11 is its last: add another one first, "
                            "or \"holdfast balancer del web\""),
                remove_server(add(), "10.0.20.11").error().message);
}

TEST(Balancer, ServerIsDrainedAndComesBackWhenAddedAgain)
{
    auto drained = drain_server(add(), "10.0.20.11");
    CHECK_EQUAL(std::string("draining"), drained->servers[0].state);
    CHECK_EQUAL(std::string("active"), drained->servers[1].state);
    CHECK_TRUE(drain_server(*drained, "10.0.20.99").error().code == Errc::not_found);
    auto back = add_server(*drained, "10.0.20.11", balancers, vms);
    CHECK_EQUAL(std::string("active"), back->servers[0].state);
    CHECK_FALSE(bool(add_server(*drained, "10.0.20.11:81", balancers, vms)));
}

TEST(Balancer, WhatAnExternalDirectorDecidesIsRefused)
{
    auto balancer = add();
    for (const char* op : {"drain", "weight"})
        CHECK_EQUAL(std::string("balancer web: ") + op +
                        " is for a built-in director; an external one has its own weights, and "
                        "with 0 it drains a server: set them there (ipvsadm -a or -e, with -w), "
                        "or make the balancer with --director builtin",
                    check_change(balancer, op).error().message);
    for (const char* op : {"add", "del", "limit"}) // Limits have a check of their own.
        CHECK_TRUE(bool(check_change(balancer, op)));
    balancer.director = "builtin";
    CHECK_TRUE(bool(check_change(balancer, "drain")));
}

TEST(Balancer, WeightOtherThan1WithAnExternalDirectorIsRefused_B8)
{
    const std::string line =
        "balancer web: server 10.0.20.11: weight is for a built-in director; an external one has "
        "its own weights, and with 0 it drains a server: set them there (ipvsadm -a or -e, with "
        "-w), or make the balancer with --director builtin";
    for (const char* weight : {"0", "5", "65535"})
        CHECK_EQUAL(line, server_error(std::string{"10.0.20.11,weight="} + weight));
    request.servers = {"10.0.20.12,weight=1"}; // What it is unless given.
    auto balancer = add();
    CHECK_EQUAL(line, add_server(balancer, "10.0.20.11,weight=2", balancers, vms).error().message);
    CHECK_TRUE(bool(add_server(balancer, "10.0.20.11,weight=1", balancers, vms)));
    balancer.servers.push_back({"10.0.20.11", 80, 1, "draining", "ae:48:0a:00:14:0b"});
    CHECK_EQUAL(line, add_server(balancer, "10.0.20.11,weight=2", balancers, vms).error().message);
    CHECK_TRUE(bool(add_server(balancer, "10.0.20.11,weight=1", balancers, vms)));
}

TEST(Balancer, WeightIsFrom0To65535)
{
    auto balancer = add();
    CHECK_EQUAL(0, weigh_server(balancer, "10.0.20.12", 0)->servers[1].weight);
    CHECK_EQUAL(65535, weigh_server(balancer, "10.0.20.12", 65535)->servers[1].weight);
    CHECK_EQUAL(std::string("balancer web: server 10.0.20.12: weight 65536 is out of range: give "
                            "0 to 65535"),
                weigh_server(balancer, "10.0.20.12", 65536).error().message);
    CHECK_FALSE(bool(weigh_server(balancer, "10.0.20.12", -1)));
    CHECK_TRUE(weigh_server(balancer, "10.0.20.99", 1).error().code == Errc::not_found);
}

TEST(Balancer, NeedsItsDirectorsAndServers)
{
    auto balancer = add();
    CHECK_TRUE(needs(balancer, vms[0]));
    CHECK_TRUE(needs(balancer, vms[1]));
    CHECK_FALSE(needs(balancer, vms[3]));
    CHECK_TRUE(
        (vms_needed(balancers, vms) == std::set<std::string>{"id-lb1", "id-web1", "id-web2"}));
}
