// SPDX-License-Identifier: Apache-2.0
//
// service/message: see the header.
#include <config.h>

#include "service/message.h"

#include <algorithm>
#include <climits>
#include <optional>

#include "common/text.h"

namespace holdfast::service {
namespace {

using Bytes = std::vector<std::uint8_t>;

void put_u32(Bytes& to, std::size_t value)
{
    for (int shift = 0; shift < 32; shift += 8)
        to.push_back(static_cast<std::uint8_t>(value >> shift));
}

template <class Text>
void put_sized(Bytes& to, const Text& bytes)
{
    put_u32(to, bytes.size());
    to.insert(to.end(), bytes.begin(), bytes.end());
}

/// Takes from the front of `rest`; nothing if it is shorter.
std::optional<std::span<const std::uint8_t>> take(std::span<const std::uint8_t>& rest,
                                                  std::size_t size)
{
    if (rest.size() < size)
        return std::nullopt;
    auto taken = rest.first(size);
    rest = rest.subspan(size);
    return taken;
}

std::optional<std::uint32_t> take_u32(std::span<const std::uint8_t>& rest)
{
    auto bytes = take(rest, 4);
    if (!bytes)
        return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 4; i-- > 0;)
        value = value << 8 | (*bytes)[i];
    return value;
}

template <class To>
bool take_sized(std::span<const std::uint8_t>& rest, To& to)
{
    auto size = take_u32(rest);
    auto bytes = size ? take(rest, *size) : std::nullopt;
    if (!bytes)
        return false;
    to.assign(bytes->begin(), bytes->end());
    return true;
}

Error cut_short(const std::string& what)
{
    return {Errc::damaged, "the other side's " + what + " is cut short"};
}

bool is_plain(const std::string& name)
{
    return !name.empty() && name.size() < 256 && name.front() != '.' &&
           std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c != '/'; });
}

} // namespace

nlohmann::json to_json(const Hello& hello)
{
    return {{"version", hello.version}, {"move", hello.move},     {"home", hello.home},
            {"mode", hello.mode},       {"speaks", hello.speaks}, {"service", hello.service},
            {"name", hello.name}};
}

Result<Hello> hello_of(const nlohmann::json& json)
try {
    Hello hello;
    hello.version = json.at("version");
    if (hello.version != protocol_version) {
        return Error{Errc::invalid, "the other side moves services by version " +
                                        std::to_string(hello.version) + ", this one by " +
                                        std::to_string(protocol_version) +
                                        ": bring both to one version of Holdfast"};
    }
    hello.move = json.at("move");
    hello.home = json.at("home");
    hello.mode = json.at("mode");
    hello.speaks = json.at("speaks");
    hello.service = json.at("service");
    hello.name = json.at("name");
    return hello;
} catch (const nlohmann::json::exception& wrong) {
    return Error{Errc::damaged, std::string{"the other side's hello: "} + wrong.what()};
}

nlohmann::json to_json(const std::vector<sockets::Neighbour>& neighbours)
{
    auto json = nlohmann::json::array();
    for (const auto& neighbour : neighbours)
        json.push_back({{"ip", neighbour.ip}, {"mac", neighbour.mac}});
    return json;
}

std::vector<sockets::Neighbour> neighbours_of(const nlohmann::json& json)
{
    std::vector<sockets::Neighbour> neighbours;
    for (const auto& one : json)
        neighbours.push_back({one.at("ip"), one.at("mac")});
    return neighbours;
}

Result<nlohmann::json> parse_payload(std::span<const std::uint8_t> payload)
{
    auto json = nlohmann::json::parse(payload.begin(), payload.end(), nullptr, false);
    if (!json.is_object())
        return Error{Errc::damaged, "a message of the other side is no JSON object"};
    return json;
}

std::vector<std::uint8_t> payload_of(const nlohmann::json& json)
{
    const std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return {text.begin(), text.end()};
}

std::string text(const Held& held)
{
    return std::to_string(held.process) + "/" + std::to_string(held.fd);
}

Result<Held> parse_held(const std::string& text)
{
    const auto slash = text.find('/');
    const auto process = parse_number(text.substr(0, slash));
    const auto fd =
        slash == std::string::npos ? std::nullopt : parse_number(text.substr(slash + 1));
    if (!process || !fd || *process < 1 || *process > INT_MAX || *fd < 0 || *fd > INT_MAX)
        return Error{Errc::damaged, "the other side says that a socket is at \"" +
                                        one_line(text, 40) + "\", which is no place"};
    return Held{static_cast<int>(*process), static_cast<int>(*fd)};
}

std::vector<std::uint8_t> encode(std::span<const MovedSocket> sockets)
{
    Bytes bytes;
    for (const MovedSocket& socket : sockets) {
        put_sized(bytes, socket.name);
        put_sized(bytes, socket.image);
        put_sized(bytes, socket.state);
    }
    return bytes;
}

Result<std::vector<MovedSocket>> decode_sockets(std::span<const std::uint8_t> bytes)
{
    std::vector<MovedSocket> sockets;
    while (!bytes.empty()) {
        MovedSocket& socket = sockets.emplace_back();
        if (!take_sized(bytes, socket.name) || !take_sized(bytes, socket.image) ||
            !take_sized(bytes, socket.state))
            return cut_short("list of sockets");
    }
    return sockets;
}

std::vector<std::uint8_t> encode(const FilePart& part)
{
    Bytes bytes;
    bytes.reserve(part.bytes.size() + part.name.size() + 9);
    put_u32(bytes, part.round);
    bytes.push_back(part.last);
    put_sized(bytes, part.name);
    bytes.insert(bytes.end(), part.bytes.begin(), part.bytes.end());
    return bytes;
}

Result<FilePart> decode_part(std::span<const std::uint8_t> bytes)
{
    FilePart part;
    auto round = take_u32(bytes);
    auto last = round ? take(bytes, 1) : std::nullopt;
    if (!last || !take_sized(bytes, part.name))
        return cut_short("part of a file");
    if (!is_plain(part.name))
        return Error{Errc::damaged, "the other side's name of a file is no plain one"};
    part.round = *round;
    part.last = last->front() != 0;
    part.bytes.assign(bytes.begin(), bytes.end());
    return part;
}

} // namespace holdfast::service
