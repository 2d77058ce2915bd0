// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/balancer-way (spec balancer.md, B3).
#include <config.h>

#include "hookd/balancer-way.h"

#include <string>

#include "hookd/balancer-read.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

db::Balancer balancer(const std::string& name, const std::string& vip, const std::string& way)
{
    db::Balancer made;
    made.name = name;
    made.vip = vip;
    made.gateway = "10.0.10.1";
    made.servers = {{"10.0.20.11", 80, 1, "active", "", 0, way},
                    {"10.0.20.12", 80, 1, "active", ""}};
    return made;
}

} // namespace

TEST_GROUP(BalancerWay)
{
    db::Balancer web = balancer("web", "10.0.10.100", "routed");
};

TEST(BalancerWay, OneWithARoutedServerGetsANumberThatNoOtherVipOfItsServersHas)
{
    CHECK_TRUE(static_cast<bool>(take_number(web, {})));
    CHECK_EQUAL(3, web.number);
    auto api = balancer("api", "10.0.10.101", "routed");
    CHECK_TRUE(static_cast<bool>(take_number(api, {web})));
    CHECK_EQUAL(7, api.number);
    // It keeps its own, whatever becomes of the others.
    CHECK_TRUE(static_cast<bool>(take_number(api, {api})));
    CHECK_EQUAL(7, api.number);
    // Of other servers the numbers are others', too.
    auto far = balancer("far", "10.0.10.102", "routed");
    far.servers = {{"10.0.30.11", 80, 1, "active", "", 0, "routed"}};
    CHECK_TRUE(static_cast<bool>(take_number(far, {web, api})));
    CHECK_EQUAL(3, far.number);
    // One that came to have another's.
    far.servers.push_back(web.servers[0]);
    CHECK_TRUE(static_cast<bool>(take_number(far, {web, api})));
    CHECK_EQUAL(11, far.number);
}

TEST(BalancerWay, OneWithoutHasNone)
{
    auto plain = balancer("plain", "10.0.10.103", "tunnel");
    plain.number = 5;
    plain.gateway.clear();
    CHECK_TRUE(static_cast<bool>(take_number(plain, {web})));
    CHECK_EQUAL(0, plain.number);
}

TEST(BalancerWay, WithoutAGatewayItIsRefused)
{
    web.gateway.clear();
    CHECK_EQUAL(std::string("server 10.0.20.11 has way=routed, and there is no gateway: name the "
                            "router in the director's VLAN with --gateway"),
                take_number(web, {}).error().message);
}

TEST(BalancerWay, WhenAllNumbersAreTakenItIsRefused)
{
    std::vector<db::Balancer> others;
    for (int i = 1; i <= 63; ++i) {
        auto other = balancer("b" + std::to_string(i), "10.0.11." + std::to_string(i), "routed");
        CHECK_TRUE(static_cast<bool>(take_number(other, others)));
        others.push_back(other);
    }
    CHECK_EQUAL(63, others[15].number);
    CHECK_EQUAL(1, others[16].number);
    CHECK_TRUE(take_number(web, others).error().code == Errc::exists);
}

TEST(BalancerWay, AServersWayIsReadBesideItsWeight)
{
    CHECK_EQUAL(std::string("routed"), read_server("10.0.20.11,way=routed,weight=2", 80)->way);
    CHECK_EQUAL(std::string("tunnel"), read_server("10.0.20.11,way=tunnel", 80)->way);
    CHECK_EQUAL(std::string("tunnel"), read_server("10.0.20.11", 80)->way);
    STRCMP_CONTAINS("way \"bridged\" is unknown: give tunnel or routed",
                    read_server("10.0.20.11,way=bridged", 80).error().message.c_str());
}
