// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/ip-packet: see the header.
#include "ovs-plugin/ip-packet.h"

#include <netinet/in.h>

#include <algorithm>

namespace holdfast::plugin {

namespace {

constexpr std::size_t v4_sum = 10, no_sum = 0;

/// Of IPv6: extension headers that say their length in units of 8 bytes (RFC 8200, 4.3 to 4.6).
bool is_extension(std::uint8_t header)
{
    return header == IPPROTO_HOPOPTS || header == IPPROTO_ROUTING || header == IPPROTO_DSTOPTS;
}

} // namespace

IpPacket::IpPacket(std::span<std::uint8_t> bytes)
{
    if (bytes.size() >= v4_size && bytes[0] >> 4 == 4)
        read_v4(bytes);
    else if (bytes.size() >= v6_size && bytes[0] >> 4 == 6)
        read_v6(bytes);
}

IpPacket IpPacket::in(std::span<std::uint8_t> frame)
{
    if (frame.size() < ethernet_size)
        return IpPacket{{}};
    const auto packet = packet_of(frame);
    const IpPacket found{frame.subspan(packet.at)};
    return packet.type == (found.is_v6() ? type_v6 : type_v4) ? found : IpPacket{{}};
}

void IpPacket::read_v4(std::span<std::uint8_t> bytes)
{
    const std::size_t header = (bytes[0] & 0xfU) * 4, length = number16(bytes, 2);
    if (header < v4_size || header > bytes.size() || length < header)
        return;
    header_ = header;
    bytes_ = bytes.first(std::min(bytes.size(), length));
    protocol_ = bytes[9];
    id_ = number16(bytes, 4);
    more_ = number16(bytes, 6) & more_fragments;
    offset_ = number16(bytes, 6) & offset_mask;
}

void IpPacket::read_v6(std::span<std::uint8_t> bytes)
{
    v6_ = true;
    bytes_ = bytes.first(std::min(bytes.size(), v6_size + number16(bytes, 4)));
    std::size_t at = v6_size;
    std::uint8_t next = bytes[6];
    while (bytes_.size() >= at + 8 && (is_extension(next) || next == IPPROTO_FRAGMENT) &&
           !is_later()) {
        std::size_t size = 8;
        if (next == IPPROTO_FRAGMENT) {
            offset_ = number16(bytes_, at + 2) >> 3;
            more_ = bytes_[at + 3] & 1;
            id_ = static_cast<std::uint32_t>(number16(bytes_, at + 4)) << 16 |
                  number16(bytes_, at + 6);
        } else {
            size += std::size_t{bytes_[at + 1]} * 8;
        }
        next = bytes_[at];
        at += size;
    }
    protocol_ = next;
    header_ = std::min(at, bytes_.size());
}

bool IpPacket::is_icmp() const
{
    return v6_ ? protocol_ == IPPROTO_ICMPV6 : protocol_ == IPPROTO_ICMP;
}

bool IpPacket::has_ports() const
{
    return !is_later() && bytes_.size() >= header_ + 4 &&
           (protocol_ == IPPROTO_TCP || protocol_ == IPPROTO_UDP);
}

std::uint8_t IpPacket::flags() const
{
    return protocol_ == IPPROTO_TCP && !is_later() && bytes_.size() > header_ + 13
               ? bytes_[header_ + 13]
               : std::uint8_t{0};
}

bool IpPacket::is_error() const
{
    if (!is_icmp() || is_fragment() || payload().size() < 8)
        return false;
    const auto type = payload()[0];
    return v6_ ? type >= 1 && type <= 4 : type == 3 || type == 4 || type == 11 || type == 12;
}

void IpPacket::sum_icmp()
{
    const auto icmp = payload();
    put16(icmp, 2, 0);
    std::uint32_t so_far = 0;
    if (v6_)
        so_far = sum(bytes_.subspan(8, 32), static_cast<std::uint32_t>(icmp.size()) + protocol_);
    put16(icmp, 2, checksum(sum(icmp, so_far)));
}

/// Where the checksum is that is over the addresses, too; no_sum where there is none.
std::size_t IpPacket::transport_sum() const
{
    std::size_t at = header_;
    if (v6_ && is_icmp() && !is_later())
        at += 2;
    else if (has_ports())
        at += protocol_ == IPPROTO_TCP ? 16 : 6;
    if (at == header_ || bytes_.size() < at + 2 ||
        (protocol_ == IPPROTO_UDP && number16(bytes_, at) == 0))
        return no_sum;
    return at;
}

/// Mends the checksums for two bytes at `at` that become `value` (RFC 1624, equation 3).
void IpPacket::change16(std::size_t at, std::uint16_t value,
                        std::initializer_list<std::size_t> sums)
{
    const std::uint16_t before = number16(bytes_, at);
    for (const auto sum_at : sums) {
        if (sum_at == no_sum)
            continue;
        const std::uint32_t sum =
            (~number16(bytes_, sum_at) & 0xffffU) + (~before & 0xffffU) + value;
        put16(bytes_, sum_at, static_cast<std::uint16_t>(~fold(sum)));
    }
    put16(bytes_, at, value);
}

void IpPacket::set_address(std::size_t at, const Ip& to)
{
    const auto sum = transport_sum();
    for (std::size_t half = v6_ ? 0 : v4_at, i = 0; half < to.size(); half += 2, i += 2)
        change16(at + i, number16(to, half), {v6_ ? no_sum : v4_sum, sum});
    no_zero(sum);
}

void IpPacket::set_dscp(std::uint8_t to)
{
    const auto others = number16(bytes_, 0) & ~(0x3fU << dscp_shift());
    const auto value = others | static_cast<unsigned>(to) << dscp_shift();
    change16(0, static_cast<std::uint16_t>(value), {v6_ ? no_sum : v4_sum});
}

void IpPacket::set_port(std::size_t at, std::uint16_t to)
{
    const auto sum = transport_sum();
    change16(at, to, {sum});
    no_zero(sum);
}

/// UDP's checksum 0 says that there is none (RFC 768).
void IpPacket::no_zero(std::size_t sum)
{
    if (sum != no_sum && protocol_ == IPPROTO_UDP && number16(bytes_, sum) == 0)
        put16(bytes_, sum, 0xffff);
}

} // namespace holdfast::plugin
