// SPDX-License-Identifier: Apache-2.0
#include "ovs-plugin/director.h"

#include <unistd.h>

#include <cstdlib>
#include <set>

#include <CppUTest/TestHarness.h>

#include "common/policies.h"
#include "ovs-plugin/tests/segment.h"

using namespace holdfast;
using namespace holdfast::plugin;

namespace {

constexpr Mac vip_mac{0xae, 0x48, 10, 0, 10, 100};

Ip server(std::uint8_t number)
{
    return ip_of({10, 0, 20, number});
}

Mac synthetic_of(std::uint8_t number)
{
    return {0xae, 0x48, 10, 0, 20, number};
}

Backend backend(std::uint8_t number)
{
    Backend made;
    made.address = server(number);
    made.synthetic = synthetic_of(number);
    made.weight = 1;
    return made;
}

/// VIP 10.0.10.100, TCP port 80, of servers 10.0.20.1 and so on; the last is the oldest.
Service service_of(const std::string& policy, std::uint8_t n)
{
    Service made;
    made.name = "web";
    made.vip = ip_of(vip);
    made.port = 80;
    made.protocol = IPPROTO_TCP;
    made.mac = vip_mac;
    made.policy = policy;
    for (std::uint8_t i = 1; i <= n; ++i)
        made.backends.push_back(backend(i));
    return made;
}

/// "Too large", about what the VIP sent to this port of the client.
Frame too_large(std::uint8_t protocol, std::uint16_t vip_port, std::uint16_t client_port)
{
    Made error;
    error.protocol = IPPROTO_UDP;
    error.payload = 28;
    auto frame = frame_with(error);
    std::ranges::copy(vip_mac, frame.begin());
    frame[23] = IPPROTO_ICMP;
    std::fill(frame.begin() + 34, frame.end(), std::uint8_t{0});
    frame[34] = 3;
    Made about;
    about.protocol = protocol;
    about.source = vip;
    about.destination = client;
    about.source_port = vip_port;
    about.destination_port = client_port;
    const auto inner = frame_with(about);
    std::copy_n(inner.begin() + 14, 28, frame.begin() + 42);
    return frame;
}

std::shared_ptr<const Directed> directed(std::vector<Service> services)
{
    auto made = std::make_shared<Directed>();
    for (auto& service : services) {
        std::vector<Server> servers;
        for (const auto& one : service.backends) {
            servers.push_back({.id = one.address, .base = one.weight});
            made->server_macs.push_back(one.synthetic);
        }
        service.table = std::make_shared<const Maglev>(table_of(servers));
        made->vip_macs.push_back(service.mac);
    }
    std::ranges::sort(made->server_macs);
    std::ranges::sort(made->vip_macs);
    made->services = std::move(services);
    Answers answers;
    for (const auto& service : made->services)
        answers.known.emplace_back(service.vip, service.mac);
    made->answers = made->held_answers = std::make_shared<const Answers>(std::move(answers));
    return made;
}

} // namespace

