// SPDX-License-Identifier: Apache-2.0
//
// db/balancer: what follows from a balancer's row.
//
// Pure.  Used by hookd, the command and whoever else reads rows.
#pragma once

#include <string>
#include <vector>

#include "db/rows.h"

namespace holdfast::db {

/// The VIP as `--vip` takes it: 10.0.0.80:80/tcp.
std::string vip_text(const Balancer& balancer);

/// Whether the VM has this address.
bool has_address(const Vm& vm, const std::string& address);

/// The VM with this address; of several one that runs, since one that was made anew does and the
/// one before does not.  Null if none is known.
const Vm* vm_with(const std::vector<Vm>& vms, const std::string& address);

/// Commands for the director's own shell, one for each real server, in their order: without an
/// on-link route it would send to its gateway, and ARP for nobody (spec balancer.md, B8).  DEV
/// stands for its interface.
std::vector<std::string> director_routes(const Balancer& balancer);

} // namespace holdfast::db
