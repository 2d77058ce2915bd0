// SPDX-License-Identifier: Apache-2.0
#include "ovs-plugin/translate.h"

#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include <CppUTest/TestHarness.h>

#include "ovs-plugin/tests/segment.h"

using namespace holdfast;
using namespace holdfast::plugin;

namespace {

constexpr Ip4 server{10, 0, 20, 11}, second_vip{10, 0, 10, 101};
constexpr Mac own{0x52, 0x54, 0, 0, 0, 0x11};

/// The same from the server.
Made answer_of(Made made, std::uint16_t server_port)
{
    made.to = gateway;
    made.source = server;
    made.source_port = server_port;
    made.destination = client;
    made.destination_port = 40000;
    return made;
}

/// The server of these.
Balanced balanced(std::vector<Public> publics)
{
    return {own, {{ip_of(server), synthetic, std::move(publics)}}};
}

/// From the client, past all VIPs.
Made to_the_server_itself()
{
    Made made;
    made.to = own;
    made.destination = server;
    made.destination_port = 8080;
    return made;
}

} // namespace

/// VIP 10.0.10.100:80 of a server that listens at 8080, and the second VIP's 443 of the same; and
/// DNS by the first.
TEST_GROUP(Translate)
{
    Translator translator;

    void setup() override
    {
        translator.use(balanced({{ip_of(vip), 53, IPPROTO_UDP, 5300},
                                 {ip_of(vip), 80, IPPROTO_TCP, 8080},
                                 {ip_of(second_vip), 443, IPPROTO_TCP, 8080}}));
    }

    bool in(Frame & frame, bool passed_on = false, std::int64_t now = 0)
    {
        return translator.to_server(frame, passed_on, now) == Translator::Fate::pass;
    }
    bool out(Frame & frame, std::int64_t now = 0)
    {
        return translator.from_server(frame, now) == Translator::Fate::pass;
    }
    /// As often as it takes to look at all that it holds.
    void tidy(std::int64_t now)
    {
        for (int call = 0; call < 20; ++call)
            translator.tidy(now);
    }
    bool opens(Made made)
    {
        made.flags = tcp_syn;
        auto frame = frame_with(made);
        return in(frame);
    }
};

TEST(Translate, what_is_for_the_vip_is_the_servers_and_its_answer_the_vips)
{
    Made made;
    made.flags = tcp_syn;
    auto frame = frame_with(made);
    CHECK(in(frame));
    made.to = own;
    made.destination = server;
    made.destination_port = 8080;
    CHECK(frame_with(made) == frame); // Checksums too.

    auto answer = frame_with(answer_of({}, 8080));
    CHECK(out(answer));
    auto wanted = answer_of({}, 80);
    wanted.source = vip;
    CHECK(frame_with(wanted) == answer);
    CHECK_EQUAL(1u, translator.figures().in);
    CHECK_EQUAL(1u, translator.figures().out);
}

TEST(Translate, datagrams_too_and_their_checksum_is_never_none)
{
    // Of all ports one makes a checksum that would be 0.
    for (std::uint16_t port = 1; port < 65535; ++port) {
        Made made;
        made.protocol = IPPROTO_UDP;
        made.source_port = port;
        made.destination_port = 53;
        auto frame = frame_with(made);
        CHECK(in(frame));
        made.to = own;
        made.destination = server;
        made.destination_port = 5300;
        CHECK(frame_with(made) == frame);
    }
}

TEST(Translate, a_datagram_without_checksum_has_none_afterwards)
{
    Made made;
    made.protocol = IPPROTO_UDP;
    made.destination_port = 53;
    auto frame = frame_with(made);
    put16(frame, 40, 0);
    CHECK(in(frame));
    CHECK_EQUAL(0, number16(frame, 40));
    CHECK_EQUAL(5300, number16(frame, 36));
}

TEST(Translate, an_answer_of_no_connection_is_dropped)
{
    auto answer = frame_with(answer_of({}, 8080));
    CHECK(!out(answer));
    CHECK_EQUAL(1u, translator.figures().unknown);
    auto other = frame_with(answer_of({}, 22)); // No service: the server's own business.
    const auto before = other;
    CHECK(out(other));
    CHECK(before == other);
}

