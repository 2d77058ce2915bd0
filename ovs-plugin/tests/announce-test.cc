// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/announce: what a new holder of a VIP says, where and how often (spec B14).
#include <config.h>

#include "ovs-plugin/announce.h"

#include "ovs-plugin/gateway.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::plugin;

namespace {

const Mac vip_mac{0xae, 0x48, 0, 0, 1, 0};

Ip ip(const char* text)
{
    Ip all;
    CHECK_TRUE(read_ip(text, all));
    return all;
}

} // namespace

TEST_GROUP(Announce)
{
    Announcer announcer;
    const Announcer::Held one{ip("10.0.10.100"), vip_mac}, two{ip("10.0.10.101"), vip_mac};

    std::size_t said_in_a_second(const std::vector<Announcer::Place>& places)
    {
        announcer.tick(places);
        return announcer.next(1000).size();
    }
};

TEST(Announce, says_the_address_as_its_own_in_a_vlan_B14)
{
    const auto frame = announcement_of(one.first, vip_mac, 30);
    CHECK_TRUE(Mac({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) == mac_at(frame, 0));
    CHECK_TRUE(vip_mac == mac_at(frame, 6));
    CHECK_EQUAL(0x8100, number16(frame, 12));
    CHECK_EQUAL(30, number16(frame, 14));
    ArpMessage message;
    CHECK_TRUE(read_arp(frame, message));
    CHECK_TRUE(one.first == message.sender);
    CHECK_TRUE(one.first == message.target);
    CHECK_TRUE(vip_mac == message.sender_mac);
}

TEST(Announce, says_an_ipv6_address_to_all_nodes_B12)
{
    const auto vip = ip("fd10::100");
    const auto frame = announcement_of(vip, vip_mac, 0);
    CHECK_TRUE(Mac({0x33, 0x33, 0, 0, 0, 1}) == mac_at(frame, 0));
    CHECK_TRUE(vip_mac == mac_at(frame, 6));
    CHECK_EQUAL(type_v6, number16(frame, 12));
    const auto packet = Bytes{frame}.subspan(ethernet_size);
    CHECK_TRUE(vip == v6_from(packet, 8));
    CHECK_TRUE(ip("ff02::1") == v6_from(packet, 24));
    CHECK_EQUAL(136, packet[40]);
    CHECK_EQUAL(0x20, packet[44]); // Overrides what was known, and answers nobody.
    CHECK_TRUE(vip == v6_from(packet, 48));
    // RFC 4443, 2.3: over the addresses, the length, the next header and the message.
    CHECK_EQUAL(0, checksum(sum(packet.subspan(40), sum(packet.subspan(8, 32)) + 58 + 32)));
}

TEST(Announce, three_times_at_each_place_and_what_is_new_alone)
{
    announcer.use({one});
    CHECK_EQUAL(0U, said_in_a_second({}));
    for (int i = 0; i < 3; ++i)
        CHECK_EQUAL(2U, said_in_a_second({{1, 0}, {1, 30}}));
    CHECK_EQUAL(0U, said_in_a_second({{1, 0}, {1, 30}}));
    announcer.use({one, two});
    CHECK_EQUAL(2U, said_in_a_second({{1, 0}, {1, 30}}));
    CHECK_EQUAL(4U, said_in_a_second({{1, 0}, {1, 30}, {1, 40}}));
}

TEST(Announce, nothing_of_what_is_held_no_more)
{
    announcer.use({one, two});
    announcer.tick({{1, 0}});
    announcer.use({two});
    const auto due = announcer.next(10);
    CHECK_EQUAL(1U, due.size());
    CHECK_TRUE(two == due[0].first);
    announcer.use({one, two}); // Held again: said again.
    CHECK_EQUAL(2U, said_in_a_second({{1, 0}}));
}

TEST(Announce, all_of_it_again_when_that_is_asked_for)
{
    announcer.use({one, two});
    for (int i = 0; i < 4; ++i)
        said_in_a_second({{1, 0}});
    CHECK_EQUAL(0U, said_in_a_second({{1, 0}}));
    announcer.again();
    CHECK_EQUAL(2U, said_in_a_second({{1, 0}}));
}

TEST(Announce, vlans_in_which_somebody_asked)
{
    Vlans vlans;
    CHECK_TRUE(vlans.all().empty());
    for (const int vlan : {30, 4094, 0, 30})
        vlans.add(vlan);
    CHECK_TRUE(std::vector<int>({0, 30, 4094}) == vlans.all());
    CHECK_EQUAL(30, vlan_of(announcement_of(one.first, vip_mac, 30)));
    CHECK_EQUAL(0, vlan_of(announcement_of(one.first, vip_mac, 0)));
    CHECK_EQUAL(0, vlan_of({}));
}

TEST(Announce, so_many_at_a_time)
{
    announcer.use({one, two});
    announcer.tick({{1, 0}});
    CHECK_EQUAL(1U, announcer.next(1).size());
    CHECK_TRUE(announcer.has_more());
    announcer.tick({{1, 0}, {1, 30}}); // The last second's are said first.
    CHECK_EQUAL(1U, announcer.next(10).size());
    CHECK_FALSE(announcer.has_more());
}
