// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer: decides whether a balancer may be added or changed, and gives its servers
// their synthetic MAC addresses.
//
// Pure: no store, no socket.  hookd/commands-balancer reads what is known, asks here, stores
// the answer.  Spec: balancer.md, "Bad input", B2 and B8.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"

namespace holdfast::hookd {

/// What `holdfast balancer add` asks for, as typed.
struct BalancerRequest {
    std::string name;
    std::string vip;                   // ADDR:PORT/PROTO.
    std::vector<std::string> servers;  // ADDR[:PORT][,weight=N] each, in order.
    std::string policy = {};           // Empty: none.
    std::string director = "external"; // external, or external:VM[,VM...].
    std::string gateway = {};          // Empty: none.
    std::string mac_prefix = "ae:48";
    std::string mac_layout = "prefix";
};

/// The balancer to store, complete with VM ids and synthetic MAC addresses.
/// Errors:  invalid, not_found or exists, each one line that says what and how to mend it.
Result<db::Balancer> make_balancer(const BalancerRequest& request,
                                   const std::vector<db::Balancer>& balancers,
                                   const std::vector<db::Vm>& vms);

/// `balancer` with one more server, written ADDR[:PORT][,weight=N]; one that is draining there
/// with this address and port takes connections again.
/// Errors:  as make_balancer().
Result<db::Balancer> add_server(const db::Balancer& balancer, const std::string& server,
                                const std::vector<db::Balancer>& balancers,
                                const std::vector<db::Vm>& vms);

/// Without the server of this address.
/// Errors:  not_found, with those it has; invalid for the last one.
Result<db::Balancer> remove_server(const db::Balancer& balancer, const std::string& address);

/// With no new connections for that server.
/// Errors:  not_found.
Result<db::Balancer> drain_server(const db::Balancer& balancer, const std::string& address);

/// With another weight of that server.
/// Errors:  not_found; invalid outside of 0 to 65535.
Result<db::Balancer> weigh_server(const db::Balancer& balancer, const std::string& address,
                                  std::int64_t weight);

/// Whether the balancer needs the VM: as a director or as a real server.
bool needs(const db::Balancer& balancer, const db::Vm& vm);

/// Ids of the VMs that some balancer needs.
std::set<std::string> vms_needed(const std::vector<db::Balancer>& balancers,
                                 const std::vector<db::Vm>& vms);

} // namespace holdfast::hookd
