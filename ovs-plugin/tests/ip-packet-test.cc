// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/ip-packet (spec B3, B12, B13).
#include "ovs-plugin/ip-packet.h"

#include <netinet/in.h>

#include <algorithm>

#include "ovs-plugin/tests/segment.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::plugin;

namespace {

constexpr Ip4 server{10, 0, 20, 11};
constexpr Ip server6{0xfd, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11};

/// The frame with another header of IPv6 before what it carries: `bytes` is a multiple of 8.
Frame with_header(Frame frame, std::uint8_t type, std::size_t bytes)
{
    const std::size_t at = ethernet_size + v6_size;
    Frame header(bytes, 0);
    header[0] = frame[20];
    header[1] = static_cast<std::uint8_t>(bytes / 8 - 1);
    frame.insert(frame.begin() + static_cast<std::ptrdiff_t>(at), header.begin(), header.end());
    frame[20] = type;
    put16(frame, 18, frame.size() - at);
    return frame;
}

Frame tagged(Frame frame, int tags)
{
    for (int i = 0; i < tags; ++i)
        frame.insert(frame.begin() + 12, {0x81, 0, 0, 10});
    return frame;
}

} // namespace

TEST_GROUP(IpPacket){};

TEST(IpPacket, of_both_families_it_says_who_talks_to_whom)
{
    for (int tags = 0; tags <= 2; ++tags) {
        auto four = tagged(frame_with(Made{}), tags), six = tagged(frame_with(Made6{}), tags);
        for (auto* frame : {&four, &six}) {
            const auto packet = IpPacket::in(*frame);
            CHECK_TRUE(bool{packet});
            CHECK_EQUAL(frame == &six, packet.is_v6());
            CHECK(packet.source() == (packet.is_v6() ? client6 : ip_of(client)));
            CHECK(packet.destination() == (packet.is_v6() ? vip6 : ip_of(vip)));
            CHECK_EQUAL(IPPROTO_TCP, packet.protocol());
            CHECK(packet.has_ports() && !packet.is_fragment() && !packet.is_icmp());
            CHECK_EQUAL(40000, packet.source_port());
            CHECK_EQUAL(80, packet.destination_port());
            CHECK_EQUAL(tcp_ack, packet.flags());
            CHECK_EQUAL(25u, packet.payload().size());
        }
    }
}

TEST(IpPacket, what_is_no_packet_is_none)
{
    auto frame = frame_with(Made6{});
    put16(frame, 12, type_v4); // Which of the two?
    CHECK(!IpPacket::in(frame));
    frame = frame_with(Made{});
    put16(frame, 12, type_v6);
    CHECK(!IpPacket::in(frame));
    put16(frame, 12, type_arp);
    CHECK(!IpPacket::in(frame));
    CHECK(!IpPacket{{}});
}

TEST(IpPacket, changed_addresses_and_ports_leave_its_checksums_true)
{
    for (const std::uint8_t protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
        Made four;
        Made6 six;
        four.protocol = six.protocol = protocol;
        // Of all ports one makes a checksum that would be 0, which says in UDP that there is none.
        for (std::uint16_t port = 1; port < 65535; ++port) {
            four.source_port = six.source_port = port;
            auto frame = frame_with(six);
            auto packet = IpPacket::in(frame);
            packet.set_destination(server6);
            packet.set_destination_port(8080);
            packet.set_source(vip6);
            packet.set_source_port(7);
            auto wanted = six;
            wanted.destination = server6;
            wanted.destination_port = 8080;
            wanted.source = vip6;
            wanted.source_port = 7;
            CHECK(frame_with(wanted) == frame);
        }
        auto frame = frame_with(four);
        auto packet = IpPacket::in(frame);
        packet.set_destination(ip_of(server));
        packet.set_destination_port(8080);
        four.destination = server;
        four.destination_port = 8080;
        CHECK(frame_with(four) == frame);
    }
}

