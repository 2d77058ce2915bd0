// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/translate with IPv6, and with several addresses of one server (spec B12).
#include "ovs-plugin/translate.h"

#include <netinet/in.h>

#include <algorithm>

#include "ovs-plugin/tests/segment.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::plugin;

namespace {

constexpr Ip4 server4{10, 0, 20, 11};
constexpr Ip server{0xfd, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11};
constexpr Ip second{0xfd, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12};
constexpr Mac own{0x52, 0x54, 0, 0, 0, 0x11}, synthetic6{0xae, 0x48, 0, 0, 0, 0x11},
    second_synthetic{0xae, 0x48, 0, 0, 0, 0x12};

/// To the VIP, by a director.
Made6 request()
{
    Made6 made;
    made.to = synthetic6;
    return made;
}

/// The same as the server gets it.
Made6 inside(Made6 made, std::uint16_t server_port)
{
    made.to = own;
    made.destination = server;
    made.destination_port = server_port;
    return made;
}

/// The server's answer to the client.
Made6 answer(std::uint16_t server_port)
{
    Made6 made;
    made.to = gateway;
    made.source = server;
    made.source_port = server_port;
    made.destination = client6;
    made.destination_port = 40000;
    return made;
}

Made6 by_vip(Made6 made, std::uint16_t port)
{
    made.source = vip6;
    made.source_port = port;
    return made;
}

} // namespace

/// The server's IPv4 address, and two of IPv6 of which each has the VIP's ports 80 and 53.
TEST_GROUP(Translate6)
{
    Translator translator;
    Balanced balanced{
        own,
        {{ip_of(server4), synthetic, {{ip_of(vip), 80, IPPROTO_TCP, 8080}}},
         {server, synthetic6, {{vip6, 53, IPPROTO_UDP, 5300}, {vip6, 80, IPPROTO_TCP, 8080}}},
         {second, second_synthetic, {{vip6, 80, IPPROTO_TCP, 8080}}}}};

    void setup() override
    {
        translator.use(balanced);
    }

    bool in(Frame & frame)
    {
        return translator.to_server(frame, false, 0) == Translator::Fate::pass;
    }
    bool out(Frame & frame)
    {
        return translator.from_server(frame, 0) == Translator::Fate::pass;
    }
};

TEST(Translate6, what_is_for_the_vip_is_the_servers_and_its_answer_the_vips)
{
    auto made = request();
    made.flags = tcp_syn;
    auto frame = frame_with(made);
    CHECK(in(frame));
    CHECK(frame_with(inside(made, 8080)) == frame); // Checksums too.
    auto back = frame_with(answer(8080));
    CHECK(out(back));
    CHECK(frame_with(by_vip(answer(8080), 80)) == back);
    CHECK_EQUAL(1u, translator.figures().in);
    CHECK_EQUAL(1u, translator.figures().out);

    made.protocol = IPPROTO_UDP;
    made.destination_port = 53;
    frame = frame_with(made);
    CHECK(in(frame));
    CHECK(frame_with(inside(made, 5300)) == frame);
}

TEST(Translate6, an_answer_of_no_connection_is_dropped)
{
    auto back = frame_with(answer(8080));
    CHECK(!out(back));
    CHECK_EQUAL(1u, translator.figures().unknown);
    back = frame_with(answer(22)); // No service: the server's own business.
    CHECK(out(back));
}

TEST(Translate6, each_address_of_a_server_has_its_own_connections)
{
    // One client's port, and one VIP; which of the addresses the director's choice tells.
    auto made = request();
    auto frame = frame_with(made);
    CHECK(in(frame));
    made.to = second_synthetic;
    made.source_port = 40001;
    frame = frame_with(made);
    CHECK(in(frame));
    auto wanted = inside(made, 8080);
    wanted.destination = second;
    CHECK(frame_with(wanted) == frame);
    auto back = answer(8080);
    back.destination_port = 40001; // By the first address: that has no such connection.
    frame = frame_with(back);
    CHECK(!out(frame));
    back.source = second;
    frame = frame_with(back);
    CHECK(out(frame));
    CHECK(frame_with(by_vip(back, 80)) == frame);

    // IPv4 besides them.
    Made four;
    frame = frame_with(four);
    CHECK(in(frame));
    CHECK(std::equal(server4.begin(), server4.end(), frame.begin() + 30));
    CHECK_EQUAL(3u, translator.size());
}

TEST(Translate6, what_is_for_another_address_than_its_synthetic_one_is_dropped)
{
    auto made = request();
    made.to = synthetic; // That of the server's IPv4 address.
    auto frame = frame_with(made);
    CHECK(!in(frame));
    made.to = synthetic6;
    made.destination = second;
    frame = frame_with(made);
    CHECK(!in(frame));
    made = request();
    made.destination_port = 81;
    frame = frame_with(made);
    CHECK(!in(frame));
    Made four;
    four.to = synthetic6;
    frame = frame_with(four);
    CHECK(!in(frame));
}

