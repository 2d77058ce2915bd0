// SPDX-License-Identifier: Apache-2.0
//
// sockets/guard: what may pass between a service's namespace and the world (spec S2).
//
// An nftables table of ours, `inet holdfast`, in the namespace of the calling thread; the
// service's own tables are not touched.  Each change is one transaction and can be repeated.  What
// has our mark (sockets/forge) always passes.
//
// A change only adds: its rules come before those that are there, and answer for every packet.
// Whoever takes rules away waits for the kernel's grace period, 8 to 20 ms, and the peers would
// wait with him: remove_gate() is for when they do not.
#pragma once

#include "common/result.h"

namespace holdfast::sockets {

/// How much passes.
enum class Gate {
    open,     // All.
    no_entry, // No SYN comes in: no new connections.
    quiet,    // No SYN comes in, and what goes out says window 0; between processes of the service
              // itself (lo) all is as ever.
    shut,     // Nothing, either way and on lo, but what IPv6 needs to keep its neighbours.
};

/// Sets the gate of the calling thread's namespace.
/// Errors: io with nftables' own words.
Result<void> set_gate(Gate gate);

/// All passes, and nothing of ours is left: takes some milliseconds.
/// Errors: io with nftables' own words.
Result<void> remove_gate();

/// The gate of the calling thread's namespace, as set_gate() left it.
/// Errors: io with nftables' own words; damaged if the table is there and not as we make it.
Result<Gate> gate_now();

} // namespace holdfast::sockets
