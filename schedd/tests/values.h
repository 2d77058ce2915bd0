// SPDX-License-Identifier: Apache-2.0
//
// schedd/tests/values: short ways to write nodes and users.
#pragma once

#include "schedd/pool.h"

#include <string>
#include <vector>

namespace holdfast::schedd {

constexpr NodeId hv(std::uint32_t number)
{
    return NodeId{number - 1};
} // hv1 is the first.

/// A node with room for ten users of the usual base amount.
inline Node open_node(const std::string& name, Load average = 100)
{
    Node node;
    node.name = name;
    node.capacity = 300 * unit;
    node.average = average;
    return node;
}

inline User user_named(const std::string& name, std::vector<NodeId> nodes = {},
                       Amount base = SharePolicy{}.base)
{
    User user;
    user.name = name;
    user.amount = static_cast<Amount>(nodes.size()) * base;
    for (NodeId node : nodes)
        user.share.push_back({node, base});
    return user;
}

} // namespace holdfast::schedd