TEST_GROUP(Director)
{
    Director director;
    std::int64_t now = 1'000;
    std::size_t size = 0;
    Director::Fate fate = Director::Fate::pass;

    /// As often as it takes to look at all that it holds.
    void tidy(Director & one) const
    {
        for (int call = 0; call < 20; ++call)
            one.tidy(now);
    }
    Frame send(Made made)
    {
        made.to = vip_mac;
        auto frame = frame_with(made);
        fate = director.direct(frame, size, false, false, now);
        return frame;
    }
    bool takes(Director & one, std::uint16_t port, std::uint8_t flags)
    {
        Made made;
        made.to = vip_mac;
        made.source_port = port;
        made.flags = flags;
        auto frame = frame_with(made);
        return one.direct(frame, size, false, false, now) == Director::Fate::pass;
    }
    Frame segment(std::uint16_t port, std::uint8_t flags)
    {
        Made made;
        made.source_port = port;
        made.flags = flags;
        return send(made);
    }
    /// The last byte of the server that a connection from this port gets; 0: none.
    int opens(std::uint16_t port)
    {
        const auto frame = segment(port, tcp_syn);
        return fate == Director::Fate::pass ? frame[5] : 0;
    }
    int opens(Director & one, std::uint16_t port, std::uint8_t from = client[3])
    {
        Made made;
        made.to = vip_mac;
        made.source = {client[0], client[1], client[2], from};
        made.source_port = port;
        made.flags = tcp_syn;
        auto frame = frame_with(made);
        return one.direct(frame, size, false, false, now) == Director::Fate::pass ? frame[5] : 0;
    }
    int goes_on(std::uint16_t port, std::uint8_t flags = tcp_ack)
    {
        const auto frame = segment(port, flags);
        return fate == Director::Fate::pass ? frame[5] : 0;
    }
    void use(std::vector<Service> services)
    {
        director.use(directed(std::move(services)), 0);
    }
    BackendFigures figures_of(std::uint8_t number)
    {
        const auto all = director.figures();
        for (const auto& one : all.at(0).backends)
            if (one.address == server(number))
                return one;
        FAIL("no such server");
        return {};
    }
};

TEST(Director, connections_are_placed_by_the_policy_and_stay_B9)
{
    use({service_of("rr", 3)});
    std::vector<int> chosen;
    for (std::uint16_t port = 1000; port < 1006; ++port)
        chosen.push_back(opens(port));
    CHECK_EQUAL(3u, std::set<int>(chosen.begin(), chosen.begin() + 3).size());
    CHECK(std::equal(chosen.begin(), chosen.begin() + 3, chosen.begin() + 3));
    // Sent again before anything came back, and in the middle: where it was placed.
    for (std::uint16_t port = 1000; port < 1006; ++port) {
        CHECK_EQUAL(chosen[port - 1000], opens(port));
        CHECK_EQUAL(chosen[port - 1000], goes_on(port));
    }
    CHECK_EQUAL(6u, director.size());
    CHECK_EQUAL(2u, figures_of(1).active);
    CHECK_EQUAL(2u, figures_of(1).connections);
    CHECK_EQUAL(6u, figures_of(1).packets);
    // A frame is as it was but for whom it is for.
    Made made;
    made.source_port = 1000;
    auto sent = send(made);
    made.to = synthetic_of(static_cast<std::uint8_t>(chosen[0]));
    CHECK(frame_with(made) == sent);
}

TEST(Director, where_a_connection_would_be_placed_is_told_and_nothing_changed_B9)
{
    using How = Whereabouts::How;
    const auto where = [&](std::uint16_t port) {
        return director.where({ip_of(client), ip_of(vip), port, 80, IPPROTO_TCP, now});
    };
    CHECK_FALSE(where(1000).has_value());
    use({service_of("mh", 3)});
    for (std::uint16_t port = 1000; port < 1020; ++port) {
        const auto told = where(port).value();
        CHECK(told.how == How::chosen);
        CHECK_EQUAL(std::size_t{port} - 1000, director.size());
        CHECK(told.servers.at(0) == server(static_cast<std::uint8_t>(opens(port))));
        CHECK(where(port)->how == How::held);
        CHECK(where(port)->servers == told.servers);
    }
    CHECK_FALSE(director.where({ip_of(client), ip_of(vip), 1000, 81, IPPROTO_TCP, now}));
    goes_on(1000, tcp_rst);
    CHECK(where(1000)->how == How::chosen);

    // By turns: any of those that take connections, and no turn is taken by asking.
    Director other, asked;
    auto service = service_of("rr", 3);
    service.backends[1].takes = false;
    other.use(directed({service}), 0);
    asked.use(directed({service}), 0);
    for (std::uint16_t port = 1000; port < 1006; ++port) {
        const auto told =
            asked.where({ip_of(client), ip_of(vip), port, 80, IPPROTO_TCP, now}).value();
        CHECK(told.how == How::open);
        CHECK(told.servers == (std::vector{server(1), server(3)}));
        CHECK_EQUAL(opens(other, port), opens(asked, port));
    }
}

