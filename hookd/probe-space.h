// SPDX-License-Identifier: Apache-2.0
//
// hookd/probe-space: the network namespace that probes come from (spec balancer.md, B10).
//
// A VIP's packets have to leave by our own port there whatever routes, rules and packet filters the
// hypervisor itself has.  All functions block: they are for a thread of hookd/tool, but for
// open_probe_socket(), which takes microseconds.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "hookd/probe-plan.h"

namespace holdfast::hookd {

/// Makes the namespace, and the port in it, where they are not there; no way to a server is left.
/// Returns: empty, or why there is no IPv6 there.
/// Errors:  what could not be done, with the program's own line.
Result<std::string> set_up_probe_space(const std::string& bridge, const std::string& ovs_db);

/// Takes ways away, and adds some.
/// Errors: of what was to be added; a way that is gone already was to go.
Result<void> change_routes(const ProbeRoutes::Change& change);

/// A TCP socket of either family in the namespace, whose packets bear the mark.
/// Errors: io: the namespace is gone, or the system refuses.
Result<int> open_probe_socket(int mark, bool v6);

/// Runs a balancer's program for one server, as run_check() has it.
/// Errors: unavailable if it took longer than the balancer's timeout; io if its end is not 0.
Result<std::string> run_probe_program(const ProbeTarget& target);

} // namespace holdfast::hookd