TEST(Translate, an_answer_from_a_wrong_address_is_dropped_B5)
{
    Made made;
    made.protocol = IPPROTO_UDP;
    made.destination_port = 53;
    auto frame = frame_with(made);
    CHECK(in(frame));
    auto answer = answer_of({}, 5300);
    answer.protocol = IPPROTO_UDP;
    answer.source = {10, 0, 20, 99};
    auto wrong = frame_with(answer);
    CHECK(!out(wrong));
    CHECK_EQUAL(1u, translator.figures().unknown);
    // To another client, or from another port, it is the server's own business.
    answer.destination_port = 40001;
    auto own_business = frame_with(answer);
    CHECK(out(own_business));
    answer.destination_port = 40000;
    answer.source_port = 5301;
    own_business = frame_with(answer);
    CHECK(out(own_business));
}

TEST(Translate, direct_connections_are_known_and_stay_as_they_are)
{
    auto made = to_the_server_itself();
    auto frame = frame_with(made);
    const auto before = frame;
    CHECK(in(frame));
    CHECK(before == frame);
    auto answer = frame_with(answer_of({}, 8080));
    const auto answer_before = answer;
    CHECK(out(answer));
    CHECK(answer_before == answer);
    // A director's probe of the server itself comes by the synthetic address.
    made.to = synthetic;
    made.source_port = 40001;
    frame = frame_with(made);
    CHECK(in(frame));
    CHECK(std::equal(own.begin(), own.end(), frame.begin()));
}

TEST(Translate, connections_by_two_vips_are_told_apart)
{
    Made first, second;
    second.destination = second_vip;
    second.destination_port = 443;
    second.source_port = 40001;
    CHECK(opens(first));
    CHECK(opens(second));
    auto answer = frame_with(answer_of({}, 8080));
    CHECK(out(answer));
    CHECK_EQUAL(80, number16(answer, 34));
    auto made = answer_of({}, 8080);
    made.destination_port = 40001;
    answer = frame_with(made);
    CHECK(out(answer));
    CHECK_EQUAL(443, number16(answer, 34));
    CHECK(std::equal(second_vip.begin(), second_vip.end(), answer.begin() + 26));
}

TEST(Translate, a_port_that_a_client_has_by_one_vip_is_not_taken_by_another_until_it_ends_B5)
{
    Made other, answer_made = answer_of({}, 8080);
    other.destination = second_vip;
    other.destination_port = 443;
    const auto answers_as = [&] {
        auto answer = frame_with(answer_made);
        CHECK(out(answer));
        return number16(answer, 34);
    };
    CHECK(opens({}));
    // Its SYN reaches the server, which answers for the connection that it has.
    CHECK(opens(other));
    CHECK_EQUAL(80, answers_as());
    auto direct = to_the_server_itself();
    CHECK(opens(direct));
    CHECK_EQUAL(80, answers_as());
    // Nothing else of it does: it would be in the midst of the other's.
    for (const std::uint8_t flags : {tcp_ack, tcp_rst}) {
        other.flags = flags;
        auto frame = frame_with(other);
        CHECK(!in(frame));
    }
    CHECK_EQUAL(80, answers_as());
    // The client has no such connection any more, and says so to the first VIP: the next SYN
    // begins.
    Made end;
    end.flags = tcp_rst;
    auto frame = frame_with(end);
    CHECK(in(frame));
    CHECK(opens(other));
    CHECK_EQUAL(443, answers_as());
}

TEST(Translate, datagrams_from_one_port_to_two_vips_are_answered_as_the_last_asked)
{
    translator.use(balanced(
        {{ip_of(vip), 53, IPPROTO_UDP, 5300}, {ip_of(second_vip), 54, IPPROTO_UDP, 5300}}));
    Made made;
    made.protocol = IPPROTO_UDP;
    for (const auto& [to, port] : {std::pair{vip, 53}, std::pair{second_vip, 54}}) {
        made.destination = to;
        made.destination_port = static_cast<std::uint16_t>(port);
        auto frame = frame_with(made);
        CHECK(in(frame));
        auto answer_made = answer_of({}, 5300);
        answer_made.protocol = IPPROTO_UDP;
        auto answer = frame_with(answer_made);
        CHECK(out(answer));
        CHECK_EQUAL(port, number16(answer, 34));
    }
}

TEST(Translate, what_the_former_switch_translated_is_of_the_connection_that_came_before_it)
{
    CHECK(opens({}));
    auto passed = to_the_server_itself();
    passed.flags = tcp_syn;
    auto frame = frame_with(passed);
    CHECK(in(frame, true));
    auto answer = frame_with(answer_of({}, 8080));
    CHECK(out(answer));
    CHECK_EQUAL(80, number16(answer, 34));
    // Once it has ended, the client may take its port for a direct one.
    Made end;
    end.flags = tcp_rst;
    frame = frame_with(end);
    CHECK(in(frame));
    frame = frame_with(passed);
    CHECK(in(frame));
    answer = frame_with(answer_of({}, 8080));
    CHECK(out(answer));
    CHECK_EQUAL(8080, number16(answer, 34));
}

