// SPDX-License-Identifier: Apache-2.0
//
// schedd/balance-memory: see balance-memory.h.
#include <config.h>

#include "schedd/balance-memory.h"

#include <nlohmann/json.hpp>

namespace holdfast::schedd {
namespace {

using nlohmann::json;

std::int64_t seconds(Time time)
{
    return time.time_since_epoch().count();
}

Time time_of(const json& seconds)
{
    return Time{Seconds{seconds.get<std::int64_t>()}};
}

Role role_of(const json& number)
{
    const int role = number;
    return role < 0 || role > static_cast<int>(Role::drained) ? Role::active
                                                              : static_cast<Role>(role);
}

MoveMemory move_from(const json& row)
{
    MoveMemory move;
    move.from = row.at("from");
    move.to = row.at("to");
    move.at = time_of(row.at("at"));
    move.cpu = row.at("cpu");
    move.from_load = row.at("loads").at(0);
    move.to_load = row.at("loads").at(1);
    move.landed = time_of(row.at("landed"));
    move.judged = row.at("judged");
    move.useless = row.at("useless");
    move.rests_until = time_of(row.at("until"));
    return move;
}

} // namespace

std::string memory_text(const BalanceMemory& memory)
{
    json nodes = json::object(), moved = json::object();
    for (const auto& [name, node] : memory.nodes)
        nodes[name] = {{"role", static_cast<int>(node.role)},
                       {"for", node.stands_in_for},
                       {"into", node.into}};
    for (const auto& [id, move] : memory.moved)
        moved[id] = {{"from", move.from},
                     {"to", move.to},
                     {"at", seconds(move.at)},
                     {"cpu", move.cpu},
                     {"loads", {move.from_load, move.to_load}},
                     {"landed", seconds(move.landed)},
                     {"judged", move.judged},
                     {"useless", move.useless},
                     {"until", seconds(move.rests_until)}};
    return json{{"nodes", nodes}, {"moved", moved}, {"consolidated", memory.consolidated}}.dump();
}

BalanceMemory memory_from(const std::string& text)
try {
    const json object = json::parse(text);
    BalanceMemory memory;
    for (const auto& [name, node] : object.at("nodes").items())
        memory.nodes[name] = {role_of(node.at("role")), node.at("for"), node.at("into")};
    for (const auto& [id, row] : object.at("moved").items())
        memory.moved[id] = move_from(row);
    memory.consolidated = object.at("consolidated");
    return memory;
} catch (const json::exception&) {
    return {};
}

} // namespace holdfast::schedd
