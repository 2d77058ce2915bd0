// SPDX-License-Identifier: Apache-2.0
#include "ovs-plugin/route.h"

#include <netinet/in.h>

#include "ovs-plugin/translate.h"

#include <CppUTest/TestHarness.h>

#include "ovs-plugin/tests/segment.h"

using namespace holdfast;
using namespace holdfast::plugin;

namespace {

constexpr Ip4 server{10, 0, 20, 11}, router{10, 0, 10, 1};
constexpr Mac own{0x52, 0x54, 0, 0, 0, 0x11}, vip_mac{0xae, 0x48, 10, 0, 10, 100},
    moved{2, 0, 0, 0, 0, 9};
constexpr std::uint8_t number = 3;

db::Snapshot one_routed(const std::string& way = "routed")
{
    db::Balancer web;
    web.name = "web";
    web.vip = "10.0.10.100";
    web.port = 80;
    web.gateway = "10.0.10.1";
    web.number = number;
    web.directors = {"lb"};
    web.servers = {{"10.0.20.11", 8080, 1, "active", "ae:48:0a:00:14:0b", 0, way},
                   {"10.0.20.12", 80, 1, "active", "ae:48:0a:00:14:0c"}};
    db::Snapshot snapshot;
    snapshot.balancers = {web};
    return snapshot;
}

std::vector<Port> director_port()
{
    Port port;
    port.interface = "p-lb";
    port.iface_id = "lb";
    port.kind = "port";
    port.tag = 10;
    return {port};
}

Frame arp(const Mac& from, const Ip4& sender, const Ip4& target, std::uint8_t operation)
{
    auto frame = probe_of({ip_of(target), 0}, from);
    frame[21] = operation;
    std::ranges::copy(sender, frame.begin() + 28);
    return frame;
}

} // namespace

/// VIP 10.0.10.100, number 3, of a routed server; the director is at p-lb, the gateway at uplink.
TEST_GROUP(Route)
{
    Router routes;
    const std::vector<Ip> vips{ip_of(vip)};
    const std::string lb = "p-lb", uplink = "uplink";
    const CameBy by_director{lb, 10, false, true, vips};
    const CameBy by_uplink{uplink, 10, true, false, vips};

    void setup() override
    {
        use(one_routed());
    }
    void use(const db::Snapshot& snapshot)
    {
        routes.use(routes_of(snapshot, director_port()), 0);
    }
    bool hear(const Frame& frame, std::int64_t now = 0, GatewayClaim claim = GatewayClaim::true_)
    {
        return routes.hear(frame, by_uplink, now, [&](const Ip&) { return claim; });
    }
    void learn()
    {
        hear(arp(gateway, router, {10, 0, 10, 5}, 2));
    }
    Router::Fate sent(Frame & frame)
    {
        return routes.route(frame, mac_at(frame, 0), by_director, 0);
    }
    Mac known()
    {
        return routes.gateways().at(0).second.mac;
    }
};

/// What the server's port gets of a frame.
static Frame translated(Frame frame, const Mac& to, std::uint16_t server_port)
{
    std::ranges::copy(to, frame.begin());
    Translator translator;
    translator.use({own,
                    {{ip_of(server),
                      synthetic,
                      {{ip_of(vip), 53, IPPROTO_UDP, server_port, number},
                       {ip_of(vip), 80, IPPROTO_TCP, server_port, number}}}}});
    CHECK(translator.to_server(frame, false, 0) == Translator::Fate::pass);
    return frame;
}

TEST(Route, a_directors_frame_goes_to_the_server_by_the_gateway)
{
    learn();
    auto frame = frame_with(Made{});
    CHECK(sent(frame) == Router::Fate::pass);
    Made made;
    made.to = gateway;
    made.destination = server;
    auto wanted = frame_with(made);
    wanted[15] = number << 2;
    finish(wanted);
    CHECK(wanted == frame); // The client's address, TTL and port as they were; checksums true.
}

