// SPDX-License-Identifier: Apache-2.0
//
// recovery/lateness: of which hypervisors the row has not changed for too long (spec recovery.md,
// R8).
//
// Pure.  When each was seen last stands in its row by the wall clock, which can be set: that it
// changes is what counts here, by a clock that only runs.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "db/rows.h"
#include "recovery/fence.h"

namespace holdfast::recovery {

class Lateness {
public:
    /// Takes the rows as they are at `now`.  The names of those that are late; one that is looked
    /// at for the first time is not yet.
    std::set<std::string> look(const std::vector<db::Hypervisor>& rows, Instant now);

private:
    struct Seen {
        db::TimeNs seen = 0;
        Instant since{};
    };
    std::map<std::string, Seen> seen_; // By name.
};

} // namespace holdfast::recovery
