// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/reply: see the header.
#include "ovs-plugin/reply.h"

#include <netinet/in.h>

#include <algorithm>

namespace holdfast::plugin {

namespace {

using Span = std::span<std::uint8_t>;

constexpr std::size_t tcp_size = 20;
constexpr std::uint8_t hops = 64;

std::uint32_t number32(Bytes bytes, std::size_t at)
{
    return static_cast<std::uint32_t>(number16(bytes, at)) << 16 | number16(bytes, at + 2);
}

void put32(Span bytes, std::size_t at, std::uint32_t number)
{
    put16(bytes, at, number >> 16);
    put16(bytes, at + 2, number & 0xffff);
}

/// The frame goes back: whom it came from is whom it is for.
void turn(Span frame, Span ip, bool v6)
{
    std::swap_ranges(frame.begin(), frame.begin() + 6, frame.begin() + 6);
    const std::size_t at = v6 ? 8 : 12, size = v6 ? 16 : 4;
    std::swap_ranges(ip.begin() + at, ip.begin() + at + size, ip.begin() + at + size);
}

bool is_one_hosts(const IpPacket& packet)
{
    const auto from = packet.source();
    return packet.is_v6() ? from[0] != 0xff && from != Ip{}
                          : from[v4_at] != 0 && from[v4_at] < 224 && from[v4_at] != 127;
}

/// A header of IP alone, with this much behind it.
void write_header(Span ip, bool v6, std::size_t payload)
{
    if (v6) {
        put16(ip, 4, payload);
        ip[6] = IPPROTO_TCP;
        ip[7] = hops;
        return;
    }
    ip[0] = 0x45;
    put16(ip, 2, v4_size + payload);
    put32(ip, 4, may_not_fragment);
    ip[8] = hops;
    ip[9] = IPPROTO_TCP;
    put16(ip, 10, 0);
    put16(ip, 10, checksum(sum(ip.first(v4_size))));
}

} // namespace

std::size_t make_reset(Span frame, const IpPacket& packet)
{
    const auto segment = packet.payload();
    if (packet.protocol() != IPPROTO_TCP || packet.is_fragment() || segment.size() < tcp_size ||
        packet.flags() & tcp_rst || !is_one_hosts(packet))
        return 0;
    const std::size_t offset = (segment[12] >> 4) * std::size_t{4};
    const std::size_t data = segment.size() - std::min(segment.size(), offset);
    const auto length = static_cast<std::uint32_t>(data + !!(packet.flags() & tcp_syn) +
                                                   !!(packet.flags() & tcp_fin));
    const bool acked = packet.flags() & tcp_ack;
    const auto sequence = acked ? number32(segment, 8) : 0;
    const auto acknowledged = acked ? 0 : number32(segment, 4) + length;
    const auto from = packet.source_port(), to = packet.destination_port();

    const bool v6 = packet.is_v6();
    const auto ip = packet.bytes();
    const std::size_t header = v6 ? v6_size : v4_size;
    turn(frame, ip, v6);
    write_header(ip, v6, tcp_size);
    const auto tcp = ip.subspan(header, tcp_size);
    std::ranges::fill(tcp, std::uint8_t{0});
    put16(tcp, 0, to);
    put16(tcp, 2, from);
    put32(tcp, 4, sequence);
    put32(tcp, 8, acknowledged);
    tcp[12] = 0x50;
    tcp[13] = acked ? tcp_rst : tcp_rst | tcp_ack;
    const auto addresses = v6 ? ip.subspan(8, 32) : ip.subspan(12, 8);
    put16(tcp, 16,
          checksum(sum(tcp, sum(addresses, static_cast<std::uint32_t>(IPPROTO_TCP + tcp_size)))));
    return static_cast<std::size_t>(ip.data() - frame.data()) + header + tcp_size;
}

std::size_t make_echo_reply(Span frame, IpPacket packet)
{
    const auto icmp = packet.payload();
    const std::uint8_t request = packet.is_v6() ? 128 : 8, reply = packet.is_v6() ? 129 : 0;
    if (!packet.is_icmp() || packet.is_fragment() || icmp.size() < 8 || icmp[0] != request ||
        !is_one_hosts(packet))
        return 0;
    turn(frame, packet.bytes(), packet.is_v6());
    icmp[0] = reply;
    packet.sum_icmp();
    return frame.size();
}

} // namespace holdfast::plugin