TEST(Director, where_nobody_takes_it_or_the_client_keeps_its_server_is_told_B10_B11)
{
    using How = Whereabouts::How;
    const auto where = [&] {
        return director.where({ip_of(client), ip_of(vip), 4000, 80, IPPROTO_TCP, now}).value();
    };
    auto service = service_of("mh", 2);
    service.persistence_ms = 1'000;
    use({service});
    const auto placed = static_cast<std::uint8_t>(opens(1000));
    CHECK(where().how == How::client);
    CHECK(where().servers == std::vector{server(placed)});
    for (auto& one : service.backends)
        one.works = one.takes = false;
    use({service});
    CHECK(where().how == How::refused);
    CHECK(where().servers.empty());
    CHECK_EQUAL(0u, director.figures().at(0).refused);
    service.sorry = backend(9);
    use({service});
    CHECK(where().how == How::sorry);
    CHECK(where().servers == std::vector{server(9)});
    CHECK_EQUAL(0u, director.figures().at(0).sorry);
}

TEST(Director, what_ended_is_inactive_and_a_new_connection_from_there_is_a_new_one)
{
    use({service_of("rr", 2)});
    const auto first = opens(1000);
    goes_on(1000);
    CHECK_EQUAL(1u, figures_of(static_cast<std::uint8_t>(first)).active);
    CHECK_EQUAL(first, goes_on(1000, tcp_fin | tcp_ack));
    CHECK_EQUAL(0u, figures_of(static_cast<std::uint8_t>(first)).active);
    CHECK_EQUAL(1u, figures_of(static_cast<std::uint8_t>(first)).inactive);
    CHECK(opens(1000) != first);
    CHECK_EQUAL(1u, director.size());
}

TEST(Director, a_dead_server_gets_nothing_new_and_the_others_connections_stay_B10)
{
    auto service = service_of("mh", 4);
    use({service});
    std::map<std::uint16_t, int> where;
    for (std::uint16_t port = 1000; port < 1400; ++port) {
        where[port] = opens(port);
        goes_on(port);
    }
    service.backends[1].takes = service.backends[1].works = false;
    use({service});
    for (const auto& [port, number] : where)
        CHECK_EQUAL(number, goes_on(port));
    for (std::uint16_t port = 2000; port < 2400; ++port)
        CHECK(opens(port) != 2);
    // What had only begun there begins again elsewhere.
    service.backends[1].takes = service.backends[1].works = true;
    use({service});
    std::uint16_t begun = 3000;
    while (opens(begun) != 2)
        ++begun;
    service.backends[1].takes = service.backends[1].works = false;
    use({service});
    CHECK(opens(begun) != 2);
    // And a client that begins anew from a port of a connection that nobody ended.
    const auto old = std::ranges::find(where, 2, [](const auto& one) { return one.second; });
    CHECK_EQUAL(2, goes_on(old->first));
    CHECK(opens(old->first) != 2);
}

TEST(Director, without_a_server_the_client_is_told_or_the_sorry_server_has_it_B10)
{
    auto service = service_of("wlc", 2);
    for (auto& one : service.backends)
        one.takes = one.works = false;
    use({service});
    const auto reset = segment(1000, tcp_syn);
    CHECK(fate == Director::Fate::back);
    CHECK_EQUAL(54u, size);
    CHECK_EQUAL(tcp_rst | tcp_ack, reset[47]);
    CHECK(std::equal(vip.begin(), vip.end(), reset.begin() + 26));
    CHECK_EQUAL(80, number16(reset, 34));
    CHECK_EQUAL(1000, number16(reset, 36));
    CHECK_EQUAL(0, checksum(sum(Bytes{reset}.subspan(14, 20))));
    CHECK_EQUAL(0, checksum(sum(Bytes{reset}.subspan(34, 20),
                                sum(Bytes{reset}.subspan(26, 8), IPPROTO_TCP + 20))));
    CHECK_EQUAL(1u, director.figures()[0].refused);
    segment(1000, tcp_rst);
    CHECK(fate == Director::Fate::drop); // Nobody answers a reset.

    service.sorry = backend(9);
    use({service});
    CHECK_EQUAL(9, opens(1000));
    CHECK_EQUAL(9, goes_on(1000));
    CHECK_EQUAL(1u, director.figures()[0].sorry);
    service.backends[0].takes = service.backends[0].works = true;
    use({service});
    CHECK_EQUAL(1, opens(1001));
    CHECK_EQUAL(9, goes_on(1000)); // It stays.
}