TEST(Translate, a_connection_that_the_server_begins_is_its_own)
{
    auto made = answer_of({}, 8080);
    made.flags = tcp_syn;
    auto frame = frame_with(made);
    const auto before = frame;
    CHECK(out(frame));
    CHECK(before == frame);
    made.flags = tcp_ack;
    frame = frame_with(made);
    CHECK(out(frame));
    CHECK_EQUAL(8080, number16(frame, 34));
}

TEST(Translate, a_director_in_the_servers_vlan_may_know_its_own_address)
{
    Made made;
    made.to = own;
    auto frame = frame_with(made);
    CHECK(in(frame));
    CHECK_EQUAL(8080, number16(frame, 36));
    made.destination_port = 81; // Whatever that is, it is not ours to drop.
    frame = frame_with(made);
    CHECK(in(frame));
    CHECK_EQUAL(81, number16(frame, 36));
}

TEST(Translate, what_is_for_no_service_of_the_server_is_dropped)
{
    Made made;
    made.destination_port = 81;
    auto frame = frame_with(made);
    CHECK(!in(frame));
    made.destination = {10, 9, 9, 9};
    frame = frame_with(made);
    CHECK(!in(frame));
    frame = Frame(60, 0);
    std::ranges::copy(synthetic, frame.begin());
    CHECK(!in(frame)); // No IPv4.
}

TEST(Translate, fragments_follow_their_first_one)
{
    Made made;
    made.protocol = IPPROTO_UDP;
    made.destination_port = 53;
    made.fragment = 0x2000;
    auto frame = frame_with(made);
    CHECK(in(frame));
    CHECK_EQUAL(5300, number16(frame, 36));
    made.fragment = 0x2001;
    auto later = frame_with(made);
    const Frame payload(later.begin() + 34, later.end());
    CHECK(in(later));
    CHECK(std::equal(server.begin(), server.end(), later.begin() + 30));
    CHECK(std::equal(payload.begin(), payload.end(), later.begin() + 34)); // Untouched.

    auto answer = answer_of(made, 5300);
    answer.fragment = 0x2000;
    auto first = frame_with(answer);
    CHECK(out(first));
    answer.fragment = 3;
    auto last = frame_with(answer);
    CHECK(out(last));
    CHECK(std::equal(vip.begin(), vip.end(), last.begin() + 26));
    answer.id = 8; // Its first one was never seen.
    auto lost = frame_with(answer);
    CHECK(!out(lost));
}

TEST(Translate, an_icmp_error_says_what_the_server_knows)
{
    CHECK(opens({}));
    // "Too large", by a router, of what the client was sent by the VIP.
    auto about = answer_of({}, 80);
    about.source = vip;
    const auto inner = frame_with(about);
    Made made;
    made.protocol = IPPROTO_UDP; // For its size: 8 bytes are ICMP's header too.
    made.payload = 28;
    auto frame = frame_with(made);
    frame[23] = IPPROTO_ICMP;
    std::fill(frame.begin() + 34, frame.end(), std::uint8_t{0});
    frame[34] = 3;
    frame[35] = 4;
    std::copy_n(inner.begin() + 14, 28, frame.begin() + 42);
    put16(frame, 24, 0);
    put16(frame, 24, checksum(sum(Bytes{frame}.subspan(14, 20))));
    CHECK(in(frame));
    CHECK(std::equal(server.begin(), server.end(), frame.begin() + 30));
    CHECK(std::equal(server.begin(), server.end(), frame.begin() + 54));
    CHECK_EQUAL(8080, number16(frame, 62));
    CHECK_EQUAL(0, checksum(sum(Bytes{frame}.subspan(34))));     // True.
    CHECK_EQUAL(0, checksum(sum(Bytes{frame}.subspan(14, 20)))); // Both headers', too.
    CHECK_EQUAL(0, checksum(sum(Bytes{frame}.subspan(42, 20))));
}

TEST(Translate, a_connection_in_the_middle_is_taken_up)
{
    Made made;
    auto frame = frame_with(made); // No SYN: this switch is new to it.
    CHECK(in(frame));
    auto answer = frame_with(answer_of({}, 8080));
    CHECK(out(answer));
    CHECK_EQUAL(80, number16(answer, 34));
}

