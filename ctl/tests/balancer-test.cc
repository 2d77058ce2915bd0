// SPDX-License-Identifier: Apache-2.0
//
// Tests of ctl/balancer.
#include <config.h>

#include "ctl/balancer.h"

#include <cstdlib>
#include <ctime>

#include "ctl/balancer-counters.h"
#include "ctl/tests/rows.h"
#include "db/find.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::ctl;

namespace {

/// web on hv1 is plugged in, spare is not; lb1 is the director.
World small_world()
{
    World world;
    world.vms = {vm("lb1", "hv1", 3), vm("web", "hv1", 4), vm("spare", "hv1", 0)};
    world.vms[1].ips = {"10.0.20.11"};
    world.vms[2].ips = {"10.0.20.12"};
    world.balancers = {balancer("web", "id-lb1", "10.0.20.11", "10.0.20.12")};
    return world;
}

} // namespace

TEST_GROUP(BalancerView)
{
    void setup() override
    {
        ::setenv("TZ", "UTC", 1);
        ::tzset();
    }
    World world = small_world();
    Style style;
};

TEST(BalancerView, TableCountsTheServersThatTakeConnections)
{
    CHECK_EQUAL(std::string("NAME  VIP               DIRECTOR  ACTIVE  SERVERS\n"
                            "web   10.0.0.80:80/tcp  lb1            1        2\n"),
                balancer_table(world, style));
}

TEST(BalancerView, PageShowsServersWithTheirVmsAndTheDirectorsRoutes)
{
    CHECK_EQUAL(
        std::string("web  10.0.0.80:80/tcp\n"
                    "director    external lb1\n"
                    "MAC         prefix ae:48\n"
                    "\n"
                    "SERVER           STATE     SYNTHETIC MAC      VM     HYPERVISOR\n"
                    "10.0.20.11:80    active    ae:48:00:00:00:01  web    hv1\n"
                    "10.0.20.12:8080  draining  ae:48:00:00:00:02  spare  hv1 (not plugged in)\n"
                    "\n"
                    "The director needs these routes, DEV being its interface:\n"
                    "  ip route replace 10.0.20.11/32 dev DEV scope link\n"
                    "  ip route replace 10.0.20.12/32 dev DEV scope link\n"),
        balancer_page(world.balancers[0], world, style));
}

TEST(BalancerView, ServerWhoseVmIsGoneIsShownAllTheSame)
{
    world.vms.clear();
    auto page = balancer_page(world.balancers[0], world, style);
    STRCMP_CONTAINS("ae:48:00:00:00:01  -   -\n", page.c_str());
    auto json = balancer_json(world.balancers[0], world);
    CHECK_EQUAL(std::string("id-lb1"), json["directors"][0].get<std::string>());
    CHECK_FALSE(json["servers"][0]["plugged"].get<bool>());
}

TEST(BalancerView, BuiltInDirectorIsShownWithItsOptions)
{
    world.balancers = {builtin("shop", "10.0.20.11", "10.0.20.12")};
    auto& shop = world.balancers[0];
    shop.persistence = 300;
    shop.slow_start = 30;
    shop.sorry = "10.0.30.1";
    shop.sorry_port = 81;
    STRCMP_CONTAINS("director    builtin\n"
                    "policy      wlc\n"
                    "persistence 300 s\n"
                    "slow start  30 s\n"
                    "sorry       10.0.30.1:81\n"
                    "check       http /healthz, any status 2xx or 3xx; every 2000 ms, within 1000 "
                    "ms; up after 2, down after 3\n"
                    "MAC         prefix ae:48, VIP ae:48:00:00:00:03\n",
                    balancer_page(shop, world, style).c_str());
    CHECK_EQUAL(std::string::npos, balancer_page(shop, world, style).find("routes"));
    shop.check_expect = 204;
    STRCMP_CONTAINS("http /healthz, status 204;", balancer_page(shop, world, style).c_str());
}

TEST(BalancerView, HealthOfEachServerIsShownWithSinceAndWhy)
{
    world.balancers = {builtin("shop", "10.0.20.11", "10.0.20.12")};
    world.health = {health("shop", "10.0.20.11", "hv1", "down", "connection refused")};
    auto page = balancer_page(world.balancers[0], world, style);
    STRCMP_CONTAINS("SERVER           WEIGHT  LIMIT  STATE   SYNTHETIC MAC      VM     HYPERVISOR\n"
                    "10.0.20.11:80         1    100  active  ae:48:00:00:00:01  web    hv1\n"
                    "10.0.20.12:8080       5      -  active  ae:48:00:00:00:02  spare  hv1",
                    page.c_str());
    STRCMP_CONTAINS("SERVER           HEALTH          SINCE                    WHY\n"
                    "10.0.20.11:80    down            2023-11-14 22:13:20.001  connection refused\n"
                    "10.0.20.12:8080  not yet probed  -                        -\n",
                    page.c_str());
    auto json = balancer_json(world.balancers[0], world);
    CHECK_EQUAL(std::string("down"), json["servers"][0]["health"]["state"].get<std::string>());
    CHECK_EQUAL(3000, json["servers"][0]["health"]["answer_us"].get<int>());
    CHECK_TRUE(json["servers"][0]["health"]["cpu_permille"].is_null());
    CHECK_TRUE(json["servers"][1]["health"].is_null());
    CHECK_EQUAL(std::string("/healthz"), json["check"]["target"].get<std::string>());
}