TEST(Director, a_limit_holds_and_ends_with_the_connections_B11)
{
    auto service = service_of("rr", 1);
    service.backends[0].limit = 2;
    use({service});
    CHECK_EQUAL(1, opens(1000));
    CHECK_EQUAL(1, opens(1001));
    CHECK_EQUAL(0, opens(1002));
    CHECK_EQUAL(1u, director.figures()[0].backends[0].refused);
    CHECK_EQUAL(1, goes_on(1000));
    now += 61'000; // What only began is forgotten.
    tidy(director);
    CHECK_EQUAL(1u, director.size());
    CHECK_EQUAL(1, opens(1002));
}

TEST(Director, what_it_holds_is_bounded_by_memory_and_a_flood_takes_none_that_goes_on_B9)
{
    CHECK_TRUE(director.room() >= 1 << 16 && director.room() <= 1 << 24);
    Director small{40};
    small.use(directed({service_of("rr", 2)}), 0);
    const auto sends = [&](std::uint16_t port, std::uint8_t flags) {
        return takes(small, port, flags);
    };
    for (std::uint16_t port = 1; port <= 30; ++port)
        CHECK_TRUE(sends(port, tcp_syn) && sends(port, tcp_ack));
    for (std::uint16_t port = 1000; port < 5000; ++port)
        CHECK_TRUE(sends(port, tcp_syn));
    CHECK_EQUAL(40u, small.size());
    for (std::uint16_t port = 1; port <= 30; ++port)
        CHECK_TRUE(sends(port, tcp_ack));
    // What goes on is never given up for a new one: those that only began end, and others go on.
    now += 61'000;
    tidy(small);
    CHECK_EQUAL(30u, small.size());
    for (std::uint16_t port = 31; port <= 40; ++port)
        CHECK_TRUE(sends(port, tcp_syn) && sends(port, tcp_ack));
    CHECK_FALSE(sends(6000, tcp_syn));
    CHECK_EQUAL(40u, small.size());
}

TEST(Director, a_flood_of_what_goes_on_by_no_connection_takes_no_room_of_others_B9)
{
    Director small{40};
    small.use(directed({service_of("mh", 2)}), 0);
    const auto sends = [&](std::uint16_t port, std::uint8_t flags) {
        return takes(small, port, flags);
    };
    for (std::uint16_t port = 1000; port < 5000; ++port)
        CHECK_TRUE(sends(port, tcp_ack)); // Each is led where such a connection would be.
    CHECK_TRUE(sends(1, tcp_syn) && sends(1, tcp_ack));
    now += 61'000;
    tidy(small);
    CHECK_EQUAL(1u, small.size());
    // One that does go on here is held as long as any.
    CHECK_TRUE(sends(2, tcp_ack) && sends(2, tcp_ack));
    now += 61'000;
    tidy(small);
    CHECK_EQUAL(2u, small.size());
}

TEST(Director, a_client_keeps_its_server_while_that_lives_B11)
{
    auto service = service_of("rr", 3);
    service.persistence_ms = 10'000;
    use({service});
    const auto first = opens(1000);
    for (std::uint16_t port = 1001; port < 1010; ++port)
        CHECK_EQUAL(first, opens(port));
    Made other;
    other.source = {192, 0, 2, 77};
    other.flags = tcp_syn;
    CHECK(send(other)[5] != first);
    // It is kept as long as there are connections, and the time after that.
    for (std::uint16_t port = 1000; port < 1010; ++port)
        goes_on(port, tcp_rst);
    now += 121'000;
    tidy(director);
    CHECK_EQUAL(1u, director.size() + 1);
    now += 9'000;
    CHECK_EQUAL(first, opens(1000));
    auto& kept = service.backends[static_cast<std::size_t>(first - 1)];
    kept.takes = kept.works = false;
    use({service});
    const auto second = opens(1020);
    CHECK(second != first && second != 0);
    CHECK_EQUAL(second, opens(1021));
}

