// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/fit (spec C16).
#include "ovs-plugin/fit.h"

#include <CppUTest/TestHarness.h>

#include <algorithm>
#include <random>

using namespace holdfast::plugin;

namespace {

constexpr Mac own{2, 0, 0, 0, 0, 9};
constexpr std::size_t largest = 1464; // An MTU of 1450, and Ethernet's header.

std::size_t number16(const Frame& bytes, std::size_t at)
{
    return static_cast<std::size_t>(bytes[at] << 8 | bytes[at + 1]);
}

/// 0 if a checksum over these bytes is right (RFC 1071).
std::size_t off_by(const Frame& bytes, std::size_t from, std::size_t size, std::size_t more = 0)
{
    std::size_t sum = more;
    for (std::size_t i = 0; i < size; ++i)
        sum += static_cast<std::size_t>(bytes[from + i]) << (i % 2 ? 0 : 8);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum ^ 0xffff;
}

Frame ethernet(int type, int tags = 0)
{
    Frame frame{0x52, 0x54, 0, 0, 0, 1, 0x52, 0x54, 0, 0, 0, 2};
    for (int i = 0; i < tags; ++i)
        frame.insert(frame.end(), {0x81, 0, 0, 10});
    frame.insert(frame.end(),
                 {static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type)});
    return frame;
}

/// UDP from 10.0.0.1 to 10.0.0.20 with this many bytes after the IPv4 header.
Frame ipv4(std::size_t payload, int flags, int protocol = 17, int tags = 0)
{
    Frame frame = ethernet(0x0800, tags);
    const auto length = 20 + payload;
    frame.insert(frame.end(), {0x45,
                               0,
                               static_cast<std::uint8_t>(length >> 8),
                               static_cast<std::uint8_t>(length),
                               0x12,
                               0x34,
                               static_cast<std::uint8_t>(flags >> 8),
                               static_cast<std::uint8_t>(flags),
                               64,
                               static_cast<std::uint8_t>(protocol),
                               0,
                               0,
                               10,
                               0,
                               0,
                               1,
                               10,
                               0,
                               0,
                               20});
    for (std::size_t i = 0; i < payload; ++i)
        frame.push_back(static_cast<std::uint8_t>(i * 7));
    return frame;
}

