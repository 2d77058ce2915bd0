// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/tests/segment: frames for tests, with true checksums.
#pragma once

#include <netinet/in.h>

#include <algorithm>

#include "ovs-plugin/ip-packet.h"

namespace holdfast::plugin {

constexpr Ip4 vip{10, 0, 10, 100}, client{192, 0, 2, 10};
constexpr Mac synthetic{0xae, 0x48, 10, 0, 20, 11}, gateway{2, 0, 0, 0, 0, 1};

/// A segment or datagram, with true checksums.
struct Made {
    Mac to = synthetic;
    Ip4 source = client, destination = vip;
    std::uint16_t source_port = 40000, destination_port = 80;
    std::uint8_t protocol = IPPROTO_TCP, flags = tcp_ack;
    std::uint16_t fragment = 0, id = 7;
    std::size_t payload = 5;
};

inline std::size_t header_size(std::uint8_t protocol)
{
    return protocol == IPPROTO_TCP ? 20 : 8;
}

inline void finish(Frame& frame)
{
    const std::size_t ip = ethernet_size, l4 = ip + 20;
    const std::uint8_t protocol = frame[ip + 9];
    put16(frame, ip + 10, 0);
    put16(frame, ip + 10, checksum(sum(Bytes{frame}.subspan(ip, 20))));
    const std::size_t at = l4 + (protocol == IPPROTO_TCP ? 16 : 6);
    put16(frame, at, 0);
    const auto segment = Bytes{frame}.subspan(l4);
    put16(frame, at,
          checksum(sum(segment, sum(Bytes{frame}.subspan(ip + 12, 8)) + protocol +
                                    static_cast<std::uint32_t>(segment.size()))));
    if (protocol == IPPROTO_UDP && number16(frame, at) == 0)
        put16(frame, at, 0xffff); // 0 would say that there is none.
}

inline Frame frame_with(const Made& made)
{
    const auto size = 20 + header_size(made.protocol) + made.payload;
    Frame frame(ethernet_size + size, 0);
    std::ranges::copy(made.to, frame.begin());
    std::ranges::copy(gateway, frame.begin() + 6);
    put16(frame, 12, type_v4);
    frame[14] = 0x45;
    put16(frame, 16, size);
    put16(frame, 18, made.id);
    put16(frame, 20, made.fragment);
    frame[22] = 64;
    frame[23] = made.protocol;
    std::ranges::copy(made.source, frame.begin() + 26);
    std::ranges::copy(made.destination, frame.begin() + 30);
    put16(frame, 34, made.source_port);
    put16(frame, 36, made.destination_port);
    if (made.protocol == IPPROTO_TCP) {
        frame[46] = 0x50;
        frame[47] = made.flags;
    } else {
        put16(frame, 38, 8 + made.payload);
    }
    for (std::size_t i = 0; i < made.payload; ++i)
        frame[frame.size() - 1 - i] = static_cast<std::uint8_t>(i * 31);
    finish(frame);
    return frame;
}

constexpr Ip vip6{0xfd, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0},
    client6{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a};

/// The same of IPv6.
struct Made6 {
    Mac to = synthetic;
    Ip source = client6, destination = vip6;
    std::uint16_t source_port = 40000, destination_port = 80;
    std::uint8_t protocol = IPPROTO_TCP, flags = tcp_ack;
    bool fragment = false, more = false; // With a fragment header.
    std::uint16_t offset = 0;            // In units of 8 bytes.
    std::uint32_t id = 7;
    std::size_t payload = 5;
};

/// The checksum over IPv6's pseudo-header and what is behind all headers of IP, which begins at
/// `l4`; 0 if the one that is in there is true.
inline std::uint16_t checksum6(Bytes frame, std::size_t l4, std::uint8_t protocol)
{
    const auto segment = frame.subspan(l4);
    return checksum(sum(segment, sum(frame.subspan(ethernet_size + 8, 32)) + protocol +
                                     static_cast<std::uint32_t>(segment.size())));
}

/// Ethernet and IPv6 before so many bytes of zeros; `next` is the next header.
inline Frame packet6(const Mac& to, const Ip& source, const Ip& destination, std::uint8_t next,
                     std::size_t size)
{
    Frame frame(ethernet_size + v6_size + size, 0);
    std::ranges::copy(to, frame.begin());
    std::ranges::copy(gateway, frame.begin() + 6);
    put16(frame, 12, type_v6);
    frame[14] = 0x60;
    put16(frame, 18, size);
    frame[20] = next;
    frame[21] = 64;
    std::ranges::copy(source, frame.begin() + 22);
    std::ranges::copy(destination, frame.begin() + 38);
    return frame;
}

inline Frame frame_with(const Made6& made)
{
    const std::size_t extension = made.fragment ? 8 : 0;
    const std::size_t at = ethernet_size + v6_size, l4 = at + extension;
    auto frame = packet6(made.to, made.source, made.destination,
                         made.fragment ? std::uint8_t{IPPROTO_FRAGMENT} : made.protocol,
                         extension + header_size(made.protocol) + made.payload);
    if (made.fragment) {
        frame[at] = made.protocol;
        put16(frame, at + 2, static_cast<std::size_t>(made.offset << 3 | made.more));
        put16(frame, at + 4, made.id >> 16);
        put16(frame, at + 6, made.id & 0xffff);
    }
    put16(frame, l4, made.source_port);
    put16(frame, l4 + 2, made.destination_port);
    if (made.protocol == IPPROTO_TCP) {
        frame[l4 + 12] = 0x50;
        frame[l4 + 13] = made.flags;
    } else {
        put16(frame, l4 + 4, 8 + made.payload);
    }
    for (std::size_t i = 0; i < made.payload; ++i)
        frame[frame.size() - 1 - i] = static_cast<std::uint8_t>(i * 31);
    const std::size_t sum_at = l4 + (made.protocol == IPPROTO_TCP ? 16 : 6);
    const auto sum = checksum6(frame, l4, made.protocol);
    put16(frame, sum_at, sum == 0 && made.protocol == IPPROTO_UDP ? 0xffff : sum);
    return frame;
}

/// "Packet too big" (RFC 4443, 3.2) from `source`, about the packet of a frame.
inline Frame too_big(const Mac& to, const Ip& source, const Ip& destination, const Frame& about)
{
    const std::size_t icmp = ethernet_size + v6_size;
    auto frame = packet6(to, source, destination, IPPROTO_ICMPV6, 8 + about.size() - ethernet_size);
    frame[icmp] = 2;
    put16(frame, icmp + 6, 1280);
    std::copy(about.begin() + ethernet_size, about.end(),
              frame.begin() + static_cast<std::ptrdiff_t>(icmp + 8));
    put16(frame, icmp + 2, checksum6(frame, icmp, IPPROTO_ICMPV6));
    return frame;
}

} // namespace holdfast::plugin
