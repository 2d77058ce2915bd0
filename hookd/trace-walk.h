// SPDX-License-Identifier: Apache-2.0
//
// hookd/trace-walk: leads a frame from switch to switch, without sending one (spec C15).
//
// The hypervisor that is asked leads the walk; each switch is traced by its own hookd.
#pragma once

#include <functional>
#include <string>

#include "hookd/commands.h"
#include "hookd/trace.h"

namespace holdfast::hookd {

/// Where a walk begins, and where it goes on.
struct WalkOrder {
    std::string hypervisor;                    // Whose switch is first.
    std::string where;                         // "in_port=N", or "uplink".
    std::string packet;                        // For ofproto/trace, without in_port.
    std::function<bool(const db::Vm&)> is_hop; // What goes into this VM comes out of it again.
};

/// Walks until the packet has arrived somewhere; `done` is called once.
/// Thread: the daemon's.  `commands` and `daemon` outlive the walk.
void walk_frame(Commands& commands, Daemon& daemon, WalkOrder order,
                std::function<void(const Walked&)> done);

} // namespace holdfast::hookd
