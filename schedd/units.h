// SPDX-License-Identifier: Apache-2.0
//
// schedd/units: what amounts, loads and nodes are counted in, and how people read them.
//
// Plain values, no I/O.  Used by everything in this folder.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace holdfast::schedd {

/// How much of the fleet: of a user, or of a node.
/// Units:   thousandths of a unit, as the administrator's rates define it.
using Amount = std::int64_t;
constexpr Amount unit = 1000;

/// How busy a node is.
/// Units:   thousandths of all that it has: 754 is 75.4 %.  More than 1000 is a queue.
using Load = std::int64_t;

/// What work takes of a node's processors.
/// Units:   thousandths of a processor.
using Cpu = std::int64_t;

using Seconds = std::chrono::seconds;

/// CLOCK_REALTIME, UTC.
using Time = std::chrono::sys_seconds;

/// A node's place in the list of nodes that a decision is given.
enum class NodeId : std::uint32_t {};
/// A user's place in the list of users that a decision is given.
enum class UserId : std::uint32_t {};

constexpr NodeId no_node{std::numeric_limits<std::uint32_t>::max()};
constexpr UserId no_user{std::numeric_limits<std::uint32_t>::max()};

constexpr std::size_t at(NodeId node)
{
    return static_cast<std::size_t>(node);
}
constexpr std::size_t at(UserId user)
{
    return static_cast<std::size_t>(user);
}

template <class T>
bool contains(const std::vector<T>& list, const T& value)
{
    return std::find(list.begin(), list.end(), value) != list.end();
}

/// "90", or "2.5".
std::string amount_text(Amount amount);
/// "75.4 %".
std::string load_text(Load load);
/// "1 node", "3 nodes".
std::string count_text(std::int64_t count, const char* noun);

} // namespace holdfast::schedd
