// SPDX-License-Identifier: Apache-2.0
#include "ovs-plugin/leaving.h"

#include <netinet/in.h>

#include <algorithm>
#include <string>

#include "ovs-plugin/service.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::plugin;

namespace {

db::Vm vm(const std::string& name, const std::string& address)
{
    db::Vm made;
    made.id = made.name = name;
    made.ips = {address};
    return made;
}

/// VIP 10.0.10.100:80 of s1 and s2, with a sorry server.
db::Balancer web()
{
    db::Balancer made;
    made.name = "web";
    made.vip = "10.0.10.100";
    made.port = 80;
    made.director = "builtin";
    made.policy = "mh";
    made.vip_mac = "ae:48:00:00:00:01";
    made.servers = {{"10.0.20.1", 80, 3, "active", "ae:48:00:00:00:02"},
                    {"10.0.20.2", 80, 1, "active", "ae:48:00:00:00:03", 7, "routed"}};
    made.sorry = "10.0.20.3";
    made.sorry_port = 81;
    made.sorry_mac = "ae:48:00:00:00:04";
    made.number = 3;
    made.check = "tcp";
    return made;
}

/// The same without a check: its servers count as up.
db::Balancer unchecked()
{
    auto made = web();
    made.check = "none";
    return made;
}

std::shared_ptr<const db::Snapshot> world(std::vector<db::Balancer> balancers)
{
    auto made = std::make_shared<db::Snapshot>();
    made->vms = {vm("s1", "10.0.20.1"), vm("sorry", "10.0.20.3"), vm("lb", "10.0.10.5")};
    made->balancers = std::move(balancers);
    return made;
}

} // namespace

TEST_GROUP(Leaving)
{
    Leaving leaving;

    /// The store has `before`, and then `now`; what is made of that.
    std::shared_ptr<const db::Snapshot> go(const std::shared_ptr<const db::Snapshot>& before,
                                           const std::shared_ptr<const db::Snapshot>& now)
    {
        leaving.look(before.get(), *now);
        return leaving.with(now);
    }
    /// How many leave when web is deleted and this is there then.
    std::size_t beside(const db::Balancer& other)
    {
        return leave(web(), world({other}));
    }
    std::size_t leave(const db::Balancer& balancer, const std::shared_ptr<const db::Snapshot>& now)
    {
        leaving = {};
        go(world({balancer}), now);
        return leaving.keys().size();
    }
};

TEST(Leaving, what_is_deleted_is_there_still_and_drained_B9)
{
    const auto none = world({});
    POINTERS_EQUAL(none.get(), go(nullptr, none).get());
    const auto now = go(world({web()}), none);
    CHECK_EQUAL(1u, now->balancers.size());
    const auto& row = now->balancers[0];
    CHECK_TRUE(row.vip_mac == web().vip_mac && row.policy == "mh" && row.number == 3);
    CHECK_EQUAL(3u, row.servers.size());
    for (const auto& server : row.servers)
        STRCMP_EQUAL("draining", server.state.c_str());
    CHECK_EQUAL(3, row.servers[0].weight);
    // The sorry server's connections go on, too; it has no share in the table.
    STRCMP_EQUAL("ae:48:00:00:00:04", row.servers[2].mac.c_str());
    CHECK_EQUAL(0, row.servers[2].weight);
    CHECK_TRUE(row.sorry.empty() && row.sorry_mac.empty() && row.sorry_port == 0);
    // Nobody probes it, and none of its servers counts as dead for that.
    STRCMP_EQUAL("none", row.check.c_str());
    CHECK_TRUE(leaving.keys()[0].at == (VipPort{ip_of({10, 0, 10, 100}), 80, IPPROTO_TCP}));
}

TEST(Leaving, it_ends_when_nobody_holds_a_connection)
{
    const auto none = world({});
    go(world({web()}), none);
    const auto number = leaving.keys()[0].number;
    CHECK_FALSE(leaving.end({number + 1}));
    CHECK_EQUAL(1u, leaving.keys().size());
    CHECK_TRUE(leaving.end({number}));
    POINTERS_EQUAL(none.get(), leaving.with(none).get());
    // One that is deleted again is another.
    go(world({web()}), none);
    CHECK_TRUE(leaving.keys()[0].number != number);
}

TEST(Leaving, one_that_is_added_with_its_address_takes_its_place)
{
    go(world({web()}), world({}));
    auto other = web();
    other.name = "other";
    const auto now = go(world({}), world({other}));
    CHECK_EQUAL(1u, now->balancers.size());
    STRCMP_EQUAL("other", now->balancers[0].name.c_str());
    CHECK_TRUE(leaving.keys().empty());
}

