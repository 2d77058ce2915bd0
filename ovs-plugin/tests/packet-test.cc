// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/packet.
#include "ovs-plugin/packet.h"

#include <CppUTest/TestHarness.h>

#include <netinet/in.h>

#include <random>

using namespace holdfast::plugin;

namespace {

Frame ethernet(int type, int tags)
{
    Frame frame(12, 0x52);
    for (int i = 0; i < tags; ++i)
        frame.insert(frame.end(), {0x81, 0, 0, 10});
    frame.insert(frame.end(),
                 {static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type)});
    return frame;
}

/// A frame as a guest leaves it whose device is to complete the checksum; the second: where the
/// segment begins.
std::pair<Frame, std::size_t> unfinished(bool v6, std::uint8_t protocol, std::size_t size, int tags,
                                         std::mt19937& random)
{
    Frame frame = ethernet(v6 ? type_v6 : type_v4, tags);
    const auto at = frame.size();
    if (v6)
        frame.insert(frame.end(), {0x60, 0, 0, 0, 0, 0, protocol, 64});
    else
        frame.insert(frame.end(), {0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0});
    for (std::size_t i = 0; i < (v6 ? 32 : 8); ++i)
        frame.push_back(static_cast<std::uint8_t>(random()));
    put16(frame, at + (v6 ? 4 : 2), v6 ? size : size + v4_size);
    const auto segment = frame.size();
    for (std::size_t i = 0; i < size; ++i)
        frame.push_back(static_cast<std::uint8_t>(random()));
    const auto addresses = sum(Bytes{frame}.subspan(at + (v6 ? 8 : 12), v6 ? 32 : 8));
    put16(frame, segment + (protocol == IPPROTO_TCP ? 16 : 6),
          fold(addresses + protocol + static_cast<std::uint32_t>(size)));
    frame.resize(frame.size() + random() % 6); // Ethernet's padding.
    return {frame, segment};
}

} // namespace

TEST_GROUP(Packet){};

TEST(Packet, AChecksumThatWasLeftToTheDeviceIsCompletedOnce)
{
    std::mt19937 random{11};
    for (int i = 0; i < 400; ++i) {
        const bool v6 = random() % 2;
        const std::uint8_t protocol = random() % 2 ? IPPROTO_TCP : IPPROTO_UDP;
        const std::size_t size = 20 + random() % 1400;
        auto [frame, segment] =
            unfinished(v6, protocol, size, static_cast<int>(random() % 3), random);
        const auto at = segment - (v6 ? v6_size : v4_size);
        CHECK_TRUE(finish_checksum(frame));
        const auto pseudo = sum(Bytes{frame}.subspan(at + (v6 ? 8 : 12), v6 ? 32 : 8)) + protocol +
                            static_cast<std::uint32_t>(size);
        LONGS_EQUAL(0xffff, fold(sum(Bytes{frame}.subspan(segment, size), pseudo)));
        const auto whole = frame;
        CHECK_FALSE(finish_checksum(frame));
        CHECK_TRUE(whole == frame);
    }
}

TEST(Packet, OtherFramesStayAsTheyAre)
{
    std::mt19937 random{5};
    for (int i = 0; i < 20000; ++i) {
        auto [frame, segment] =
            unfinished(random() % 2, IPPROTO_TCP, 20 + random() % 20, 0, random);
        frame[segment + 16] ^= 1; // A checksum of its own, right or wrong.
        for (int n = 0; n < 2; ++n)
            frame[12 + random() % 6] = static_cast<std::uint8_t>(random());
        frame.resize(random() % (frame.size() + 1));
        Frame exact(frame);
        exact.shrink_to_fit(); // So that the sanitizer sees one byte past its end.
        (void)finish_checksum(exact);
        LONGS_EQUAL(frame.size(), exact.size());
    }
}
