// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/origin (spec C11).
#include "ovs-plugin/origin.h"

#include "ovs-plugin/service.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::plugin;

namespace {

void put(Frame& bytes, std::initializer_list<int> values)
{
    for (const int value : values)
        bytes.push_back(static_cast<std::uint8_t>(value));
}

template <class Address>
void put(Frame& bytes, const Address& address)
{
    bytes.insert(bytes.end(), address.begin(), address.end());
}

Mac mac(int last)
{
    return {0x52, 0x54, 0, 0, 0, static_cast<std::uint8_t>(last)};
}

Ip ip(const char* text)
{
    Ip address;
    CHECK_TRUE(read_ip(text, address));
    return address;
}

Frame v4(const char* text)
{
    const auto address = ip(text);
    return {address.begin() + 12, address.end()};
}

Frame frame(const Mac& from, int type, const Frame& payload, int tags = 0)
{
    Frame bytes{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    put(bytes, from);
    for (int i = 0; i < tags; ++i)
        put(bytes, {0x81, 0, 0, 10});
    put(bytes, {type >> 8, type & 0xff});
    put(bytes, payload);
    return bytes;
}

Frame ipv4(const char* from)
{
    Frame bytes{0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0};
    put(bytes, v4(from));
    put(bytes, v4("10.0.0.9"));
    return bytes;
}

Frame ipv6(const char* from)
{
    Frame bytes{0x60, 0, 0, 0, 0, 0, 17, 64};
    put(bytes, ip(from));
    put(bytes, ip("fd00::9"));
    return bytes;
}

Frame arp(const Mac& sender, const char* address, const Mac& target)
{
    Frame bytes{0, 1, 8, 0, 6, 4, 0, 2};
    put(bytes, sender);
    put(bytes, v4(address));
    put(bytes, target);
    put(bytes, v4(address));
    return bytes;
}

/// A neighbour advertisement (RFC 4861, section 4.4) with the target's link-layer address.
Frame advertisement(const char* from, const char* target, const Mac& link)
{
    Frame bytes{0x60, 0, 0, 0, 0, 32, 58, 255};
    put(bytes, ip(from));
    put(bytes, ip("ff02::1"));
    put(bytes, {136, 0, 0, 0, 0x20, 0, 0, 0});
    put(bytes, ip(target));
    put(bytes, {2, 1});
    put(bytes, link);
    return bytes;
}

} // namespace

/// web is the VM in question; db is another.
TEST_GROUP(Origins)
{
    db::Snapshot snapshot;
    std::vector<Port> ports{{"br0", "vnet0", 3, "", "52:54:00:00:00:01", "web", 0, "vm"}};

    void setup() override
    {
        snapshot.vms.resize(2);
        snapshot.vms[0].id = "web";
        snapshot.vms[0].ips = {"10.0.0.1", "fd00::1"};
        snapshot.vms[0].ports = {{"52:54:00:00:00:01", "", "", "", 0}};
        snapshot.vms[1].id = "db";
        snapshot.vms[1].ips = {"10.0.0.2", "fd00::2"};
        snapshot.vms[1].ports = {{"52:54:00:00:00:02", "", "", "", 0}};
        snapshot.chains.resize(1);
    }

    char sends(const Frame& bytes)
    {
        const auto verdict = judge(origins_of(snapshot, ports).at(0), bytes.data(), bytes.size());
        return verdict == Verdict::true_ ? 't' : verdict == Verdict::forged_mac ? 'm' : 'i';
    }
};

TEST(Origins, WithoutChainsAndProtectionNothingIsLookedAt)
{
    snapshot.chains.clear();
    CHECK_TRUE(origins_of(snapshot, ports).empty());
    snapshot.vms[1].protect = true;
    CHECK_EQUAL(1u, origins_of(snapshot, ports).size());
}

TEST(Origins, AddressesOfTheFleetAreTheSameObjectAsLongAsTheyAreTheSame)
{
    const auto before = origins_of(snapshot, ports).at(0).all;
    POINTERS_EQUAL(before.get(), origins_of(snapshot, ports, nullptr, before).at(0).all.get());
    snapshot.vms[1].ips = {"10.0.0.3"};
    const auto after = origins_of(snapshot, ports, nullptr, before).at(0).all;
    CHECK_TRUE(after->has(ip("10.0.0.3")));
    CHECK_FALSE(after->has(ip("10.0.0.2")));
}

TEST(Origins, ItsOwnFramesAreTrue)
{
    for (const bool protect : {false, true}) {
        snapshot.vms[0].protect = protect;
        CHECK_EQUAL('t', sends(frame(mac(1), 0x0800, ipv4("10.0.0.1"))));
        CHECK_EQUAL('t', sends(frame(mac(1), 0x0800, ipv4("0.0.0.0")))); // DHCP.
        CHECK_EQUAL('t', sends(frame(mac(1), 0x0806, arp(mac(1), "10.0.0.1", mac(1)))));
        CHECK_EQUAL('t', sends(frame(mac(1), 0x0806, arp(mac(1), "0.0.0.0", mac(0))))); // RFC 5227.
        CHECK_EQUAL('t', sends(frame(mac(1), 0x8035, arp(mac(1), "0.0.0.0", mac(1)))));
        CHECK_EQUAL('t', sends(frame(mac(1), 0x86dd, advertisement("fd00::1", "fd00::1", mac(1)))));
        CHECK_EQUAL('t', sends(frame(mac(1), 0x86dd,
                                     advertisement("fe80::5054:ff:fe00:1", "fd00::1", mac(1)))));
        CHECK_EQUAL('t', sends(frame(mac(1), 0x88cc, {})));
    }
}

TEST(Origins, WhatOnlySwitchesSayNoVmMay)
{
    Frame frame(60, 0);
    const auto from = [&](std::uint8_t last) {
        const std::uint8_t source[] = {0x02, 0x48, 0x46, 0, 0, last};
        std::copy(std::begin(source), std::end(source), frame.begin() + 6);
        return judge(origins_of(snapshot, ports).at(0), frame.data(), frame.size());
    };
    CHECK(from(3) == Verdict::ours);  // A barrier.
    CHECK(from(4) == Verdict::ours);  // Connections that move.
    CHECK(from(1) == Verdict::true_); // A probe, which a hop hands on.
}

TEST(Origins, AnothersMacIsForged)
{
    CHECK_EQUAL('m', sends(frame(mac(2), 0x0800, ipv4("10.0.0.1"))));
    CHECK_EQUAL('m', sends(frame(mac(1), 0x0806, arp(mac(2), "10.0.0.1", mac(1)))));
    CHECK_EQUAL('m', sends(frame(mac(1), 0x8035, arp(mac(1), "0.0.0.0", mac(2)))));
    CHECK_EQUAL('m', sends(frame(mac(1), 0x86dd, advertisement("fd00::1", "fd00::1", mac(2)))));
}

TEST(Origins, AnothersIpIsForged)
{
    CHECK_EQUAL('i', sends(frame(mac(1), 0x0800, ipv4("10.0.0.2"))));
    CHECK_EQUAL('i', sends(frame(mac(1), 0x0800, ipv4("10.0.0.2"), 2)));
    CHECK_EQUAL('i', sends(frame(mac(1), 0x0806, arp(mac(1), "10.0.0.2", mac(1)))));
    CHECK_EQUAL('i', sends(frame(mac(1), 0x86dd, advertisement("fd00::2", "fd00::1", mac(1)))));
    CHECK_EQUAL('i', sends(frame(mac(1), 0x86dd, advertisement("fd00::1", "fd00::2", mac(1)))));
    CHECK_EQUAL('i', sends(frame(mac(1), 0x86dd, advertisement("fd00::1", "::", mac(1)))));
    CHECK_EQUAL('i', sends(frame(mac(1), 0x86dd,
                                 advertisement("fd00::1", "fe80::5054:ff:fe00:2", mac(1)))));
}

TEST(Origins, AnAddressThatNoVmHasIsForgedOnlyWhereProtected)
{
    CHECK_EQUAL('t', sends(frame(mac(7), 0x0800, ipv4("10.0.0.1"))));
    CHECK_EQUAL('t', sends(frame(mac(1), 0x0800, ipv4("10.0.0.7"))));
    snapshot.vms[0].protect = true;
    CHECK_EQUAL('m', sends(frame(mac(7), 0x0800, ipv4("10.0.0.1"))));
    CHECK_EQUAL('i', sends(frame(mac(1), 0x0800, ipv4("10.0.0.7"))));
    snapshot.vms[0].ips.clear(); // Then only other VMs' are told.
    CHECK_EQUAL('t', sends(frame(mac(1), 0x0800, ipv4("10.0.0.7"))));
    CHECK_EQUAL('i', sends(frame(mac(1), 0x0800, ipv4("10.0.0.2"))));
}

TEST(Origins, AHopHandsOnOthersFramesAndIsJudgedByItsOwn)
{
    snapshot.chains[0].hops = {{{"web"}}};
    snapshot.vms[0].protect = true;
    CHECK_EQUAL('t', sends(frame(mac(2), 0x0800, ipv4("10.0.0.2"))));
    CHECK_EQUAL('i', sends(frame(mac(1), 0x0806, arp(mac(1), "10.0.0.2", mac(1)))));
}

TEST(Origins, ADirectorSendsClientsPacketsOnToServers)
{
    db::Balancer four, six;
    four.directors = six.directors = {"web"};
    four.vip = "10.0.0.100";
    four.servers = {{"10.0.0.2", 80, 1, "active", "ae:48:0a:00:00:02"}};
    six.vip = "fd00::100";
    six.servers = {{"fd00::2", 80, 1, "active", "ae:48:00:00:00:02"}};
    snapshot.balancers = {four, six};
    snapshot.vms[0].protect = true;
    const auto to = [](Frame bytes, std::initializer_list<int> destination) {
        std::copy(destination.begin(), destination.end(), bytes.begin());
        return bytes;
    };
    const auto clients4 = frame(mac(1), 0x0800, ipv4("192.0.2.1"));
    const auto clients6 = frame(mac(1), 0x86dd, ipv6("2001:db8::1"));
    CHECK_EQUAL('t', sends(to(clients4, {0xae, 0x48, 10, 0, 0, 2})));
    CHECK_EQUAL('t', sends(to(clients6, {0xae, 0x48, 0, 0, 0, 2})));
    // To anybody else it speaks for itself, and so does its Neighbour Discovery.
    CHECK_EQUAL('i', sends(to(clients4, {0x52, 0x54, 0, 0, 0, 2})));
    CHECK_EQUAL('i', sends(to(clients6, {0x52, 0x54, 0, 0, 0, 2})));
    const auto discovery = frame(mac(1), 0x86dd, advertisement("fd00::2", "fd00::1", mac(1)));
    CHECK_EQUAL('i', sends(to(discovery, {0xae, 0x48, 0, 0, 0, 2})));
}

TEST(Origins, WhoIsNoDirectorSpeaksForItselfToABuiltInDirectorToo)
{
    Directed directed;
    const Mac vip_mac{0xae, 0x48, 10, 0, 0, 100};
    directed.answers = directed.held_answers =
        std::make_shared<const Answers>(Answers{{{ip("10.0.0.100"), vip_mac}}});
    snapshot.vms[0].protect = true;
    auto forged = frame(mac(1), 0x0800, ipv4("10.0.0.2"));
    std::copy(vip_mac.begin(), vip_mac.end(), forged.begin());
    const auto origin = origins_of(snapshot, ports, &directed).at(0);
    CHECK(origin.answers->has(vip_mac));
    CHECK(judge(origin, forged.data(), forged.size()) == Verdict::forged_ip);
}

TEST(Origins, AtAnUplinkOnlyWhatThisHypervisorHoldsIsAnsweredAndDirected_B14)
{
    Directed directed;
    const Mac held{0xae, 0x48, 10, 0, 0, 100}, theirs{0xae, 0x48, 10, 0, 0, 101};
    const std::pair first{ip("10.0.0.100"), held}, second{ip("10.0.0.101"), theirs};
    directed.answers = std::make_shared<const Answers>(Answers{{first, second}});
    directed.held_answers = std::make_shared<const Answers>(Answers{{first}});
    ports.push_back(ports[0]);
    ports.back().interface = "eth0";
    ports.back().kind = "uplink";
    const auto origins = origins_of(snapshot, ports, &directed);
    const auto at = [&](const std::string& interface) {
        return *std::ranges::find(origins, interface, &Origin::interface);
    };
    const auto inner = at(ports[0].interface);
    CHECK(inner.directs == Directs::all);
    CHECK_TRUE(inner.answers->has(held) && inner.answers->has(theirs));
    const auto uplink = at("eth0");
    CHECK(uplink.directs == Directs::held);
    CHECK_TRUE(uplink.answers->has(held));
    CHECK_FALSE(uplink.answers->has(theirs));
    CHECK_TRUE(uplink.vips->has(theirs)); // That they are asked for there is noted.
    CHECK_TRUE(inner.vips == nullptr);
}

TEST(Origins, WhatAVerdictDependsOnIsTold)
{
    snapshot.vms[0].protect = true;
    CHECK_TRUE(looks_inside(origins_of(snapshot, ports)[0], mac(1)));
    CHECK_FALSE(looks_inside(origins_of(snapshot, ports)[0], mac(7)));
    snapshot.chains[0].hops = {{{"web"}}};
    CHECK_TRUE(looks_inside(origins_of(snapshot, ports)[0], mac(1)));
    CHECK_FALSE(looks_inside(origins_of(snapshot, ports)[0], mac(2)));
}

TEST(Origins, WhatIsCutShortIsLetPass)
{
    snapshot.vms[0].protect = true;
    auto whole = frame(mac(1), 0x86dd, advertisement("fd00::1", "fd00::1", mac(1)), 1);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const Frame part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        CHECK_EQUAL('t', sends(part));
    }
}

TEST(Origins, a_gateway_is_where_it_may_be_B4)
{
    auto all = std::make_shared<Addresses>();
    all->ips = {ip("10.0.0.5"), ip("10.0.0.7")};
    all->sort();
    Origin port;
    port.all = all;
    const auto claim = [&](const char* address) { return may_be_gateway(port, ip(address)); };
    CHECK_TRUE(claim("10.0.0.1") == GatewayClaim::true_);
    CHECK_TRUE(claim("10.0.0.7") == GatewayClaim::true_);
    port.vm = "router"; // Nothing is known of it: what is nobody's can be its.
    CHECK_TRUE(claim("10.0.0.1") == GatewayClaim::unknown);
    CHECK_TRUE(claim("10.0.0.7") == GatewayClaim::none);
    port.knows_ipv6 = true;
    CHECK_TRUE(claim("10.0.0.1") == GatewayClaim::unknown);
    port.knows_ipv4 = true;
    port.ips = {ip("10.0.0.5")};
    CHECK_TRUE(claim("10.0.0.1") == GatewayClaim::none);
    CHECK_TRUE(claim("10.0.0.5") == GatewayClaim::true_);
}
