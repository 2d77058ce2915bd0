// SPDX-License-Identifier: Apache-2.0
//
// hookd/tunnel-port: the port of the tunnel to the other hypervisors, one whatever their number.
//
// Pure: what makes it, and whether it has to be made; the daemon runs the command.  It goes with
// its bridge, which an operator may delete and make anew at any time (spec C13).
#pragma once

#include <string>
#include <vector>

#include "common/config.h"
#include "hookd/records.h"

namespace holdfast::hookd {

/// What makes the port, or leaves one that is there as it is.
std::vector<std::string> make_tunnel_port(const Config& config);

/// Whether it is to be made: this hypervisor has a tunnel, and its bridge is there without the
/// port. Shape:   `ports`: all of the switch.
bool lacks_tunnel_port(const Config& config, const std::vector<SwitchPort>& ports);

/// What is wrong if the bridge is not there, and the mend; empty if it is.
/// Shape:   as above: a bridge has one port at least, its own.
std::string bridge_problem(const Config& config, const std::vector<SwitchPort>& ports);

} // namespace holdfast::hookd
