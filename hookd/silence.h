// SPDX-License-Identifier: Apache-2.0
//
// hookd/silence: which hypervisors are not heard of any more.
//
// Pure.  Each writes its clock's time into its row of the fleet, again and again.  That the row
// changes is what tells life, by the clock of who looks: two machines' clocks may differ.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "db/rows.h"

namespace holdfast::hookd {

/// Four heartbeats.
constexpr auto silence_limit = std::chrono::seconds{60};

/// What was heard of whom.
class Silence {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// Takes the fleet's rows as they are at `now`.  Ids of those that have changed since the last
    /// look: a row that is looked at for the first time tells nothing yet.
    std::set<std::string> look(const std::vector<db::Hypervisor>& rows, Time now);
    /// Nobody could be heard until `now`.
    void listen_anew(Time now);
    /// Whether hypervisor `id` has not been heard of for longer than the limit.
    bool silent(const std::string& id, Time now) const;

private:
    struct Heard {
        db::TimeNs seen; // As its row says, by its own clock.
        Time since;
    };
    std::map<std::string, Heard> heard_; // By id.
};

} // namespace holdfast::hookd