TEST(Route, at_the_server_it_is_the_vips_again)
{
    learn();
    for (const bool udp : {false, true}) {
        Made made;
        made.flags = tcp_syn;
        made.protocol = udp ? IPPROTO_UDP : IPPROTO_TCP;
        made.destination_port = udp ? 53 : 80;
        auto frame = frame_with(made);
        CHECK(sent(frame) == Router::Fate::pass);
        made.to = own;
        made.destination = server;
        made.destination_port = 8080;
        CHECK(frame_with(made) == translated(frame, own, 8080)); // DSCP, too.
    }
}

TEST(Route, fragments_come_as_they_left)
{
    learn();
    for (const std::uint16_t fragment : {more_fragments, std::uint16_t{100}}) {
        Made made;
        made.protocol = IPPROTO_UDP;
        made.destination_port = 5300; // Where the server listens, so that only addresses change.
        made.fragment = fragment;
        auto frame = frame_with(made);
        const auto payload = Frame(frame.begin() + 42, frame.end());
        CHECK(sent(frame) == Router::Fate::pass);
        CHECK(ip_of(server) == v4_from(frame, 30));
        CHECK_EQUAL(0, checksum(sum(Bytes(frame).subspan(14, 20))));
        CHECK(payload == Frame(frame.begin() + 42, frame.end()));
        if (fragment == 100) { // Of a later one nothing but the header changes.
            Made later = made;
            later.to = own;
            later.destination = server;
            auto wanted = frame_with(made);
            std::ranges::copy(own, wanted.begin());
            std::ranges::copy(server, wanted.begin() + 30);
            put16(wanted, 24, 0);
            put16(wanted, 24, checksum(sum(Bytes(wanted).subspan(14, 20))));
            CHECK(wanted == translated(frame, own, 5300));
        }
    }
}

TEST(Route, congestions_bits_stay)
{
    learn();
    auto frame = frame_with(Made{});
    frame[15] = 46 << 2 | 3;
    finish(frame);
    CHECK(sent(frame) == Router::Fate::pass);
    CHECK_EQUAL(number << 2 | 3, frame[15]);
    CHECK_EQUAL(0, checksum(sum(Bytes(frame).subspan(14, 20))));
}

TEST(Route, a_number_does_not_make_direct_packets_the_vips)
{
    Translator translator;
    translator.use(
        {own, {{ip_of(server), synthetic, {{ip_of(vip), 80, IPPROTO_TCP, 8080, number}}}}});
    Made made;
    made.to = own;
    made.destination = server;
    made.flags = tcp_syn;
    for (const auto& [dscp, port] : {std::pair{0, 80}, std::pair{7, 80}, std::pair{3, 8080}}) {
        made.destination_port = static_cast<std::uint16_t>(port);
        auto frame = frame_with(made);
        frame[15] = static_cast<std::uint8_t>(dscp << 2);
        finish(frame);
        const auto before = frame;
        CHECK(translator.to_server(frame, false, 0) == Translator::Fate::pass);
        CHECK(before == frame);
    }
    CHECK_EQUAL(0u, translator.figures().in);
}

TEST(Route, the_answer_is_the_vips)
{
    Translator translator;
    translator.use(
        {own, {{ip_of(server), synthetic, {{ip_of(vip), 80, IPPROTO_TCP, 8080, number}}}}});
    learn();
    Made made;
    made.flags = tcp_syn;
    auto frame = frame_with(made);
    CHECK(sent(frame) == Router::Fate::pass);
    std::ranges::copy(own, frame.begin());
    CHECK(translator.to_server(frame, false, 0) == Translator::Fate::pass);
    made = {gateway, server, client, 8080, 40000};
    auto answer = frame_with(made);
    CHECK(translator.from_server(answer, 0) == Translator::Fate::pass);
    made.source = vip;
    made.source_port = 80;
    CHECK(frame_with(made) == answer);
}

