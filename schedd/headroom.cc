// SPDX-License-Identifier: Apache-2.0
//
// schedd/headroom: whether others can take what is on a node, before it becomes a spare.
#include <config.h>

#include "schedd/steps.h"

#include <algorithm>

namespace holdfast::schedd {

Headroom::Headroom(const Plan& plan) : plan_{plan}
{
    for (std::uint32_t i = 0; i < plan.environment().nodes.size(); ++i)
        total_ += of(NodeId{i});
}

Cpu Headroom::of(NodeId node) const
{
    if (plan_.role(node) != Role::active)
        return 0;
    return std::max<Load>(0, plan_.policy().threshold - plan_.load(node)) *
           plan_.node(node).capacity / 1000;
}

bool Headroom::take(NodeId node)
{
    const Cpu left = total_ - of(node) - movable_cpu(plan_, node);
    if (left < 0)
        return false;
    total_ = left;
    return true;
}

Cpu movable_cpu(const Plan& plan, NodeId node)
{
    Cpu sum = 0;
    for (const std::uint32_t index : plan.processes_on(node))
        sum += plan.process(index).pinned ? 0 : plan.process(index).cpu;
    return sum;
}

int count_pinned(const Plan& plan, NodeId node)
{
    const auto& processes = plan.processes_on(node);
    return static_cast<int>(
        std::count_if(processes.begin(), processes.end(),
                      [&](std::uint32_t index) { return plan.process(index).pinned; }));
}

} // namespace holdfast::schedd
