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

} // namespace holdfast::plugin
