// SPDX-License-Identifier: Apache-2.0
//
// common/synthetic-mac: see synthetic-mac.h.
#include <config.h>

#include "common/synthetic-mac.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstdio>

#include "common/probe.h"
#include "common/text.h"

namespace holdfast {
namespace {

using Bytes = std::array<unsigned, 6>;

constexpr unsigned multicast = 0x01;
constexpr unsigned local = 0x02;

std::optional<unsigned> hex_byte(std::string_view text)
{
    constexpr std::string_view digits = "0123456789abcdef";
    unsigned value = 0;
    for (const char letter : text) {
        const auto digit =
            digits.find(letter >= 'A' && letter <= 'F' ? static_cast<char>(letter + 32) : letter);
        if (digit == std::string_view::npos)
            return std::nullopt;
        value = value << 4 | static_cast<unsigned>(digit);
    }
    return value;
}

std::optional<std::array<unsigned, 2>> parse_prefix(const std::string& text)
{
    if (text.size() != 5 || text[2] != ':')
        return std::nullopt;
    const auto first = hex_byte(std::string_view{text}.substr(0, 2));
    const auto second = hex_byte(std::string_view{text}.substr(3));
    if (!first || !second)
        return std::nullopt;
    return std::array{*first, *second};
}

Bytes lay_out(const std::string& layout, const std::array<unsigned, 2>& p, std::uint32_t number)
{
    const unsigned a = number >> 24, b = number >> 16 & 0xff, c = number >> 8 & 0xff;
    const unsigned d = number & 0xff;
    if (layout == "suffix")
        return {a, b, c, d, p[0], p[1]};
    if (layout == "split")
        return {a, b, p[0], c, d, p[1]};
    return {p[0], p[1], a, b, c, d};
}

std::string dotted(std::uint32_t number)
{
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "%u.%u.%u.%u", number >> 24, number >> 16 & 0xff,
                  number >> 8 & 0xff, number & 0xff);
    return text.data();
}

} // namespace

std::optional<std::uint32_t> parse_ipv4(const std::string& text)
{
    in_addr address{};
    if (::inet_pton(AF_INET, text.c_str(), &address) != 1)
        return std::nullopt;
    return ntohl(address.s_addr);
}

bool is_ipv6(const std::string& text)
{
    in6_addr address{};
    return ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

std::string plain_address(const std::string& text)
{
    in6_addr address{};
    std::array<char, INET6_ADDRSTRLEN> plain{};
    if (::inet_pton(AF_INET6, text.c_str(), &address) != 1)
        return text;
    ::inet_ntop(AF_INET6, &address, plain.data(), plain.size());
    return plain.data();
}

bool is_machine_address(const std::string& text)
{
    if (text == probe_address || text == probe_address6)
        return false;
    in6_addr v6{};
    if (::inet_pton(AF_INET6, text.c_str(), &v6) == 1) {
        return !IN6_IS_ADDR_UNSPECIFIED(&v6) && !IN6_IS_ADDR_LOOPBACK(&v6) &&
               !IN6_IS_ADDR_MULTICAST(&v6) && !IN6_IS_ADDR_LINKLOCAL(&v6) &&
               !IN6_IS_ADDR_V4MAPPED(&v6);
    }
    const auto first = parse_ipv4(text).value_or(0) >> 24;
    return first > 0 && first != 127 && first < 224;
}

Result<void> check_mac_prefix(const std::string& prefix)
{
    const std::string what = "MAC prefix " + one_line(prefix, 40);
    const auto bytes = parse_prefix(prefix);
    if (!bytes)
        return Error{Errc::invalid, what + " is no two bytes: give --mac-prefix XX:XX, as ae:48"};
    if ((*bytes)[0] & multicast) {
        return Error{Errc::invalid, what + " is multicast (its first byte is odd): give one such "
                                           "as ae:48"};
    }
    if (!((*bytes)[0] & local)) {
        return Error{Errc::invalid, what + " is not locally administered, so it can be a real "
                                           "card's: give one whose second digit is 2, 6, a or e, "
                                           "such as ae:48"};
    }
    return {};
}

Result<void> check_mac_layout(const std::string& layout)
{
    for (const char* known : {"prefix", "suffix", "split", "table"}) {
        if (layout == known)
            return {};
    }
    return Error{Errc::invalid, "MAC layout " + one_line(layout, 40) +
                                    " is unknown: give prefix, suffix, split or table"};
}

Result<std::string> synthetic_mac(const std::string& layout, const std::string& prefix,
                                  std::uint32_t number)
{
    if (auto fine = check_mac_layout(layout); !fine)
        return fine.error();
    if (auto fine = check_mac_prefix(prefix); !fine)
        return fine.error();
    const Bytes bytes = lay_out(layout, *parse_prefix(prefix), number);
    if (bytes[0] & multicast) {
        return Error{Errc::invalid, "MAC layout " + layout + " makes a multicast address of " +
                                        dotted(number) +
                                        ", since its first byte is odd: give --mac-layout prefix "
                                        "or table"};
    }
    std::array<char, 18> text{};
    std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0] & 0xff,
                  bytes[1] & 0xff, bytes[2] & 0xff, bytes[3] & 0xff, bytes[4] & 0xff,
                  bytes[5] & 0xff);
    return std::string{text.data()};
}

} // namespace holdfast
