// SPDX-License-Identifier: Apache-2.0
//
// Tests of db/balancer (spec balancer.md, B8 and B10).
#include <config.h>

#include "db/balancer.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::db;

namespace {

Vm vm(const std::string& address, const std::string& hypervisor, const std::string& state)
{
    Vm row;
    row.id = address + hypervisor;
    row.hypervisor = hypervisor;
    row.state = state;
    row.ips = {"fd00::1", address};
    return row;
}

ServerHealth health(const std::string& hypervisor, const std::string& state, TimeNs since)
{
    return {"web", "10.0.20.11", hypervisor, state, since, "", -1, -1, -1};
}

Balancer balancer()
{
    Balancer row;
    row.name = "web";
    row.servers = {{"10.0.20.11", 80, 1, "active", ""}, {"10.0.20.12", 81, 2, "active", ""}};
    return row;
}

} // namespace

TEST_GROUP(BalancerRows)
{
    std::vector<Vm> vms{vm("10.0.20.11", "hv2", "running")};
    std::vector<ServerHealth> rows;

    std::string state_of(const std::string& name = "web", const std::string& address = "10.0.20.11")
    {
        const auto* row = health_of(rows, vms, name, address);
        return row ? row->hypervisor + " " + row->state : "";
    }
};

TEST(BalancerRows, HealthIsWhatTheVmsOwnHypervisorSays)
{
    rows = {health("hv1", "down", 900), health("hv2", "up", 100), health("hv3", "down", 800)};
    STRCMP_EQUAL("hv2 up", state_of().c_str());
    vms[0].hypervisor = "hv1";
    STRCMP_EQUAL("hv1 down", state_of().c_str());
}

TEST(BalancerRows, HealthOfAVmThatJustMovedIsTheNewestThatIsKnown)
{
    rows = {health("hv1", "down", 100), health("hv3", "up", 900), health("hv4", "down", 800)};
    STRCMP_EQUAL("hv3 up", state_of().c_str());
    vms.clear();
    STRCMP_EQUAL("hv3 up", state_of().c_str());
}

TEST(BalancerRows, HealthThatNobodyProbedIsNotKnown)
{
    rows = {health("hv2", "up", 1)};
    STRCMP_EQUAL("", state_of("api").c_str());
    STRCMP_EQUAL("", state_of("web", "10.0.20.1").c_str());
}

TEST(BalancerRows, ServerIsDeadUntilItsFirstGoodProbeUnlessNobodyLooks)
{
    auto row = balancer();
    const auto down = health("hv1", "down", 1), up = health("hv1", "up", 1);
    CHECK_TRUE(is_up(row, nullptr));
    row.check = "tcp";
    CHECK_FALSE(is_up(row, nullptr));
    CHECK_FALSE(is_up(row, &down));
    CHECK_TRUE(is_up(row, &up));
}

TEST(BalancerRows, DrainingOrWeightlessServerTakesNoConnections)
{
    auto row = balancer();
    CHECK_TRUE(takes_connections(row, row.servers[0], nullptr));
    row.servers[0].state = "draining";
    CHECK_FALSE(takes_connections(row, row.servers[0], nullptr));
    row.servers[1].weight = 0;
    CHECK_FALSE(takes_connections(row, row.servers[1], nullptr));
}

TEST(BalancerRows, SorryServerIsOneMore)
{
    auto row = balancer();
    CHECK_TRUE(all_servers(row) == row.servers);
    row.sorry = "10.0.30.1";
    row.sorry_port = 8080;
    row.sorry_mac = "ae:48:0a:00:1e:01";
    CHECK_EQUAL(3u, all_servers(row).size());
    CHECK_TRUE(
        (all_servers(row)[2] == RealServer{"10.0.30.1", 8080, 1, "active", "ae:48:0a:00:1e:01"}));
}

TEST(BalancerRows, ABuiltInDirectorNeedsNoRoutes)
{
    auto row = balancer();
    CHECK_EQUAL(2u, director_routes(row).size());
    row.director = "builtin";
    CHECK_TRUE(director_routes(row).empty());
}

TEST(BalancerRows, ADirectorIsToDropAServerThatIsTakenOut_B8)
{
    auto was = balancer();
    was.vip = "10.0.0.80";
    was.port = 80;
    was.protocol = "tcp";
    auto is = was;
    is.servers.erase(is.servers.begin());
    const auto& address = was.servers[0].address;
    const std::string ipvs = "ipvsadm -d -t 10.0.0.80:80 -r " + address + ":80";
    const std::string route = "ip route del " + address + "/32 dev DEV";
    CHECK_TRUE((director_drops(was, is, {is}) == std::vector<std::string>{ipvs, route}));
    CHECK_TRUE(director_drops(was, was, {was}).empty());
    auto other = was; // It has the server, too.
    other.name = "other";
    CHECK_TRUE((director_drops(was, is, {is, other}) == std::vector<std::string>{ipvs}));
    auto six = was;
    six.vip = "fd00::80";
    six.protocol = "udp";
    six.servers[0].address = "fd20::11";
    CHECK_TRUE((director_drops(six, is, {is}) ==
                std::vector<std::string>{"ipvsadm -d -u [fd00::80]:80 -r [fd20::11]:80",
                                         "ip -6 route del fd20::11/128 dev DEV"}));
    // The balancer itself.
    six.servers.resize(1);
    was.servers.resize(1);
    CHECK_TRUE((director_drops(six, {}) ==
                std::vector<std::string>{"ipvsadm -D -u [fd00::80]:80",
                                         "ip -6 route del fd20::11/128 dev DEV"}));
    CHECK_TRUE((director_drops(was, {was, other}) ==
                std::vector<std::string>{"ipvsadm -D -t 10.0.0.80:80"}));
    six.director = "builtin";
    CHECK_TRUE(director_drops(six, is, {is}).empty());
    CHECK_TRUE(director_drops(six, {}).empty());
}

TEST(BalancerRows, VmThatRunsIsMeantByAnAddressThatTwoHave)
{
    vms = {vm("10.0.20.11", "old", "stopped"), vm("10.0.20.11", "new", "running"),
           vm("10.0.20.11", "other", "stopped")};
    STRCMP_EQUAL("new", vm_with(vms, "10.0.20.11")->hypervisor.c_str());
    CHECK_TRUE(vm_with(vms, "10.0.20.12") == nullptr);
}
