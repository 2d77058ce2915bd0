// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer-read: see balancer-read.h.
#include <config.h>

#include "hookd/balancer-read.h"

#include <set>

#include "common/synthetic-mac.h"
#include "common/text.h"
#include "db/row-check.h"

namespace holdfast::hookd {
namespace {

Error invalid(const std::string& text)
{
    return {Errc::invalid, text};
}

Result<int> read_port(std::string_view text)
{
    const auto port = parse_port(text);
    if (!port)
        return invalid("port " + one_line(text, 40) + " is none: give one from 1 to 65535");
    return *port;
}

Result<int> read_count(const std::string& what, std::string_view text, int most)
{
    const auto count = parse_number(text);
    if (!count || *count < 0 || *count > most) {
        return invalid(what + " " + one_line(text, 40) + " is out of range: give 0 to " +
                       std::to_string(most));
    }
    return static_cast<int>(*count);
}

/// Takes weight=N, limit=N or way=WAY.
Result<void> take_word(const std::string& word, db::RealServer& server)
{
    const auto equals = word.find('=');
    const auto key = word.substr(0, equals);
    if (equals == std::string::npos || (key != "weight" && key != "limit" && key != "way"))
        return invalid("\"" + one_line(word, 40) +
                       "\" is unknown: give weight=N, limit=N or way=routed");
    const auto value = word.substr(equals + 1);
    if (key == "way") {
        if (value != "tunnel" && value != "routed")
            return invalid("way \"" + one_line(value, 40) + "\" is unknown: give tunnel or routed");
        server.way = value;
        return {};
    }
    const auto count = key == "weight" ? read_weight(value) : read_limit(value);
    if (!count)
        return count.error();
    (key == "weight" ? server.weight : server.limit) = *count;
    return {};
}

/// An address with or without a port, as typed: [ADDR]:PORT for IPv6.
struct Endpoint {
    std::string address;
    std::string port; // Empty: none.
};

Endpoint split_endpoint(const std::string& text)
{
    if (is_ipv6(text))
        return {plain_address(text), ""};
    if (text.starts_with('[') && text.ends_with(']'))
        return {plain_address(text.substr(1, text.size() - 2)), ""};
    const auto colon = text.rfind(':');
    if (colon == std::string::npos)
        return {text, ""};
    std::string address = text.substr(0, colon);
    if (address.size() > 2 && address.front() == '[' && address.back() == ']')
        address = plain_address(address.substr(1, address.size() - 2));
    return {address, text.substr(colon + 1)};
}

bool is_address(const std::string& text)
{
    return parse_ipv4(text) || is_ipv6(text);
}

} // namespace

std::vector<std::string> split_words(std::string_view text)
{
    std::vector<std::string> words;
    for (;;) {
        const auto comma = text.find(',');
        words.emplace_back(trimmed(text.substr(0, comma)));
        if (comma == std::string_view::npos)
            return words;
        text.remove_prefix(comma + 1);
    }
}

Result<Vip> read_vip(const std::string& text)
{
    const std::string what = "--vip " + one_line(text, 60);
    const auto slash = text.rfind('/');
    const Endpoint at = split_endpoint(text.substr(0, slash));
    if (slash == std::string::npos || at.port.empty() || !is_address(at.address)) {
        return invalid(what + ": give ADDR:PORT/PROTO, such as 10.0.0.80:80/tcp or "
                              "[fd00::80]:80/tcp");
    }
    if (!is_machine_address(at.address))
        return invalid(what + ": no machine can have this address: give another");
    const auto port = read_port(at.port);
    if (!port)
        return invalid(what + ": " + port.error().message);
    const auto protocol = text.substr(slash + 1);
    if (protocol != "tcp" && protocol != "udp") {
        return invalid(what + ": protocol " + one_line(protocol, 40) +
                       " is not balanced: give tcp or udp");
    }
    return Vip{at.address, *port, protocol};
}

Result<std::string> read_gateway(const std::string& text, const std::string& vip)
{
    if (text.empty())
        return text;
    if (is_ipv6(vip)) {
        return invalid("--gateway " + one_line(text, 60) +
                       ": servers outside of the fleet are reached by IPv4 alone: leave it out");
    }
    if (!parse_ipv4(text) || !is_machine_address(text)) {
        return invalid("--gateway " + one_line(text, 60) +
                       " is no IPv4 address of a router: give one such as 10.0.0.1");
    }
    if (text == vip)
        return invalid("--gateway " + text + " is the VIP itself: give the router's own address");
    return text;
}

Result<int> read_weight(std::string_view text)
{
    return read_count("weight", text, db::weight_max);
}

Result<int> read_limit(std::string_view text)
{
    return read_count("limit", text, db::limit_max);
}

Result<db::RealServer> read_server(const std::string& text, int port)
{
    const std::string what = "server " + one_line(text, 60);
    const auto words = split_words(text);
    const Endpoint at = split_endpoint(words[0]);
    if (!is_address(at.address) || !is_machine_address(at.address) ||
        (at.port.empty() && words[0].ends_with(':'))) {
        return invalid(what + ": give ADDR[:PORT][,weight=N][,limit=N][,way=routed], such as "
                              "10.0.20.11:8080,weight=2");
    }
    db::RealServer server;
    server.address = at.address;
    server.port = port;
    if (!at.port.empty()) {
        const auto own = read_port(at.port);
        if (!own)
            return invalid(what + ": " + own.error().message);
        server.port = *own;
    }
    std::set<std::string> keys;
    for (std::size_t i = 1; i < words.size(); ++i) {
        if (auto fine = take_word(words[i], server); !fine)
            return invalid(what + ": " + fine.error().message);
        const auto key = words[i].substr(0, words[i].find('='));
        if (!keys.insert(key).second)
            return invalid(what + ": " + key + " is given twice: give it once");
    }
    return server;
}

} // namespace holdfast::hookd
