// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/neighbour: see the header.
#include "ovs-plugin/neighbour.h"

#include <netinet/in.h>

#include <algorithm>

namespace holdfast::plugin {

namespace {

constexpr std::uint8_t solicitation = 135, advertisement = 136;
constexpr std::uint8_t solicited = 0x40, override_known = 0x20;
constexpr std::uint8_t hops_of_a_neighbour = 255; // No router has passed it on.
// Places in IPv6's header, and in a message with its first option.
constexpr std::size_t length_at = 4, next_at = 6, hops_at = 7, source_at = 8, destination_at = 24;
constexpr std::size_t flags_at = 4, target_at = 8, option_at = 24, message_size = 32;

std::uint16_t icmp_sum(Bytes packet, Bytes message)
{
    return checksum(sum(message, sum(packet.subspan(source_at, 32)) + IPPROTO_ICMPV6 +
                                     static_cast<std::uint32_t>(message.size())));
}

/// RFC 4861, 4.6: none is empty, and the last ends with the message.
bool are_options(Bytes bytes)
{
    while (bytes.size() >= 8 && bytes[1] != 0 && bytes.size() >= bytes[1] * std::size_t{8})
        bytes = bytes.subspan(bytes[1] * std::size_t{8});
    return bytes.empty();
}

/// The message of a valid Neighbour Solicitation; empty if the packet is none.
Bytes solicitation_in(Bytes packet)
{
    if (packet.size() < v6_size || packet[next_at] != IPPROTO_ICMPV6 ||
        packet[hops_at] != hops_of_a_neighbour)
        return {};
    const std::size_t length = number16(packet, length_at);
    if (length < option_at || packet.size() < v6_size + length)
        return {};
    const auto message = packet.subspan(v6_size, length);
    return message[0] == solicitation && message[1] == 0 && icmp_sum(packet, message) == 0 &&
                   are_options(message.subspan(option_at))
               ? message
               : Bytes{};
}

/// Where an address is asked for by who does not know it (RFC 4291, 2.7.1).
Ip solicited_node(const Ip& ip)
{
    return {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ip[13], ip[14], ip[15]};
}

bool is_for(const Packet& asked, const Ip& target, const Mac& synthetic)
{
    const auto to = v6_from(asked.bytes(), destination_at);
    const auto to_mac = mac_at(asked.frame, 0);
    // RFC 2464, 7: how Ethernet carries such an address.
    const Mac group{0x33, 0x33, 0xff, target[13], target[14], target[15]};
    return (to == target || to == solicited_node(target)) &&
           (to_mac == synthetic || to_mac == group);
}

/// The whole packet, `packet` being as long as it and 0.
void write_advertisement(std::span<std::uint8_t> packet, const Ip& target, const Ip& to,
                         std::uint8_t flags, const Mac& mac)
{
    packet[0] = 0x60;
    put16(packet, length_at, message_size);
    packet[next_at] = IPPROTO_ICMPV6;
    packet[hops_at] = hops_of_a_neighbour;
    std::ranges::copy(target, packet.begin() + source_at);
    std::ranges::copy(to, packet.begin() + destination_at);
    const auto message = packet.subspan(v6_size);
    message[0] = advertisement;
    message[flags_at] = flags;
    std::ranges::copy(target, message.begin() + target_at);
    message[option_at] = 2; // The target's link-layer address, in one unit of 8 bytes.
    message[option_at + 1] = 1;
    std::ranges::copy(mac, message.begin() + option_at + 2);
    put16(message, 2, icmp_sum(packet, message));
}

} // namespace

std::vector<std::uint8_t> unasked_advertisement(const Ip& target, const Mac& mac)
{
    constexpr Ip all_nodes{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    std::vector<std::uint8_t> packet(v6_size + message_size, 0);
    write_advertisement(packet, target, all_nodes, override_known, mac);
    return packet;
}

std::size_t answer_solicitation(const Answers& answers, const Packet& asked, Answer& answer)
{
    const auto request = solicitation_in(asked.bytes());
    if (request.empty())
        return 0;
    const auto target = v6_from(request, target_at), asker = v6_from(asked.bytes(), source_at);
    const auto* synthetic = answers.find(target);
    if (!synthetic || asker == target || asker == Ip{} || !is_for(asked, target, *synthetic))
        return 0;

    const auto at = begin_answer(asked, *synthetic, answer);
    const auto packet = std::span{answer}.subspan(at, v6_size + message_size);
    write_advertisement(packet, target, asker, solicited | override_known, *synthetic);
    return at + packet.size();
}

} // namespace holdfast::plugin
