// SPDX-License-Identifier: Apache-2.0
//
// hookd/lease-guard: when a hypervisor that is cut off from its fleet must let its VMs stand still
// (spec recovery.md, R9).
//
// Pure.  It says that it lives, again and again; the others count from when they saw that, and
// begin to replace its VMs a lease later.  It counts from when it sent it, and gives up sooner: no
// two clocks are compared.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/boot-clock.h"

namespace holdfast::hookd {

class LeaseGuard {
public:
    using Clock = BootClock;
    using Time = Clock::time_point;
    using Seconds = std::chrono::seconds;

    /// Begins with what the fleet has had last, as far as is known.
    explicit LeaseGuard(Time sent) : sent_{sent} {}

    /// The fleet has what was sent then.
    void confirmed(Time sent) { sent_ = std::max(sent_, sent); }
    /// Whether a VM under this lease must stand still; without one (0) never.
    bool expired(Seconds lease, Time now) const
    {
        return lease > Seconds::zero() && now - sent_ >= lease * 3 / 4;
    }
    /// When a VM under this lease that does not stand still by then is to be killed: what is left
    /// of it is for that.
    Time deadline(Seconds lease) const { return sent_ + lease * 7 / 8; }
    /// What was confirmed last.
    Time sent() const { return sent_; }
    /// How often it has to say that it lives, for leases as short as this.
    static Seconds beat_for(Seconds lease) { return std::max(lease / 5, Seconds{1}); }

private:
    Time sent_;
};

} // namespace holdfast::hookd
