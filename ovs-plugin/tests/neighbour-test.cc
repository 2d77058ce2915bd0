// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/neighbour (spec B12).
#include "ovs-plugin/neighbour.h"

#include <algorithm>

#include "ovs-plugin/tests/segment.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::plugin;

namespace {

constexpr Mac director{0x52, 0x54, 0, 0, 0, 5}, known{0xae, 0x48, 0, 0, 0, 0x11},
    group{0x33, 0x33, 0xff, 0x02, 0, 0x11};
constexpr Ip server{0xfd, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x11},
    asker{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x50, 0x54, 0, 0xff, 0xfe, 0, 0, 5},
    solicited_node{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 2, 0, 0x11};

struct Asked {
    Mac to = group;
    Ip source = asker, destination = solicited_node, target = server;
    std::uint8_t type = 135, hops = 255;
};

void sum_up(Frame& frame, std::size_t icmp = 54)
{
    put16(frame, icmp + 2, 0);
    put16(frame, icmp + 2, checksum6(frame, icmp, IPPROTO_ICMPV6));
}

/// "Who has the target?"
Frame frame_with(const Asked& asked)
{
    auto frame = packet6(asked.to, asked.source, asked.destination, IPPROTO_ICMPV6, 32);
    std::ranges::copy(director, frame.begin() + 6);
    frame[21] = asked.hops;
    frame[54] = asked.type;
    std::ranges::copy(asked.target, frame.begin() + 62);
    frame[78] = frame[79] = 1; // The source's link-layer address.
    std::ranges::copy(director, frame.begin() + 80);
    sum_up(frame);
    return frame;
}

} // namespace

TEST_GROUP(Neighbour)
{
    Answers answers{{{ip_of({10, 0, 20, 11}), synthetic}, {server, known}}};
    Answer answer{};

    std::size_t ask(const Frame& frame)
    {
        return answer_to(answers, frame, answer);
    }
    std::size_t ask(const Asked& asked)
    {
        return ask(frame_with(asked));
    }
};

TEST(Neighbour, a_solicitation_for_a_server_is_answered_with_its_synthetic_address)
{
    CHECK_EQUAL(86u, ask(Asked{}));
    auto wanted = packet6(director, server, asker, IPPROTO_ICMPV6, 32);
    std::ranges::copy(known, wanted.begin() + 6);
    wanted[21] = 255;
    wanted[54] = 136;
    wanted[58] = 0x60; // Solicited, override; no router.
    std::ranges::copy(server, wanted.begin() + 62);
    wanted[78] = 2;
    wanted[79] = 1;
    std::ranges::copy(known, wanted.begin() + 80);
    sum_up(wanted);
    CHECK(std::equal(wanted.begin(), wanted.end(), answer.begin()));
}

TEST(Neighbour, a_tagged_one_is_answered_in_its_vlans)
{
    auto frame = frame_with(Asked{});
    frame.insert(frame.begin() + 12, {0x88, 0xa8, 0, 20, 0x81, 0, 0, 10});
    CHECK_EQUAL(94u, ask(frame));
    CHECK(std::equal(frame.begin() + 12, frame.begin() + 22, answer.begin() + 12));
    CHECK_EQUAL(136, answer[62]);
    Frame untagged(answer.begin(), answer.begin() + 94);
    untagged.erase(untagged.begin() + 12, untagged.begin() + 20);
    CHECK_EQUAL(0, checksum6(untagged, 54, IPPROTO_ICMPV6));
}

TEST(Neighbour, a_probe_of_the_synthetic_address_is_answered)
{
    Asked probe;
    probe.to = known;
    probe.destination = server;
    CHECK_EQUAL(86u, ask(probe));
    // It need not say where it comes from (RFC 4861, 4.3).
    auto bare = frame_with(probe);
    bare.resize(78);
    put16(bare, 18, 24);
    sum_up(bare);
    CHECK_EQUAL(86u, ask(bare));
    probe.to = {0x52, 0x54, 0, 0, 0, 9}; // To another machine.
    CHECK_EQUAL(0u, ask(probe));
    probe.to = known;
    probe.destination = asker;
    CHECK_EQUAL(0u, ask(probe));
}

TEST(Neighbour, an_address_of_no_server_is_not_answered)
{
    Asked other;
    other.target[0] = 0xfc; // Of the same solicited-node address.
    CHECK_EQUAL(0u, ask(other));
    other.target = ip_of({10, 0, 20, 11});
    CHECK_EQUAL(0u, ask(other));
    answers.known.pop_back();
    CHECK_EQUAL(0u, ask(Asked{}));
}

TEST(Neighbour, who_looks_whether_an_address_is_free_is_not_answered)
{
    Asked one;
    one.source = Ip{};
    CHECK_EQUAL(0u, ask(one));
    one.source = server;
    CHECK_EQUAL(0u, ask(one));
}

TEST(Neighbour, what_is_no_valid_solicitation_is_not_answered)
{
    Asked one;
    one.hops = 254; // A router has passed it on.
    CHECK_EQUAL(0u, ask(one));
    one.hops = 255;
    one.type = 136;
    CHECK_EQUAL(0u, ask(one));
    one.type = 128;
    CHECK_EQUAL(0u, ask(one));
    const auto whole = frame_with(Asked{});
    auto wrong = whole;
    wrong[55] = 1; // Its code.
    sum_up(wrong);
    CHECK_EQUAL(0u, ask(wrong));
    wrong = whole;
    wrong[57] ^= 1;
    CHECK_EQUAL(0u, ask(wrong));
    for (const std::uint8_t units : {0, 2}) { // Of its option.
        wrong = whole;
        wrong[79] = units;
        sum_up(wrong);
        CHECK_EQUAL(0u, ask(wrong));
    }
    wrong = whole;
    wrong[20] = IPPROTO_UDP;
    CHECK_EQUAL(0u, ask(wrong));
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK_EQUAL(0u,
                    ask(Frame(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))));
}
