// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/balancer with a built-in director (spec balancer.md, B9, B10, B11, "Bad input").
#include <config.h>

#include "hookd/balancer.h"

#include "common/policies.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

db::Vm vm(const std::string& name, const std::string& address)
{
    db::Vm row;
    row.id = "id-" + name;
    row.name = name;
    row.ips = {address};
    row.ports.push_back({"52:54:00:00:00:01", "if-" + name, "br0", "vnet0", 1});
    return row;
}

} // namespace

TEST_GROUP(BuiltIn)
{
    std::vector<db::Vm> vms{vm("web1", "10.0.20.11"), vm("web2", "10.0.20.12"),
                            vm("sorry", "10.0.30.1"), vm("lb1", "10.0.0.5")};
    std::vector<db::Balancer> balancers;
    BalancerRequest request{.name = "web",
                            .vip = "10.0.0.80:80/tcp",
                            .servers = {"10.0.20.11", "10.0.20.12:8080,weight=5,limit=100"},
                            .director = "builtin"};

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
    std::string check_error(const std::string& check)
    {
        request.check = check;
        return error();
    }
};

TEST(BuiltIn, IsCompleteWithTheVipsMacAndDefaults)
{
    CHECK_EQUAL(std::string(), error());
    auto made = *make();
    CHECK_EQUAL(std::string("builtin"), made.director);
    CHECK_TRUE(made.directors.empty());
    CHECK_EQUAL(std::string("mh"), made.policy);
    CHECK_EQUAL(std::string("ae:48:0a:00:00:50"), made.vip_mac);
    CHECK_EQUAL(std::string("none"), made.check);
    CHECK_EQUAL(0, made.persistence);
    CHECK_TRUE((made.servers[1] ==
                db::RealServer{"10.0.20.12", 8080, 5, "active", "ae:48:0a:00:14:0c", 100}));
}

TEST(BuiltIn, AllItsOptionsAreTaken)
{
    request.policy = "wlc";
    request.persistence = 86400;
    request.slow_start = 30;
    request.sorry = "10.0.30.1:81";
    request.check = "http:/healthz=204";
    request.check_interval = 100;
    request.check_timeout = 100;
    request.rise = 1;
    request.fall = 1000;
    CHECK_EQUAL(std::string(), error());
    auto made = *make();
    CHECK_EQUAL(std::string("wlc"), made.policy);
    CHECK_EQUAL(86400, made.persistence);
    CHECK_EQUAL(30, made.slow_start);
    CHECK_EQUAL(std::string("10.0.30.1"), made.sorry);
    CHECK_EQUAL(81, made.sorry_port);
    CHECK_EQUAL(std::string("ae:48:0a:00:1e:01"), made.sorry_mac);
    CHECK_EQUAL(std::string("http"), made.check);
    CHECK_EQUAL(std::string("/healthz"), made.check_target);
    CHECK_EQUAL(204, made.check_expect);
    CHECK_EQUAL(100, made.interval_ms);
    CHECK_EQUAL(100, made.timeout_ms);
    CHECK_EQUAL(1, made.rise);
    CHECK_EQUAL(1000, made.fall);
}

TEST(BuiltIn, UnknownPolicyIsToldWithTheKnownOnes)
{
    request.policy = "best";
    CHECK_EQUAL(std::string("balancer web: policy best is unknown: there are mh rr wrr lc wlc lblc "
                            "lblcr dh sh sed nq fo ovf dynamic"),
                error());
    for (const Policy& policy : policies) {
        request.policy = policy.name;
        CHECK_EQUAL(std::string(), error());
    }
}

