// SPDX-License-Identifier: Apache-2.0
#include "ovs-plugin/gateway.h"

#include <CppUTest/TestHarness.h>

#include "ovs-plugin/tests/segment.h"

using namespace holdfast;
using namespace holdfast::plugin;

namespace {

constexpr Ip router = ip_of({10, 0, 10, 1});
constexpr Mac other{2, 0, 0, 0, 0, 2}, bridge{0x66, 0, 0, 0, 0, 9};
const GatewayKey key{router, 10};

} // namespace

/// Gateway 10.0.10.1, asked for in VLAN 10 (spec balancer.md, B4).
TEST_GROUP(Gateways)
{
    Gateways gateways;

    void setup() override
    {
        gateways.use({key}, {router}, 0);
    }
    Gateway& it()
    {
        return *gateways.find(key);
    }
    void learned(std::int64_t now_ms)
    {
        Gateways::learn(it(), gateway, "uplink", now_ms);
    }
};

TEST(Gateways, one_that_is_not_known_is_asked_for_at_once_and_each_second)
{
    CHECK_EQUAL(1u, gateways.due(0).size());
    CHECK(gateways.due(999).empty());
    CHECK(gateways.due(1'000) == std::vector{key});
    CHECK(!it().known());
}

TEST(Gateways, one_that_answers_is_asked_each_ten_seconds)
{
    gateways.due(0);
    learned(1);
    CHECK(it().mac == gateway);
    CHECK(gateways.due(9'999).empty());
    CHECK_EQUAL(1u, gateways.due(10'000).size());
    // It has not answered this one.
    CHECK_EQUAL(1u, gateways.due(11'000).size());
    learned(11'001);
    CHECK(gateways.due(20'000).empty());
}

TEST(Gateways, one_whose_packets_come_from_elsewhere_is_asked_at_once)
{
    gateways.due(0);
    learned(1);
    CHECK(!Gateways::doubt(it(), gateway, 100));
    CHECK(Gateways::doubt(it(), other, 100)); // However new the answer is.
    CHECK(it().mac == gateway);               // What relays packets may be another.
    CHECK_EQUAL(1u, gateways.due(100).size());
    CHECK(!Gateways::doubt(it(), other, 150)); // It was asked already.
    CHECK(gateways.due(150).empty());
    CHECK(Gateways::doubt(it(), other, 200)); // The question may have been lost.
    Gateways::learn(it(), other, "uplink", 201);
    CHECK(it().mac == other);
    CHECK(gateways.due(9'000).empty());
}

TEST(Gateways, who_relays_its_packets_is_a_reason_to_ask_once_in_ten_seconds)
{
    gateways.due(0);
    learned(1);
    CHECK(Gateways::doubt(it(), other, 100));
    gateways.due(100);
    learned(101);
    CHECK(!Gateways::doubt(it(), other, 5'000));
    CHECK(Gateways::doubt(it(), bridge, 5'000)); // That is yet another.
    learned(5'001);
    CHECK(Gateways::doubt(it(), other, 10'101));
}

TEST(Gateways, one_that_is_doubted_and_silent_is_asked_each_second)
{
    gateways.due(0);
    learned(1);
    for (int i = 1; i <= 3; ++i) {
        CHECK(Gateways::doubt(it(), other, i * 100));
        gateways.due(i * 100);
    }
    CHECK(it().silent());
    CHECK(!Gateways::doubt(it(), other, 500));
    CHECK(gateways.due(1'299).empty());
    CHECK_EQUAL(1u, gateways.due(1'300).size());
}

TEST(Gateways, three_questions_without_an_answer_make_it_silent)
{
    for (int second = 0; second < 2; ++second)
        gateways.due(second * 1'000);
    CHECK(!it().silent());
    gateways.due(2'000);
    CHECK(it().silent());
    learned(2'500);
    CHECK(!it().silent());
}

TEST(Gateways, what_is_known_survives_a_reload_and_goes_with_its_balancer)
{
    learned(0);
    gateways.use({key}, {router}, 100);
    CHECK(it().mac == gateway);
    gateways.use({}, {router}, 200); // The director moved away: packets may need it still.
    CHECK(it().known());
    gateways.use({}, {}, 300);
    POINTERS_EQUAL(nullptr, gateways.find(key));
}

TEST(Gateways, one_that_no_packet_needs_any_more_is_forgotten)
{
    const GatewayKey elsewhere{router, 20};
    CHECK(gateways.need(elsewhere, 0) != nullptr);
    gateways.due(600'000);
    CHECK(gateways.find(elsewhere) != nullptr);
    gateways.due(600'001);
    POINTERS_EQUAL(nullptr, gateways.find(elsewhere));
    CHECK(gateways.find(key) != nullptr);
}

TEST(Gateways, made_up_vlans_take_no_more_than_some_room)
{
    for (int vlan = 100; vlan < 355; ++vlan)
        CHECK(gateways.need({router, vlan}, 0) != nullptr);
    POINTERS_EQUAL(nullptr, gateways.need({router, 4000}, 0));
}

TEST(Gateways, the_question_is_a_probe_that_teaches_nobody_an_address)
{
    const auto frame = probe_of(key, bridge);
    CHECK_EQUAL(64u, frame.size());
    CHECK(mac_at(frame, 6) == bridge);
    CHECK_EQUAL(10, vlan_of(frame, 0));
    ArpMessage message;
    CHECK(read_arp(frame, message));
    CHECK(message.sender == ip_of({0, 0, 0, 0}));
    CHECK(message.target == router);
    CHECK(message.sender_mac == bridge);
    CHECK_EQUAL(60u, probe_of({router, 0}, bridge).size());
    CHECK_EQUAL(30, vlan_of(probe_of({router, 0}, bridge), 30)); // As its access port says.
}

TEST(Gateways, what_is_cut_short_or_names_a_group_is_no_arp_message)
{
    auto frame = probe_of({router, 0}, bridge);
    ArpMessage message;
    frame.resize(41);
    CHECK(!read_arp(frame, message));
    frame.resize(60, 0);
    frame[22] = 1; // The sender's MAC address.
    CHECK(!read_arp(frame, message));
    frame.resize(10);
    CHECK(!read_arp(frame, message));
}
