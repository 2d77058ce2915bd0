// SPDX-License-Identifier: Apache-2.0
//
// hookd/silence: see silence.h.
#include <config.h>

#include "hookd/silence.h"

namespace holdfast::hookd {

void Silence::were_dead(const std::set<std::string>& ids, Time now)
{
    for (const std::string& id : ids)
        heard_[id] = {std::nullopt, now, false, true, most_unanswered, true};
}

std::set<std::string> Silence::look(const std::vector<db::Hypervisor>& rows, Time now)
{
    std::set<std::string> changed;
    std::map<std::string, Heard> heard;
    for (const db::Hypervisor& row : rows) {
        const auto before = heard_.find(row.id);
        Heard& entry = heard[row.id];
        entry = before == heard_.end() ? Heard{std::nullopt, now} : before->second;
        if (entry.seen && *entry.seen != row.seen) {
            entry.since = now;
            entry.wrote = true;
            entry.unanswered = 0;
            entry.dead = false;
            changed.insert(row.id);
        }
        entry.seen = row.seen;
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

bool Silence::wants_echo(const std::string& id, Time now) const
{
    const auto found = heard_.find(id);
    return found == heard_.end() || !found->second.answers || found->second.dead ||
           now - found->second.since > late_limit;
}

void Silence::asked(const std::string& id, Time now)
{
    Heard& heard = heard_.try_emplace(id, Heard{std::nullopt, now}).first->second;
    if (now - heard.since <= late_limit)
        return; // Its row tells that it lives.
    heard.dead |= heard.answers && heard.unanswered >= most_unanswered;
    ++heard.unanswered;
}

void Silence::answered(const std::string& id)
{
    const auto found = heard_.find(id);
    if (found == heard_.end())
        return;
    found->second.answers = true;
    found->second.unanswered = 0;
    found->second.dead = false;
}

bool Silence::answers(const std::string& id) const
{
    const auto found = heard_.find(id);
    return found != heard_.end() && found->second.answers;
}

std::set<std::string> Silence::dead() const
{
    std::set<std::string> ids;
    for (const auto& [id, heard] : heard_)
        if (heard.dead)
            ids.insert(id);
    return ids;
}

bool Silence::lost(const std::string& id, bool was, bool readable, Time now) const
{
    const auto found = heard_.find(id);
    if (found == heard_.end())
        return was;
    const Heard& heard = found->second;
    if (heard.answers)
        return heard.dead;
    return heard.wrote && readable ? silent(id, now) : was;
}

} // namespace holdfast::hookd
