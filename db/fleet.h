// SPDX-License-Identifier: Apache-2.0
//
// db/fleet: the fleet database (OVSDB, schema db/fleet.ovsschema) as typed rows.
//
// A replica is kept by Open vSwitch's IDL on OvsLoop's thread and handed to the daemon as
// whole snapshots; changes go out as transactions whose conditions the server itself checks,
// keyed by the rows' natural keys, so that one that is sent twice does no harm.  Used by
// hookd alone.  Flows never depend on it.
//
// Growth: per hypervisor two connections to the server.  A snapshot copies every row of
// interest: about 0.5 KiB and 2.5 microseconds a VM (10,000 VMs: 25 ms); it is made once per
// round of changes, not per row.  A put of a VM costs the server the same whatever their number.  A
// VM's change reaches each hypervisor whose interest covers it.  Hypervisor.seen is left out of the
// replica (N hypervisors would wake N others at each heartbeat): ask for it with
// read_hypervisors().
#pragma once

#include <utility>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/ovs-loop.h"
#include "common/result.h"
#include "db/row-check.h"
#include "db/rows.h"

namespace holdfast::db {

/// What this hypervisor sees of the fleet, at one instant.  Rows are sorted by their key.
struct FleetSnapshot {
    bool connected = false;                    // False: the rows are the last that were known.
    std::vector<Hypervisor> hypervisors;       // All; `self` is set for the own one, `seen` is 0.
    std::vector<Vm> vms;                       // Those of interest.
    std::vector<Chain> chains;                 // All.
    std::vector<Balancer> balancers;           // All.
    std::vector<ServerHealth> health;          // All.
    std::vector<Service> services;             // All.
    std::vector<Specification> specifications; // All.
    std::vector<RecoveryPolicy> recovery_policies; // All.
    std::vector<Recovery> recoveries;              // All.
    std::vector<Lease> leases;                     // All.
    std::vector<Quota> quotas;                     // All.
    std::vector<Move> moves;                       // Those of interest.
    std::vector<Task> tasks;                       // Those asked of, or by, the own hypervisor.
    std::vector<Damage> damaged; // Rows that are left out above, but for chains, of which
                                 // a hop is one that nobody knows.
};

/// All rows of a table as they were at one instant, by name; damaged balancers are left out.
template <class Row>
struct Seen {
    std::vector<Row> rows;
    /// Of all of them, JSON: [{_uuid, _version}] (RFC 7047, 3.2).
    std::string versions;
};

/// One row of Lease, as it was and as it is to be; a term of 0: there was none.
struct LeaseStep {
    Lease was;
    Lease to;
};

/// Rows to put and to remove, in one transaction: all or nothing.
struct FleetChange {
    /// Changes the row with this `id` (made by Fleet::join): not_found if it is gone.
    std::vector<Hypervisor> put_hypervisors;
    /// New, or over a row with a lower epoch, or over its own at the same epoch; else
    /// `invalid` (a stale one: another hypervisor took the VM over).
    std::vector<Vm> put_vms;
    /// New only: `exists` if name, SPI, or match and priority are taken by another chain.
    /// Putting one's own again (same name and spi) changes it.
    std::vector<Chain> put_chains;
    /// By name, for chains that are put over an older row, or removed: what `change` was when that
    /// was decided.  If it is something else by now all is refused (`unavailable`: another
    /// hypervisor was quicker; `not_found`: it has deleted the chain).
    std::map<std::string, std::string> chains_were;
    /// Seen::versions, where what is done with those that are put rests on the others.  If by now
    /// one is another, is gone, or is new, all is refused (`outdated`).
    std::optional<std::string> chains_seen;
    /// New: `exists` if the name, or VIP, port and protocol, are another balancer's.
    std::vector<Balancer> put_balancers;
    /// By name, for balancers that are put over an older row, or removed: that row.  If it is
    /// another by now, or gone, all is refused (`unavailable`: another hypervisor was quicker).
    std::map<std::string, Balancer> balancers_were;
    /// As `chains_seen`.
    std::optional<std::string> balancers_seen;
    /// New, or over one's own.  A balancer that is put takes the rows of servers with it that it
    /// has no more, and one that is removed, as a hypervisor that is, all of its own (of that one
    /// specifications, too).
    std::vector<ServerHealth> put_health;
    /// As VMs by epoch; `exists` if the name is another service's.
    std::vector<Service> put_services;
    /// As VMs by epoch.
    std::vector<Specification> put_specifications;
    std::vector<RecoveryPolicy> put_recovery_policies;
    /// By name, for policies that are put or removed: that row when that was decided; none: there
    /// was none.  If it is another by now all is refused (`unavailable`).
    std::map<std::string, std::optional<RecoveryPolicy>> recovery_policies_were;
    std::vector<Recovery> put_recoveries;
    /// By id, of those that are put, or that others rest on: likewise (`outdated`); a new one also
    /// where one of its VM is open.
    std::map<std::string, std::optional<Recovery>> recoveries_were;
    /// Refused (`outdated`) unless the row is as it was, in holder, term, and what is changed.
    std::vector<LeaseStep> steps;
    /// New, or over an older one; with a step, so that one decision rests on the one before.
    std::vector<Quota> put_quotas;
    /// New, or over one's own (key: id and role).
    std::vector<Move> put_moves;
    /// New ("asked"), or by the one who is asked.  A task that was begun is not asked again.
    std::vector<Task> put_tasks;