TEST(BuiltIn, NumbersOutOfRangeAreRefused)
{
    auto refused = [&](std::optional<std::int64_t> BalancerRequest::*member, std::int64_t value) {
        request.check = "tcp";
        request.*member = value;
        auto line = error();
        request.*member = std::nullopt;
        return line;
    };
    CHECK_EQUAL(std::string("balancer web: --persistence 86401 is out of range: give 0 to 86400"),
                refused(&BalancerRequest::persistence, 86401));
    CHECK_EQUAL(std::string("balancer web: --slow-start -1 is out of range: give 0 to 86400"),
                refused(&BalancerRequest::slow_start, -1));
    CHECK_EQUAL(
        std::string("balancer web: --check-interval 99 is out of range: give 100 to 3600000"),
        refused(&BalancerRequest::check_interval, 99));
    CHECK_EQUAL(std::string("balancer web: --check-timeout 2001 is out of range: give 1 to 2000, "
                            "the interval"),
                refused(&BalancerRequest::check_timeout, 2001));
    CHECK_EQUAL(std::string("balancer web: --rise 0 is out of range: give 1 to 1000"),
                refused(&BalancerRequest::rise, 0));
    CHECK_EQUAL(std::string("balancer web: --fall 99999999999 is out of range: give 1 to 1000"),
                refused(&BalancerRequest::fall, 99'999'999'999));
}

TEST(BuiltIn, ShortIntervalHasAShortTimeout)
{
    request.check = "tcp";
    request.check_interval = 200;
    CHECK_EQUAL(200, make()->timeout_ms);
}

TEST(BuiltIn, CheckOfABadFormIsRefused)
{
    for (const char* bad : {"ping", "tcp:80", "none:", "http", "https:/x", " tcp"})
        STRCMP_CONTAINS(bad == std::string{"http"}
                            ? "give http:/PATH[=STATUS], such as http:/healthz=200"
                            : "is unknown: give tcp, http:/PATH[=STATUS], command:/PROGRAM or none",
                        check_error(bad).c_str());
    for (const std::string& bad :
         {std::string{"http:"}, std::string{"http:healthz"}, std::string{"http:/a b"},
          std::string{"http:/a\r\nHost: x"}, "http:/" + std::string(1024, 'a')})
        STRCMP_CONTAINS("give http:/PATH[=STATUS]", check_error(bad).c_str());
    for (const char* bad : {"http:/a=99", "http:/a=600", "http:/a=ok", "http:/a=", "http:/a?b=0"})
        STRCMP_CONTAINS("is no HTTP status: give one from 100 to 599", check_error(bad).c_str());
    for (const char* bad : {"command", "command:", "command:look", "command:/a\nb"})
        STRCMP_CONTAINS("give command:/PROGRAM, by its whole path", check_error(bad).c_str());
    request.vip = "10.0.0.80:53/udp";
    STRCMP_CONTAINS("--check tcp asks by TCP, and the VIP is for UDP", check_error("tcp").c_str());
    CHECK_EQUAL(std::string(), check_error("command:/usr/local/bin/ask-dns"));
}

TEST(BuiltIn, HttpPathMayHaveAQueryAndAStatusBehindIt)
{
    request.check = "http:/look?deep=yes";
    CHECK_EQUAL(std::string("/look?deep=yes"), make()->check_target);
    CHECK_EQUAL(0, make()->check_expect);
    request.check = "http:/look?deep=yes=503";
    CHECK_EQUAL(std::string("/look?deep=yes"), make()->check_target);
    CHECK_EQUAL(503, make()->check_expect);
}

TEST(BuiltIn, WhatIsOfACheckNeedsOne)
{
    request.rise = 3;
    CHECK_EQUAL(std::string("balancer web: --check-interval, --check-timeout, --rise and --fall "
                            "are of a check: give --check too"),
                error());
}

TEST(BuiltIn, ExternalDirectorHasItsOwnOptions)
{
    request.director = "external:lb1";
    request.servers = {"10.0.20.11"};
    CHECK_EQUAL(std::string(), error());
    auto refused = [&](auto member, auto value) {
        auto former = request;
        request.*member = value;
        auto line = error();
        request = former;
        return line;
    };
    CHECK_EQUAL(std::string("balancer web: --policy is for a built-in director; an external one "
                            "chooses by its own scheduler (ipvsadm -s): leave --policy out, or "
                            "give --director builtin"),
                refused(&BalancerRequest::policy, "mh"));
    STRCMP_CONTAINS("--persistence is for a built-in director; an external one keeps clients with "
                    "their servers itself (ipvsadm -p)",
                    refused(&BalancerRequest::persistence, 5).c_str());
    STRCMP_CONTAINS("ipvsadm -w", refused(&BalancerRequest::slow_start, 5).c_str());
    STRCMP_CONTAINS("sorry_server", refused(&BalancerRequest::sorry, "10.0.30.1").c_str());
    STRCMP_CONTAINS("--check is for", refused(&BalancerRequest::check, "tcp").c_str());
    STRCMP_CONTAINS("keepalived does", refused(&BalancerRequest::check, "tcp").c_str());
    STRCMP_CONTAINS("--fall is for", refused(&BalancerRequest::fall, 3).c_str());
    request.servers = {"10.0.20.11,limit=5"};
    CHECK_EQUAL(std::string("balancer web: server 10.0.20.11: a limit is for a built-in director; "
                            "an external one has its own (ipvsadm -x): leave it out"),
                error());
}

TEST(BuiltIn, VipIsNoVmsAddress)
{
    request.vip = "10.0.0.5:80/tcp";
    CHECK_EQUAL(std::string("balancer web: VM lb1 has the address 10.0.0.5, for which the switches "
                            "would answer: give another --vip, or take it from the VM"),
                error());
}

TEST(BuiltIn, VipHasOneKindOfDirector)
{
    add();
    request.name = "tls";
    request.vip = "10.0.0.80:443/tcp";
    request.servers = {"10.0.20.11:443"};
    CHECK_EQUAL(std::string(), error());
    CHECK_EQUAL(std::string("ae:48:0a:00:00:50"), make()->vip_mac);
    request.director = "external:lb1";
    CHECK_EQUAL(std::string("balancer tls: 10.0.0.80 has a director that is built in in balancer "
                            "web, and an address has one kind: give another --vip, or the same "
                            "kind of --director"),
                error());
    balancers[0].director = "external";
    request.director = "builtin";
    STRCMP_CONTAINS("has a director that is external in balancer web", error().c_str());
}

TEST(BuiltIn, VipsMacIsNobodyElses)
{
    vms[3].ports[0].mac = "ae:48:0a:00:00:50";
    CHECK_EQUAL(std::string("balancer web: VIP 10.0.0.80 would have the MAC address "
                            "ae:48:0a:00:00:50 of VM lb1: give another --mac-prefix"),
                error());
    vms[3].ports.clear();
    add();
    // The same address, made otherwise.
    request.name = "tls";
    request.vip = "10.0.0.80:443/tcp";
    request.servers = {"10.0.20.11:443"};
    request.mac_prefix = "02:01";
    STRCMP_CONTAINS("VIP 10.0.0.80 has the synthetic MAC ae:48:0a:00:00:50 in balancer web already",
                    error().c_str());
    balancers[0].vip_mac = "ae:48:0a:00:14:0b";
    request.mac_prefix = "ae:48";
    request.vip = "10.0.0.81:443/tcp";
    STRCMP_CONTAINS("server 10.0.20.11 would have the synthetic MAC ae:48:0a:00:14:0b of VIP "
                    "10.0.0.80 in balancer web",
                    error().c_str());
}

TEST(BuiltIn, TableNumbersTheVipToo)
{
    request.mac_layout = "table";
    auto first = add();
    CHECK_EQUAL(std::string("ae:48:f"), first.vip_mac.substr(0, 7));
    CHECK_TRUE(first.vip_mac != first.servers[0].mac);
    request.name = "tls";
    request.vip = "10.0.0.80:443/tcp";
    request.servers = {"10.0.20.11:443"};
    request.sorry = "10.0.30.1";
    auto second = add();
    CHECK_EQUAL(first.vip_mac, second.vip_mac);
    CHECK_EQUAL(first.servers[0].mac, second.servers[0].mac);
    CHECK_TRUE(second.sorry_mac != first.vip_mac && second.sorry_mac != first.servers[0].mac);
}

TEST(BuiltIn, MulticastMacOfTheVipIsRefused)
{
    request.vip = "11.0.0.80:80/tcp";
    request.mac_layout = "suffix";
    STRCMP_CONTAINS("makes a multicast address of 11.0.0.80", error().c_str());
}

TEST(BuiltIn, SorryServerIsAnotherVmOfTheFleet)
{
    auto refused = [&](const std::string& sorry) {
        request.sorry = sorry;
        return error();
    };
    STRCMP_CONTAINS("--sorry: server 10.0.20.99: no VM of the fleet is known to have this address",
                    refused("10.0.20.99").c_str());
    STRCMP_CONTAINS("--sorry: server 10.0.20.11 is in it twice", refused("10.0.20.11").c_str());
    STRCMP_CONTAINS("--sorry: server 10.0.0.80 is the VIP itself", refused("10.0.0.80").c_str());
    STRCMP_CONTAINS("has neither weight nor limit: give ADDR[:PORT]",
                    refused("10.0.30.1,weight=3").c_str());
    STRCMP_CONTAINS("--sorry: server sorry: give ADDR", refused("sorry").c_str());
    CHECK_EQUAL(std::string(), refused("10.0.30.1"));
    auto balancer = add();
    CHECK_EQUAL(80, balancer.sorry_port);
    STRCMP_CONTAINS("is its sorry server",
                    add_server(balancer, "10.0.30.1", balancers, vms).error().message.c_str());
    CHECK_TRUE(needs(balancer, vms[2]));
    CHECK_TRUE(vms_needed(balancers, vms).contains("id-sorry"));
}

TEST(BuiltIn, ServersLimitIsFrom0To1000000000)
{
    auto balancer = add();
    CHECK_EQUAL(1'000'000'000,
                limit_server(balancer, "10.0.20.11", 1'000'000'000)->servers[0].limit);
    CHECK_EQUAL(0, limit_server(balancer, "10.0.20.12", 0)->servers[1].limit);
    CHECK_EQUAL(std::string("balancer web: server 10.0.20.11: limit 1000000001 is out of range: "
                            "give 0 to 1000000000"),
                limit_server(balancer, "10.0.20.11", 1'000'000'001).error().message);
    CHECK_TRUE(limit_server(balancer, "10.0.20.99", 1).error().code == Errc::not_found);
    balancer.director = "external";
    STRCMP_CONTAINS("ipvsadm -x", limit_server(balancer, "10.0.20.11", 1).error().message.c_str());
    for (const char* bad : {"10.0.20.11,limit=-1", "10.0.20.11,limit=x", "10.0.20.11,limit"}) {
        request.servers = {bad};
        request.name = "other";
        request.vip = "10.0.0.81:80/tcp";
        STRCMP_CONTAINS("limit", error().c_str());
    }
}

TEST(BuiltIn, ServersWeightIsFrom0To65535)
{
    for (const int weight : {0, 65535}) {
        request.servers = {"10.0.20.11,weight=" + std::to_string(weight)};
        CHECK_EQUAL(std::string(), error());
        CHECK_EQUAL(weight, make()->servers[0].weight);
    }
    request.servers = {"10.0.20.11,weight=65536"};
    STRCMP_CONTAINS("is out of range: give 0 to 65535", error().c_str());
}

TEST(BuiltIn, DrainedServerComesBackWithItsNewWeightAndLimit)
{
    auto drained = drain_server(add(), "10.0.20.12");
    auto back = add_server(*drained, "10.0.20.12:8080,weight=9,limit=7", balancers, vms);
    CHECK_EQUAL(std::string("active"), back->servers[1].state);
    CHECK_EQUAL(9, back->servers[1].weight);
    CHECK_EQUAL(7, back->servers[1].limit);
}

TEST(BuiltIn, RoutedServerThatNobodyCouldProbeIsRefused)
{
    request.gateway = "10.0.0.1";
    request.check = "tcp";
    request.servers = {"10.0.20.11,way=routed", "10.9.9.9,way=routed"};
    CHECK_EQUAL(std::string("balancer web: server 10.9.9.9: no VM of the fleet is known to have "
                            "this address, so no hypervisor would probe it, and with --check it "
                            "would never get a connection: give it one in its domain's metadata "
                            "(holdfast-hookd(8), \"VM METADATA\"), or make the balancer without "
                            "--check"),
                error());
    request.servers.pop_back();
    CHECK_EQUAL(std::string(), error());
    auto checked = add();
    CHECK_FALSE(add_server(checked, "10.9.9.9,way=routed", balancers, vms));
    // Nor one that is there already, and whose VM has gone.
    auto drained = drain_server(checked, "10.0.20.11");
    vms.erase(vms.begin());
    auto back = add_server(*drained, "10.0.20.11,way=routed", balancers, vms);
    STRCMP_CONTAINS("no hypervisor would probe it", back.error().message.c_str());
}

TEST(BuiltIn, RoutedServerThatIsNotProbedIsAnyMachine)
{
    request.gateway = "10.0.0.1";
    request.servers = {"10.9.9.9,way=routed"};
    for (const char* check : {"", "none"})
        CHECK_EQUAL(std::string(), check_error(check));
}