TEST(IpPacket, other_headers_of_ipv6_are_passed_over)
{
    for (const std::uint8_t type : {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS}) {
        auto frame = with_header(with_header(frame_with(Made6{}), type, 24), IPPROTO_HOPOPTS, 8);
        auto packet = IpPacket::in(frame);
        CHECK_EQUAL(IPPROTO_TCP, packet.protocol());
        CHECK_EQUAL(80, packet.destination_port());
        packet.set_destination(server6);
        Made6 made;
        made.destination = server6;
        CHECK(with_header(with_header(frame_with(made), type, 24), IPPROTO_HOPOPTS, 8) == frame);
    }
    // Headers that are nobody's business have no ports, whatever is behind them.
    auto secret = frame_with(Made6{});
    secret[20] = IPPROTO_ESP;
    CHECK(!IpPacket::in(secret).has_ports());
}

TEST(IpPacket, a_fragment_says_of_which_packet_it_is)
{
    Made6 made;
    made.fragment = made.more = true;
    made.id = 0x12345678;
    auto first = frame_with(made);
    auto packet = IpPacket::in(first);
    CHECK(packet.is_fragment() && !packet.is_later() && packet.has_ports());
    CHECK_EQUAL(0x12345678u, packet.id());
    CHECK_EQUAL(80, packet.destination_port());
    packet.set_destination(server6);
    packet.set_destination_port(8080);
    auto wanted = made;
    wanted.destination = server6;
    wanted.destination_port = 8080;
    CHECK(frame_with(wanted) == first);

    made.offset = 3;
    made.more = false;
    auto later = frame_with(made);
    const auto before = later;
    packet = IpPacket::in(later);
    CHECK(packet.is_later() && !packet.has_ports());
    CHECK_EQUAL(IPPROTO_TCP, packet.protocol());
    CHECK_EQUAL(0, packet.flags());
    packet.set_destination(server6); // Nothing behind the address is changed.
    CHECK(std::equal(before.begin() + 54, before.end(), later.begin() + 54));
    CHECK(packet.destination() == server6);

    made.offset = 0; // "Atomic" (RFC 6946): all in one.
    auto atomic = frame_with(made);
    CHECK(!IpPacket::in(atomic).is_fragment());
    CHECK(IpPacket::in(atomic).has_ports());
}

TEST(IpPacket, an_error_is_about_another_packet)
{
    Made6 made;
    made.source = vip6;
    made.destination = client6;
    const auto about = frame_with(made);
    auto frame = too_big(synthetic, server6, vip6, about);
    auto packet = IpPacket::in(frame);
    CHECK(packet.is_icmp() && packet.is_error());
    auto inner = packet.about();
    CHECK(inner.source() == vip6 && inner.destination() == client6);
    CHECK_EQUAL(40000, inner.source_port());
    inner.set_source(server6);
    inner.set_source_port(8080);
    packet.set_destination(server6);
    packet.sum_icmp();
    made.source = server6;
    made.source_port = 8080;
    CHECK(too_big(synthetic, server6, server6, frame_with(made)) == frame);

    frame[54] = 128; // An echo request is none.
    CHECK(!IpPacket::in(frame).is_error());
    frame[54] = 135; // Nor is a Neighbour Solicitation.
    CHECK(!IpPacket::in(frame).is_error());
}

TEST(IpPacket, nothing_is_read_beyond_its_end)
{
    Made6 made;
    made.fragment = true;
    made.payload = 30;
    for (const auto& whole :
         {frame_with(made), with_header(frame_with(made), IPPROTO_HOPOPTS, 16),
          too_big(synthetic, client6, vip6, frame_with(made)), frame_with(Made{})}) {
        for (std::size_t size = 0; size <= whole.size(); ++size) {
            Frame cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            auto packet = IpPacket::in(cut);
            if (!packet)
                continue;
            packet.set_source(packet.destination());
            if (packet.has_ports())
                packet.set_destination_port(packet.source_port());
            if (packet.is_error()) {
                if (auto about = packet.about())
                    about.set_source(about.destination());
                packet.sum_icmp();
            }
        }
    }
    // A header that is longer than the packet says ends where that does.
    auto wrong = with_header(frame_with(made), IPPROTO_DSTOPTS, 8);
    wrong[55] = 255;
    CHECK(!IpPacket::in(wrong).has_ports());
    CHECK(IpPacket::in(wrong).payload().empty());
}