Frame ipv6(std::size_t payload, int next, int first)
{
    Frame frame = ethernet(0x86dd);
    frame.insert(frame.end(),
                 {0x60, 0, 0, 0, static_cast<std::uint8_t>(payload >> 8),
                  static_cast<std::uint8_t>(payload), static_cast<std::uint8_t>(next), 64});
    for (const int last : {1, 20}) {
        frame.insert(frame.end(), {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
        frame.push_back(static_cast<std::uint8_t>(last));
    }
    frame.push_back(static_cast<std::uint8_t>(first));
    frame.resize(frame.size() + payload - 1);
    return frame;
}

Fit fit(const Frame& frame)
{
    return holdfast::plugin::fit(frame.data(), frame.size(), largest, own);
}

} // namespace

TEST_GROUP(Fit){};

TEST(Fit, IPv4ThatMayNotBeFragmentedIsAnswered)
{
    const auto sent = ipv4(1480, 0x4000);
    const auto made = fit(sent);
    LONGS_EQUAL(0, made.fragments.size());
    const auto& answer = made.answer;
    LONGS_EQUAL(14 + 576, answer.size());
    CHECK_TRUE(std::equal(answer.begin(), answer.begin() + 6, sent.begin() + 6)); // To the sender.
    CHECK_TRUE(std::equal(own.begin(), own.end(), answer.begin() + 6));
    CHECK_TRUE(std::equal(answer.begin() + 26, answer.begin() + 30, sent.begin() + 30));
    CHECK_TRUE(std::equal(answer.begin() + 30, answer.begin() + 34, sent.begin() + 26));
    LONGS_EQUAL(576, number16(answer, 16));
    LONGS_EQUAL(3, answer[34]);
    LONGS_EQUAL(4, answer[35]);
    LONGS_EQUAL(1450, number16(answer, 40));
    CHECK_TRUE(std::equal(answer.begin() + 42, answer.end(), sent.begin() + 14));
    LONGS_EQUAL(0, off_by(answer, 14, 20));
    LONGS_EQUAL(0, off_by(answer, 34, answer.size() - 34));
}

TEST(Fit, ATagTakesRoom)
{
    const auto answer = fit(ipv4(1480, 0x4000, 17, 1)).answer;
    LONGS_EQUAL(1446, number16(answer, 44));
    LONGS_EQUAL(0x8100, number16(answer, 12));
    LONGS_EQUAL(0, off_by(answer, 18, 20));
}

TEST(Fit, IPv4ThatMayBeFragmentedIs)
{
    const auto sent = ipv4(1480, 0);
    const auto made = fit(sent);
    LONGS_EQUAL(0, made.answer.size());
    LONGS_EQUAL(2, made.fragments.size());
    LONGS_EQUAL(0x2000, number16(made.fragments[0], 20));
    LONGS_EQUAL(1424 / 8, number16(made.fragments[1], 20));
    LONGS_EQUAL(14 + 20 + 56, made.fragments[1].size());
}

// A fragment of a fragment keeps its place in the whole (RFC 791, section 3.2), and a frame's
// padding is no part of the packet.
TEST(Fit, AnythingOfIPv4IsPutTogetherAgain)
{
    std::mt19937 random{7};
    for (int i = 0; i < 500; ++i) {
        const std::size_t payload = 1431 + random() % 7000;
        const auto offset = random() % 500;
        const bool more = random() % 2;
        const auto tags = static_cast<int>(random() % 3);
        auto sent = ipv4(payload, static_cast<int>(offset | (more ? 0x2000U : 0U)), 17, tags);
        const auto at = static_cast<std::size_t>(14 + 4 * tags);
        sent.resize(sent.size() + random() % 8);
        Frame whole;
        const auto made = fit(sent);
        for (const auto& one : made.fragments) {
            CHECK_TRUE(one.size() <= largest);
            LONGS_EQUAL(0, off_by(one, at, 20));
            LONGS_EQUAL(one.size() - at, number16(one, at + 2));
            LONGS_EQUAL(offset + whole.size() / 8, number16(one, at + 6) & 0x1fff);
            const bool last = &one == &made.fragments.back();
            LONGS_EQUAL(!last || more, (number16(one, at + 6) & 0x2000) != 0);
            whole.insert(whole.end(), one.begin() + static_cast<std::ptrdiff_t>(at) + 20,
                         one.end());
        }
        LONGS_EQUAL(payload, whole.size());
        CHECK_TRUE(std::equal(whole.begin(), whole.end(),
                              sent.begin() + static_cast<std::ptrdiff_t>(at) + 20));
    }
}

TEST(Fit, IPv6IsAnswered)
{
    const auto sent = ipv6(1460, 17, 0);
    const auto made = fit(sent);
    LONGS_EQUAL(0, made.fragments.size());
    const auto& answer = made.answer;
    LONGS_EQUAL(14 + 1280, answer.size());
    LONGS_EQUAL(2, answer[54]);
    LONGS_EQUAL(1450, number16(answer, 60));
    CHECK_TRUE(std::equal(answer.begin() + 22, answer.begin() + 38, sent.begin() + 38));
    CHECK_TRUE(std::equal(answer.begin() + 38, answer.begin() + 54, sent.begin() + 22));
    std::size_t pseudo = 58 + answer.size() - 54;
    for (std::size_t i = 22; i < 54; i += 2)
        pseudo += number16(answer, i);
    LONGS_EQUAL(0, off_by(answer, 54, answer.size() - 54, pseudo));
}

TEST(Fit, NoErrorAboutAnErrorNorToNobody)
{
    auto error = ipv4(1480, 0x4000, 1);
    error[34] = 3;
    LONGS_EQUAL(0, fit(error).answer.size());
    auto echo = ipv4(1480, 0x4000, 1);
    echo[34] = 8;
    CHECK_TRUE(fit(echo).answer.size() > 0);
    auto multicast = ipv4(1480, 0x4000);
    multicast[0] = 1;
    LONGS_EQUAL(0, fit(multicast).answer.size());
    auto later = ipv4(1480, 0x4000 | 3);
    LONGS_EQUAL(0, fit(later).answer.size());
    LONGS_EQUAL(0, fit(ipv6(1460, 58, 1)).answer.size());
    CHECK_TRUE(fit(ipv6(1460, 58, 128)).answer.size() > 0);
}

TEST(Fit, NoBytesMakeItFall)
{
    std::mt19937 random{3};
    for (int i = 0; i < 20000; ++i) {
        Frame frame = i % 2 ? ipv4(random() % 60, 0) : ipv6(1 + random() % 60, 17, 0);
        for (int n = 0; n < 4; ++n)
            frame[random() % frame.size()] = static_cast<std::uint8_t>(random());
        frame.resize(random() % (frame.size() + 1));
        const Frame exact(frame); // So that the sanitizer sees one byte past its end.
        (void)holdfast::plugin::fit(exact.data(), exact.size(), random() % 80, own);
    }
}
