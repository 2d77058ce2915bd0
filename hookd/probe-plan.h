// SPDX-License-Identifier: Apache-2.0
//
// hookd/probe-plan: how probes of real servers find their way, and what their answers mean (spec
// balancer.md, B10).
//
// All probes of a VIP have one destination.  So each server has a number, which is the mark of its
// probes and the routing table that leads the VIP to it, in a network namespace of their own.
// Pure: command lines, routes to add and to remove, and texts.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "hookd/health.h"

namespace holdfast::hookd {

/// The network namespace from which probes come.
constexpr const char* probe_space = "holdfast-probe";

/// A program's name and its arguments.
using Command = std::vector<std::string>;

/// The way to one server.
struct ProbeRoute {
    std::string vip;
    std::string server;
    int number = 0; // Mark and routing table, 1000 to 31999: below are the system's own tables,
                    // above the system's own rules.

    bool operator==(const ProbeRoute&) const = default;
};

/// Which ways there are.
class ProbeRoutes {
public:
    /// What to do so that there is a way to each target and none else.
    struct Change {
        std::vector<ProbeRoute> remove;
        std::vector<ProbeRoute> add;
    };

    /// Takes the targets that there are now; who stays keeps its number.
    /// Shape:   of more than 31,000 the last ones have no way.
    Change want(const std::vector<ProbeTarget>& targets);
    /// All ways are gone, as with the port: what to add so that they are there again.
    std::vector<ProbeRoute> all() const;
    /// The target's number; 0 if it has none.
    int number(const ProbeTarget& target) const;

private:
    using Key = std::pair<std::string, std::string>; // Of a VIP and a server.
    std::map<Key, int> numbers_;
};

/// What makes the port on `bridge`; `ovs_db` is where the switch's database is, or empty.
Command make_port(const std::string& bridge, const std::string& ovs_db);
/// What brings a port that was just made into the namespace.
Command move_port();
/// What sets the port up there for one family, IPv4 first; whatever ways of it there were are gone.
std::vector<Command> set_up_port(bool v6);
/// Without what there is of IPv6.
ProbeRoutes::Change without_v6(ProbeRoutes::Change change);
bool is_v6(const ProbeTarget& target);
std::vector<Command> add_route(const ProbeRoute& route);
std::vector<Command> remove_route(const ProbeRoute& route);

/// What runs a check's program: its packets bear no mark, so the first leads the VIP to this server
/// for all that do not.  No two for one VIP may run at a time.
std::vector<Command> run_check(const ProbeTarget& target);

/// What is sent to a server that speaks HTTP.
/// Source:  RFC 9112, section 3.
std::string http_request(const ProbeTarget& target);
/// What the first line of its answer says of it; `answer_us` is left to the caller.
/// Source:  RFC 9112, section 4.
ProbeResult judge_http(const std::string& line, int expect);

} // namespace holdfast::hookd
