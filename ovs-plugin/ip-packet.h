// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/ip-packet: an IPv4 or IPv6 packet in a frame, whose addresses and ports can be
// changed with its checksums right.  Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "ovs-plugin/address.h"

namespace holdfast::plugin {

/// Of TCP's flags (RFC 9293, 3.1).
constexpr std::uint8_t tcp_fin = 1, tcp_syn = 2, tcp_rst = 4, tcp_ack = 16;

/// A view of the bytes; cut short, it has no more than is there.
class IpPacket {
public:
    /// None, if the bytes are neither family's.
    explicit IpPacket(std::span<std::uint8_t> bytes);
    /// That of a frame; none if it carries another protocol.
    static IpPacket in(std::span<std::uint8_t> frame);

    explicit operator bool() const { return header_ != 0; }
    bool is_v6() const { return v6_; }
    /// The protocol that it carries, past IPv6's extension headers (RFC 8200, 4).
    std::uint8_t protocol() const { return protocol_; }
    bool is_icmp() const;
    /// What its fragments have in common (RFC 791, 3.1; RFC 8200, 4.5).
    std::uint32_t id() const { return id_; }
    bool is_fragment() const { return more_ || is_later(); }
    /// A fragment, and not the first: it has no ports.
    bool is_later() const { return offset_ != 0; }
    Ip source() const { return address_at(v6_ ? 8 : 12); }
    Ip destination() const { return address_at(v6_ ? 24 : 16); }
    /// Whether it is TCP or UDP, and its ports are there.
    bool has_ports() const;
    std::uint16_t source_port() const { return number16(bytes_, header_); }
    std::uint16_t destination_port() const { return number16(bytes_, header_ + 2); }
    /// TCP's; 0 of others.
    std::uint8_t flags() const;
    /// The six bits of RFC 2474, in IPv6 too.
    std::uint8_t dscp() const { return (number16(bytes_, 0) >> dscp_shift()) & 0x3f; }
    /// What is behind all headers of IP.
    std::span<std::uint8_t> payload() const { return bytes_.subspan(header_); }
    std::span<std::uint8_t> bytes() const { return bytes_; }

    /// Shape:   the address is of the packet's family; has_ports() for ports.
    void set_source(const Ip& to) { set_address(v6_ ? 8 : 12, to); }
    void set_destination(const Ip& to) { set_address(v6_ ? 24 : 16, to); }
    void set_source_port(std::uint16_t to) { set_port(header_, to); }
    void set_destination_port(std::uint16_t to) { set_port(header_ + 2, to); }
    /// The other two bits, congestion's (RFC 3168), stay.
    /// Shape:   0 to 63.
    void set_dscp(std::uint8_t to);

    /// Whether it is an ICMP or ICMPv6 message about another packet (RFC 792, RFC 4443), and that
    /// packet.
    bool is_error() const;
    IpPacket about() const { return IpPacket{payload().subspan(8)}; }
    /// Makes the ICMP message's checksum anew; needed after its contents or, in IPv6, the packet's
    /// addresses were changed.
    void sum_icmp();

private:
    void read_v4(std::span<std::uint8_t> bytes);
    void read_v6(std::span<std::uint8_t> bytes);
    Ip address_at(std::size_t at) const { return v6_ ? v6_from(bytes_, at) : v4_from(bytes_, at); }
    int dscp_shift() const { return v6_ ? 6 : 2; }
    std::size_t transport_sum() const;
    void set_address(std::size_t at, const Ip& to);
    void set_port(std::size_t at, std::uint16_t to);
    void change16(std::size_t at, std::uint16_t value, std::initializer_list<std::size_t> sums);
    void no_zero(std::size_t sum);

    std::span<std::uint8_t> bytes_;
    std::size_t header_ = 0; // The size of all headers of IP; 0: it is no packet.
    bool v6_ = false;
    std::uint8_t protocol_ = 0;
    std::uint32_t id_ = 0;
    bool more_ = false;
    std::size_t offset_ = 0;
};

} // namespace holdfast::plugin
