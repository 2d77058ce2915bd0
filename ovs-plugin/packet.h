// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/packet: the bytes of a frame, for those parts that make or mend frames.  Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace holdfast::plugin {

using Frame = std::vector<std::uint8_t>;
using Bytes = std::span<const std::uint8_t>;

/// IPv4, in network order.
using Ip4 = std::array<std::uint8_t, 4>;

constexpr std::size_t ethernet_size = 14, v4_size = 20, v6_size = 40;
/// Of IPv4's field of flags and offset (RFC 791, 3.1).
constexpr std::uint16_t may_not_fragment = 0x4000, more_fragments = 0x2000, offset_mask = 0x1fff;
constexpr std::uint16_t type_v4 = 0x0800, type_arp = 0x0806, type_v6 = 0x86dd;

/// Two bytes in network order.
std::uint16_t number16(Bytes bytes, std::size_t at);
void put16(std::span<std::uint8_t> bytes, std::size_t at, std::size_t number);
Ip4 ip4_at(Bytes bytes, std::size_t at);

/// The sum of RFC 1071, to go on with; folded to 16 bits; and turned into a checksum.
std::uint32_t sum(Bytes bytes, std::uint32_t so_far = 0);
std::uint16_t fold(std::uint32_t sum);
std::uint16_t checksum(std::uint32_t sum);

/// A frame, and where its packet begins.
struct Packet {
    Bytes frame;
    std::size_t at = 0;     // Behind Ethernet's header and up to two VLAN tags.
    std::uint16_t type = 0; // The packet's Ethernet type.
    Bytes bytes() const { return frame.subspan(at); }
};

/// Reads the frame's header.
/// Shape:   `frame` has 14 bytes at least.
Packet packet_of(Bytes frame);

/// Completes the checksum of TCP or UDP in a frame whose sender left it to the device: where it
/// is, there is the sum of the pseudo-header (Linux's CHECKSUM_PARTIAL; virtio 1.1, 5.1.6.2).
/// Returns: whether it did.  Other frames stay as they are.
bool finish_checksum(Frame& frame);

} // namespace holdfast::plugin
