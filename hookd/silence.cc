// SPDX-License-Identifier: Apache-2.0
//
// hookd/silence: see silence.h.
#include <config.h>

#include "hookd/silence.h"

namespace holdfast::hookd {

std::set<std::string> Silence::look(const std::vector<db::Hypervisor>& rows, Time now)
{
    std::set<std::string> changed;
    std::map<std::string, Heard> heard;
    for (const db::Hypervisor& row : rows) {
        const auto before = heard_.find(row.id);
        const bool known = before != heard_.end();
        if (known && before->second.seen == row.seen) {
            heard[row.id] = before->second;
            continue;
        }
        heard[row.id] = {row.seen, now};
        if (known)
            changed.insert(row.id);
    }
    heard_ = std::move(heard);
    return changed;
}

void Silence::listen_anew(Time now)
{
    for (auto& [id, heard] : heard_)
        heard.since = now;
}

bool Silence::silent(const std::string& id, Time now) const
{
    const auto found = heard_.find(id);
    return found != heard_.end() && now - found->second.since > silence_limit;
}

} // namespace holdfast::hookd
