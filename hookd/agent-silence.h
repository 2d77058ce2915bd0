// SPDX-License-Identifier: Apache-2.0
//
// hookd/agent-silence: how long the guest agents of VMs have been silent (spec recovery.md, R8).
//
// Pure.  Only what has answered is missed, and only while its guest can answer: one that stands
// still, is started anew, or has ended its agent says nothing, and does not hang.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

namespace holdfast::hookd {

/// What became of a question.
enum class AgentSign {
    answers,
    silent, // It is connected, and has not answered in time.
    away,   // It is not connected, or there is none.
};

class AgentSilence {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Seconds = std::chrono::seconds;

    /// Its agent was asked at `now`.  `runs`: its guest does.
    void asked(const std::string& vm, AgentSign sign, bool runs, Time now);
    /// It has stood still, or begun anew: it is to answer before its silence counts.
    void forget(const std::string& vm) { agents_.erase(vm); }
    /// How long it has been silent; none: it has not answered yet.
    std::optional<Seconds> of(const std::string& vm, Time now) const;
    /// Of all.
    std::map<std::string, Seconds> all(Time now) const;

private:
    struct Agent {
        Time answered;  // Last.
        int missed = 0; // Questions since.
    };
    std::map<std::string, Agent> agents_;
};

/// Whether the domain's XML says that its guest has the agent's channel open.
bool has_agent(const std::string& xml);

} // namespace holdfast::hookd
