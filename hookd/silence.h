// SPDX-License-Identifier: Apache-2.0
//
// hookd/silence: which hypervisors are not heard of any more, and which of them are dead.
//
// Pure.  Each writes its clock's time into its row of the fleet, again and again.  That the row
// changes is what tells life, by the clock of who looks: two machines' clocks may differ.
// A row that stays as it is tells that a daemon is silent, not that the machine is dead, and the
// VMs with it: that takes a second witness, the kernel there, which answers an ICMP echo whatever
// daemons run.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "db/rows.h"

namespace holdfast::hookd {

/// Four heartbeats.
constexpr auto silence_limit = std::chrono::seconds{60};
/// One heartbeat and what may delay it: who is later is asked for an echo.
constexpr auto late_limit = std::chrono::seconds{18};
/// As many echoes in a row have no answer when a hypervisor is dead.
constexpr int most_unanswered = 5;

/// What was heard of whom.  Ids are those of hypervisors' rows.
class Silence {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// These were dead when they were last looked at, before a restart of who looks: so they are
    /// until something is heard of them.
    void were_dead(const std::set<std::string>& ids, Time now);
    /// Takes the fleet's rows as they are at `now`.  Ids of those that have changed since the last
    /// look: a row that is looked at for the first time tells nothing yet.
    std::set<std::string> look(const std::vector<db::Hypervisor>& rows, Time now);
    /// Nobody could be heard until `now`.
    void listen_anew(Time now);
    /// Whether hypervisor `id` has not been heard of for longer than the limit.
    bool silent(const std::string& id, Time now) const;

    /// Whether it is to be asked for an echo: it is late, or has not answered one yet.
    bool wants_echo(const std::string& id, Time now) const;
    /// It was asked for an echo once more.
    void asked(const std::string& id, Time now);
    /// It has answered an echo.
    void answered(const std::string& id);
    /// Whether it has ever answered one.  Of one that has not, as behind a firewall, nobody can
    /// tell whether it is dead.
    bool answers(const std::string& id) const;
    /// Those that neither write nor answer any more, though they did answer.
    std::set<std::string> dead() const;
    /// Whether it is to be taken for dead where that of two one must act: it is dead, or has never
    /// answered an echo and is silent.  `was`: what this was until now, which it stays while
    /// nothing can tell, as after a restart, or while rows cannot be read (`readable`).
    bool lost(const std::string& id, bool was, bool readable, Time now) const;

private:
    struct Heard {
        std::optional<db::TimeNs>
            seen;           // As its row says, by its own clock; none: not looked at yet.
        Time since;         // Its row changed.
        bool wrote = false; // Its row was seen to change.
        bool answers = false;
        int unanswered = 0; // Echoes since the last answer, while it is late.
        bool dead = false;
    };
    std::map<std::string, Heard> heard_; // By id.
};

} // namespace holdfast::hookd
