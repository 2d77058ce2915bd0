// SPDX-License-Identifier: Apache-2.0
//
// Tests of ctl/balancer.
#include <config.h>

#include "ctl/balancer.h"

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
                    "SERVER           WEIGHT  STATE     SYNTHETIC MAC      VM     HYPERVISOR\n"
                    "10.0.20.11:80         1  active    ae:48:00:00:00:01  web    hv1\n"
                    "10.0.20.12:8080       5  draining  ae:48:00:00:00:02  spare  hv1 (not plugged "
                    "in)\n"
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

TEST(BalancerView, WithoutBalancersItSaysWhatToDo)
{
    STRCMP_CONTAINS("holdfast balancer add", balancer_table(World{}, style).c_str());
}

TEST(BalancerView, UnknownNameGetsTheNearestOne)
{
    CHECK_EQUAL(std::string("there is no balancer \"webb\": did you mean web?"),
                db::find_balancer(world.balancers, "webb").error().message);
}
