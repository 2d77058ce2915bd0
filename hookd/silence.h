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
/// One heartbeat and what may delay it: who is later is asked for an echo, and its row is read
/// anew.
constexpr auto late_limit = std::chrono::seconds{18};
/// All others are asked as often as this, so that it is known who answers.
constexpr auto idle_limit = std::chrono::seconds{60};
/// As many echoes in a row have no answer when a hypervisor is dead.
constexpr int most_unanswered = 5;

/// What was heard of whom.  Ids are those of hypervisors' rows.
class Silence {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// It had answered an echo before a restart of who looks, and was dead when it was last looked
    /// at: so it is until something is heard of it.
    void remember(const std::string& id, bool was_dead, Time now);
    /// Takes the fleet's rows as they are at `now`.  Ids of those that have changed since the last
    /// look: a row that is looked at for the first time tells nothing yet, nor does one that a new
    /// server has not been told of (seen is 0).
    std::set<std::string> look(const std::vector<db::Hypervisor>& rows, Time now);
    /// Nobody could be heard until `now`.
    void listen_anew(Time now);
    /// When its row was seen to change last, or later; none: it is not known.
    std::optional<Time> heard(const std::string& id) const;
    /// Whether hypervisor `id` has not been heard of for longer than the limit.
    bool silent(const std::string& id, Time now) const;

    /// Whether it is to be asked for an echo: it is late, has not answered one yet, or not for
    /// long.
    bool wants_echo(const std::string& id, Time now) const;
    /// Whether its row is to be read anew, since it is late and has not answered.
    bool wants_look(const std::string& id, Time now) const;
    /// It was asked for an echo once more.  `readable`: rows can be read, and one that is dead must
    /// have been read since it stopped to answer.
    void asked(const std::string& id, bool readable, Time now);
    /// It has answered an echo.  Whether that is news.
    bool answered(const std::string& id, Time now);
    /// It has another address: whether that answers is not known.
    void moved(const std::string& id);
    /// Whether it answered the last echoes while it wrote.  Of one that does not, as behind a
    /// firewall, nobody can tell whether it is dead.
    bool answers(const std::string& id) const;
    /// Whether it did, and does not any more though it writes.
    bool stopped(const std::string& id) const;
    /// Those that neither write nor answer any more, though they did answer.
    std::set<std::string> dead() const;
    /// Whether it is to be taken for dead where that of two one must act: it is dead, or does not
    /// answer echoes and is silent.  `was`: what this was until now, which it stays while nothing
    /// can tell, as after a restart, or while rows cannot be read.
    bool lost(const std::string& id, bool was, bool readable, Time now) const;

private:
    struct Heard {
        std::optional<db::TimeNs>
            seen;                    // As its row says, by its own clock; none: not looked at yet.
        Time since;                  // Its row changed, or nobody could be heard until then.
        std::optional<Time> wrote{}; // Its row was seen to change, last.
        bool answers = false;
        bool stopped = false; // To answer, though it writes.
        int unanswered = 0;   // Echoes since the last answer.
        bool looked = false;  // Its row was read once it was late, and had not changed.
        Time asked_at{};
        Time unanswered_since{};
        bool dead = false;

        bool is_late(Time now) const { return now - since > late_limit; }
    };
    /// Null if it was neither looked at nor asked.
    const Heard* find(const std::string& id) const;

    std::map<std::string, Heard> heard_; // By id.
};

} // namespace holdfast::hookd
