// SPDX-License-Identifier: Apache-2.0
//
// Tests of sockets/forge: packets, octet by octet.
#include <config.h>

#include <sys/socket.h>

#include <cstdint>

#include "sockets/forge.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::sockets;

namespace {

/// Sums 16-bit words as a receiver does; a right checksum makes it 0xffff.
std::uint32_t sum(const std::string& bytes, std::size_t from, std::size_t to)
{
    std::uint32_t total = 0;
    for (std::size_t i = from; i < to; ++i)
        total += static_cast<unsigned char>(bytes[i]) << ((i - from) % 2 ? 0 : 8);
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return total;
}

std::uint32_t whole_sum(const std::string& packet, std::size_t addresses, std::size_t header,
                        std::uint32_t protocol)
{
    std::uint32_t total = sum(packet, addresses, header) + sum(packet, header, packet.size()) +
                          protocol + static_cast<std::uint32_t>(packet.size() - header);
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return total;
}

} // namespace

TEST_GROUP(Forge){};

TEST(Forge, SegmentHasRightNumbersAndChecksums)
{
    Segment segment;
    segment.source = {{10, 9, 0, 9}, 4711};
    segment.destination = {{10, 9, 0, 2}, 80};
    segment.sequence = 0x01020304;
    segment.acknowledgment = 0x05060708;
    segment.window = 0x1234;
    segment.flags = ack_flag | fin_flag;
    segment.bytes = "odd";
    const std::string packet = packet_of(AF_INET, segment);
    LONGS_EQUAL(43, packet.size());
    LONGS_EQUAL(0xffff, sum(packet, 0, 20));
    LONGS_EQUAL(0xffff, whole_sum(packet, 12, 20, 6));
    CHECK_TRUE(std::string("\x12\x67\0\x50\1\2\3\4\5\6\7\x08\x50\x11\x12\x34", 16) ==
               packet.substr(20, 16));
    STRCMP_EQUAL("odd", packet.substr(40).c_str());
}

TEST(Forge, SegmentWithOptions)
{
    Segment segment;
    segment.options = std::string{"\1\1\x08\x0a\0\0\0\7\0\0\0\0", 12};
    segment.bytes = "bytes";
    const std::string packet = packet_of(AF_INET, segment);
    LONGS_EQUAL(57, packet.size());
    LONGS_EQUAL(0x80, static_cast<unsigned char>(packet[32]));
    LONGS_EQUAL(0xffff, whole_sum(packet, 12, 20, 6));
    CHECK_TRUE(segment.options + "bytes" == packet.substr(40));
}

TEST(Forge, SegmentOfIPv6)
{
    Segment segment;
    segment.source.ip[0] = segment.destination.ip[0] = 0xfd;
    segment.source.ip[15] = 9;
    segment.flags = syn_flag;
    const std::string packet = packet_of(AF_INET6, segment);
    LONGS_EQUAL(60, packet.size());
    LONGS_EQUAL(0xffff, whole_sum(packet, 8, 40, 6));
}

TEST(Forge, DatagramWithChecksumZeroSaysSoTheOtherWay)
{
    Datagram datagram;
    datagram.source.port = 1;
    for (unsigned n = 0; n < 65536; ++n) {
        datagram.bytes = {static_cast<char>(n >> 8), static_cast<char>(n)};
        const std::string packet = packet_of(AF_INET, datagram);
        CHECK_FALSE(packet[26] == 0 && packet[27] == 0);
        LONGS_EQUAL(0xffff, whole_sum(packet, 12, 20, 17));
    }
}

TEST(Forge, MappedAddressesAreKnown)
{
    Endpoint endpoint{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 9, 0, 2}, 80};
    CHECK_TRUE(is_mapped(endpoint));
    endpoint.ip[0] = 1;
    CHECK_FALSE(is_mapped(endpoint));
}
