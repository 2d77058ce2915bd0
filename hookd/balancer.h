// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer: decides whether a balancer may be added or changed, and gives its servers
// their synthetic MAC addresses.
//
// Pure: no store, no socket.  hookd/commands-balancer reads what is known, asks here, stores
// the answer.  Spec: balancer.md, "Bad input", B2 and B8 to B11.
#pragma once

#include <cstdint>
#include <optional>
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
    std::vector<std::string> servers;  // ADDR[:PORT][,weight=N][,limit=N] each, in order.
    std::string policy = {};           // Empty: the default of a built-in director.
    std::string director = "external"; // builtin, external, or external:VM[,VM...].
    std::string gateway = {};          // Empty: none.
    std::string mac_prefix = "ae:48";
    std::string mac_layout = {}; // Empty: prefix, or table where the VIP is IPv6.

    // Of a built-in director alone; what is not given has the row's default (db/rows.h).
    std::optional<std::int64_t> persistence = {};    // Seconds.
    std::optional<std::int64_t> slow_start = {};     // Seconds.
    std::string sorry = {};                          // ADDR[:PORT]; empty: none.
    std::string check = {};                          // tcp, http:/PATH[=STATUS], command:/PROGRAM.
    std::optional<std::int64_t> check_interval = {}; // Milliseconds.
    std::optional<std::int64_t> check_timeout = {};  // Milliseconds.
    std::optional<std::int64_t> rise = {};
    std::optional<std::int64_t> fall = {};
};

/// The balancer to store, complete with VM ids and synthetic MAC addresses.
/// Errors:  invalid, not_found or exists, each one line that says what and how to mend it.
Result<db::Balancer> make_balancer(const BalancerRequest& request,
                                   const std::vector<db::Balancer>& balancers,
                                   const std::vector<db::Vm>& vms);

/// `balancer` with one more server, written ADDR[:PORT][,weight=N][,limit=N]; one that is draining
/// there with this address and port takes connections again.
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

/// With another limit of that server's connections; 0 for none.
/// Errors:  not_found; invalid outside of 0 to 10^9, and with an external director.
Result<db::Balancer> limit_server(const db::Balancer& balancer, const std::string& address,
                                  std::int64_t limit);

/// Whether the balancer needs the VM: as a director, as a real server or as the sorry one.
bool needs(const db::Balancer& balancer, const db::Vm& vm);

/// Ids of the VMs that some balancer needs.
std::set<std::string> vms_needed(const std::vector<db::Balancer>& balancers,
                                 const std::vector<db::Vm>& vms);

} // namespace holdfast::hookd
