// SPDX-License-Identifier: Apache-2.0
#include "ovs-plugin/balance.h"

#include <algorithm>

#include "ovs-plugin/answers.h"
#include "ovs-plugin/origin.h"
#include "ovs-plugin/service.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::plugin;

namespace {

constexpr int tunnel = 2, director_port = 5, server_port = 11;

db::Vm vm(const char* id, std::uint32_t label, const char* hypervisor, const char* mac,
          std::vector<std::string> ips)
{
    db::Vm row;
    row.id = row.name = id;
    row.label = label;
    row.hypervisor = hypervisor;
    row.state = "running";
    row.ips = std::move(ips);
    row.ports = {{mac, "", "br0", "", 0}};
    return row;
}

Port port(const char* kind, int ofport, const char* vm_id, const char* mac)
{
    return {"br0", "p" + std::to_string(ofport), ofport, vm_id, mac, vm_id, 0, kind};
}

} // namespace

/// Director lb and server s1 are here, s2 is on hv2.
TEST_GROUP(Balance)
{
    db::Snapshot snapshot;
    std::vector<Port> ports;

    void setup() override
    {
        snapshot.hypervisors = {{1, "hv1", "a", "10.90.0.1", "br0", true, 0},
                                {2, "hv2", "b", "10.90.0.2", "br0", false, 0}};
        snapshot.vms = {vm("lb", 0x1001, "hv1", "52:54:00:00:00:05", {"10.0.10.5"}),
                        vm("s1", 0x1002, "hv1", "52:54:00:00:00:11", {"10.0.20.11"}),
                        vm("s2", 0x2001, "hv2", "52:54:00:00:00:12", {"10.0.20.12"})};
        db::Balancer web;
        web.name = "web";
        web.vip = "10.0.10.100";
        web.port = 80;
        web.directors = {"lb"};
        web.servers = {{"10.0.20.11", 8080, 1, "active", "ae:48:0a:00:14:0b"},
                       {"10.0.20.12", 80, 1, "active", "ae:48:0a:00:14:0c"}};
        snapshot.balancers = {web};
        ports = {port("uplink", 1, "", ""), port("tunnel", tunnel, "", ""),
                 port("vm", director_port, "lb", "52:54:00:00:00:05"),
                 port("vm", server_port, "s1", "52:54:00:00:00:11")};
    }

    db::Balancer& let_switches_direct()
    {
        auto& web = snapshot.balancers.front();
        web.director = "builtin";
        web.policy = "mh";
        web.directors.clear();
        web.vip_mac = "ae:48:0a:00:0a:64";
        return web;
    }

    std::string actions(int table, int priority, const std::string& match)
    {
        for (const auto& flow : compile(snapshot, ports, {}).flows)
            if (flow.table == table && flow.priority == priority && flow.match == match)
                return flow.actions;
        return "none";
    }
};

TEST(Balance, a_directors_frames_are_led_to_the_server_by_its_label)
{
    CHECK_EQUAL(std::string{"strip_vlan,load:0x1002->NXM_NX_REG0[],resubmit(,252)"},
                actions(0, 152001, "in_port=5,ip,dl_dst=ae:48:0a:00:14:0b,reg13=0"));
    CHECK_EQUAL(std::string{"strip_vlan,load:0x2001->NXM_NX_REG0[],resubmit(,252)"},
                actions(0, 152001, "in_port=5,ip,dl_dst=ae:48:0a:00:14:0c,reg13=0"));
    CHECK_EQUAL(std::string{"drop"},
                actions(0, 152000, "in_port=5,dl_dst=ae:48:00:00:00:00/ff:ff:00:00:00:00,reg13=0"));
    CHECK(actions(252, 100000, "reg0=0x2001,reg2=0").find("->tun_dst") != std::string::npos);
}

/// Spec B10.
TEST(Balance, a_synthetic_address_is_nobodys_but_a_directors_B2)
{
    const std::string mac = snapshot.balancers[0].servers[0].mac;
    CHECK_EQUAL(std::string{"drop"}, actions(table_entry, 153000, "dl_src=" + mac + ",reg13=0"));
    CHECK_EQUAL(std::string{"drop"}, actions(table_entry, 151000, "dl_dst=" + mac + ",reg13=0"));
    // The switch's own director leads frames to it: who else sends there is stopped before.
    snapshot.balancers[0].director = "builtin";
    CHECK_EQUAL(std::string{"drop"}, actions(table_entry, 153000, "dl_src=" + mac + ",reg13=0"));
    CHECK_EQUAL(std::string{"none"}, actions(table_entry, 151000, "dl_dst=" + mac + ",reg13=0"));
}

