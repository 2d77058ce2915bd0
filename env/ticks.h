// SPDX-License-Identifier: Apache-2.0
//
// env/ticks: what nodes' processors have done, as /proc/stat counts it.
//
// A node tells how busy it was, some times a minute; `top` looks at differences of counts, each
// second.  So time that goes by is counted here as it was last spent, and no count goes back.
// Pure: no clock.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "env/members.h"

namespace holdfast::env {

/// Of one node, all its processors together, in hundredths of a second (USER_HZ).
struct NodeTicks {
    double user = 0, system = 0, iowait = 0, idle = 0;

    bool operator==(const NodeTicks&) const = default;
};

/// Of nodes, by name.
class Ticks {
public:
    /// It is `now`, seconds since the epoch: what went by since the last call is counted.  A node
    /// that is new begins with the time since its start; one that is not among them is forgotten.
    void advance(const std::vector<Member>& nodes, double now);
    const NodeTicks& of(const std::string& node) const { return nodes_.at(node); }

private:
    std::map<std::string, NodeTicks> nodes_;
    double last_ = 0;
};

} // namespace holdfast::env