    struct MoveKey {
        std::string id;
        std::string role;
    };
    // Removing what is gone is fine.  A row of another owner is refused (`invalid`), but for
    // chains, balancers and policies, which nobody owns, and tasks, which the asker may remove too.
    std::vector<std::string> remove_hypervisors; // By name; only oneself.
    std::vector<std::string> remove_vms;         // By id.
    std::vector<std::string> remove_chains;      // By name.
    std::vector<std::string> remove_balancers;   // By name.
    std::vector<HealthKey> remove_health;
    std::vector<std::string> remove_services;          // By id.
    std::vector<std::string> remove_specifications;    // By id.
    std::vector<std::string> remove_recovery_policies; // By name.
    std::vector<std::string> remove_recoveries;        // By id.
    std::vector<std::string> remove_quotas;            // By name; likewise with a step.
    std::vector<MoveKey> remove_moves;
    std::vector<std::string> remove_tasks; // By id.

    /// Whether there is nothing to do.
    bool empty() const;
};

/// Where and how to reach the fleet database.
struct FleetRemote {
    std::string
        address; // "tcp:10.91.0.1:6650", or several with commas for a cluster; also ssl: and unix:.
    std::string private_key; // PEM files, for ssl: only.
    std::string certificate;
    std::string ca_certificate;
};

/// The connection.
/// Thread: members may be called from any thread; callbacks run on the loop's executor.
class Fleet {
public:
    using OnSnapshot = std::function<void(std::shared_ptr<const FleetSnapshot>)>;
    using OnDone = std::function<void(Result<void>)>;

    /// `on_snapshot` is called when what is known changed, or the connection's state did;
    /// the first time when the whole of the database is known.
    Fleet(OvsLoop& loop, OnSnapshot on_snapshot);
    /// Disconnects; no callback is called from then on but for those already posted.
    ~Fleet();
    Fleet(const Fleet&) = delete;
    Fleet& operator=(const Fleet&) = delete;

    /// Starts to connect and keeps at it (1 to 8 s apart); replaces an earlier remote.
    /// Errors: invalid if the address does not parse or a key file cannot be read.
    Result<void> connect(const FleetRemote& remote);
    /// Ends the connection; transactions under way end as unavailable.
    void disconnect();

    /// Who we are, and whose VMs are of interest.  Hypervisors, chains, balancers, services,
    /// leases, quotas, the health of servers, specifications and policies are always all there.
    /// VMs: those of `own`, or all (as soon as there is a chain or a balancer, or frames are sent
    /// over the tunnel: every switch needs every VM's place). Moves: those in which `own` takes
    /// part, or all with `all_vms`.  Tasks: asked of or by `own`. Until the first call nothing but
    /// what is always there is asked for.
    void set_interest(const std::string& own, bool all_vms);

    /// Carries a change out.  `done` is called once: unavailable at once when not connected,
    /// and after 5 s without an answer (it may have been carried out: ask again, it is
    /// idempotent).  The snapshot with the change may come before or after `done`.
    /// `owner`: in whose name, where that is not our own.
    void transact(FleetChange change, OnDone done, const std::string& owner = {});

    /// Adds the hypervisor to the fleet with the lowest free number, or updates the row that
    /// has the same `id` and keeps its number; row.number other than 0 is asked for as such.
    /// Errors: exists if the name or the number is taken by another.
    void join(Hypervisor row, std::function<void(Result<Hypervisor>)> done);

    /// Reads all hypervisors, with `seen`, from the server now.
    void read_hypervisors(std::function<void(Result<std::vector<Hypervisor>>)> done);
    /// Reads all chains, or balancers, from the server now.
    void read_chains(std::function<void(Result<Seen<Chain>>)> done);
    void read_balancers(std::function<void(Result<Seen<Balancer>>)> done);
    /// Reads one VM from the server now, whether of interest or not.
    void read_vm(const std::string& id, std::function<void(Result<std::optional<Vm>>)> done);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace holdfast::db