TEST(Balance, answers_to_probes_find_their_port)
{
    const char* match = "ip,nw_dst=169.254.72.2,reg13=0";
    CHECK_EQUAL(std::string{"none"}, actions(0, 152003, match));
    ports.push_back({"br0", "hf-probe", 9, "", "", "", 0, "local"});
    CHECK_EQUAL(std::string{"strip_vlan,mod_dl_dst:02:48:46:00:00:05,output:9"},
                actions(0, 152003, match));
    CHECK_EQUAL(std::string{"strip_vlan,mod_dl_dst:02:48:46:00:00:05,output:9"},
                actions(0, 152003, "ipv6,ipv6_dst=fdc5:d3a2:7e41::2,reg13=0"));
    CHECK_EQUAL(std::string{"drop"},
                actions(0, 152002, "in_port=9,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,reg13=0"));
    ports.back().kind = "uplink"; // A port of somebody's who calls it so.
    CHECK_EQUAL(std::string{"none"}, actions(0, 152003, match));
}

/// Spec B10: through the VIP's own way.
TEST(Balance, a_prober_is_a_director_that_knows_the_servers_of_the_switches)
{
    auto& web = let_switches_direct();
    ports = {{"br0", "hf-probe", 9, "", "", "", 0, "local"},
             {"br0", "br0", 65534, "", "", "", 0, "local"}};
    const auto directed = directed_of(snapshot, nullptr);
    const auto origins = origins_of(snapshot, ports, directed.get());
    Ip server, vip;
    read_ip("10.0.20.11", server);
    read_ip("10.0.10.100", vip);
    LONGS_EQUAL(2, origins.size());
    CHECK_TRUE(origins[0].director);
    CHECK_TRUE(*origins[0].answers->find(server) == mac_of("ae:48:0a:00:14:0b"));
    CHECK_TRUE(*origins[0].answers->find(vip) == mac_of(web.vip_mac));
    CHECK_FALSE(origins[1].director);
    CHECK_TRUE(origins[1].answers->find(server) == nullptr);
    web.director = "external";
    CHECK_TRUE(answers_to_probes(snapshot).known.empty());
}

/// A gateway is not in the port's VLAN; what it probes is a VM here.
TEST(Balance, a_probe_of_a_routed_server_goes_by_no_gateway_B10)
{
    auto& web = let_switches_direct();
    web.gateway = "10.0.10.1";
    web.servers[0].way = "routed";
    ports.push_back({"br0", "hf-probe", 9, "", "", "", 0, "local"});
    const auto directed = directed_of(snapshot, nullptr);
    for (const auto& origin : origins_of(snapshot, ports, directed.get()))
        CHECK_EQUAL(origin.interface != "hf-probe", origin.routed_vips != nullptr);
    CHECK_EQUAL(std::string{"strip_vlan,load:0x1002->NXM_NX_REG0[],resubmit(,252)"},
                actions(0, 152001, "in_port=9,ip,dl_dst=ae:48:0a:00:14:0b,reg13=0"));
    CHECK_EQUAL(std::string{"none"},
                actions(0, 152001, "in_port=9,ip,dl_dst=ae:48:0a:00:14:0c,reg13=0"));
}

TEST(Balance, a_servers_port_translates_for_all_its_public_addresses)
{
    auto api = snapshot.balancers[0];
    api.name = "api";
    api.vip = "10.0.10.101";
    api.protocol = "udp";
    snapshot.balancers.push_back(api);
    const auto all = balanced_of(snapshot);
    CHECK_EQUAL(2u, all.size());
    const Balanced& s1 = all.at("s1");
    CHECK(s1.mac == (Mac{0x52, 0x54, 0, 0, 0, 0x11}));
    CHECK_EQUAL(1u, s1.faces.size());
    CHECK(s1.faces[0].address == ip_of({10, 0, 20, 11}));
    CHECK(s1.faces[0].synthetic == (Mac{0xae, 0x48, 10, 0, 20, 11}));
    const std::vector<Public> wanted{{ip_of({10, 0, 10, 100}), 80, 6, 8080},
                                     {ip_of({10, 0, 10, 101}), 80, 17, 8080}};
    CHECK(wanted == s1.faces[0].publics);
    // Of one that has no director any more only what is known goes on.
    for (const char* director : {"external", "builtin"}) {
        snapshot.balancers[0].director = director;
        snapshot.balancers[0].directors.clear();
        const auto left = balanced_of(snapshot).at("s1").faces[0].publics;
        CHECK_EQUAL(director == std::string{"external"}, left[0].known_only);
        CHECK_FALSE(left[1].known_only);
    }
}

