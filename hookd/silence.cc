// SPDX-License-Identifier: Apache-2.0
//
// hookd/silence: see silence.h.
#include <config.h>

#include "hookd/silence.h"

namespace holdfast::hookd {

void Silence::remember(const std::string& id, bool was_dead, Time now)
{
    Heard& heard = heard_[id];
    heard.since = now;
    heard.answers = true;
    heard.dead = was_dead;
}

std::set<std::string> Silence::look(const std::vector<db::Hypervisor>& rows, Time now)
{
    std::set<std::string> changed;
    std::map<std::string, Heard> heard;
    for (const db::Hypervisor& row : rows) {
        const auto before = heard_.find(row.id);
        Heard& entry = heard[row.id];
        entry = before == heard_.end() ? Heard{std::nullopt, now} : before->second;
        // A server that was started anew forgets it; who lives has written soon.
        if (row.seen == 0) {
            entry.looked |= entry.unanswered && now - entry.since > silence_limit;
            continue;
        }
        if (entry.seen && *entry.seen != row.seen) {
            entry.since = now;
            entry.wrote = now;
            entry.looked = entry.dead = false;
            changed.insert(row.id);
        }
        entry.looked |= entry.unanswered && entry.is_late(now);
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

std::optional<Silence::Time> Silence::heard(const std::string& id) const
{
    const Heard* heard = find(id);
    return heard ? std::optional{heard->since} : std::nullopt;
}

bool Silence::silent(const std::string& id, Time now) const
{
    const Heard* heard = find(id);
    return heard && now - heard->since > silence_limit;
}

bool Silence::wants_look(const std::string& id, Time now) const
{
    const Heard* heard = find(id);
    return heard && heard->is_late(now) && heard->answers && heard->unanswered && !heard->looked &&
           !heard->dead;
}

bool Silence::wants_echo(const std::string& id, Time now) const
{
    const Heard* heard = find(id);
    return !heard || !heard->answers || heard->dead || heard->unanswered || heard->is_late(now) ||
           now - heard->asked_at > idle_limit;
}

void Silence::asked(const std::string& id, bool readable, Time now)
{
    Heard& heard = heard_.try_emplace(id, Heard{std::nullopt, now}).first->second;
    if (heard.unanswered == 0) {
        heard.looked = false;
        heard.unanswered_since = now;
    }
    if (heard.answers && heard.unanswered >= most_unanswered) {
        if (heard.is_late(now))
            heard.dead |= heard.looked || !readable;
        else if (heard.wrote && *heard.wrote - heard.unanswered_since > silence_limit) {
            heard.answers = false;
            heard.stopped = true;
        }
    }
    ++heard.unanswered;
    heard.asked_at = now;
}

bool Silence::answered(const std::string& id, Time now)
{
    const auto found = heard_.find(id);
    if (found == heard_.end())
        return false;
    Heard& heard = found->second;
    const bool news = !heard.answers || heard.dead;
    heard.answers = true;
    heard.stopped = false;
    heard.unanswered = 0;
    heard.asked_at = now;
    heard.dead = false;
    return news;
}

void Silence::moved(const std::string& id)
{
    if (const auto found = heard_.find(id); found != heard_.end()) {
        found->second.answers = found->second.stopped = found->second.dead = false;
        found->second.unanswered = 0;
    }
}

bool Silence::answers(const std::string& id) const
{
    const Heard* heard = find(id);
    return heard && heard->answers;
}

bool Silence::stopped(const std::string& id) const
{
    const Heard* heard = find(id);
    return heard && heard->stopped;
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
    const Heard* heard = find(id);
    if (!heard)
        return was;
    if (heard->answers || heard->dead)
        return heard->dead;
    if (!readable)
        return was;
    return silent(id, now) || (was && !heard->wrote);
}

const Silence::Heard* Silence::find(const std::string& id) const
{
    const auto found = heard_.find(id);
    return found == heard_.end() ? nullptr : &found->second;
}

} // namespace holdfast::hookd
