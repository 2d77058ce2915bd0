// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/address: see the header.
#include "ovs-plugin/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace holdfast::plugin {

bool is_v4(const Ip& ip)
{
    return std::equal(ip.begin(), ip.begin() + v4_at, v4_prefix.begin());
}

bool read_mac(const std::string& text, Mac& mac)
{
    unsigned bytes[6];
    char more;
    if (std::sscanf(text.c_str(), "%2x:%2x:%2x:%2x:%2x:%2x%c", &bytes[0], &bytes[1], &bytes[2],
                    &bytes[3], &bytes[4], &bytes[5], &more) != 6)
        return false;
    std::copy(std::begin(bytes), std::end(bytes), mac.begin());
    return true;
}

bool read_ip(const std::string& text, Ip& ip)
{
    ip = v4_prefix;
    return inet_pton(AF_INET, text.c_str(), ip.data() + v4_at) == 1 ||
           inet_pton(AF_INET6, text.c_str(), ip.data()) == 1;
}

Mac mac_of(const std::string& text)
{
    Mac mac{};
    (void)read_mac(text, mac);
    return mac;
}

std::string text_of(const Ip& ip)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (is_v4(ip))
        inet_ntop(AF_INET, ip.data() + v4_at, text, sizeof text);
    else
        inet_ntop(AF_INET6, ip.data(), text, sizeof text);
    return text;
}

std::string text_of(const Mac& mac)
{
    char text[18];
    std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                  mac[3], mac[4], mac[5]);
    return text;
}

Mac mac_at(Bytes bytes, std::size_t at)
{
    Mac mac;
    std::memcpy(mac.data(), bytes.data() + at, mac.size());
    return mac;
}

Ip v4_from(Bytes bytes, std::size_t at)
{
    Ip ip = v4_prefix;
    std::memcpy(ip.data() + v4_at, bytes.data() + at, 4);
    return ip;
}

Ip v6_from(Bytes bytes, std::size_t at)
{
    Ip ip;
    std::memcpy(ip.data(), bytes.data() + at, ip.size());
    return ip;
}

} // namespace holdfast::plugin