TEST(Director, directors_that_do_not_talk_agree_B14)
{
    Director other, third;
    const auto services = directed({service_of("mh", 5)});
    director.use(services, 0);
    other.use(services, 0);
    third.use(services, 0);
    for (std::uint16_t port = 1000; port < 1200; ++port) {
        const auto here = opens(port);
        Made made;
        made.to = vip_mac;
        made.source_port = port; // In the middle: the router leads it here now.
        auto frame = frame_with(made);
        CHECK(other.direct(frame, size, false, false, now) == Director::Fate::pass);
        CHECK_EQUAL(here, frame[5]);
        // Who says that an answer is too large may come by a third way.
        auto error = too_large(IPPROTO_TCP, 80, port);
        CHECK(third.direct(error, size, false, false, now) == Director::Fate::pass);
        CHECK_EQUAL(here, error[5]);
    }
    CHECK_EQUAL(0u, third.size());
    // By another policy nobody could know.
    use({service_of("rr", 5)});
    CHECK_EQUAL(0, goes_on(5000));
    CHECK(fate == Director::Fate::back);
}

TEST(Director, what_another_has_placed_stays_whatever_became_of_its_server_since_B14)
{
    constexpr std::int64_t day_ns = 86'400'000'000'000;
    const auto change = [](auto what) {
        auto service = service_of("mh", 5);
        service.slow_start_ms = 1'000'000;
        for (auto& one : service.backends) {
            one.weight = 100;
            what(one);
        }
        return service;
    };
    use({change([](Backend&) {})});
    std::map<std::uint16_t, int> where;
    for (std::uint16_t port = 1000; port < 1100; ++port)
        where[port] = opens(port);
    // One is drained, all are full, or have come back just now; and so they are to a director that
    // joins.
    for (const auto& service :
         {change([](Backend& one) { one.takes = one.address != server(2); }),
          change([](Backend& one) { one.limit = 1; }),
          change([](Backend& one) { one.up_since_ns = one.address == server(2) ? day_ns : 0; })}) {
        Director joins;
        joins.use(directed({service}), day_ns + 1'000'000);
        for (const auto& [port, number] : where) {
            Made made;
            made.to = vip_mac;
            made.source_port = port;
            auto frame = frame_with(made);
            CHECK(joins.direct(frame, size, false, false, now) == Director::Fate::pass);
            CHECK_EQUAL(number, frame[5]);
        }
    }
}

TEST(Director, a_server_that_was_taken_out_loses_its_connections_alone)
{
    auto service = service_of("rr", 2);
    use({service});
    const auto first = opens(1000), second = opens(1001);
    goes_on(1000);
    goes_on(1001);
    std::erase_if(service.backends, [&](const Backend& one) { return one.address[15] == first; });
    use({service});
    CHECK_EQUAL(0, goes_on(1000));
    CHECK(fate == Director::Fate::back);
    CHECK_EQUAL(second, goes_on(1001));
    director.use(nullptr, 0);
    segment(1001, tcp_ack);
    CHECK(fate == Director::Fate::pass); // Nothing of ours.
    tidy(director);
    CHECK_EQUAL(0u, director.size());
}

