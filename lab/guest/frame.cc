// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "lab/guest/frame.h"

#include <cstring>

namespace lab {
namespace {

constexpr uint16_t type_vlan = 0x8100, type_qinq = 0x88a8, type_ipv4 = 0x0800, type_ipv6 = 0x86dd;
constexpr uint8_t protocol_udp = 17;
constexpr size_t udp_size = 8;

uint16_t number16(std::span<const uint8_t> bytes, size_t at)
{
    return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

/// Where the frame's Ethernet type stands, behind all VLAN tags; 0 if it is cut short.
size_t type_at(std::span<const uint8_t> frame)
{
    size_t at = 12;
    while (frame.size() >= at + 6 &&
           (number16(frame, at) == type_vlan || number16(frame, at) == type_qinq))
        at += 4;
    return frame.size() < at + 2 ? 0 : at;
}

/// The frame from its UDP header on; empty if it has none.
std::span<const uint8_t> udp_of(std::span<const uint8_t> frame)
{
    const size_t at = type_at(frame);
    if (at == 0)
        return {};
    const uint16_t type = number16(frame, at);
    const auto packet = frame.subspan(at + 2);
    if (type == type_ipv4 && packet.size() >= 20 && packet[9] == protocol_udp &&
        (number16(packet, 6) & 0x1fff) == 0) {
        const size_t header = size_t{packet[0] & 0x0fu} * 4;
        return packet.size() >= header ? packet.subspan(header) : std::span<const uint8_t>{};
    }
    if (type == type_ipv6 && packet.size() >= 40 && packet[6] == protocol_udp)
        return packet.subspan(40);
    return {};
}

} // namespace

std::optional<FoundProbe> find_probe(std::span<const uint8_t> frame)
{
    const auto udp = udp_of(frame);
    if (udp.size() < udp_size + sizeof(ProbePacket))
        return std::nullopt;
    const bool request = number16(udp, 2) == probe_port;
    const bool answer = number16(udp, 0) == probe_port;
    FoundProbe found{{}, answer && !request};
    std::memcpy(&found.packet, udp.data() + udp_size, sizeof found.packet);
    if ((!request && !answer) || found.packet.magic != probe_magic)
        return std::nullopt;
    return found;
}

void add_to_tos(std::span<uint8_t> frame, uint8_t weight)
{
    const size_t at = type_at(frame);
    if (at == 0 || number16(frame, at) != type_ipv4 || frame.size() < at + 22)
        return;
    const auto packet = frame.subspan(at + 2);
    const uint16_t before = number16(packet, 0);
    packet[1] = static_cast<uint8_t>(packet[1] + weight);
    // RFC 1624, equation 3: the checksum's complement, less the old word, plus the new.
    uint32_t sum = static_cast<uint16_t>(~number16(packet, 10)) + static_cast<uint16_t>(~before) +
                   uint32_t{number16(packet, 0)};
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16));
    packet[10] = static_cast<uint8_t>(sum >> 8);
    packet[11] = static_cast<uint8_t>(sum);
}

} // namespace lab
