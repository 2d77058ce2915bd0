// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/ledger: memory is as the file is.
#include <config.h>

#include "hookd/ledger.h"

#include "db/tests/folder.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

db::Balancer balancer(const std::string& name)
{
    db::Balancer row;
    row.name = name;
    row.servers = {{"10.0.20.11", 80, 1, "active", ""}, {"10.0.20.12", 80, 1, "active", ""}};
    return row;
}

db::ServerHealth health(const std::string& balancer, const std::string& address,
                        const std::string& hypervisor)
{
    return {balancer, address, hypervisor, "up", 1, "", -1, -1, -1};
}

db::Hypervisor hypervisor(const std::string& name, int number)
{
    db::Hypervisor row;
    row.name = row.id = name;
    row.number = number;
    return row;
}

} // namespace

TEST_GROUP(Ledger)
{
    tests::Folder folder;
    std::string path = folder / "holdfast.db";

    /// Carries it out; how many health rows there are then, in memory and in the file.
    std::size_t after(Ledger & ledger, const StoreChange& change)
    {
        CHECK_TRUE(bool(ledger.apply(change)));
        auto again = Ledger::open(path);
        CHECK_TRUE(bool(again));
        CHECK_TRUE(again->health() == ledger.health());
        return ledger.health().size();
    }
};

TEST(Ledger, HealthGoesWithItsBalancerItsServerAndItsHypervisor)
{
    auto ledger = Ledger::open(path);
    CHECK_TRUE(bool(ledger));
    StoreChange change;
    change.put_hypervisors = {hypervisor("hv1", 1), hypervisor("hv2", 2)};
    change.put_balancers = {balancer("a"), balancer("b")};
    for (const char* name : {"b", "a"})
        for (const char* address : {"10.0.20.12", "10.0.20.11"})
            for (const char* owner : {"hv2", "hv1"})
                change.put_health.push_back(health(name, address, owner));
    CHECK_TRUE(change.concerns_flows());
    CHECK_FALSE(change.concerns_paths());
    CHECK_EQUAL(8u, after(*ledger, change));
    change = {};
    change.put_balancers = {balancer("a")};
    change.put_balancers[0].servers.resize(1);
    CHECK_EQUAL(6u, after(*ledger, change));
    change = {};
    change.remove_hypervisors = {"hv2"};
    CHECK_EQUAL(3u, after(*ledger, change));
    change = {};
    change.remove_balancers = {"b"};
    CHECK_EQUAL(1u, after(*ledger, change));
    change = {};
    change.remove_health = {{"a", "10.0.20.11", "hv1"}};
    CHECK_EQUAL(0u, after(*ledger, change));
}

TEST(Ledger, ServicesAreInMemoryAsInTheFile)
{
    auto ledger = Ledger::open(path);
    CHECK_TRUE(bool(ledger));
    StoreChange change;
    db::Service web;
    web.mac = "02:11:22:33:44:55";
    web.command = {"/bin/true"};
    web.id = "id-web";
    web.name = "web";
    change.put_services = {web};
    CHECK_FALSE(change.empty());
    CHECK_FALSE(change.concerns_flows());
    CHECK_TRUE(bool(ledger->apply(change)));
    CHECK_TRUE(Ledger::open(path)->services() == std::vector{web});
    CHECK_TRUE(*ledger->service("id-web") == web);
    change = {};
    change.remove_services = {"id-web"};
    CHECK_TRUE(bool(ledger->apply(change)));
    CHECK_TRUE(Ledger::open(path)->services().empty());
    CHECK_TRUE(ledger->service("id-web") == nullptr);
}
