// SPDX-License-Identifier: Apache-2.0
//
// db/store: typed access to the SQLite store of one hypervisor.
//
// The only place with SQL besides db/schema.  hookd opens it for writing; the switch
// module's helper thread and the holdfast command open it read-only.  A Store belongs
// to one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "db/row-check.h"
#include "db/rows.h"

namespace holdfast::db {

/// Everything the switch and the decisions need, read in one transaction.
struct Snapshot {
    std::int64_t version = 0; // Rises with each change of the store (PRAGMA data_version is per
                              // connection; this is a row).
    std::vector<Hypervisor> hypervisors;
    std::vector<Vm> vms;
    std::vector<Chain> chains;
    std::vector<Balancer> balancers;
    std::vector<ServerHealth> health; // Sorted by its key: see health_of() in db/balancer.h.
    std::vector<Move> moves;     // Those not ended, of both roles and of every hypervisor known.
    std::vector<Damage> damaged; // Rows that are left out above; of a chain a hop that nobody knows
                                 // may stand for what is damaged.
};

/// What schedd decides by, read in one transaction; each sorted by name.
struct ShareRows {
    std::vector<Lease> leases;
    std::vector<Quota> quotas;
    std::vector<Hypervisor> hypervisors;
    std::vector<Service> services;
};

/// One SQLite file in WAL mode.
/// Errors: too_new (store newer than the program), damaged (not a store, or failed
///         integrity check; the file is kept as it is), io (missing, not writable),
///         each message naming the file and the mend.
/// Of VMs, chains, balancers, health, services and quotas, rows that are damaged are left out: see
/// Damage.
class Store {
public:
    /// Opens for writing; makes the file and its folder if missing, and takes the schema to this
    /// version.
    static Result<Store> open(const std::string& path);
    /// Opens for reading only; not_found if the file is missing.
    static Result<Store> open_read_only(const std::string& path);

    Store(Store&&) noexcept;
    Store& operator=(Store&&) noexcept;
    ~Store();

    /// A write transaction: BEGIN IMMEDIATE now, rolled back at the end of scope unless committed.
    /// commit() raises Snapshot::version.
    class Transaction {
    public:
        explicit Transaction(Store& store);
        ~Transaction();
        Transaction(const Transaction&) = delete;
        Transaction& operator=(const Transaction&) = delete;
        Result<void> commit();

    private:
        Store& store_;
        Result<void> begun_;
        bool done_ = false;
    };

    /// For who writes, outside of a transaction: sees that the file it has open is the one at its
    /// path.  If there is none any more, all that the open one holds is written there anew; true
    /// if that was needed.
    /// Errors:  exists if another file lies there, which is kept; io.
    Result<bool> keep_file();

    Result<Snapshot> snapshot();
    /// Cheap: the version of the newest commit, for pollers.
    Result<std::int64_t> version();

    Result<std::vector<Hypervisor>> hypervisors();
    Result<std::optional<Hypervisor>> self();
    Result<void> put(const Hypervisor& row);
    /// With the health rows that it wrote.
    Result<void> remove_hypervisor(const std::string& name);

    Result<std::vector<Vm>> vms();
    /// By id, or else by name.
    Result<std::optional<Vm>> find_vm(const std::string& id_or_name);
    Result<void> put(const Vm& row);
    Result<void> remove_vm(const std::string& id);

    Result<std::vector<Chain>> chains();
    Result<void> put(const Chain& row);
    Result<void> remove_chain(const std::string& name);

    Result<std::vector<Balancer>> balancers();
    /// The health rows of servers that it has no more go with them.
    Result<void> put(const Balancer& row);
    /// With its servers' health rows.
    Result<void> remove_balancer(const std::string& name);

    /// Sorted by their key.
    Result<std::vector<ServerHealth>> health();
    Result<void> put(const ServerHealth& row);
    Result<void> remove_health(const HealthKey& key);

    /// Sorted by name.  Those that are left out are noted, if asked for.
    Result<std::vector<Service>> services(std::vector<Damage>* damaged = nullptr);
    Result<void> put(const Service& row);
    Result<void> remove_service(const std::string& id);

    /// Sorted by id, and by name.  Those that are left out are noted, if asked for.
    Result<std::vector<Specification>> specifications(std::vector<Damage>* damaged = nullptr);
    Result<void> put(const Specification& row);
    Result<void> remove_specification(const std::string& id);
    Result<std::vector<RecoveryPolicy>> recovery_policies(std::vector<Damage>* damaged = nullptr);
    Result<void> put(const RecoveryPolicy& row);
    Result<void> remove_recovery_policy(const std::string& name);
    /// Sorted by id.
    Result<std::vector<Recovery>> recoveries(std::vector<Damage>* damaged = nullptr);
    Result<void> put(const Recovery& row);
    Result<void> remove_recovery(const std::string& id);

    Result<std::vector<Lease>> leases();
    Result<void> put(const Lease& row);
    Result<void> remove_lease(const std::string& name);

    /// Sorted by name.  Those that are left out are noted, if asked for.
    Result<std::vector<Quota>> quotas(std::vector<Damage>* damaged = nullptr);
    Result<void> put(const Quota& row);
    Result<void> remove_quota(const std::string& name);

    /// What decisions of shares rest on, as of one instant.
    Result<ShareRows> share_rows();

    Result<std::vector<PathHop>> paths();
    /// Replaces the whole table.
    Result<void> put_paths(const std::vector<PathHop>& rows);
    /// Puts some rows and removes others (key: spi and si); for a change of a few among many.
    Result<void> change_paths(const std::vector<PathHop>& put, const std::vector<PathHop>& gone);

    /// Newest last; `limit` newest only.
    Result<std::vector<Move>> moves(int limit = 1000);
    Result<void> put(const Move& row);
    Result<void> remove_move(const std::string& id, const std::string& role);

    Result<void> add(const Event& row); // `id` is given by the store.
    Result<std::vector<Event>> events_after(std::int64_t id, int limit = 1000);

    Result<std::vector<Task>> tasks();
    Result<void> put(const Task& row);
    Result<void> remove_task(const std::string& id);

private:
    struct Impl;
    explicit Store(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace holdfast::db
