// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/arp: see the header.
#include "ovs-plugin/arp.h"

#include <algorithm>

#include "ovs-plugin/packet.h"

namespace holdfast::plugin {

namespace {

constexpr std::size_t arp_size = 28, shortest = 60;
// Places in an ARP message of Ethernet and IPv4.
constexpr std::size_t operation = 6, sender_mac = 8, sender_ip = 14, target_mac = 18,
                      target_ip = 24;
constexpr std::array<std::uint8_t, 8> request_head{0, 1, 0x08, 0x00, 6, 4, 0, 1};

/// The message of an ARP request; empty if the frame is none.
Bytes request_in(Bytes frame)
{
    if (frame.size() < ethernet_size)
        return {};
    const auto packet = packet_of(frame);
    if (packet.type != type_arp || packet.bytes().size() < arp_size)
        return {};
    const auto message = packet.bytes().first(arp_size);
    return std::ranges::equal(request_head, message.first(request_head.size())) ? message : Bytes{};
}

bool is_for(Bytes frame, const Mac& mac)
{
    constexpr Mac broadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    return std::equal(mac.begin(), mac.end(), frame.begin()) ||
           std::equal(broadcast.begin(), broadcast.end(), frame.begin());
}

} // namespace

bool Answers::has(const Mac& synthetic) const
{
    return std::ranges::any_of(known, [&](const auto& one) { return one.second == synthetic; });
}

std::map<std::string, std::shared_ptr<const Answers>> answers_of(const db::Snapshot& snapshot)
{
    std::map<std::string, Answers> by_director;
    for (const auto& balancer : snapshot.balancers)
        for (const auto& director : balancer.directors)
            for (const auto& server : balancer.servers) {
                Ip4 ip;
                Mac mac;
                if (read_ip4(server.address, ip) && read_mac(server.mac, mac))
                    by_director[director].known.emplace_back(ip, mac);
            }
    std::map<std::string, std::shared_ptr<const Answers>> all;
    for (auto& [director, answers] : by_director) {
        std::ranges::sort(answers.known);
        const auto twice = std::ranges::unique(answers.known);
        answers.known.erase(twice.begin(), twice.end());
        all.emplace(director, std::make_shared<const Answers>(std::move(answers)));
    }
    return all;
}

std::size_t answer_arp(const Answers& answers, const std::uint8_t* data, std::size_t size,
                       ArpAnswer& answer)
{
    const Bytes frame{data, size};
    const auto request = request_in(frame);
    if (request.empty())
        return 0;
    const auto wanted = ip4_at(request, target_ip), asker = ip4_at(request, sender_ip);
    const auto known =
        std::ranges::lower_bound(answers.known, wanted, {}, &std::pair<Ip4, Mac>::first);
    if (known == answers.known.end() || known->first != wanted || asker == wanted ||
        asker == Ip4{} || !is_for(frame, known->second))
        return 0;

    const auto head = static_cast<std::size_t>(request.data() - data);
    answer.fill(0);
    std::copy_n(data, head, answer.begin());
    std::copy_n(data + 6, 6, answer.begin()); // To who asked, from the server.
    std::ranges::copy(known->second, answer.begin() + 6);
    auto* message = answer.data() + head;
    std::ranges::copy(request_head, message);
    message[operation + 1] = 2;
    std::ranges::copy(known->second, message + sender_mac);
    std::ranges::copy(wanted, message + sender_ip);
    std::copy_n(request.begin() + sender_mac, 6, message + target_mac);
    std::ranges::copy(asker, message + target_ip);
    return std::max(shortest, head + arp_size);
}

} // namespace holdfast::plugin
