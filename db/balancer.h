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

/// The VIP as `--vip` takes it: 10.0.0.80:80/tcp, or [fd00::80]:80/tcp.
std::string vip_text(const Balancer& balancer);

/// Whether the VM has this address.
bool has_address(const Vm& vm, const std::string& address);

/// The VM with this address; of several one that runs, since one that was made anew does and the
/// one before does not.  Null if none is known.
const Vm* vm_with(const std::vector<Vm>& vms, const std::string& address);

/// Whether the switches choose the servers themselves.
bool is_builtin(const Balancer& balancer);

/// The servers, and the sorry server where there is one, as one more at the end.
std::vector<RealServer> all_servers(const Balancer& balancer);

/// What is known of a server's health: the row of the hypervisor that its VM runs on now, else the
/// newest of any.  Null if nobody has probed it.
/// Shape:   `health` is sorted by its key.
const ServerHealth* health_of(const std::vector<ServerHealth>& health, const std::vector<Vm>& vms,
                              const std::string& balancer, const std::string& address);

/// The row with this key; null if there is none.
/// Shape:   `health` is sorted by its key.
const ServerHealth* find_health(const std::vector<ServerHealth>& health, const HealthKey& key);

/// Whether the server answers: a balancer without a check takes that for granted, and one with a
/// check takes a server for dead until its first good probe (`health` null).
bool is_up(const Balancer& balancer, const ServerHealth* health);

/// Whether a server of this balancer gets new connections, as far as rows say.
bool takes_connections(const Balancer& balancer, const RealServer& server,
                       const ServerHealth* health);

/// Whether a health row is of a server that there is, by a hypervisor that there is.
bool is_needed(const ServerHealth& row, const std::vector<Balancer>& balancers,
               const std::vector<Hypervisor>& hypervisors);

/// Commands for the director's own shell, one for each real server, in their order: without an
/// on-link route it would send to its gateway, and ARP for nobody (spec balancer.md, B8).  DEV
/// stands for its interface.  None for a built-in director.
std::vector<std::string> director_routes(const Balancer& balancer);

/// Commands for the director's own shell once servers of `was` are not in `is`: IPVS still has
/// them, and would choose them in vain.  A route stays while one of `others` needs it.
std::vector<std::string> director_drops(const Balancer& was, const Balancer& is,
                                        const std::vector<Balancer>& others);

/// The same once `gone` itself is no more.
std::vector<std::string> director_drops(const Balancer& gone, const std::vector<Balancer>& others);

} // namespace holdfast::db
