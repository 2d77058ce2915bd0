// SPDX-License-Identifier: Apache-2.0
//
// common/policies: the ways in which a built-in director chooses a server (spec balancer.md, B9).
//
// Used by hookd, which refuses others, by the command, which lists them, and by the switch, which
// carries them out.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace holdfast {

/// A policy's name, and one line on what it does.
struct Policy {
    std::string_view name;
    std::string_view text;
};

/// All policies; the first is the default.
inline constexpr std::array policies{
    Policy{"mh", "consistent hashing (maglev): all directors choose alike"},
    Policy{"rr", "one after the other"},
    Policy{"wrr", "one after the other, by weight"},
    Policy{"lc", "the fewest connections"},
    Policy{"wlc", "the fewest connections for its weight"},
    Policy{"lblc", "by destination, the fewest connections for its weight"},
    Policy{"lblcr", "by destination, a set of servers with the fewest connections"},
    Policy{"dh", "hash of the destination address"},
    Policy{"sh", "hash of the source address"},
    Policy{"sed", "the shortest expected delay"},
    Policy{"nq", "an idle one, else the shortest expected delay"},
    Policy{"fo", "the highest weight that works"},
    Policy{"ovf", "the highest weight, until it has as many connections"},
    Policy{"dynamic", "by weights that follow the servers' load"},
};

/// Whether there is a policy of this name.
constexpr bool is_policy(std::string_view name)
{
    return std::any_of(policies.begin(), policies.end(),
                       [&](const Policy& policy) { return policy.name == name; });
}

} // namespace holdfast
