// SPDX-License-Identifier: Apache-2.0
//
// hookd/ledger: the store and a copy of it in memory.
//
// All writing goes through apply(): one transaction a change, with the paths computed anew
// in the same transaction (spec C3), so that chains, VMs and paths always agree.  Reading
// is from memory.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"
#include "db/store.h"

namespace holdfast::hookd {

/// Rows to put and to remove.
struct StoreChange {
    std::vector<db::Hypervisor> put_hypervisors;
    std::vector<std::string> remove_hypervisors; // By name.
    std::vector<db::Hypervisor> seen; // Rows of which nothing but `seen` and loads changed.
    std::vector<db::Vm> put_vms;
    std::vector<std::string> remove_vms; // By id.
    std::vector<db::Chain> put_chains;
    std::vector<std::string> remove_chains; // By name.
    std::vector<db::Balancer> put_balancers;
    std::vector<std::string> remove_balancers; // By name.
    std::vector<db::ServerHealth> put_health;
    std::vector<db::HealthKey> remove_health;
    std::vector<db::Service> put_services;
    std::vector<std::string> remove_services; // By id.
    std::vector<db::Specification> put_specifications;
    std::vector<std::string> remove_specifications; // By VM's id.
    std::vector<db::RecoveryPolicy> put_recovery_policies;
    std::vector<std::string> remove_recovery_policies; // By name.
    std::vector<db::Recovery> put_recoveries;
    std::vector<std::string> remove_recoveries; // By id.
    std::vector<db::Lease> put_leases;
    std::vector<std::string> remove_leases; // By name.
    std::vector<db::Quota> put_quotas;
    std::vector<std::string> remove_quotas; // By name.
    std::vector<db::Move> put_moves;
    std::vector<db::Event> events;
    std::vector<db::Task> put_tasks;
    std::vector<std::string> remove_tasks; // By id.

    bool empty() const;
    /// Whether a switch has to know: anything but services, specifications, recoveries and their
    /// policies, leases, quotas, moves, events, tasks and what `seen` has.
    bool concerns_flows() const;
    /// Whether paths may be others: a VM or a chain changes.
    bool concerns_paths() const;
};

/// What the store holds.
class Ledger {
public:
    /// Errors: as Store::open.
    static Result<Ledger> open(const std::string& path);

    /// Carries a change out, all or nothing.
    /// Errors: those of the store; memory is then as before.
    Result<void> apply(const StoreChange& change);

    const std::vector<db::Hypervisor>& hypervisors() const { return hypervisors_; }
    const std::vector<db::Vm>& vms() const { return vms_; }
    const std::vector<db::Chain>& chains() const { return chains_; }
    const std::vector<db::Balancer>& balancers() const { return balancers_; }
    /// Sorted by their key; of servers and hypervisors that there are.
    const std::vector<db::ServerHealth>& health() const { return health_; }
    const std::vector<db::Service>& services() const { return services_; }
    const std::vector<db::Specification>& specifications() const { return specifications_; }
    const std::vector<db::RecoveryPolicy>& recovery_policies() const { return recovery_policies_; }
    const std::vector<db::Recovery>& recoveries() const { return recoveries_; }
    const std::vector<db::Lease>& leases() const { return leases_; }
    const std::vector<db::Quota>& quotas() const { return quotas_; }
    const std::vector<db::PathHop>& paths() const { return paths_; }
    /// The newest thousand, of both roles and all hypervisors.
    const std::vector<db::Move>& moves() const { return moves_; }

    /// Whether the store's row is left out, as the file is now.
    bool is_damaged(const std::string& table, const std::string& key);

    /// This machine's row; an empty one before the first start made it.
    db::Hypervisor self() const;
    /// Null if there is none; valid until the next apply().
    const db::Vm* vm(const std::string& id) const;
    const db::Hypervisor* hypervisor(const std::string& name) const;
    const db::Service* service(const std::string& id) const;
    const db::Lease* lease(const std::string& name) const;

    /// See db::Store::keep_file().
    Result<bool> keep_file() { return store_.keep_file(); }

    /// What operators asked of this hypervisor, done or not.
    Result<std::vector<db::Task>> tasks() { return store_.tasks(); }
    /// The paths as they are in the file.
    Result<std::vector<db::PathHop>> stored_paths() { return store_.paths(); }

private:
    explicit Ledger(db::Store store) : store_{std::move(store)} {}
    Result<void> read();
    void take_the_rest(const StoreChange& change);
    void take_health(const StoreChange& change);
    Result<void> write(const StoreChange& change);

    db::Store store_;
    std::vector<db::Hypervisor> hypervisors_;
    std::vector<db::Vm> vms_;
    std::vector<db::Chain> chains_;
    std::vector<db::Balancer> balancers_;
    std::vector<db::ServerHealth> health_;
    std::vector<db::Service> services_;
    std::vector<db::Specification> specifications_;
    std::vector<db::RecoveryPolicy> recovery_policies_;
    std::vector<db::Recovery> recoveries_;
    std::vector<db::Lease> leases_;
    std::vector<db::Quota> quotas_;
    std::vector<db::PathHop> paths_;
    std::vector<db::Move> moves_;
};

/// Now, as rows hold it.
db::TimeNs now_ns();

/// A new random UUID, lower case.
std::string new_uuid();

} // namespace holdfast::hookd