TEST(Director, what_a_deleted_balancer_has_placed_goes_on_and_nothing_new_B9)
{
    const VipPort at{ip_of(vip), 80, IPPROTO_TCP};
    auto service = service_of("mh", 3);
    use({service});
    CHECK_FALSE(director.holds(at));
    const auto first = opens(1000);
    goes_on(1000);
    CHECK_TRUE(director.holds(at));
    for (auto& one : service.backends)
        one.takes = false; // As it is then (ovs-plugin/leaving.h).
    use({service});
    CHECK_EQUAL(first, goes_on(1000));
    CHECK_EQUAL(0, opens(1001));
    CHECK(fate == Director::Fate::back);
    // With mh also what another director has placed and comes here now, for a minute at first; so
    // one that is none, too, which its server refuses.
    CHECK(goes_on(1002) != 0);
    now += 61'000;
    tidy(director);
    CHECK_EQUAL(1u, director.size());
    CHECK_EQUAL(first, goes_on(1000));
    for (std::uint8_t i = 1; i <= 3; ++i)
        CHECK_EQUAL(i == first, director.holds(at, server(i)));
    CHECK_FALSE(director.holds(at, server(9)));
    goes_on(1000, tcp_fin | tcp_ack);
    now += 121'000;
    tidy(director);
    CHECK_FALSE(director.holds(at));
    CHECK_FALSE(director.holds(at, server(static_cast<std::uint8_t>(first))));
}

TEST(Director, the_end_of_a_server_that_was_taken_out_changes_no_choice_B9)
{
    for (const auto& known : policies) {
        auto service = service_of(std::string{known.name}, 6);
        service.backends[0].weight = 3;
        Director stays, ends;
        const auto use_both = [&](const Service& of_one, const Service& of_other) {
            stays.use(directed({of_one}), 0);
            ends.use(directed({of_other}), 0);
        };
        const auto same_choices = [&](std::uint16_t first_port) {
            for (std::uint16_t port = first_port; port < first_port + 100; ++port) {
                const auto from = static_cast<std::uint8_t>(port);
                const auto chosen = opens(stays, port, from);
                CHECK_EQUAL(chosen, opens(ends, port, from));
                CHECK(chosen != 0);
            }
        };
        use_both(service, service);
        same_choices(1000);
        auto without = service;
        without.backends.erase(without.backends.begin() + 2);
        auto with = without;
        with.leaving = {service.backends[2]};
        with.leaving[0].takes = false;
        use_both(with, with);
        CHECK_EQUAL(6u, stays.figures().at(0).backends.size());
        CHECK_FALSE(stays.figures()[0].backends[5].takes);
        same_choices(2000);
        use_both(with, without);
        same_choices(3000);
    }
}

TEST(Director, connections_of_a_server_that_was_taken_out_go_on_B9)
{
    auto service = service_of("sh", 2);
    use({service});
    const auto had = static_cast<std::uint8_t>(opens(1000));
    goes_on(1000);
    service.leaving = {backend(had)};
    service.leaving[0].takes = false;
    std::erase_if(service.backends, [&](const Backend& one) { return one.address == server(had); });
    use({service});
    CHECK_EQUAL(had, goes_on(1000));
    CHECK_EQUAL(3 - had, opens(1001));
    CHECK_TRUE(director.holds({ip_of(vip), 80, IPPROTO_TCP}, server(had)));
    CHECK_EQUAL(1u, figures_of(had).active);
}

TEST(Director, a_new_process_goes_on_B9)
{
    char name[] = "/tmp/placed-XXXXXX";
    close(mkstemp(name));
    auto service = service_of("rr", 3);
    use({service});
    director.keep_in(std::move(*Kept::open(name, 1000)), now);
    std::map<std::uint16_t, int> where;
    for (std::uint16_t port = 1000; port < 1030; ++port) {
        where[port] = opens(port);
        goes_on(port);
    }
    goes_on(1029, tcp_rst);
    service.backends.erase(service.backends.begin());
    Director anew;
    anew.use(directed({service}), 0);
    anew.keep_in(std::move(*Kept::open(name, 1000)), now);
    unlink(name);
    int n = 0;
    for (const auto& [port, number] : where) {
        Made made;
        made.to = vip_mac;
        made.source_port = port;
        auto frame = frame_with(made);
        const bool on = anew.direct(frame, size, false, false, now) == Director::Fate::pass;
        CHECK_EQUAL(number != 1, on); // Server 1 is none any more.
        if (on) {
            CHECK_EQUAL(number, frame[5]);
            ++n;
        }
    }
    CHECK_EQUAL(20, n);
}

