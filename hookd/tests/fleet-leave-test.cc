// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/fleet-leave.
#include <config.h>

#include "hookd/fleet-leave.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

db::Vm vm(const std::string& name, const std::string& hypervisor)
{
    db::Vm row;
    row.id = "id-" + name;
    row.name = name;
    row.hypervisor = hypervisor;
    row.ips = {"10.0.20.11"};
    return row;
}

} // namespace

TEST_GROUP(FleetLeave)
{
    std::vector<db::Hypervisor> hypervisors{{1, "hv1", "i1", "10.0.0.1", "br0", true},
                                            {2, "hv2", "i2", "10.0.0.2", "br0"}};
    std::vector<db::Vm> vms{vm("fw", "hv1"), vm("ids", "hv2")};
    std::vector<db::Chain> chains;
    std::vector<db::Balancer> balancers;
    std::vector<db::ServerHealth> health;
    std::vector<db::Service> services;
    std::vector<db::Lease> leases;
    std::vector<db::Quota> quotas;
    std::vector<db::Move> moves;
    std::vector<db::Specification> specifications;
    std::vector<db::RecoveryPolicy> policies;
    std::vector<db::Recovery> recoveries;

    Result<void> may(const std::string& name)
    {
        return may_take_out(name,
                            {"hv1", &hypervisors, &vms, &chains, &balancers, &health, &services,
                             &leases, &quotas, &moves, &specifications, &policies, &recoveries});
    }
};

TEST(FleetLeave, AllThatAHypervisorOwnsGoesWithIt)
{
    services.resize(2);
    services[0].id = "s1";
    services[0].hypervisor = "hv2";
    services[1].id = "s2";
    services[1].hypervisor = "hv1";
    moves.resize(1);
    moves[0].id = "m";
    moves[0].role = "source";
    moves[0].hypervisor = "hv2";
    const auto change = departure("hv2", vms, services, moves);
    CHECK_TRUE((change.remove_hypervisors == std::vector<std::string>{"hv2"}));
    CHECK_TRUE((change.remove_vms == std::vector<std::string>{"id-ids"}));
    CHECK_TRUE((change.remove_services == std::vector<std::string>{"s1"}));
    LONGS_EQUAL(1, change.remove_moves.size());
}

TEST(FleetLeave, OnlyOneThatIsLostAndThatNothingNeedsIsTakenOut)
{
    CHECK_EQUAL(std::string("hv2 is heard of: it leaves by \"holdfast fleet leave\" there"),
                may("hv2").error().message);
    hypervisors[1].lost = true;
    CHECK_TRUE(bool(may("hv2")));
    CHECK_TRUE(may("hv3").error().code == Errc::not_found);
    chains.resize(1);
    chains[0].name = "web";
    chains[0].hops.resize(1);
    chains[0].hops[0].vms = {"id-fw"};
    CHECK_TRUE(bool(may("hv2")));
    chains[0].hops[0].vms = {"id-fw", "id-ids"};
    CHECK_EQUAL(std::string("chain web needs ids, which is on hv2: \"holdfast chain set\" it to "
                            "others, or \"chain del\" it first"),
                may("hv2").error().message);
    chains.clear();
    balancers.resize(1);
    balancers[0].name = "lb";
    balancers[0].servers = {{"10.0.20.11", 80, 1, "active", ""}};
    STRCMP_CONTAINS("balancer lb needs ids, which is on hv2", may("hv2").error().message.c_str());
}

TEST(FleetLeave, OneByWhichAServiceIsReachedStays)
{
    hypervisors[1].lost = true;
    vms[0].ports.resize(1);
    vms[0].ports[0].entry = "hv2";
    CHECK_EQUAL(std::string("service fw, which is on hv1, is reached by way of hv2: move it back "
                            "there or to another of its network, or stop it, first"),
                may("hv2").error().message);
    CHECK_TRUE(bool(is_no_entry("hv1", vms)));
    vms[0].hypervisor = "hv2"; // It has gone back.
    CHECK_TRUE(bool(is_no_entry("hv2", vms)));
}
