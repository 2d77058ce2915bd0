// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/mtu: when a frame does not fit through the tunnel.
#include <config.h>

#include "hookd/mtu.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::hookd;

namespace {

bool fits(int mtu, bool tagged, int underlay, bool ipv6)
{
    return mtu_problem({{"vnet1", mtu, tagged}}, {{"hv2", "eth0", underlay, ipv6}}).empty();
}

} // namespace

TEST_GROUP(Mtu){};

TEST(Mtu, TunnelAdds50BytesOverIpv4And70OverIpv6)
{
    CHECK_TRUE(fits(1500, false, 1550, false));
    CHECK_FALSE(fits(1500, false, 1549, false));
    CHECK_TRUE(fits(1500, false, 1570, true));
    CHECK_FALSE(fits(1500, false, 1569, true));
}

TEST(Mtu, VlanTagTakesFourMore)
{
    CHECK_TRUE(fits(1500, true, 1554, false));
    CHECK_FALSE(fits(1500, true, 1553, false));
    CHECK_TRUE(fits(1500, true, 1574, true));
    CHECK_FALSE(fits(1500, true, 1573, true));
}

TEST(Mtu, WidestPortAndNarrowestWayAreNamedWithTheMend)
{
    STRCMP_EQUAL(
        "packets of more than 1450 bytes to hv3 and 1 more do not fit into the tunnel, "
        "which adds 50 and leaves by eth1 (MTU 1500), but vnet2 sends 9000: 'ip link set eth1 "
        "mtu 9050', and the same on the way there, or give the VMs a smaller MTU",
        mtu_problem({{"vnet1", 1500, false}, {"vnet2", 9000, false}},
                    {{"hv2", "eth0", 9000, false},
                     {"hv3", "eth1", 1500, false},
                     {"hv4", "eth2", 9100, false}})
            .c_str());
}

TEST(Mtu, TaggedPortIsWiderThanOneOfTheSameMtu)
{
    CHECK_FALSE(
        mtu_problem({{"vnet1", 1500, false}, {"vnet2", 1500, true}}, {{"hv2", "eth0", 1550, false}})
            .empty());
}

TEST(Mtu, NothingIsWrongWithoutPortsOrPeers)
{
    STRCMP_EQUAL("", mtu_problem({}, {{"hv2", "eth0", 68, false}}).c_str());
    STRCMP_EQUAL("", mtu_problem({{"vnet1", 9000, false}}, {}).c_str());
}
