// SPDX-License-Identifier: Apache-2.0
//
// env/range: see range.h.
#include <config.h>

#include "env/range.h"

#include <arpa/inet.h>

#include <array>
#include <cstdio>
#include <string_view>

#include "common/synthetic-mac.h"
#include "common/text.h"

namespace holdfast::env {
namespace {

constexpr std::uint32_t most = 65536;
constexpr const char* uuid_format = "48f00000-0000-4000-8000-0248%08x";
constexpr std::size_t uuid_own = 28; // So much of it all of ours have.

std::string text_of(std::uint32_t address)
{
    const in_addr in_order{htonl(address)};
    std::array<char, INET_ADDRSTRLEN> text{};
    return inet_ntop(AF_INET, &in_order, text.data(), text.size());
}

} // namespace

Result<Range> parse_range(const std::string& text)
{
    const Error wrong{Errc::invalid, "\"" + one_line(text, 60) +
                                         "\" is no range of addresses: give FIRST-LAST/PREFIX, of "
                                         "IPv4, one network and at most 65536 addresses"};
    const auto dash = text.find('-'), slash = text.find('/');
    if (dash == std::string::npos || slash == std::string::npos || slash < dash)
        return wrong;
    const auto first = parse_ipv4(text.substr(0, dash));
    const auto last = parse_ipv4(text.substr(dash + 1, slash - dash - 1));
    const auto prefix = parse_number(text.substr(slash + 1));
    if (!first || !last || !prefix || *prefix < 1 || *prefix > 30 || *last < *first ||
        *last - *first >= most || (*first ^ *last) >> (32 - *prefix))
        return wrong;
    return Range{*first, *last, static_cast<int>(*prefix)};
}

Result<std::string> pick(const Range& range, const std::set<std::string>& taken)
{
    for (std::uint32_t address = range.first; address <= range.last; ++address)
        if (const auto text = text_of(address); !taken.contains(text))
            return text;
    return Error{Errc::unavailable, "all " + std::to_string(range.last - range.first + 1) +
                                        " addresses of environment_addresses are taken: give a "
                                        "larger range in holdfast.conf"};
}

std::string mac_of(const std::string& address)
{
    const std::uint32_t number = parse_ipv4(address).value_or(0);
    std::array<char, 18> text{};
    std::snprintf(text.data(), text.size(), "02:48:%02x:%02x:%02x:%02x", number >> 24,
                  number >> 16 & 0xff, number >> 8 & 0xff, number & 0xff);
    return text.data();
}

std::string uuid_of(const std::string& address)
{
    std::array<char, 37> text{};
    std::snprintf(text.data(), text.size(), uuid_format, parse_ipv4(address).value_or(0));
    return text.data();
}

bool is_ours(const std::string& uuid)
{
    return uuid.substr(0, uuid_own) == std::string_view{uuid_format}.substr(0, uuid_own);
}

bool contains(const Range& range, const std::string& address)
{
    const auto number = parse_ipv4(address);
    return number && *number >= range.first && *number <= range.last;
}

} // namespace holdfast::env