TEST(Route, a_directors_own_packets_go_there_unmarked)
{
    learn();
    Made made;
    made.destination = server;
    auto frame = frame_with(made);
    CHECK(sent(frame) == Router::Fate::pass);
    made.to = gateway;
    CHECK(frame_with(made) == frame);
}

TEST(Route, who_may_not_choose_a_server_does_not)
{
    learn();
    auto frame = frame_with(Made{});
    const auto before = frame;
    CHECK(routes.route(frame, synthetic, by_uplink, 0) == Router::Fate::pass);
    CHECK(before == frame);
}

TEST(Route, what_the_built_in_director_chose_goes_back_to_a_gateway_at_that_port)
{
    learn();
    auto frame = frame_with(Made{});
    CHECK(routes.route(frame, vip_mac, by_uplink, 0) == Router::Fate::back);
    CHECK(mac_at(frame, 0) == gateway);
    CHECK(mac_at(frame, 6) == vip_mac); // On the way the gateway's is not seen to move.
    CHECK(ip_of(server) == v4_from(frame, 30));
}

TEST(Route, a_server_by_the_tunnel_and_other_frames_stay_as_they_are)
{
    learn();
    Made made;
    made.to = {0xae, 0x48, 10, 0, 20, 12};
    auto frame = frame_with(made);
    CHECK(sent(frame) == Router::Fate::pass);
    CHECK(frame_with(made) == frame);
    // For no VIP of the server's: nobody is to have it.
    made.to = synthetic;
    made.destination = {10, 0, 10, 77};
    frame = frame_with(made);
    CHECK(sent(frame) == Router::Fate::drop);
}

TEST(Route, both_ways_at_once_to_one_server_by_its_vips)
{
    auto snapshot = one_routed();
    snapshot.balancers.push_back(snapshot.balancers[0]);
    auto& api = snapshot.balancers[1];
    api.name = "api";
    api.vip = "10.0.10.101";
    api.number = 0;
    api.servers[0].way = "tunnel";
    use(snapshot);
    learn();
    Made made;
    made.destination = {10, 0, 10, 101};
    auto frame = frame_with(made);
    CHECK(sent(frame) == Router::Fate::pass);
    CHECK(frame_with(made) == frame);
    frame = frame_with(Made{});
    CHECK(sent(frame) == Router::Fate::pass);
    CHECK(mac_at(frame, 0) == gateway);
}

TEST(Route, the_gateways_own_error_gets_another_sender_than_itself)
{
    learn();
    Made about;
    about.source = vip;
    about.source_port = 80;
    about.destination = client;
    const auto inner = frame_with(about);
    Made made;
    made.source = router;
    made.protocol = IPPROTO_ICMP;
    made.payload = inner.size() - ethernet_size;
    auto frame = frame_with(made);
    frame[34] = 3;
    frame[35] = 4;
    std::copy(inner.begin() + ethernet_size, inner.end(), frame.begin() + 42);
    CHECK(sent(frame) == Router::Fate::pass);
    CHECK(ip_of(vip) == v4_from(frame, 26));
    CHECK(ip_of(server) == v4_from(frame, 30));
    const auto at_server = translated(frame, own, 8080);
    CHECK(ip_of(server) == v4_from(at_server, 30));
    CHECK(ip_of(server) == v4_from(at_server, 42 + 12)); // The connection that the server knows.
    CHECK_EQUAL(8080, number16(at_server, 42 + 20));
}

TEST(Route, without_a_known_gateway_packets_are_dropped_and_counted)
{
    auto frame = frame_with(Made{});
    CHECK(sent(frame) == Router::Fate::drop);
    CHECK_EQUAL(1u, routes.gateways().at(0).second.unknown_dropped);
    CHECK(routes.hurries()); // The gateway has not been asked yet.
    CHECK_EQUAL(1u, routes.due(0).size());
    CHECK(!routes.hurries());
}

