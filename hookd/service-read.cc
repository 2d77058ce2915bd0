// SPDX-License-Identifier: Apache-2.0
//
// hookd/service-read: see service-read.h.
#include <config.h>

#include "hookd/service-read.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "common/text.h"
#include "hookd/name.h"

namespace holdfast::hookd {
namespace {

constexpr std::size_t most_addresses = 32;

Error invalid(const std::string& line)
{
    return {Errc::invalid, line};
}

/// An address as numbers: IPv4 in the first four of 16 bytes.
struct Address {
    int family = AF_UNSPEC;
    std::array<unsigned char, 16> bytes{};

    int length() const { return family == AF_INET ? 32 : 128; }
};

Address parse_address(const std::string& text)
{
    Address address;
    for (const int family : {AF_INET, AF_INET6})
        if (inet_pton(family, text.c_str(), address.bytes.data()) == 1)
            address.family = family;
    return address;
}

std::string text_of(const Address& address)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(address.family, address.bytes.data(), text.data(), text.size());
    return text.data();
}

/// Whether a machine can have it as its own, also seen from other links.
bool is_unicast(const Address& address)
{
    const auto& byte = address.bytes;
    if (address.family == AF_INET)
        return byte[0] > 0 && byte[0] != 127 && byte[0] < 224;
    const bool link_local = byte[0] == 0xfe && (byte[1] & 0xc0) == 0x80;
    const bool low = std::all_of(byte.begin(), byte.begin() + 10, [](auto b) { return b == 0; });
    return byte[0] != 0xff && !link_local && !low; // Low: unspecified, loopback, of IPv4.
}

/// An interface's address: address and length of its prefix.
struct Prefix {
    Address address;
    int length = 0;
};

Result<Prefix> read_prefix(const std::string& text)
{
    const auto slash = text.find('/');
    std::int64_t length = 0; // None.
    if (slash != std::string::npos)
        length = parse_number(text.substr(slash + 1)).value_or(0);
    Prefix prefix{parse_address(text.substr(0, slash)), 0};
    if (prefix.address.family == AF_UNSPEC || !is_unicast(prefix.address) || length < 1 ||
        length > prefix.address.length())
        return invalid("--ip " + one_line(text, 60) +
                       " is no address with its prefix: give one like 10.0.10.5/24 or fd00::5/64");
    prefix.length = static_cast<int>(length);
    return prefix;
}

bool contains(const Prefix& prefix, const Address& address)
{
    if (prefix.address.family != address.family)
        return false;
    for (int bit = 0; bit < prefix.length; ++bit) {
        const auto differ = prefix.address.bytes[static_cast<std::size_t>(bit / 8)] ^
                            address.bytes[static_cast<std::size_t>(bit / 8)];
        if (differ & 0x80 >> bit % 8)
            return false;
    }
    return true;
}

Result<std::vector<Prefix>> read_addresses(const std::vector<std::string>& texts, db::Service& row)
{
    if (texts.size() > most_addresses)
        return invalid("a service has at most " + std::to_string(most_addresses) + " addresses");
    std::vector<Prefix> prefixes;
    std::set<std::string> known;
    for (const auto& text : texts) {
        auto prefix = read_prefix(text);
        if (!prefix)
            return prefix.error();
        const auto address = text_of(prefix->address);
        if (!known.insert(address).second)
            return invalid("--ip " + address + " is given twice: give each address once");
        row.ips.push_back(address + "/" + std::to_string(prefix->length));
        prefixes.push_back(*prefix);
    }
    return prefixes;
}

Result<void> read_gateway(const std::string& text, const std::vector<Prefix>& prefixes,
                          db::Service& row)
{
    if (text.empty())
        return {};
    const auto address = parse_address(text);
    if (address.family == AF_UNSPEC || !is_unicast(address))
        return invalid("--gateway " + one_line(text, 60) +
                       " is no address: give one like 10.0.10.1");
    if (std::none_of(prefixes.begin(), prefixes.end(),
                     [&](const Prefix& prefix) { return contains(prefix, address); }))
        return invalid("--gateway " + one_line(text, 60) +
                       " is in the subnet of no --ip: give one that the service reaches directly");
    row.gateway = text_of(address);
    return {};
}

/// "NAME=VALUE", the name as shells take it (POSIX.1-2017, 8.1).
bool is_variable(const std::string& text)
{
    const auto end = text.find('=');
    if (end == std::string::npos || end == 0 || std::isdigit(static_cast<unsigned char>(text[0])))
        return false;
    return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
    });
}

/// No system call takes a word beyond a NUL; a row's text is UTF-8.
Result<void> check_words(const std::vector<std::string>& words)
{
    for (const auto& word : words)
        if (word.find('\0') != std::string::npos || !is_utf8(word))
            return invalid("\"" + one_line(word, 60) +
                           "\" holds a byte that no argument may: give UTF-8 without NUL");
    return {};
}

Result<void> read_command(const nlohmann::json& arguments, db::Service& row)
{
    row.command = arguments.value("command", std::vector<std::string>{});
    row.environment = arguments.value("environment", std::vector<std::string>{});
    row.directory = arguments.value("directory", "/");
    if (row.command.empty() || row.command[0].empty())
        return invalid("service " + row.name + " has no command: give it after --");
    if (row.command[0].front() != '/' && row.command[0].find('/') != std::string::npos)
        return invalid("command " + one_line(row.command[0], 60) +
                       " is a relative path: give the whole one, from /");
    if (row.directory.empty() || row.directory.front() != '/')
        return invalid("--directory " + one_line(row.directory, 60) +
                       " is a relative path: give the whole one, from /");
    for (const auto& text : row.environment)
        if (!is_variable(text))
            return invalid("--env " + one_line(text, 60) + " is no variable: give NAME=VALUE");
    for (const auto* words : {&row.command, &row.environment})
        if (auto good = check_words(*words); !good)
            return good;
    return check_words({row.directory, row.user});
}

} // namespace

std::string without_prefix(const std::string& address)
{
    return address.substr(0, address.find('/'));
}

Result<db::Service> read_service(const nlohmann::json& arguments)
{
    db::Service row;
    row.name = arguments.value("name", "");
    if (auto named = check_name("service", row.name); !named)
        return named.error();
    // It is a folder's name, too.
    if (!std::isalnum(static_cast<unsigned char>(row.name.front())))
        return invalid("service " + row.name +
                       ": this name will not do: begin it with a letter "
                       "or a digit");
    row.user = arguments.value("user", "root");
    const auto vlan = arguments.value("vlan", std::int64_t{0});
    if (vlan < 0 || vlan > 4094)
        return invalid("--vlan " + std::to_string(vlan) +
                       " is no VLAN: give 1 to 4094, or leave it out");
    row.vlan = static_cast<int>(vlan);
    row.mode = arguments.value("mode", "checkpoint");
    if (row.mode != "checkpoint" && row.mode != "handoff")
        return invalid("--mode " + one_line(row.mode, 40) + " is none: give checkpoint or handoff");
    const auto prefixes = read_addresses(arguments.value("ips", std::vector<std::string>{}), row);
    if (!prefixes)
        return prefixes.error();
    if (auto good = read_gateway(arguments.value("gateway", ""), *prefixes, row); !good)
        return good.error();
    if (auto good = read_command(arguments, row); !good)
        return good.error();
    return row;
}

} // namespace holdfast::hookd
