// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/answers (spec B2, B12).
#include "ovs-plugin/answers.h"

#include "ovs-plugin/origin.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::plugin;

TEST_GROUP(Answers)
{
    db::Balancer web, mail;
    db::Snapshot snapshot;

    void setup() override
    {
        web.vip = "10.0.10.100";
        web.directors = {"lb"};
        web.servers = {{"10.0.20.12", 80, 1, "active", "ae:48:0a:00:14:0c"},
                       {"10.0.20.11", 80, 1, "active", "ae:48:0a:00:14:0b"}};
        mail.vip = "10.0.10.101";
        mail.directors = {"lb", "elsewhere"};
        mail.servers = {web.servers[1]};
    }
};

TEST(Answers, each_director_has_the_servers_of_its_balancers_once)
{
    snapshot.balancers = {web, mail};
    const auto all = answers_of(snapshot);
    CHECK_EQUAL(2u, all.size());
    const std::vector<std::pair<Ip, Mac>> wanted{
        {ip_of({10, 0, 20, 11}), {0xae, 0x48, 10, 0, 20, 11}},
        {ip_of({10, 0, 20, 12}), {0xae, 0x48, 10, 0, 20, 12}}};
    CHECK(wanted == all.at("lb")->known);
    CHECK_EQUAL(1u, all.at("elsewhere")->known.size());
}

TEST(Answers, a_prefix_is_of_synthetic_addresses_alone_where_it_comes_first)
{
    web.mac_prefix = "ae:49";
    mail.mac_layout = "suffix";
    snapshot.balancers = {web, mail};
    const auto all = answers_of(snapshot);
    CHECK_TRUE(all.at("lb")->has_prefix_of({0xae, 0x49, 1, 2, 3, 4}));
    CHECK_FALSE(all.at("lb")->has_prefix_of({0xae, 0x48, 1, 2, 3, 4}));
    CHECK_FALSE(all.at("elsewhere")->has_prefix_of({0xae, 0x48, 1, 2, 3, 4}));
}

TEST(Answers, of_both_families_but_a_balancer_has_one)
{
    mail.vip = "fd00::100";
    mail.servers.push_back({"fd00::12", 80, 1, "active", "ae:48:00:00:00:12"});
    snapshot.balancers = {mail};
    const auto all = answers_of(snapshot);
    const auto& known = all.at("lb")->known;
    CHECK_EQUAL(1u, known.size()); // Not the IPv4 one.
    Ip six;
    CHECK(read_ip("FD00:0::12", six));
    CHECK(all.at("lb")->find(six) == &known[0].second);
    CHECK(all.at("lb")->find(ip_of({10, 0, 20, 11})) == nullptr);
    CHECK(all.at("lb")->has({0xae, 0x48, 0, 0, 0, 0x12}));
}

TEST(Answers, only_directors_that_are_here_have_them)
{
    db::Vm lb, other;
    lb.id = "lb";
    other.id = "other";
    web.directors = {"lb", "elsewhere"};
    snapshot.vms = {lb, other};
    snapshot.balancers = {web};
    std::vector<Port> ports(2);
    ports[0].kind = ports[1].kind = "vm";
    ports[0].vm_id = "lb";
    ports[0].interface = "vnet0";
    ports[1].vm_id = "other";
    ports[1].interface = "vnet1";
    const auto all = origins_of(snapshot, ports);
    CHECK_EQUAL(2u, all.size());
    CHECK(all[0].answers != nullptr);
    CHECK_EQUAL(2u, all[0].answers->known.size());
    CHECK(all[1].answers == nullptr);
}
