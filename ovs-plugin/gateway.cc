// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/gateway: see the header.
#include "ovs-plugin/gateway.h"

#include <algorithm>
#include <array>

namespace holdfast::plugin {

namespace {

// From one question to the next: while it is not known or has not answered, and else.
constexpr std::int64_t ask_soon_ms = 1'000, ask_ms = 10'000;
// The same while it is doubted: packets are lost if the doubt is right.
constexpr std::int64_t ask_doubted_ms = 100;
// Who was doubted in vain relays packets, and is no reason to ask for so long.
constexpr std::int64_t relays_ms = 10'000;
// How long one that no packet needs any more is remembered.
constexpr std::int64_t unused_ms = 600'000;
// Questions without an answer that make it silent.
constexpr int silent_after = 3;
// There are a few; more are made up.
constexpr std::size_t gateways_max = 256;

// An ARP message: where what is in it.
constexpr std::size_t arp_size = 28, operation = 6, sender_mac = 8, sender_ip = 14, target_ip = 24;
constexpr std::array<std::uint8_t, 6> arp_head{0, 1, 0x08, 0x00, 6, 4};

} // namespace

bool Gateway::silent() const
{
    return unanswered >= silent_after;
}

void Gateways::use(const std::vector<GatewayKey>& kept, const std::vector<Ip>& addresses,
                   std::int64_t now_ms)
{
    for (auto& [key, gateway] : all_)
        gateway.kept = false;
    for (const auto& key : kept)
        if (auto* gateway = need(key, now_ms))
            gateway->kept = true;
    std::erase_if(all_, [&](const auto& one) {
        return !one.second.kept && !std::ranges::binary_search(addresses, one.first.first);
    });
}

Gateway* Gateways::need(const GatewayKey& key, std::int64_t now_ms)
{
    auto at = all_.find(key);
    if (at == all_.end()) {
        if (all_.size() >= gateways_max)
            return nullptr;
        at = all_.emplace(key, Gateway{}).first;
    }
    at->second.used_ms = now_ms;
    return &at->second;
}

Gateway* Gateways::find(const GatewayKey& key)
{
    const auto at = all_.find(key);
    return at == all_.end() ? nullptr : &at->second;
}

std::int64_t Gateway::ask_every_ms() const
{
    if (doubted && !silent())
        return ask_doubted_ms;
    return !known() || unanswered ? ask_soon_ms : ask_ms;
}

void Gateways::learn(Gateway& gateway, const Mac& mac, const std::string& interface,
                     std::int64_t now_ms)
{
    if (gateway.doubted && mac == gateway.mac) {
        gateway.relay = gateway.other;
        gateway.relays_until_ms = now_ms + relays_ms;
    }
    gateway.mac = mac;
    gateway.interface = interface;
    gateway.heard_ms = now_ms;
    gateway.doubted = false;
    gateway.unanswered = 0;
}

bool Gateways::doubt(Gateway& gateway, const Mac& source, std::int64_t now_ms)
{
    const bool relays = source == gateway.relay && now_ms < gateway.relays_until_ms;
    if (!gateway.known() || source == gateway.mac || relays)
        return false;
    gateway.doubted = true;
    gateway.other = source;
    return now_ms - gateway.asked_ms >= gateway.ask_every_ms();
}

std::vector<GatewayKey> Gateways::due(std::int64_t now_ms)
{
    std::erase_if(all_, [&](const auto& one) {
        return !one.second.kept && now_ms - one.second.used_ms > unused_ms;
    });
    std::vector<GatewayKey> due;
    for (auto& [key, gateway] : all_) {
        if (gateway.asked && now_ms - gateway.asked_ms < gateway.ask_every_ms())
            continue;
        gateway.asked = true;
        gateway.asked_ms = now_ms;
        ++gateway.unanswered;
        due.push_back(key);
    }
    return due;
}

int vlan_of(Bytes frame, int tag)
{
    const auto type = number16(frame, 12);
    const bool tagged = (type == 0x8100 || type == 0x88a8) && frame.size() >= ethernet_size + 4;
    const int vlan = tagged ? number16(frame, 14) & 0xfff : 0;
    return vlan ? vlan : tag;
}

bool read_arp(Bytes frame, ArpMessage& message)
{
    if (frame.size() < ethernet_size)
        return false;
    const auto packet = packet_of(frame);
    const auto bytes = packet.bytes();
    if (packet.type != type_arp || bytes.size() < arp_size ||
        !std::ranges::equal(arp_head, bytes.first(arp_head.size())))
        return false;
    message = {v4_from(bytes, sender_ip), v4_from(bytes, target_ip), mac_at(bytes, sender_mac)};
    return message.sender_mac != Mac{} && !(message.sender_mac[0] & 1);
}

Frame arp_request(const Mac& from, const Ip& sender, const Ip& target, int vlan)
{
    const std::size_t at = ethernet_size + (vlan ? 4 : 0);
    Frame frame(at + 46, 0); // The shortest one.
    std::fill_n(frame.begin(), 6, std::uint8_t{0xff});
    std::ranges::copy(from, frame.begin() + 6);
    if (vlan) {
        put16(frame, 12, 0x8100);
        put16(frame, 14, static_cast<std::size_t>(vlan));
    }
    put16(frame, at - 2, type_arp);
    auto* message = frame.data() + at;
    std::ranges::copy(arp_head, message);
    message[operation + 1] = 1;
    std::ranges::copy(from, message + sender_mac);
    std::copy(sender.begin() + v4_at, sender.end(), message + sender_ip);
    std::copy(target.begin() + v4_at, target.end(), message + target_ip);
    return frame;
}

Frame probe_of(const GatewayKey& gateway, const Mac& from)
{
    return arp_request(from, Ip{}, gateway.first, gateway.second);
}

} // namespace holdfast::plugin