TEST(Leaving, it_gives_way_to_what_needs_its_addresses)
{
    auto other = web();
    other.port = 81;
    CHECK_EQUAL(1u, beside(other));
    other.vip_mac = "ae:48:00:00:00:09"; // The VIP is answered otherwise.
    CHECK_EQUAL(0u, beside(other));
    other = web();
    other.vip = "10.0.10.101";
    other.vip_mac = "ae:48:00:00:00:09";
    CHECK_EQUAL(0u, beside(other)); // A server has one number for two VIPs.
    other.number = 7;
    CHECK_EQUAL(1u, beside(other));
    other.servers[0].mac = "ae:48:00:00:00:07"; // A server has another address.
    CHECK_EQUAL(0u, beside(other));
    other = web();
    other.vip = "10.0.10.101";
    other.vip_mac = "ae:48:00:00:00:02"; // A server's is another machine's.
    other.servers = {{"10.0.30.1", 80, 1, "active", "ae:48:00:00:00:05"}};
    other.sorry.clear();
    CHECK_EQUAL(0u, beside(other));
    other.vip_mac = "ae:48:00:00:00:06";
    CHECK_EQUAL(1u, beside(other)); // With that number too: it has none of its servers.
    auto now = std::make_shared<db::Snapshot>(*world({}));
    now->vms.push_back(vm("owner", "10.0.10.100"));
    CHECK_EQUAL(0u, leave(web(), now));
}

TEST(Leaving, with_external_directors_the_servers_answers_are_left_B5)
{
    auto external = web();
    external.director = "external";
    external.directors = {"lb"};
    external.vip_mac.clear();
    auto now = std::make_shared<db::Snapshot>(*world({}));
    now->vms.push_back(vm("lb2", "10.0.10.100")); // The director has the VIP.
    CHECK_EQUAL(1u, leave(external, now));
    CHECK_TRUE(leaving.with(now)->balancers[0].directors.empty());
}

TEST(Leaving, of_a_server_whose_vm_is_not_there_nothing_is_said)
{
    const auto now = go(world({web()}), world({}));
    auto less = std::make_shared<db::Snapshot>(*world({}));
    less->vms.erase(less->vms.begin());
    const auto servers = go(now, less)->balancers.at(0).servers;
    CHECK_EQUAL(2u, servers.size());
    STRCMP_EQUAL("10.0.20.2", servers[0].address.c_str()); // By a gateway it need be none.
}

TEST(Leaving, a_server_that_is_taken_out_is_there_still_and_drained_B9)
{
    const auto with_both = world({unchecked()});
    auto less = unchecked();
    less.servers.erase(less.servers.begin());
    const auto without = world({less});
    const auto now = go(with_both, without);
    CHECK_EQUAL(1u, now->balancers.size());
    const auto& servers = now->balancers[0].servers;
    CHECK_EQUAL(2u, servers.size());
    STRCMP_EQUAL("10.0.20.1", servers[1].address.c_str());
    STRCMP_EQUAL("leaving", servers[1].state.c_str());
    STRCMP_EQUAL("ae:48:00:00:00:02", servers[1].mac.c_str());
    STRCMP_EQUAL("active", servers[0].state.c_str());
    STRCMP_EQUAL("10.0.20.3", now->balancers[0].sorry.c_str());
    CHECK_TRUE(leaving.keys().at(0).server == ip_of({10, 0, 20, 1}));
    CHECK_TRUE(leaving.keys()[0].at == (VipPort{ip_of({10, 0, 10, 100}), 80, IPPROTO_TCP}));
    // It goes with its balancer, too, and comes back with one that has its public address.
    CHECK_EQUAL(3u, go(without, world({}))->balancers.at(0).servers.size());
    CHECK_EQUAL(2u, go(world({}), without)->balancers.at(0).servers.size());
    CHECK_EQUAL(1u, leaving.keys().size());
    // Nobody holds a connection to it any more.
    CHECK_TRUE(leaving.end({leaving.keys()[0].number}));
    POINTERS_EQUAL(without.get(), leaving.with(without).get());
}

TEST(Leaving, a_server_that_was_taken_out_is_in_no_table_and_led_to_still_B9)
{
    auto less = unchecked();
    less.servers.erase(less.servers.begin());
    const auto before = world({unchecked()}), without = world({less});
    const auto leaves = directed_of(*go(before, without), directed_of(*before, nullptr));
    const auto& service = leaves->services.at(0);
    CHECK_EQUAL(1u, service.backends.size());
    CHECK_EQUAL(1u, service.leaving.size());
    CHECK(service.leaving[0].address == ip_of({10, 0, 20, 1}));
    CHECK_FALSE(service.leaving[0].takes);
    CHECK(std::ranges::binary_search(leaves->server_macs, Mac{0xae, 0x48, 0, 0, 0, 2}));
    const auto left = directed_of(*without, leaves);
    CHECK_FALSE(left == leaves);
    POINTERS_EQUAL(service.table.get(), left->services.at(0).table.get());
}

