// SPDX-License-Identifier: Apache-2.0
//
// ctl/verbs: the verbs of the holdfast command, one function each.
//
// Reading verbs read the store, so they work while hookd is down; acting verbs ask hookd.
// Each prints its result to standard output; an error is what main prints to standard
// error, as one line, before exit code 1.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "ctl/session.h"

namespace holdfast::ctl {

Result<void> status(const Session& session);

Result<void> vm_list(const Session& session);
Result<void> vm_show(const Session& session, const std::string& vm);
/// With `follow`, returns when the move has ended: an error unless the guest runs at `to`.
Result<void> vm_migrate(const Session& session, const std::string& vm, const std::string& to,
                        bool follow);
Result<void> vm_protect(const Session& session, const std::string& vm, bool on);

/// What `chain add` was given; hookd judges it.
struct ChainOrder {
    std::string name;
    std::string match;
    std::vector<std::string> via;
    bool symmetric = false;
    int priority = 1000;
    std::string dead = "drop";
    std::string probe; // Empty: none.
};
Result<void> chain_add(const Session& session, const ChainOrder& order);
/// What `chain set` was given; what is empty stays as it is.
struct ChainChange {
    std::string name;
    std::vector<std::string> via;
    std::string dead;
    std::string probe; // "off": none any more.
};
Result<void> chain_set(const Session& session, const ChainChange& change);
Result<void> chain_list(const Session& session);
Result<void> chain_show(const Session& session, const std::string& name);
Result<void> chain_del(const Session& session, const std::string& name);
Result<void> chain_trace(const Session& session, const std::string& name,
                         const std::string& packet);
/// An error, after what was found, if a switch has not the flows it should have.
Result<void> chain_check(const Session& session);

/// What `balancer add` was given; hookd judges it.
struct BalancerOrder {
    std::string name;
    std::string vip;                  // ADDR:PORT/PROTO.
    std::vector<std::string> servers; // ADDR[:PORT][,weight=N][,limit=N][,way=routed] each.
    std::string director = "external";
    std::string mac_prefix = "ae:48";
    std::map<std::string, std::string> texts;    // Other options given, by hookd's key.
    std::map<std::string, std::int64_t> numbers; // The same of those that are numbers.
};
Result<void> balancer_add(const Session& session, const BalancerOrder& order);
Result<void> balancer_list(const Session& session);
Result<void> balancer_show(const Session& session, const std::string& name);
Result<void> balancer_del(const Session& session, const std::string& name);
/// `from`: a VM, or a port of this hypervisor; empty as hookd finds it.
Result<void> balancer_trace(const Session& session, const std::string& name,
                            const std::string& packet, const std::string& from);
/// What `balancer server` was given.
struct ServerOrder {
    std::string op; // add, del, drain, weight or limit.
    std::string balancer;
    std::string server;      // An address; for add as in BalancerOrder.
    std::int64_t number = 0; // The weight or the limit.
};
Result<void> balancer_server(const Session& session, const ServerOrder& order);

/// What `service run` was given; hookd judges it.
struct ServiceOrder {
    std::string name;
    std::string user = "root";
    std::vector<std::string> ips; // ADDRESS/PREFIX each.
    int vlan = 0;
    std::string gateway;
    std::string mode = "checkpoint";
    std::vector<std::string> environment; // NAME=VALUE each.
    std::string directory = "/";
    std::vector<std::string> command;
};
Result<void> service_run(const Session& session, const ServiceOrder& order);
Result<void> service_list(const Session& session);
Result<void> service_show(const Session& session, const std::string& name);
Result<void> service_stop(const Session& session, const std::string& name);
Result<void> service_migrate(const Session& session, const std::string& service,
                             const std::string& to, const std::string& mode, bool follow);
Result<void> service_take_back(const Session& session, const std::string& name, bool fenced);
Result<void> service_pin(const Session& session, const std::string& name, bool on);

/// What `quota request` was given; the leading schedd judges it.
struct QuotaOrder {
    std::string user;
    std::optional<std::string> amount; // Numbers, as they were written.
    std::optional<std::string> hours_per_day;
    std::optional<std::string> hours_per_week;
    std::optional<std::string> storage;
    std::optional<std::string> work_per_hour;
    std::vector<std::string> nodes; // Chosen by the user himself.
    bool administrator = false;
};
Result<void> quota_request(const Session& session, const QuotaOrder& order);
/// `user`: none for all.
Result<void> quota_show(const Session& session, const std::optional<std::string>& user);
Result<void> quota_usage(const Session& session, const std::optional<std::string>& user);
Result<void> quota_select(const Session& session, const std::string& user,
                          const std::vector<std::string>& nodes);
Result<void> quota_del(const Session& session, const std::string& user);
Result<void> quota_review(const Session& session, bool dry_run);

Result<void> env_list(const Session& session);
Result<void> env_show(const Session& session, const std::string& user);
/// Becomes the program that runs it; returns only with an error.
/// `user`: none: who calls; `node`: none: the least loaded.
Result<void> env_run(const Session& session, const std::optional<std::string>& user,
                     const std::optional<std::string>& node,
                     const std::vector<std::string>& command);

Result<void> node_list(const Session& session);
Result<void> node_show(const Session& session, const std::string& node);
/// With `follows`, returns when nothing is left to do: an error if a VM stays there.
Result<void> node_drain(const Session& session, const std::string& node, int parallel,
                        bool follows);
Result<void> node_return(const Session& session, const std::string& node);

Result<void> recovery_pool(const Session& session);
/// An error that says why, after what there is to show, if the VM cannot be recovered.
Result<void> recovery_plan(const Session& session, const std::string& vm, std::size_t most);
/// `way`: empty, as the policy says.  `gone`: the operator knows that it does not run any more.
Result<void> recovery_run(const Session& session, const std::string& vm, const std::string& way,
                          bool gone);
/// Without weights, or settings, they are shown.
Result<void> recovery_allow(const Session& session, const std::string& vm);
Result<void> recovery_history(const Session& session, const std::optional<std::string>& vm);
Result<void> recovery_weights(const Session& session, const std::vector<std::string>& weights);
Result<void> recovery_policy(const Session& session, const std::vector<std::string>& settings,
                             const std::optional<std::string>& vm);

Result<void> fleet_init(const Session& session, const std::string& listen);
Result<void> fleet_join(const Session& session, const std::string& address);
Result<void> fleet_status(const Session& session);
/// `node`: a hypervisor that is dead; none: this one.
Result<void> fleet_leave(const Session& session, const std::optional<std::string>& node);
/// Makes key and certificate of hypervisor `name` in `folder` (empty: NAME-pki here), and the
/// fleet's CA first if there is none.
Result<void> fleet_certificate(const Session& session, const std::string& name,
                               const std::string& folder);

/// Which part of the time line.
struct EventFilter {
    bool follow = false; // Go on with what comes.
    bool moves = false;  // Time lines of moves instead of single events.
    std::string vm;      // Name or id; empty: all.
    std::string chain;   // Name; empty: all.
    int last = 1000;     // The newest so many of those that exist.
};
/// With `follow` it returns only with an error.
Result<void> events(const Session& session, const EventFilter& filter);

} // namespace holdfast::ctl
