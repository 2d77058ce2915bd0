// SPDX-License-Identifier: Apache-2.0
//
// hookd/agent-silence: see agent-silence.h.
#include <config.h>

#include "hookd/agent-silence.h"

#include <string_view>

namespace holdfast::hookd {
namespace {

constexpr int most_missed = 3; // Questions without an answer, and it hangs.

} // namespace

void AgentSilence::asked(const std::string& vm, AgentSign sign, bool runs, Time now)
{
    const auto agent = agents_.find(vm);
    if (sign == AgentSign::answers)
        agents_[vm] = {now, 0};
    else if (sign == AgentSign::away || !runs)
        forget(vm);
    else if (agent != agents_.end())
        ++agent->second.missed;
}

/// That nobody has asked is no silence.
std::optional<AgentSilence::Seconds> AgentSilence::of(const std::string& vm, Time now) const
{
    const auto agent = agents_.find(vm);
    if (agent == agents_.end())
        return std::nullopt;
    if (agent->second.missed < most_missed)
        return Seconds::zero();
    return std::chrono::duration_cast<Seconds>(now - agent->second.answered);
}

std::map<std::string, AgentSilence::Seconds> AgentSilence::all(Time now) const
{
    std::map<std::string, Seconds> silence;
    for (const auto& [vm, agent] : agents_)
        silence[vm] = *of(vm, now);
    return silence;
}

/// Libvirt writes <target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>, after a
/// <source> whose path may end in that name.
bool has_agent(const std::string& xml)
{
    const auto name = xml.find("name='org.qemu.guest_agent.0'");
    if (name == std::string::npos)
        return false;
    const std::string_view rest = std::string_view{xml}.substr(name);
    const auto target = rest.substr(0, rest.find('>'));
    return target.find("state='connected'") != target.npos;
}

} // namespace holdfast::hookd
