// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/arp: see the header.
#include "ovs-plugin/arp.h"

#include <algorithm>

namespace holdfast::plugin {

namespace {

constexpr std::size_t arp_size = 28, shortest = 60;
// Places in an ARP message of Ethernet and IPv4.
constexpr std::size_t operation = 6, sender_mac = 8, sender_ip = 14, target_mac = 18,
                      target_ip = 24;
constexpr std::array<std::uint8_t, 8> request_head{0, 1, 0x08, 0x00, 6, 4, 0, 1};

bool is_request(Bytes message)
{
    return message.size() >= arp_size &&
           std::ranges::equal(request_head, message.first(request_head.size()));
}

bool is_for(Bytes frame, const Mac& synthetic)
{
    constexpr Mac broadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const auto to = mac_at(frame, 0);
    return to == synthetic || to == broadcast;
}

} // namespace

std::size_t answer_arp(const Answers& answers, const Packet& asked, Answer& answer)
{
    const auto request = asked.bytes();
    if (!is_request(request))
        return 0;
    const auto wanted = ip4_at(request, target_ip), asker = ip4_at(request, sender_ip);
    const auto* synthetic = answers.find(ip_of(wanted));
    if (!synthetic || asker == wanted || asker == Ip4{} || !is_for(asked.frame, *synthetic))
        return 0;

    const auto at = begin_answer(asked, *synthetic, answer);
    auto* message = answer.data() + at;
    std::ranges::copy(request_head, message);
    message[operation + 1] = 2;
    std::ranges::copy(*synthetic, message + sender_mac);
    std::ranges::copy(wanted, message + sender_ip);
    std::copy_n(request.begin() + sender_mac, 6, message + target_mac);
    std::ranges::copy(asker, message + target_ip);
    return std::max(shortest, at + arp_size);
}

} // namespace holdfast::plugin