TEST(Leaving, a_server_is_left_to_what_needs_it)
{
    auto less = unchecked();
    less.servers.erase(less.servers.begin());
    const auto without = world({less});
    // It is added again.
    go(world({unchecked()}), without);
    CHECK_EQUAL(2u, go(without, world({unchecked()}))->balancers[0].servers.size());
    CHECK_EQUAL(0u, leaving.keys().size());
    // Another balancer has it, with the same MAC address: that is no matter; or with another.
    auto other = unchecked();
    other.name = "other";
    other.vip = "10.0.10.101";
    other.vip_mac = "ae:48:00:00:00:09";
    other.number = 7;
    go(world({unchecked()}), world({less, other}));
    CHECK_EQUAL(1u, leaving.keys().size());
    other.servers[0].mac = "ae:48:00:00:00:07";
    go(world({less, other}), world({less, other}));
    CHECK_EQUAL(0u, leaving.keys().size());
    // Its VM is gone; an external director ends its connections itself.
    auto gone = std::make_shared<db::Snapshot>(*without);
    gone->vms.erase(gone->vms.begin());
    CHECK_EQUAL(1u, go(world({unchecked()}), gone)->balancers[0].servers.size());
    auto external = unchecked(), external_less = less;
    external.director = external_less.director = "external";
    leaving = {};
    go(world({external}), world({external_less}));
    CHECK_EQUAL(0u, leaving.keys().size());
}

TEST(Leaving, a_server_that_was_probed_counts_as_it_was_found_last_B9)
{
    auto less = web();
    less.servers.erase(less.servers.begin());
    auto before = std::make_shared<db::Snapshot>(*world({web()}));
    db::ServerHealth up;
    up.balancer = "web";
    up.address = "10.0.20.1";
    up.hypervisor = "hv1";
    up.state = "up";
    before->health = {up};
    const auto now = go(before, world({less})); // Its row went with it.
    CHECK_EQUAL(2u, now->balancers.at(0).servers.size());
    CHECK_TRUE(now->health == std::vector{up});
}

TEST(Leaving, many_servers_leave_at_once_each_in_its_place_B9)
{
    // Of 300 VMs, all found to be up, but one in ten are taken out.
    auto before = std::make_shared<db::Snapshot>();
    auto row = web();
    row.servers.clear();
    for (int i = 0; i < 300; ++i) {
        const auto n = std::to_string(1000 + i).substr(1);
        const auto address = "fd00::" + n;
        before->vms.push_back(vm("s" + n, address));
        row.servers.push_back(
            {address, 80, 1, "active", "ae:48:00:01:0" + n.substr(0, 1) + ":" + n.substr(1)});
        db::ServerHealth up;
        up.balancer = row.name;
        up.address = address;
        up.hypervisor = "hv1";
        up.state = "up";
        before->health.push_back(up);
    }
    before->balancers = {row};
    auto now = std::make_shared<db::Snapshot>(*before);
    auto& left = now->balancers[0].servers;
    for (std::size_t i = 0; i < left.size(); ++i)
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(i),
                   left.begin() + static_cast<std::ptrdiff_t>(i) + 9);
    std::erase_if(now->health, [&](const auto& one) {
        return std::ranges::find(left, one.address, &db::RealServer::address) == left.end();
    });
    CHECK_EQUAL(30u, now->health.size());
    const auto with = go(before, now);
    CHECK_EQUAL(270u, leaving.keys().size());
    CHECK_EQUAL(300u, with->balancers[0].servers.size());
    CHECK_TRUE(before->health == with->health);
    // Those of them go on that another does not need.
    auto other = web();
    other.vip = "fd00::9999";
    other.vip_mac = "ae:48:00:00:00:09";
    other.servers = {{"fd00::9998", 80, 1, "active", before->balancers[0].servers[0].mac}};
    now->balancers.push_back(other);
    go(now, now);
    CHECK_EQUAL(269u, leaving.keys().size());
}

TEST(Leaving, a_dead_server_that_is_taken_out_holds_nobody_B10)
{
    auto less = web(); // With a check, of which nothing good is known.
    less.servers.erase(less.servers.begin());
    go(world({web()}), world({less}));
    CHECK_EQUAL(0u, leaving.keys().size());
}
