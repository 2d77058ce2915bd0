// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/probe-plan (spec balancer.md, B10).
#include <config.h>

#include "hookd/probe-plan.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

ProbeTarget target(const std::string& vip, const std::string& server)
{
    ProbeTarget made;
    made.balancer.name = "web";
    made.balancer.vip = vip;
    made.balancer.port = 80;
    made.server.address = server;
    return made;
}

std::string line(const Command& command)
{
    std::string all;
    for (const std::string& word : command)
        all += (all.empty() ? "" : " ") + word;
    return all;
}

} // namespace

TEST_GROUP(ProbeRoutes)
{
    ProbeRoutes routes;
};

TEST(ProbeRoutes, EachServerHasANumberAndKeepsIt)
{
    const auto one = target("10.0.10.100", "10.0.20.11"), two = target("10.0.10.100", "10.0.20.12");
    auto change = routes.want({one, two});
    LONGS_EQUAL(2, change.add.size());
    CHECK_TRUE(change.remove.empty());
    LONGS_EQUAL(1000, routes.number(one));
    LONGS_EQUAL(1001, routes.number(two));

    change = routes.want({two});
    CHECK_TRUE(change.add.empty());
    CHECK_TRUE((change.remove == std::vector<ProbeRoute>{{"10.0.10.100", "10.0.20.11", 1000}}));
    LONGS_EQUAL(1001, routes.number(two));
    LONGS_EQUAL(0, routes.number(one));

    // A number that is free again is used again; all() is what there is.
    const auto three = target("10.0.10.101", "10.0.20.13");
    change = routes.want({two, three});
    CHECK_TRUE((change.add == std::vector<ProbeRoute>{{"10.0.10.101", "10.0.20.13", 1000}}));
    LONGS_EQUAL(2, routes.all().size());
}

TEST(ProbeRoutes, TwoBalancersOfOneVipShareTheWayToAServer)
{
    auto other = target("10.0.10.100", "10.0.20.11");
    other.balancer.port = 443;
    LONGS_EQUAL(1, routes.want({target("10.0.10.100", "10.0.20.11"), other}).add.size());
    LONGS_EQUAL(1000, routes.number(other));
}

TEST(ProbeRoutes, CommandsLeadTheVipToTheServer)
{
    const auto add = add_route({"10.0.10.100", "10.0.20.11", 1000});
    STRCMP_EQUAL("ip -4 -n holdfast-probe route replace 10.0.10.100/32 via 10.0.20.11 dev hf-probe "
                 "onlink src 169.254.72.2 protocol 72 table 1000",
                 line(add[0]).c_str());
    STRCMP_EQUAL(
        "ip -4 -n holdfast-probe rule add fwmark 1000 priority 1000 table 1000 protocol 72",
        line(add[1]).c_str());
    const auto remove = remove_route({"10.0.10.100", "10.0.20.11", 1000});
    STRCMP_EQUAL("ip -4 -n holdfast-probe rule del priority 1000", line(remove[0]).c_str());
    STRCMP_EQUAL("ip -4 -n holdfast-probe route flush table 1000", line(remove[1]).c_str());
    STRCMP_EQUAL("ovs-vsctl --timeout=10 --db=unix:db --may-exist add-port br0 hf-probe -- set "
                 "Interface hf-probe type=internal",
                 line(make_port("br0", "unix:db")).c_str());
}

TEST(ProbeRoutes, ThoseOfAnIpv6VipAreOfItsFamily)
{
    const ProbeRoute route{"fd10::100", "fd20::11", 1000};
    const auto add = add_route(route), remove = remove_route(route);
    STRCMP_EQUAL("ip -6 -n holdfast-probe route replace fd10::100/128 via fd20::11 dev hf-probe "
                 "onlink src fdc5:d3a2:7e41::2 protocol 72 table 1000",
                 line(add[0]).c_str());
    STRCMP_EQUAL("ip -6 -n holdfast-probe rule add fwmark 1000 priority 1000 table 1000 protocol "
                 "72",
                 line(add[1]).c_str());
    STRCMP_EQUAL("ip -6 -n holdfast-probe rule del priority 1000", line(remove[0]).c_str());
    LONGS_EQUAL(3, set_up_port(true).size());
    LONGS_EQUAL(4, set_up_port(false).size());
    for (const bool v6 : {false, true})
        for (const Command& command : set_up_port(v6))
            CHECK_TRUE(command[1] == (v6 ? "-6" : "-4"));
}

TEST(ProbeRoutes, WhereThereIsNoIpv6WaysOfIpv4AreMadeAllTheSame)
{
    const ProbeRoute four{"10.0.10.100", "10.0.20.11", 1000}, six{"fd10::100", "fd20::11", 1001};
    const auto change = without_v6({{six, four}, {four, six}});
    CHECK_TRUE((std::vector{four} == change.remove));
    CHECK_TRUE((std::vector{four} == change.add));
    CHECK_TRUE(is_v6(target("fd10::100", "fd20::11")));
    CHECK_FALSE(is_v6(target("10.0.10.100", "10.0.20.11")));
}

TEST(ProbeRoutes, AProgramIsToldWhatItChecks)
{
    auto checked = target("10.0.10.100", "10.0.20.11");
    checked.balancer.check_target = "/usr/bin/check";
    const auto run = run_check(checked);
    STRCMP_EQUAL("ip -4 -n holdfast-probe route replace 10.0.10.100/32 via 10.0.20.11 dev hf-probe "
                 "onlink src 169.254.72.2 protocol 72 table main",
                 line(run[0]).c_str());
    STRCMP_EQUAL("ip netns exec holdfast-probe env HOLDFAST_VIP=10.0.10.100 HOLDFAST_PORT=80 "
                 "HOLDFAST_SERVER=10.0.20.11 /usr/bin/check",
                 line(run[1]).c_str());
}

TEST(ProbeRoutes, AnHttpAnswerIsJudgedByItsStatus)
{
    CHECK_TRUE(judge_http("HTTP/1.1 200 OK\r\n", 0).good);
    CHECK_TRUE(judge_http("HTTP/1.0 302 Found\r\n", 0).good);
    CHECK_FALSE(judge_http("HTTP/1.1 404 Not Found\r\n", 0).good);
    CHECK_TRUE(judge_http("HTTP/1.1 404 Not Found\r\n", 404).good);
    STRCMP_EQUAL("HTTP 200, not 204", judge_http("HTTP/1.1 200 OK\r\n", 204).text.c_str());
    STRCMP_EQUAL("no HTTP: SSH-2.0-x", judge_http("SSH-2.0-x\r\n", 0).text.c_str());
    CHECK_FALSE(judge_http("HTTP/1.1 ", 0).good);
    CHECK_FALSE(judge_http("", 0).good);
}

TEST(ProbeRoutes, AnHttpRequestNamesTheVip)
{
    auto asked = target("10.0.10.100", "10.0.20.11");
    asked.balancer.check_target = "/healthz";
    asked.balancer.port = 8080;
    STRCMP_EQUAL("GET /healthz HTTP/1.1\r\nHost: 10.0.10.100:8080\r\nUser-Agent: holdfast\r\n"
                 "Accept: */*\r\nConnection: close\r\n\r\n",
                 http_request(asked).c_str());
    asked.balancer.vip = "fd10::100";
    STRCMP_CONTAINS("\r\nHost: [fd10::100]:8080\r\n", http_request(asked).c_str());
}
