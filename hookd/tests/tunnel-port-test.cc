// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/tunnel-port (spec C13).
#include <config.h>

#include "hookd/tunnel-port.h"

#include <algorithm>

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

TEST_GROUP(TunnelPort)
{
    Config config;
    std::vector<SwitchPort> ports;

    void setup() override
    {
        config.bridge = "br0";
        config.vtep = "192.0.2.1";
        ports = {{"br0", "br0", 65534, "", "", "", "local"},
                 {"br0", "holdfast0", 1, "", "", "", "tunnel"}};
    }
};

TEST(TunnelPort, IsMadeWhereItsBridgeIsWithoutIt)
{
    CHECK_FALSE(lacks_tunnel_port(config, ports));
    ports.pop_back();
    CHECK_TRUE(lacks_tunnel_port(config, ports));
    config.vtep.clear();
    CHECK_FALSE(lacks_tunnel_port(config, ports));
}

TEST(TunnelPort, WaitsForItsBridge)
{
    ports.clear();
    CHECK_FALSE(lacks_tunnel_port(config, ports));
    CHECK_EQUAL(std::string("br0 is not there, and no chain passes this hypervisor: make it "
                            "(ovs-vsctl add-br) and plug its ports in"),
                bridge_problem(config, ports));
    ports = {{"br0", "br0", 65534, "", "", "", "local"}};
    CHECK_EQUAL(std::string(), bridge_problem(config, ports));
}

TEST(TunnelPort, CommandNamesBridgeAndAddressAndLeavesOneThatIsThere)
{
    const auto command = make_tunnel_port(config);
    for (const char* word : {"--may-exist", "br0", "options:local_ip=192.0.2.1"})
        CHECK_TRUE(std::ranges::find(command, word) != command.end());
}
