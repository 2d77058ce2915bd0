// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/connection (spec B7, B12).
#include "ovs-plugin/connection.h"

#include <netinet/in.h>

#include "ovs-plugin/origin.h"
#include "ovs-plugin/tests/segment.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::plugin;

namespace {

constexpr Mac own{0x52, 0x54, 0, 0, 0, 0x11};

/// So many, every `nth` of IPv6 and every fifth without a VIP.
std::vector<Connection> connections(std::uint16_t n, std::uint16_t nth)
{
    std::vector<Connection> all;
    for (std::uint16_t i = 0; i < n; ++i) {
        Connection one{IPPROTO_TCP,
                       connection_answered,
                       ip_of(client),
                       i,
                       ip_of({10, 0, 20, 11}),
                       8080,
                       ip_of(vip),
                       80};
        if (i % nth == nth - 1) {
            one.protocol = IPPROTO_UDP;
            one.client = client6;
            one.server = {0xfd, 0, 0, 0x20};
            one.vip = vip6;
        }
        if (i % 5 == 0) {
            one.vip = {};
            one.vip_port = 0;
        }
        all.push_back(one);
    }
    return all;
}

/// How many frames it took to hand them all over, as they were.
int frames_for(const std::vector<Connection>& all)
{
    std::vector<Connection> there;
    int frames = 0;
    for (std::size_t done = 0; done < all.size(); ++frames) {
        const auto frame = frame_of(all, done, own);
        CHECK(frame.size() >= 60 && frame.size() <= 1400);
        CHECK(carries_connections(frame) && is_ours(mac_at(frame, 6)));
        CHECK(mac_at(frame, 0) == own);
        for (const auto& one : connections_in(frame))
            there.push_back(one);
    }
    CHECK(all == there);
    return frames;
}

} // namespace

TEST_GROUP(Connections){};

TEST(Connections, of_both_families_arrive_as_they_were)
{
    CHECK_EQUAL(1, frames_for(connections(68, 100)));
    CHECK_EQUAL(3, frames_for(connections(200, 1000)));
    CHECK_EQUAL(1, frames_for(connections(24, 1)));
    CHECK_EQUAL(9, frames_for(connections(200, 1)));
    CHECK_EQUAL(5, frames_for(connections(200, 3)));
}

TEST(Connections, what_is_cut_short_has_what_is_whole)
{
    const auto all = connections(2, 2);
    std::size_t done = 0;
    const auto frame = frame_of(all, done, own);
    for (std::size_t size = 0; size <= frame.size(); ++size) {
        const auto there = connections_in(Bytes{frame}.first(size));
        CHECK_EQUAL(size < 36 ? 0u : size < 92 ? 1u : 2u, there.size());
    }
}

TEST(Connections, other_frames_carry_none)
{
    const auto frame = frame_with(Made{});
    CHECK(!carries_connections(frame));
    CHECK(connections_in(frame).empty());
}