TEST(Translate, connections_go_with_the_server)
{
    CHECK(opens({}));
    Made later;
    later.source_port = 40002;
    auto all = translator.follow();
    CHECK(opens(later));
    for (const auto& one : translator.fresh())
        all.push_back(one);
    CHECK_EQUAL(2u, all.size());
    CHECK(translator.fresh().empty());

    Translator there;
    there.use(balanced({{ip_of(vip), 80, IPPROTO_TCP, 8080}}));
    std::size_t done = 0;
    auto state = frame_of(all, done, own);
    CHECK_EQUAL(2u, done);
    CHECK(there.to_server(state, false, 0) == Translator::Fate::drop); // By whom?
    CHECK_EQUAL(0u, there.size());
    CHECK(there.to_server(state, true, 0) == Translator::Fate::drop); // Not the server's business.
    CHECK_EQUAL(2u, there.size());
    auto answer = frame_with(answer_of({}, 8080));
    CHECK(there.from_server(answer, 0) == Translator::Fate::pass);
    CHECK_EQUAL(80, number16(answer, 34));
}

TEST(Translate, it_knows_by_which_public_addresses_connections_go)
{
    const VipPort web{ip_of(vip), 80, IPPROTO_TCP}, api{ip_of(second_vip), 443, IPPROTO_TCP},
        dns{ip_of(vip), 53, IPPROTO_UDP};
    const auto holds = [](const Translator& one, const VipPort& at,
                          const std::optional<Ip>& by = std::nullopt) {
        Held held;
        one.add_held(held);
        return holdfast::plugin::holds(held, at, by);
    };
    CHECK_FALSE(holds(translator, web));
    char name[] = "/tmp/translated-XXXXXX";
    close(mkstemp(name));
    translator.keep_in(std::move(*Kept::open(name, 1000)), 0);
    CHECK(opens({}));
    CHECK(opens({})); // The same once more.
    CHECK(opens(to_the_server_itself()));
    CHECK_TRUE(holds(translator, web));
    CHECK_FALSE(holds(translator, api));
    Made datagram;
    datagram.protocol = IPPROTO_UDP;
    datagram.destination_port = 53;
    CHECK(opens(datagram));
    CHECK_TRUE(holds(translator, dns) && holds(translator, dns, ip_of(server)));
    CHECK_FALSE(holds(translator, dns, ip_of(vip)));
    // As long as there is one, by whatever way it came to be known.
    Translator anew, moved;
    anew.use(balanced({{ip_of(vip), 80, IPPROTO_TCP, 8080}}));
    anew.keep_in(std::move(*Kept::open(name, 1000)), 0);
    unlink(name);
    CHECK_TRUE(holds(anew, web));
    std::size_t done = 0;
    auto state = frame_of(translator.follow(), done, own);
    moved.to_server(state, true, 0);
    CHECK_TRUE(holds(moved, web));
    for (auto* one : {&translator, &anew, &moved}) {
        for (int call = 0; call < 20; ++call)
            one->tidy(1'000'000'000);
        CHECK_FALSE(holds(*one, web));
    }
    // A port that begins another one by another address has it by that one.
    CHECK(opens({}));
    auto answer = answer_of({}, 8080);
    answer.flags = tcp_rst;
    auto frame = frame_with(answer);
    CHECK(out(frame));
    Made other;
    other.destination = second_vip;
    other.destination_port = 443;
    CHECK(opens(other));
    CHECK_TRUE(holds(translator, api) && !holds(translator, web));
}

TEST(Translate, ended_connections_are_forgotten_sooner)
{
    CHECK(opens({}));
    Made other;
    other.source_port = 40001;
    CHECK(opens(other));
    Made end;
    end.flags = tcp_fin | tcp_ack;
    auto frame = frame_with(end);
    CHECK(in(frame));
    auto back = answer_of(end, 8080);
    frame = frame_with(back);
    CHECK(out(frame));
    other.flags = tcp_ack;
    back = answer_of(other, 8080);
    back.destination_port = 40001;
    frame = frame_with(back);
    CHECK(out(frame));
    frame = frame_with(other);
    CHECK(in(frame));
    tidy(100'000);
    CHECK_EQUAL(2u, translator.size());
    tidy(121'000);
    CHECK_EQUAL(1u, translator.size());
    other.flags = tcp_rst;
    frame = frame_with(other);
    CHECK(in(frame, false, 200'000));
    other.flags = tcp_ack; // It goes on: the reset was somebody else's.
    frame = frame_with(other);
    CHECK(in(frame, false, 200'000));
    tidy(321'000);
    CHECK_EQUAL(1u, translator.size());
    other.flags = tcp_rst;
    frame = frame_with(other);
    CHECK(in(frame, false, 400'000));
    tidy(521'000);
    CHECK_EQUAL(0u, translator.size());
}

TEST(Translate, a_server_of_nothing_any_more_answers_as_the_vip_until_its_client_begins_anew_B5)
{
    CHECK(opens({}));
    translator.serve_nothing();
    auto answer = frame_with(answer_of({}, 8080));
    CHECK(out(answer));
    CHECK(std::equal(vip.begin(), vip.end(), answer.begin() + 26));
    auto direct = to_the_server_itself();
    direct.flags = tcp_syn;
    auto frame = frame_with(direct);
    CHECK(in(frame));
    answer = frame_with(answer_of({}, 8080));
    CHECK(out(answer));
    CHECK(std::equal(server.begin(), server.end(), answer.begin() + 26));
    CHECK_EQUAL(0u, translator.size());
}

TEST(Translate, what_nobody_directs_any_more_goes_on_and_nothing_begins_B5)
{
    Made datagram;
    datagram.protocol = IPPROTO_UDP;
    datagram.destination_port = 53;
    CHECK(opens({}) && opens(datagram));
    translator.use(balanced({{ip_of(vip), 53, IPPROTO_UDP, 5300, 0, true},
                             {ip_of(vip), 80, IPPROTO_TCP, 8080, 0, true},
                             {ip_of(second_vip), 443, IPPROTO_TCP, 8080}}));
    CHECK(opens(datagram));
    auto frame = frame_with(Made{});
    CHECK(in(frame));
    auto answer = frame_with(answer_of({}, 8080));
    CHECK(out(answer));
    CHECK_EQUAL(80, number16(answer, 34));
    Made made;
    made.source_port = datagram.source_port = 40001;
    CHECK_FALSE(opens(made) || opens(datagram));
    made.destination = second_vip;
    made.destination_port = 443;
    CHECK(opens(made));
    // Not even from the port of one that has ended.
    Made reset;
    reset.flags = tcp_rst;
    frame = frame_with(reset);
    CHECK(in(frame));
    CHECK_FALSE(opens({}));
}

TEST(Translate, a_service_that_was_taken_away_shows_no_address)
{
    CHECK(opens({}));
    translator.use(balanced({}));
    auto answer = frame_with(answer_of({}, 8080));
    CHECK(out(answer));
    CHECK(std::equal(vip.begin(), vip.end(), answer.begin() + 26));
}

TEST(Translate, what_only_began_is_forgotten_soon)
{
    CHECK(opens({}));
    Made other;
    other.source_port = 40001;
    CHECK(opens(other));
    auto frame = frame_with(other); // The third of its handshake, of which nothing came back yet.
    CHECK(in(frame));
    auto answer = answer_of({}, 8080);
    answer.destination_port = 40001;
    auto back = frame_with(answer);
    CHECK(out(back));
    frame = frame_with(other);
    CHECK(in(frame));
    tidy(61'000);
    CHECK_EQUAL(1u, translator.size());
    tidy(300'000'000);
    CHECK_EQUAL(1u, translator.size());
    tidy(433'000'000);
    CHECK_EQUAL(0u, translator.size());
}

TEST(Translate, no_frame_is_read_beyond_its_end)
{
    for (const std::uint8_t protocol : {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP}) {
        Made made;
        made.protocol = protocol;
        made.payload = 40;
        const auto whole = frame_with(made);
        for (std::size_t size = 0; size <= whole.size(); ++size) {
            Frame cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            in(cut);
            out(cut);
        }
        for (int length = 0; length < 16; ++length) { // Of the header, as it says.
            auto wrong = whole;
            wrong[14] = static_cast<std::uint8_t>(0x40 | length);
            in(wrong);
            out(wrong);
        }
    }
}
TEST(Translate, a_new_process_goes_on)
{
    char name[] = "/tmp/translated-XXXXXX";
    close(mkstemp(name));
    CHECK(opens({}));
    translator.keep_in(std::move(*Kept::open(name, 1000)), 0);
    Made second; // The first is from before the file.
    second.source_port = 40001;
    CHECK(opens(second));
    Made third;
    third.source_port = 40002;
    CHECK(opens(third));
    Translator anew;
    anew.use(balanced({{ip_of(vip), 80, IPPROTO_TCP, 8080}}));
    anew.keep_in(std::move(*Kept::open(name, 1000)), 0);
    unlink(name);
    CHECK_EQUAL(2u, anew.size());
    auto answer = answer_of({}, 8080);
    answer.destination_port = 40001; // The server speaks first.
    auto frame = frame_with(answer);
    CHECK(anew.from_server(frame, 0) == Translator::Fate::pass);
    CHECK_EQUAL(80, number16(frame, 34));
}