TEST(Director, fragments_errors_and_pings_find_their_way_B13)
{
    auto dns = service_of("rr", 2);
    dns.protocol = IPPROTO_UDP;
    dns.port = 53;
    use({dns});
    Made made;
    made.protocol = IPPROTO_UDP;
    made.destination_port = 53;
    made.fragment = 0x2000;
    const auto first = send(made);
    made.fragment = 3;
    CHECK_EQUAL(first[5], send(made)[5]);
    made.id = 8;
    send(made);
    CHECK(fate == Director::Fate::drop);

    auto frame = too_large(IPPROTO_UDP, 53, 40000);
    CHECK(director.direct(frame, size, false, false, now) == Director::Fate::pass);
    CHECK_EQUAL(first[5], frame[5]);

    frame[34] = 8; // A ping.
    frame[35] = 0;
    CHECK(director.direct(frame, size, false, false, now) == Director::Fate::drop); // Cut short?
}

TEST(Director, who_is_no_director_sends_to_no_server)
{
    use({service_of("rr", 2)});
    Made made;
    made.to = synthetic_of(1);
    auto frame = frame_with(made);
    CHECK(director.direct(frame, size, false, false, now) == Director::Fate::drop);
    CHECK(director.direct(frame, size, false, true, now) == Director::Fate::pass);
    made.to = gateway;
    frame = frame_with(made);
    CHECK(director.direct(frame, size, false, false, now) == Director::Fate::pass);
    // At a port that others share, only what this hypervisor holds.
    made.to = vip_mac;
    frame = frame_with(made);
    CHECK(director.direct(frame, size, true, false, now) == Director::Fate::pass);
    CHECK(std::equal(vip_mac.begin(), vip_mac.end(), frame.begin()));
    for (std::size_t cut = 0; cut < frame.size(); ++cut)
        director.direct({frame.data(), cut}, size, false, false, now);
}

TEST(Director, a_client_whose_server_was_taken_out_gets_another_B11)
{
    auto service = service_of("rr", 2);
    service.persistence_ms = 10'000;
    use({service});
    const auto first = opens(1000);
    auto& kept = service.backends[static_cast<std::size_t>(first - 1)];
    kept.takes = kept.works = false;
    use({service});
    const auto second = opens(1001);
    CHECK(second != first);
    kept.takes = kept.works = true;
    std::erase_if(service.backends, [&](const Backend& one) { return one.address[15] == second; });
    use({service});
    CHECK_EQUAL(0, goes_on(1001));
    CHECK_EQUAL(first, opens(1002));
    now += 500'000;
    tidy(director);
    CHECK_EQUAL(first, opens(1003));
}

TEST(Director, a_service_without_servers_refuses_by_every_policy)
{
    for (const char* policy : {"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq",
                               "fo", "ovf", "mh", "dynamic"}) {
        use({service_of(policy, 3)});
        CHECK(opens(1000) != 0);
        use({service_of(policy, 0)});
        CHECK_EQUAL(0, opens(1001));
    }
}

TEST(Director, two_services_of_one_address_are_one)
{
    use({service_of("rr", 2), service_of("mh", 3)});
    CHECK_EQUAL(1u, director.figures().size());
    CHECK_EQUAL(2u, director.figures()[0].backends.size());
}

TEST(Director, a_forged_reset_ends_nothing_that_goes_on)
{
    use({service_of("rr", 2)});
    const auto first = static_cast<std::uint8_t>(opens(1000));
    goes_on(1000);
    goes_on(1000, tcp_rst);
    CHECK_EQUAL(0u, figures_of(first).active);
    goes_on(1000);
    CHECK_EQUAL(1u, figures_of(first).active);
}

TEST(Director, nobody_else_is_answered_for)
{
    use({service_of("rr", 2)});
    Made made;
    made.destination = {8, 8, 8, 8};
    made.flags = tcp_syn;
    send(made);
    CHECK(fate == Director::Fate::drop);
}
