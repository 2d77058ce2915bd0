// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/packet: see the header.
#include "ovs-plugin/packet.h"

#include <netinet/in.h>

#include <algorithm>
#include <optional>

namespace holdfast::plugin {

namespace {

constexpr std::size_t tag_size = 4;

/// What carries a checksum over a pseudo-header.
struct Segment {
    std::size_t at = 0; // In the frame.
    std::size_t size = 0;
    std::uint8_t protocol = 0;
    std::uint32_t addresses = 0; // Their sum.
};

std::optional<Segment> segment_v4(const Packet& packet)
{
    const auto ip = packet.bytes();
    if (ip.size() < v4_size)
        return std::nullopt;
    const std::size_t header = (ip[0] & 0xfU) * 4, length = number16(ip, 2);
    if (header < v4_size || length < header || length > ip.size() ||
        number16(ip, 6) & (more_fragments | offset_mask))
        return std::nullopt;
    return Segment{packet.at + header, length - header, ip[9], sum(ip.subspan(12, 8))};
}

std::optional<Segment> segment_v6(const Packet& packet)
{
    const auto ip = packet.bytes();
    if (ip.size() < v6_size || v6_size + number16(ip, 4) > ip.size())
        return std::nullopt;
    return Segment{packet.at + v6_size, number16(ip, 4), ip[6], sum(ip.subspan(8, 32))};
}

/// Where the checksum is, from the segment's beginning; 0 where there is none.
std::size_t place_of(std::uint8_t protocol)
{
    return protocol == IPPROTO_TCP ? 16 : protocol == IPPROTO_UDP ? 6 : 0;
}

} // namespace

std::uint16_t number16(Bytes bytes, std::size_t at)
{
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

void put16(std::span<std::uint8_t> bytes, std::size_t at, std::size_t number)
{
    bytes[at] = static_cast<std::uint8_t>(number >> 8);
    bytes[at + 1] = static_cast<std::uint8_t>(number);
}

Ip4 ip4_at(Bytes bytes, std::size_t at)
{
    Ip4 ip;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), ip.size(), ip.begin());
    return ip;
}

std::uint32_t sum(Bytes bytes, std::uint32_t so_far)
{
    for (std::size_t i = 0; i < bytes.size(); ++i)
        so_far += i % 2 ? bytes[i] : static_cast<std::uint32_t>(bytes[i] << 8);
    return so_far;
}

std::uint16_t fold(std::uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

std::uint16_t checksum(std::uint32_t sum)
{
    return static_cast<std::uint16_t>(~fold(sum));
}

Packet packet_of(Bytes frame)
{
    std::size_t at = ethernet_size;
    auto type = number16(frame, 12);
    for (int tags = 0;
         tags < 2 && (type == 0x8100 || type == 0x88a8) && frame.size() >= at + tag_size; ++tags) {
        type = number16(frame, at + 2);
        at += tag_size;
    }
    return {frame, at, type};
}

bool finish_checksum(Frame& frame)
{
    if (frame.size() < ethernet_size)
        return false;
    const auto packet = packet_of(frame);
    const auto segment = packet.type == type_v4   ? segment_v4(packet)
                         : packet.type == type_v6 ? segment_v6(packet)
                                                  : std::nullopt;
    const auto place = segment ? place_of(segment->protocol) : 0;
    if (!place || segment->size < place + 2)
        return false;
    const auto pseudo =
        fold(segment->addresses + segment->protocol + static_cast<std::uint32_t>(segment->size));
    if (number16(frame, segment->at + place) != pseudo)
        return false;
    const auto whole = checksum(sum(Bytes{frame}.subspan(segment->at, segment->size)));
    // In UDP, 0 says that there is none (RFC 768).
    put16(frame, segment->at + place,
          whole == 0 && segment->protocol == IPPROTO_UDP ? 0xffff : whole);
    return true;
}

} // namespace holdfast::plugin