TEST(Translate6, a_director_in_the_servers_vlan_may_know_its_own_address)
{
    auto made = request();
    made.to = own;
    made.protocol = IPPROTO_UDP;
    made.destination_port = 53;
    auto frame = frame_with(made);
    CHECK(in(frame));
    CHECK(frame_with(inside(made, 5300)) == frame);
    // Neighbour Discovery and all else that no director sent goes on as it is.
    frame = packet6(own, client6, server, IPPROTO_ICMPV6, 32);
    frame[54] = 136;
    const auto before = frame;
    CHECK(in(frame));
    CHECK(before == frame);
}

TEST(Translate6, fragments_follow_their_first_one)
{
    auto made = request();
    made.protocol = IPPROTO_UDP;
    made.destination_port = 53;
    made.fragment = made.more = true;
    made.id = 0x10007; // The lower half alone tells nothing.
    auto frame = frame_with(made);
    CHECK(in(frame));
    CHECK(frame_with(inside(made, 5300)) == frame);
    made.offset = 3;
    auto later = frame_with(made);
    const auto untouched = later;
    CHECK(in(later));
    CHECK(std::equal(server.begin(), server.end(), later.begin() + 38));
    CHECK(std::equal(untouched.begin() + 54, untouched.end(), later.begin() + 54));

    auto back = answer(5300);
    back.protocol = IPPROTO_UDP;
    back.fragment = back.more = true;
    back.id = 0x20007;
    auto first = frame_with(back);
    CHECK(out(first));
    CHECK(frame_with(by_vip(back, 53)) == first);
    back.offset = 3;
    auto last = frame_with(back);
    CHECK(out(last));
    CHECK(std::equal(vip6.begin(), vip6.end(), last.begin() + 22));
    back.id = 0x30007; // Its first one was never seen.
    auto lost = frame_with(back);
    CHECK(!out(lost));
}

TEST(Translate6, what_is_too_large_for_the_client_the_server_is_told)
{
    auto frame = frame_with(request());
    CHECK(in(frame));
    constexpr Ip router{0xfd, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    frame = too_big(synthetic6, router, vip6, frame_with(by_vip(answer(8080), 80)));
    CHECK(in(frame));
    CHECK(too_big(own, router, server, frame_with(answer(8080))) == frame);
    // What is about no service's answer is dropped, and so is an echo request to the VIP.
    frame = too_big(synthetic6, router, vip6, frame_with(by_vip(answer(8080), 81)));
    CHECK(!in(frame));
    frame = packet6(synthetic6, router, vip6, IPPROTO_ICMPV6, 8);
    frame[54] = 128;
    CHECK(!in(frame));
}

TEST(Translate6, what_the_server_cannot_take_the_client_is_told_by_the_vip)
{
    auto made = request();
    made.protocol = IPPROTO_UDP;
    made.destination_port = 53;
    auto frame = frame_with(made);
    CHECK(in(frame));
    auto error = too_big(gateway, server, client6, frame);
    error[54] = 1; // "Destination unreachable", "port" (RFC 4443, 3.1).
    error[55] = 4;
    put16(error, 60, 0);
    auto wanted = too_big(gateway, vip6, client6, frame_with(made));
    wanted[54] = 1;
    wanted[55] = 4;
    put16(wanted, 60, 0);
    for (auto* one : {&error, &wanted}) {
        put16(*one, 56, 0);
        put16(*one, 56, checksum6(*one, 54, IPPROTO_ICMPV6));
    }
    CHECK(out(error));
    CHECK(wanted == error);
    // Of no connection that is known it would show the server's own address.
    made.source_port = 40001;
    error = too_big(gateway, server, client6, frame_with(inside(made, 5300)));
    CHECK(!out(error));
}

TEST(Translate6, connections_go_with_the_server)
{
    auto frame = frame_with(request());
    CHECK(in(frame));
    Made four;
    frame = frame_with(four);
    CHECK(in(frame));
    Translator there;
    there.use(balanced);
    std::size_t done = 0;
    auto state = frame_of(translator.follow(), done, own);
    CHECK(there.to_server(state, true, 0) == Translator::Fate::drop);
    CHECK_EQUAL(2u, there.size());
    frame = frame_with(answer(8080));
    CHECK(there.from_server(frame, 0) == Translator::Fate::pass);
    CHECK(frame_with(by_vip(answer(8080), 80)) == frame);
}

TEST(Translate6, an_address_that_was_taken_away_has_answers_to_give_still)
{
    auto frame = frame_with(request());
    CHECK(in(frame));
    auto less = balanced;
    less.faces.erase(less.faces.begin() + 1);
    translator.use(less);
    frame = frame_with(answer(8080));
    CHECK(out(frame));
    CHECK(frame_with(by_vip(answer(8080), 80)) == frame);
    frame = frame_with(request());
    CHECK(!in(frame));
    // What it serves now is nobody's but its own.
    frame = frame_with(answer(9000));
    CHECK(out(frame));
}

TEST(Translate6, no_frame_is_read_beyond_its_end)
{
    auto made = request();
    made.fragment = made.more = true;
    made.payload = 40;
    for (const auto& whole : {frame_with(made), frame_with(request()), frame_with(answer(8080)),
                              too_big(synthetic6, client6, vip6, frame_with(answer(80)))})
        for (std::size_t size = 0; size <= whole.size(); ++size) {
            Frame cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            in(cut);
            out(cut);
        }
}