TEST(BalancerView, LoadsThatWeightsFollowAreShown)
{
    world.balancers = {builtin("shop", "10.0.20.11", "10.0.20.12")};
    world.balancers[0].policy = "dynamic";
    world.health = {health("shop", "10.0.20.11", "hv1", "up", "connected")};
    world.health[0].cpu = 375;
    STRCMP_CONTAINS("SERVER            CPU  MEMORY  ANSWER\n"
                    "10.0.20.11:80    38 %       -    3 ms\n"
                    "10.0.20.12:8080     -       -       -\n",
                    balancer_page(world.balancers[0], world, style).c_str());
}

TEST(BalancerView, DeadServersAreNotActive)
{
    world.balancers = {builtin("shop", "10.0.20.11", "10.0.20.12")};
    world.health = {health("shop", "10.0.20.11", "hv1", "up", "HTTP 200")};
    STRCMP_CONTAINS("shop  10.0.0.80:80/tcp  builtin wlc       1        2\n",
                    balancer_table(world, style).c_str());
}

TEST(BalancerView, TroubleIsToldWithWhatToDo)
{
    world.balancers = {builtin("shop", "10.0.20.11", "10.0.20.12")};
    auto& shop = world.balancers[0];
    STRCMP_CONTAINS("balancer shop: none of its servers was probed yet",
                    balancer_trouble(shop, world).c_str());
    world.health = {health("shop", "10.0.20.11", "hv1", "up", "HTTP 200"),
                    health("shop", "10.0.20.12", "hv1", "down", "HTTP 503")};
    CHECK_EQUAL(std::string("balancer shop: 1 of 2 servers get no connections (10.0.20.12: HTTP "
                            "503): see what is wrong there, or take them out with \"holdfast "
                            "balancer server del\""),
                balancer_trouble(shop, world));
    world.health[0].state = "down";
    STRCMP_CONTAINS("balancer shop: all its servers are dead (10.0.20.11: HTTP 200; 10.0.20.12: "
                    "HTTP 503), and new connections are reset: see",
                    balancer_trouble(shop, world).c_str());
    shop.sorry = "10.0.30.1";
    STRCMP_CONTAINS("new connections go to the sorry server 10.0.30.1",
                    balancer_trouble(shop, world).c_str());
    world.health[0].state = "up";
    shop.servers[1].state = "draining"; // Nobody expects connections there.
    CHECK_EQUAL(std::string(), balancer_trouble(shop, world));
    shop.check = "none";
    world.health.clear();
    CHECK_EQUAL(std::string(), balancer_trouble(shop, world));
    shop.servers[0].weight = 0;
    STRCMP_CONTAINS("balancer shop: each of its servers is drained or has weight 0, and new "
                    "connections go to the sorry server 10.0.30.1: add one with",
                    balancer_trouble(shop, world).c_str());
    shop.director = "external"; // It has weights of its own.
    CHECK_EQUAL(std::string(), balancer_trouble(shop, world));
}

TEST(BalancerView, CountersAreThoseOfTheSwitchHere)
{
    auto shop = builtin("shop", "10.0.20.11", "10.0.20.12");
    const auto answer = Json::parse(
        R"({"balancers":[{"name":"web"},{"name":"shop","connections":9,"held":4,"packets":70,)"
        R"("bytes":8000,"refused":1,"servers":[{"address":"10.0.20.12","active":3,"inactive":1,)"
        R"("connections":9,"packets":70,"bytes":8000,"refused":1,"weight":5}]}]})");
    auto counters = counters_of(shop, answer);
    CHECK_EQUAL(
        std::string("Counted by the switch here: connections 9, held 4, packets 70, bytes 8000, "
                    "refused 1\n"
                    "SERVER           ACTIVE  INACTIVE  CONNECTIONS  PACKETS  BYTES  REFUSED  "
                    "WEIGHT\n"
                    "10.0.20.11:80         -         -            -        -      -        -       "
                    "-\n"
                    "10.0.20.12:8080       3         1            9       70   8000        1       "
                    "5\n"),
        counters_page(shop, counters, style));
    auto page = balancer_json(shop, world);
    add_counters(page, counters);
    CHECK_EQUAL(4, page["counters"]["held"].get<int>());
    CHECK_TRUE(page["servers"][0]["counters"].is_null());
    CHECK_EQUAL(70, page["servers"][1]["counters"]["packets"].get<int>());
}

TEST(BalancerView, SwitchThatDoesNotAnswerIsSaid)
{
    auto shop = builtin("shop", "10.0.20.11", "10.0.20.12");
    CHECK_EQUAL(std::string("The switch here gives no counters: it is away\n"),
                counters_page(shop, Error{Errc::unavailable, "it is away"}, style));
    STRCMP_CONTAINS("it does not know the balancer",
                    counters_page(shop, counters_of(shop, Json::object()), style).c_str());
    auto page = balancer_json(shop, world);
    add_counters(page, Error{Errc::unavailable, "it is away"});
    CHECK_TRUE(page["counters"].is_null());
    CHECK_EQUAL(std::string("it is away"), page["counters_error"].get<std::string>());
}

TEST(BalancerView, WithoutBalancersItSaysWhatToDo)
{
    STRCMP_CONTAINS("holdfast balancer add", balancer_table(World{}, style).c_str());
}

TEST(BalancerView, UnknownNameGetsTheNearestOne)
{
    CHECK_EQUAL(std::string("there is no balancer \"webb\": did you mean web?"),
                db::find_balancer(world.balancers, "webb").error().message);
}
