// SPDX-License-Identifier: Apache-2.0
//
// env/ticks: see ticks.h.
#include <config.h>

#include "env/ticks.h"

#include <algorithm>
#include <utility>

namespace holdfast::env {
namespace {

constexpr double hertz = 100;

void add(NodeTicks& ticks, const db::Resources& node, double seconds)
{
    const double all = std::max(0.0, seconds) * hertz * node.cpus;
    ticks.user += all * node.user / 1000;
    ticks.system += all * node.system / 1000;
    ticks.iowait += all * node.iowait / 1000;
    ticks.idle += all * (1000 - node.user - node.system - node.iowait) / 1000;
}

} // namespace

void Ticks::advance(const std::vector<Member>& nodes, double now)
{
    std::map<std::string, NodeTicks> counted;
    for (const Member& node : nodes) {
        const auto known = nodes_.find(node.name);
        NodeTicks& ticks = counted[node.name];
        if (known != nodes_.end())
            ticks = known->second;
        add(ticks, *node.resources,
            now - (known != nodes_.end() ? last_ : static_cast<double>(node.resources->booted)));
    }
    nodes_ = std::move(counted);
    last_ = std::max(last_, now);
}

} // namespace holdfast::env
