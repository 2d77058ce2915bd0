// SPDX-License-Identifier: Apache-2.0
//
// recovery/decide: what is to be done about failures, by the rows as they are now (spec
// recovery.md, R8, R12).
//
// Pure.  Used by the daemon that leads; all that is remembered is in rows.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "recovery/limits.h"
#include "recovery/rows.h"

namespace holdfast::recovery {

/// One thing to do about one failure.
struct Order {
    enum class Kind {
        put,    // Write `to` in the place of `was`.
        run,    // Carry it out: `to` is the row as it is.
        remove, // Forget it: likewise.
    };
    Kind kind = Kind::put;
    std::optional<db::Recovery> was; // None: it is new, and gets its id when it is written.
    db::Recovery to;
};

/// All that is to be done now, what came first in front.  `late`: hypervisors that are not heard of
/// (recovery/lateness.h); `now`: by the clock of rows.
std::vector<Order> decide(const PoolRows& rows, const Limits& limits,
                          const std::set<std::string>& late, db::TimeNs now);

} // namespace holdfast::recovery
