// SPDX-License-Identifier: Apache-2.0
//
// recovery/limits: how many recoveries, how often, and when none begins by itself (spec
// recovery.md, R12).
//
// Pure; the clock is the caller's.
#pragma once

#include "recovery/fence.h"

#include <optional>
#include <string>
#include <vector>

namespace holdfast::recovery {

struct Limits {
    int at_once = 3;      // Recoveries in the whole fleet.
    int attempts = 3;     // Of one VM, until it was well for `well_after`.
    Seconds back_off{30}; // After the first attempt that failed; twice as long after each more.
    Seconds longest{600}; // At most.
    Seconds well_after{3600};
};

/// What has been tried with a VM.
struct Attempts {
    int failed = 0; // Since it was well.
    Instant last{}; // When the last one ended.
};

/// The fleet when a recovery is asked for.
struct FleetState {
    int members = 1; // Hypervisors, dead ones too.
    int gone = 0;    // Of them, not heard of.
    int running = 0; // Recoveries under way.
};

enum class Verdict {
    begin,
    wait,    // Until `when`; without it until another recovery has ended.
    give_up, // A person has to look.
    stopped, // No VM is recovered by itself now.
};

struct Permit {
    Verdict verdict = Verdict::begin;
    std::optional<Instant> when;
    std::string why; // One line; empty where it may begin.
};

/// Whether a VM's recovery may begin by itself now.  One that is asked for by hand has the limit of
/// recoveries at once alone.
Permit may_begin(const Attempts& attempts, const FleetState& fleet, const Limits& limits,
                 Instant now, bool by_hand = false);

/// The attempts after one that ended at `now`.
Attempts after(Attempts attempts, bool recovered, Instant now);
/// The same as they count at `now`: none once the VM was well for long.
Attempts as_of(Attempts attempts, bool well, const Limits& limits, Instant now);

} // namespace holdfast::recovery