TEST(Route, a_gateway_is_learned_by_answer_announcement_and_question)
{
    for (const std::uint8_t operation : {1, 2}) {
        hear(arp(gateway, router, router, operation));
        CHECK(known() == gateway);
        hear(arp(moved, router, {10, 0, 10, 5}, operation));
        CHECK(known() == moved);
    }
}

TEST(Route, nobody_else_is_taken_for_the_gateway)
{
    learn();
    hear(arp(moved, router, router, 2), 0, GatewayClaim::none); // A VM that has not its address.
    hear(arp(moved, {10, 0, 10, 2}, router, 2));
    CHECK(known() == gateway);
    // In another VLAN it may be another machine's address.
    const CameBy elsewhere{uplink, 20, true, false, vips};
    routes.hear(arp(moved, router, router, 2), elsewhere, 0,
                [](const Ip&) { return GatewayClaim::true_; });
    CHECK(known() == gateway);
    // A VM of which no address is known takes nothing from one that answers.
    hear(arp(moved, router, router, 2), 0, GatewayClaim::unknown);
    CHECK(known() == gateway);
    CHECK_EQUAL(1u, routes.gateways().size());
}

TEST(Route, a_gateway_that_asks_for_the_vip_says_in_which_vlan_it_is)
{
    routes.use(nullptr, 0);
    routes.use(routes_of(one_routed(), {}), 0); // No director's port here: a built-in one.
    CHECK(routes.gateways().empty());
    hear(arp(gateway, router, vip, 1));
    CHECK(known() == gateway);
    CHECK(routes.gateways().at(0).first == (GatewayKey{ip_of(router), 10}));
}

TEST(Route, a_vips_packet_from_another_mac_makes_it_ask)
{
    learn();
    routes.due(0);
    auto frame = frame_with(Made{});
    CHECK(!hear(frame, 5'000));
    std::ranges::copy(moved, frame.begin() + 6);
    CHECK(hear(frame, 5'000));
    CHECK(known() == gateway);
    CHECK_EQUAL(1u, routes.due(5'000).size());
    Made other;
    other.destination = client;
    frame = frame_with(other);
    std::ranges::copy(moved, frame.begin() + 6);
    CHECK(!hear(frame, 9'000));
}

TEST(Route, a_silent_gateway_is_a_problem_until_it_answers)
{
    CHECK(routes.problems().empty());
    for (int second = 0; second < 3; ++second)
        routes.due(second * 1'000);
    STRCMP_EQUAL(
        "balancer web: its gateway 10.0.10.1 does not answer ARP: what is for its routed "
        "servers is dropped; see that it is up, in the director's VLAN and, if it is a VM with "
        "addresses in its metadata, that this is one of them",
        routes.problems().at(0).c_str());
    learn();
    CHECK(routes.problems().empty());
    for (int second = 20; second < 23; ++second)
        routes.due(second * 1'000);
    STRCMP_CONTAINS("does not answer ARP any more", routes.problems().at(0).c_str());
    // It goes where it was last.
    auto frame = frame_with(Made{});
    CHECK(sent(frame) == Router::Fate::pass);
}

TEST(Route, what_is_known_of_the_gateway_survives_another_store)
{
    learn();
    auto snapshot = one_routed();
    snapshot.balancers[0].servers.pop_back();
    use(snapshot);
    CHECK(known() == gateway);
    use(one_routed("tunnel"));
    CHECK(routes.gateways().empty());
}

TEST(Route, ip_v6_and_other_frames_are_never_routed)
{
    learn();
    auto frame = frame_with(Made6{});
    CHECK(sent(frame) == Router::Fate::drop);
    frame.resize(13);
    CHECK(routes.route(frame, synthetic, by_director, 0) == Router::Fate::pass);
    auto six = one_routed();
    six.balancers[0].vip = "fd00::1";
    CHECK(routes_of(six, {}) == nullptr);
    CHECK(routed_vips(six) == nullptr);
}
