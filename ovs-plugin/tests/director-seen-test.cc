// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/director-seen (spec B2, B8).
#include "ovs-plugin/director-seen.h"

#include "ovs-plugin/answers.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::plugin;

namespace {

constexpr Mac own{0x52, 0x54, 0, 0, 0, 5}, gateway{0x52, 0x54, 0, 0, 0, 1},
    synthetic{0xae, 0x48, 10, 0, 20, 11}, all{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

Ip ip(const char* text)
{
    Ip address;
    CHECK_TRUE(read_ip(text, address));
    return address;
}

Frame frame(const Mac& to, int type, std::size_t size)
{
    Frame bytes(ethernet_size + size);
    std::copy(to.begin(), to.end(), bytes.begin());
    std::copy(own.begin(), own.end(), bytes.begin() + 6);
    put16(bytes, 12, static_cast<std::size_t>(type));
    return bytes;
}

/// An IPv4 packet.
Frame packet(const Mac& to, const char* from, const char* destination)
{
    auto bytes = frame(to, type_v4, 28);
    const auto a = ip(from), b = ip(destination);
    std::copy(a.begin() + v4_at, a.end(), bytes.begin() + ethernet_size + 12);
    std::copy(b.begin() + v4_at, b.end(), bytes.begin() + ethernet_size + 16);
    return bytes;
}

Frame packet6(const Mac& to, const char* from, const char* destination)
{
    auto bytes = frame(to, type_v6, 48);
    const auto a = ip(from), b = ip(destination);
    std::copy(a.begin(), a.end(), bytes.begin() + ethernet_size + 8);
    std::copy(b.begin(), b.end(), bytes.begin() + ethernet_size + 24);
    return bytes;
}

Frame question(const Ip& target)
{
    auto bytes = frame(all, type_arp, 28);
    bytes[ethernet_size + 7] = 1;
    std::copy(target.begin() + v4_at, target.end(), bytes.begin() + ethernet_size + 24);
    return bytes;
}

Frame solicitation(const char* target)
{
    auto bytes = packet6({0x33, 0x33, 0xff, 0, 0, 1}, "fd10::5", "ff02::1:ff00:1");
    bytes.resize(ethernet_size + 64);
    bytes[ethernet_size + 6] = 58;
    bytes[ethernet_size + 40] = 135;
    const auto wanted = ip(target);
    std::copy(wanted.begin(), wanted.end(), bytes.begin() + ethernet_size + 48);
    return bytes;
}

} // namespace

TEST_GROUP(DirectorSeen)
{
    DirectorSeen seen;
    Origin origin;
    db::Balancer balancer;

    void setup() override
    {
        origin.vm = "lb";
        origin.director = true;
        origin.macs = {own};
        origin.ips = {ip("10.0.10.5")};
        origin.answers = std::make_shared<const Answers>(
            Answers{{{ip("10.0.20.11"), synthetic}}, {ip("10.0.10.100"), ip("fd10::100")}});
        auto fleet = std::make_shared<Addresses>();
        fleet->ips = {ip("10.0.10.77")};
        origin.all = fleet;
        balancer.name = "web";
        balancer.servers = {{"10.0.20.11", 80, 1, "active", "ae:48:0a:00:14:0b"},
                            {"10.0.20.12", 80, 1, "active", "ae:48:0a:00:14:0c"}};
    }

    bool sends(const Frame& bytes, std::int64_t now_ms = 1)
    {
        return seen.goes_on(origin, bytes, now_ms);
    }

    /// That many new addresses are asked for: how many questions go on.
    int ask(int first, int count, std::int64_t now_ms)
    {
        int n = 0;
        for (int i = first; i < first + count; ++i)
            n += sends(question(ip_of({172, 16, static_cast<std::uint8_t>(i >> 8),
                                       static_cast<std::uint8_t>(i)})),
                       now_ms);
        return n;
    }
};

TEST(DirectorSeen, what_is_for_a_vip_and_goes_to_no_server_is_astray_B8)
{
    CHECK_TRUE(sends(packet(synthetic, "192.0.2.1", "10.0.10.100")));
    CHECK_TRUE(seen.strays().empty());
    CHECK_TRUE(sends(packet(gateway, "192.0.2.1", "10.0.10.100"), 7));
    CHECK_TRUE(sends(packet(gateway, "192.0.2.1", "10.0.10.100"), 9));
    const auto strays = seen.strays();
    CHECK_EQUAL(1u, strays.size());
    CHECK_TRUE(strays[0].vip == ip("10.0.10.100") && strays[0].to == gateway);
    CHECK_EQUAL(2u, strays[0].frames);
    CHECK_EQUAL(9, strays[0].last_ms);
    sends(packet6(gateway, "fd40::2", "fd10::100"));
    CHECK_EQUAL(2u, seen.strays().size());
}

TEST(DirectorSeen, what_it_sends_to_a_server_shows_that_it_has_the_route_B8)
{
    seen.answered(synthetic, 1000);
    CHECK_EQUAL(1000, seen.used().at(synthetic));
    // It never asks again: answers of the server's keep its neighbour alive.
    for (std::int64_t now_ms = 2000; now_ms < 500'000; now_ms += 1000) {
        CHECK_TRUE(sends(packet(synthetic, "192.0.2.1", "10.0.10.100"), now_ms));
        CHECK_TRUE(now_ms - seen.used().at(synthetic) < 17'000);
    }
    // And what it says to the server itself, as its probes do.
    sends(packet(synthetic, "10.0.10.5", "10.0.20.11"), 800'000);
    CHECK_EQUAL(800'000, seen.used().at(synthetic));
}

TEST(DirectorSeen, servers_that_share_a_place_are_both_seen_B8)
{
    constexpr Mac other{0xae, 0x48, 10, 0, 11, 20}; // The same bytes: the same place.
    auto both = *origin.answers;
    both.known.emplace_back(ip("10.0.20.12"), other);
    origin.answers = std::make_shared<const Answers>(both);
    for (const std::int64_t now_ms : {1000, 400'000}) {
        sends(packet(synthetic, "192.0.2.1", "10.0.10.100"), now_ms);
        sends(packet(other, "192.0.2.1", "10.0.10.100"), now_ms);
        CHECK_TRUE(
            (std::map<Mac, std::int64_t>{{synthetic, now_ms}, {other, now_ms}} == seen.used()));
    }
}

TEST(DirectorSeen, what_goes_to_nobody_known_is_no_route_B8)
{
    sends(packet(gateway, "192.0.2.1", "10.0.10.100"));
    sends(packet(gateway, "10.0.10.5", "10.0.20.11"));
    sends(packet(gateway, "10.0.10.5", "192.0.2.1"));
    CHECK_TRUE(seen.used().empty());
}

TEST(DirectorSeen, what_goes_to_a_server_that_was_taken_away_is_not_astray_B8)
{
    sends(packet(synthetic, "192.0.2.1", "10.0.10.100"));
    auto without = *origin.answers;
    without.known.clear();
    origin.answers = std::make_shared<const Answers>(without);
    sends(packet(synthetic, "192.0.2.1", "10.0.10.100"), 500'000);
    CHECK_TRUE(seen.strays().empty());
    // A switch that was started since knows it by its prefix, where that is a range of its own.
    constexpr Mac earlier{0xae, 0x48, 10, 0, 20, 99};
    without.prefixes = {{0xae, 0x48}};
    origin.answers = std::make_shared<const Answers>(without);
    sends(packet(earlier, "192.0.2.1", "10.0.10.100"), 500'000);
    CHECK_TRUE(seen.strays().empty());
    sends(packet(gateway, "192.0.2.1", "10.0.10.100"), 500'000);
    CHECK_EQUAL(1u, seen.strays().size());
}

TEST(DirectorSeen, what_it_sends_otherwise_is_not_B8)
{
    sends(packet(gateway, "10.0.10.5", "10.0.10.100")); // It is a client itself.
    sends(packet(gateway, "10.0.10.100", "192.0.2.1")); // The VIP's own answer.
    sends(packet(gateway, "192.0.2.1", "10.0.10.101")); // Another's VIP.
    sends(packet(all, "192.0.2.1", "10.0.10.100"));
    for (std::size_t size = 0; size < ethernet_size + v4_size; ++size) {
        auto bytes = packet(gateway, "192.0.2.1", "10.0.10.100");
        bytes.resize(size);
        CHECK_TRUE(sends(bytes));
    }
    CHECK_TRUE(seen.strays().empty());
}

TEST(DirectorSeen, it_may_ask_for_so_many_strangers_a_minute_B2)
{
    CHECK_EQUAL(1024, ask(0, 5000, 1000));
    CHECK_EQUAL(3976u, seen.dropped());
    // For those it goes on asking, and for servers and VMs in any case.
    CHECK_EQUAL(1024, ask(0, 1024, 2000));
    CHECK_TRUE(sends(question(ip("10.0.20.11")), 2000) && sends(question(ip("10.0.10.77")), 2000));
    CHECK_FALSE(sends(solicitation("fd10::1"), 2000));
    // A minute later they are forgotten, but those that it still asks for.
    ask(0, 24, 50'000);
    CHECK_EQUAL(1000, ask(5000, 5000, 62'000));
}

TEST(DirectorSeen, solicitations_are_questions_and_what_is_no_question_is_not_limited_B12)
{
    ask(0, 1024, 1000);
    CHECK_FALSE(sends(solicitation("fd10::1"), 1000));
    auto probe = question(ip("10.9.9.9"));
    std::copy(gateway.begin(), gateway.end(), probe.begin()); // Who is asked has been found.
    CHECK_TRUE(sends(probe, 1000));
    auto announcement = question(ip("10.9.9.9"));
    std::copy_n(announcement.begin() + ethernet_size + 24, 4,
                announcement.begin() + ethernet_size + 14);
    CHECK_TRUE(sends(announcement, 1000));
    auto reply = question(ip("10.9.9.9"));
    reply[ethernet_size + 7] = 2;
    CHECK_TRUE(sends(reply, 1000));
}

TEST(DirectorSeen, the_mend_names_the_routes_that_are_not_used_B8)
{
    const Stray stray{ip("10.0.10.100"), gateway, 3, 500'000};
    STRCMP_EQUAL("balancer web: director lb sends what is for 10.0.10.100 to 52:54:00:00:00:01, "
                 "none of its servers; a gateway sends it back, in a circle: in lb, \"ip route "
                 "replace 10.0.20.12/32 dev DEV scope link\", DEV being its interface",
                 stray_problem(balancer, "lb", stray, {{synthetic, 400'000}}, 500'000).c_str());
    STRCMP_CONTAINS("\"ip route replace 10.0.20.11/32 dev DEV scope link\", DEV being its "
                    "interface, and so on for all that \"holdfast balancer show web\" names",
                    stray_problem(balancer, "lb", stray, {{synthetic, 370'000}}, 500'000).c_str());
    balancer.servers.pop_back();
    STRCMP_CONTAINS("see that it has an on-link route to each server",
                    stray_problem(balancer, "lb", stray, {{synthetic, 400'000}}, 500'000).c_str());
}