TEST(Balance, a_server_has_a_face_for_each_of_its_addresses)
{
    snapshot.vms[1].ips = {"10.0.20.11", "FD00:0:0:20::11"};
    auto six = snapshot.balancers[0];
    six.name = "six";
    six.vip = "fd00:0:0:10::100";
    six.mac_layout = "table";
    six.servers = {{"fd00:0:0:20::11", 8080, 1, "active", "ae:48:00:00:00:11"}};
    snapshot.balancers.push_back(six);
    const auto all = balanced_of(snapshot);
    const Balanced& s1 = all.at("s1");
    CHECK_EQUAL(2u, s1.faces.size());
    CHECK(is_v4(s1.faces[0].address)); // Sorted: those of IPv4 are ::ffff:...
    CHECK_FALSE(is_v4(s1.faces[1].address));
    CHECK(s1.faces[1].synthetic == (Mac{0xae, 0x48, 0, 0, 0, 0x11}));
    CHECK_EQUAL(1u, s1.faces[0].publics.size());
    CHECK_EQUAL(1u, s1.faces[1].publics.size());
    Ip vip;
    CHECK(read_ip(six.vip, vip));
    CHECK((Public{vip, 80, 6, 8080}) == s1.faces[1].publics[0]);
    CHECK_EQUAL(std::string{"strip_vlan,load:0x1002->NXM_NX_REG0[],resubmit(,252)"},
                actions(0, 152001, "in_port=5,ipv6,dl_dst=ae:48:00:00:00:11,reg13=0"));
}

TEST(Balance, a_vip_and_a_server_of_two_families_have_nothing_to_do_with_each_other)
{
    snapshot.vms[1].ips.push_back("fd00:0:0:20::11");
    snapshot.balancers[0].servers.push_back(
        {"fd00:0:0:20::11", 80, 1, "active", "ae:48:00:00:00:11"});
    CHECK_EQUAL(1u, balanced_of(snapshot).at("s1").faces.size());
    CHECK_EQUAL(std::string{"none"},
                actions(0, 152001, "in_port=5,ipv6,dl_dst=ae:48:00:00:00:11,reg13=0"));
}

TEST(Balance, nor_where_the_switch_is_the_director)
{
    auto& web = snapshot.balancers[0];
    web.director = "builtin";
    web.policy = "rr";
    web.vip_mac = "ae:48:0a:00:0a:64";
    web.directors.clear();
    web.servers[1] = {"fd00:0:0:20::12", 80, 1, "active", "ae:48:00:00:00:12"};
    web.sorry = "fd00:0:0:20::12";
    web.sorry_port = 80;
    web.sorry_mac = "ae:48:00:00:00:13";
    snapshot.vms[2].ips = {"fd00:0:0:20::12"};
    const auto directed = directed_of(snapshot, nullptr);
    CHECK_EQUAL(1u, directed->services.at(0).backends.size());
    CHECK_FALSE(directed->services[0].sorry.has_value());
    CHECK(actions(250, 66000, "ip,dl_dst=ae:48:0a:00:14:0b") != "none");
    CHECK_EQUAL(std::string{"resubmit(,250)"}, actions(248, 100000, "ip,dl_dst=ae:48:0a:00:14:0b"));
    CHECK_EQUAL(std::string{"none"}, actions(250, 66000, "ipv6,dl_dst=ae:48:00:00:00:12"));
}

/// As in a row of another version: it must not be chosen by.
TEST(Balance, a_policy_that_is_none_is_told_and_directs_nothing)
{
    auto& web = snapshot.balancers.front();
    web.director = "builtin";
    web.directors.clear();
    web.vip_mac = "ae:48:0a:00:0a:64";
    for (const char* policy : {"", "newest"}) {
        web.policy = policy;
        CHECK_TRUE(directed_of(snapshot, nullptr) == nullptr);
        const auto set = compile(snapshot, ports, {});
        CHECK_EQUAL(1u, set.problems.size());
        CHECK(set.problems[0].find("policy \"" + web.policy + "\" is unknown") !=
              std::string::npos);
    }
    web.policy = "mh";
    CHECK_FALSE(directed_of(snapshot, nullptr) == nullptr);
    CHECK_TRUE(compile(snapshot, ports, {}).problems.empty());
}

/// Two that hold one VIP would take each other's connections.
TEST(Balance, a_vip_is_held_by_another_once_its_holder_is_lost_B14)
{
    auto& hypervisors = snapshot.hypervisors;
    Ip theirs = ip_of({10, 0, 10, 1});
    while (holds(hypervisors, theirs))
        ++theirs[15];
    hypervisors[0].lost = true; // What others may say of us is nothing to us.
    CHECK_FALSE(holds(hypervisors, theirs));
    hypervisors[1].lost = true;
    CHECK_TRUE(holds(hypervisors, theirs));
}

TEST(Balance, a_server_that_no_vm_is_is_told)
{
    snapshot.vms[1].ips.clear();
    const auto set = compile(snapshot, ports, {});
    CHECK_EQUAL(1u, set.problems.size());
    CHECK(set.problems[0].find("10.0.20.11") != std::string::npos);
    CHECK_EQUAL(std::string{"none"},
                actions(0, 152001, "in_port=5,ip,dl_dst=ae:48:0a:00:14:0b,reg13=0"));
    CHECK_EQUAL(1u, balanced_of(snapshot).size());
}

TEST(Balance, without_a_balancer_there_is_nothing)
{
    snapshot.balancers.clear();
    CHECK(compile(snapshot, ports, {}).flows.empty());
}
