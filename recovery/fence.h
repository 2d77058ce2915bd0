// SPDX-License-Identifier: Apache-2.0
//
// recovery/fence: never two of one identity (spec recovery.md, R9).
//
// Pure.  Before a replacement has a VM's addresses, or its disks, the VM is known to be gone, or
// cannot use them any more.
#pragma once

#include "recovery/failure.h"
#include "recovery/plan.h"

#include <chrono>

namespace holdfast::recovery {

using Instant = std::chrono::steady_clock::time_point;

/// The VM that is replaced, as far as is known, and its hypervisor.
struct Holder {
    bool gone = false;         // Its hypervisor said, after the failure, that it does not run.
    bool port_blocked = false; // Its switch said that nothing passes its ports any more.
    bool reachable = false;    // Its hypervisor can be asked.
    bool watchdog = false;     // It stops its VMs by itself once its lease has expired.
    Instant lease_end{}; // Of its lease, by the clock of who looks, with all that can delay it.
};

/// What is to be done before the replacement begins.
enum class FenceStep {
    none,       // It may begin.
    block_port, // Ask the old hypervisor's switch to let nothing pass its ports.
    destroy,    // Ask the old hypervisor to end it.
    wait,       // Until lease_end.
    ask,        // Nobody can tell: a person has to say that it is gone.
};

/// Shape:   asked again after each step; a step that is refused leaves `reachable` false.
FenceStep next_step(const Holder& holder, Way way, Instant now);

/// Whether a hypervisor that comes back may start a VM that it had: not one that was replaced, or
/// that another has taken over since.
bool may_start(bool replaced, std::int64_t own_epoch, std::int64_t fleet_epoch);

} // namespace holdfast::recovery
