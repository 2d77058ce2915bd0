// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "recovery/lateness.h"

namespace holdfast::recovery {
namespace {

// As hookd/silence.h has it: four heartbeats.
constexpr Seconds silence_limit{60};

} // namespace

std::set<std::string> Lateness::look(const std::vector<db::Hypervisor>& rows, Instant now)
{
    std::set<std::string> late;
    std::map<std::string, Seen> seen;
    for (const db::Hypervisor& row : rows) {
        const auto before = seen_.find(row.name);
        const bool same = before != seen_.end() && before->second.seen == row.seen;
        seen[row.name] = same ? before->second : Seen{row.seen, now};
        if (row.seen != 0 && now - seen[row.name].since > silence_limit)
            late.insert(row.name);
    }
    seen_ = std::move(seen);
    return late;
}

} // namespace holdfast::recovery
