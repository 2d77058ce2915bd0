// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/address: addresses as frames have them.  Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ovs-plugin/packet.h"

namespace holdfast::plugin {

using Mac = std::array<std::uint8_t, 6>;
/// IPv6, or IPv4 as ::ffff:a.b.c.d (RFC 4291, section 2.5.5.2).
using Ip = std::array<std::uint8_t, 16>;

constexpr std::size_t v4_at = 12; // Where in Ip those of IPv4 are.
constexpr Ip v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};

/// A public address of balanced connections.
struct VipPort {
    Ip vip{};
    std::uint16_t port = 0;
    std::uint8_t protocol = 0; // 6 or 17.

    auto operator<=>(const VipPort&) const = default;
};

bool is_v4(const Ip& ip);
constexpr Ip ip_of(const Ip4& ip)
{
    Ip all = v4_prefix;
    for (std::size_t i = 0; i < ip.size(); ++i)
        all[v4_at + i] = ip[i];
    return all;
}

/// Reads aa:bb:cc:dd:ee:ff.  False if it is none.
bool read_mac(const std::string& text, Mac& mac);
/// Reads an IPv4 or IPv6 address.  False if it is none.
bool read_ip(const std::string& text, Ip& ip);
/// The same of an address that is known to be one.
Mac mac_of(const std::string& text);

/// As people write it.
std::string text_of(const Ip& ip);
std::string text_of(const Mac& mac);

/// In a frame, from this byte on.
/// Shape:   there are as many bytes.
Mac mac_at(Bytes bytes, std::size_t at);
Ip v4_from(Bytes bytes, std::size_t at);
Ip v6_from(Bytes bytes, std::size_t at);

} // namespace holdfast::plugin
