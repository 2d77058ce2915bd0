// SPDX-License-Identifier: Apache-2.0
//
// hookd/fleet-link: this hypervisor's part in the fleet.
//
// Keeps store and fleet database in agreement while there is a connection, and goes on
// from the store while there is none.  Carries tasks to other hypervisors and back.
#pragma once

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "common/ovs-loop.h"
#include "common/result.h"
#include "db/fleet-server.h"
#include "db/fleet.h"
#include "hookd/fleet-note.h"
#include "hookd/fleet-sync.h"
#include "hookd/lease-guard.h"
#include "hookd/lease-note.h"
#include "hookd/life-watch.h"
#include "hookd/mover.h"
#include "hookd/tool.h"
#include "hookd/world.h"

namespace holdfast::hookd {

/// The fleet, or its absence.
/// Thread: that of the io_context.
class FleetLink {
public:
    using Json = nlohmann::json;
    using Done = std::function<void(Result<Json>)>;
    using Told = std::function<void(Result<void>)>;
    /// Does a task that another hypervisor asked for.
    using Worker = std::function<void(const std::string& verb, const Json& arguments, Done done)>;

    FleetLink(boost::asio::io_context& io, World& world, Mover& mover, Tools& tools, OvsLoop& loop,
              const std::string& rundir);
    ~FleetLink();

    /// Takes up the fleet of the last run, or the one configured.
    void start();

    bool configured() const { return !note_.address.empty(); }
    bool connected() const { return joined_ && snapshot_ && snapshot_->connected; }
    /// "none", "ok", or what is wrong.
    std::string state() const;
    const std::string& address() const { return note_.address; }

    /// Rows of the fleet's database that are damaged, as a line each, with the mend.
    std::vector<std::string> damages() const;
    /// Whether that row is one.
    bool is_damaged(const std::string& table, const std::string& key) const;

    /// Sends what changed here, soon.
    void push_soon();

    /// Begins a fleet here, with a database of its own that listens at `listen`.
    void init(const std::string& listen, Done done);
    /// Joins the fleet at `address`.
    /// A hypervisor of this name and address that is silent was this one, with a store that was
    /// lost: its place is taken.
    /// Errors: exists if another hypervisor of this name is in it already; invalid while there are
    ///         chains or balancers here that the fleet does not know.
    void join(const std::string& address, Done done);
    /// Leaves it; the store stays as it is, without the others' rows.
    void leave(Done done);
    /// Takes another out, which will not come back.
    /// Errors: as may_take_out(); unavailable as put_chain().
    void take_out(const std::string& node, Done done);
    /// State, address and members, for fleet/status.
    void status(Done done);

    /// Reads all chains: from the database now if there is a fleet, else from the store.
    /// Errors: unavailable as put_chain().
    void read_chains(std::function<void(const Result<db::Seen<db::Chain>>&)> done);
    /// The same of balancers; one whose row is damaged there is as the store has it.
    void read_balancers(std::function<void(const Result<db::Seen<db::Balancer>>&)> done);

    /// Puts or removes a chain: in the database if there is a fleet, else in the store.  `was` is
    /// what its `change` is by now, as far as is known: another hypervisor may be quicker.  None:
    /// the chain is new.  `seen`: all chains, where the change rests on the others.
    /// Errors:  unavailable if there is a fleet that cannot be reached now, or if another
    ///          hypervisor has begun to change the chain; exists; outdated if the chains are
    ///          not as they were seen.
    void put_chain(const db::Chain& chain, const std::optional<std::string>& was,
                   const std::optional<std::string>& seen, Told done);
    void remove_chain(const std::string& name, const std::string& was, Told done);

    /// The same for a balancer.  `was` is its row as far as is known; none: it is new.  `seen`: all
    /// balancers, whose numbers it has none of.
    /// Errors: as put_chain(); unavailable if its row is another by now; damaged if its row in the
    /// database is, which can be removed alone.
    void put_balancer(const db::Balancer& balancer, const std::optional<db::Balancer>& was,
                      const std::string& seen, Told done);
    /// Without `was` one goes whatever is in its row, which is damaged.
    void remove_balancer(const std::string& name, const std::optional<db::Balancer>& was,
                         Told done);

    /// Puts a new service of this hypervisor, or a new definition of one, so that its name is its
    /// own in the whole fleet.  Errors: unavailable as put_chain(); exists.
    void put_service(const db::Service& service, Told done);

    /// Puts a policy of recovery in the place of `was`; none: it is new.  One of a VM that says
    /// nothing goes.
    /// Errors: unavailable as put_chain(), or if it is another by now.
    void put_recovery_policy(const db::RecoveryPolicy& policy,
                             const std::optional<db::RecoveryPolicy>& was, Told done);

    /// Puts a recovery in the place of `was`; none: it is new.
    /// Errors: unavailable as put_chain(); outdated if it is another by now.
    void put_recovery(const db::Recovery& recovery, const std::optional<db::Recovery>& was,
                      Told done);
    void remove_recovery(const std::string& id, Told done);
    /// Whether the recovery is still this one, as the fleet's database has it now.
    /// Errors: as put_recovery().
    void confirm_recovery(const db::Recovery& recovery, Told done);
    /// Whether what the fleet knows is known here.
    bool knows() const { return connected() && pulled_; }
    /// When the fleet has heard of this hypervisor last.
    const LeaseGuard& guard() const { return guard_; }
    /// VMs that stand still since it has not; of those that did before a restart, too.
    const std::set<std::string>& fenced() const { return lease_note_.fenced; }
    void keep_fenced(const std::set<std::string>& vms);
    /// The leases of this hypervisor's VMs, in seconds, by VM; the shortest that anybody knows.
    std::map<std::string, std::int64_t> own_leases() const;
    /// When a hypervisor was heard of last, or later, once all rows were read anew; none: it is not
    /// known.
    void read_heard(const std::string& hypervisor,
                    std::function<void(std::optional<std::chrono::steady_clock::time_point>)> done);

    /// What follows from a step of a lease, in the same transaction.
    struct QuotaChange {
        std::vector<db::Quota> put;
        std::vector<std::string> remove; // By name.
        std::vector<db::Event> events;
    };
    /// Takes, renews or uses a lease: see db::FleetChange::steps.
    /// Errors: outdated if its row is another by now; exists if there is one that was not there;
    ///         unavailable as put_chain().
    void step_lease(const db::LeaseStep& step, const QuotaChange& quotas, Told done);

    /// Sends the own row; `done` is called when the fleet has it, at once if there is no fleet
    /// or it is away (the row then goes with the next change).
    void share_self(std::function<void()> done);

    /// Asks another hypervisor to do something; `done` is called once, at the deadline at last.
    void ask(const std::string& hypervisor, const std::string& verb, const Json& arguments,
             std::chrono::seconds limit, Done done);
    void set_worker(Worker worker) { worker_ = std::move(worker); }
    /// `ready` is called each time that chains can be changed again: at once where there is no
    /// fleet, else when its database is reached.
    void set_ready(std::function<void()> ready);

private:
    Error away(const char* what) const;
    void change_shared(const char* what, const StoreChange& local, const db::FleetChange& change,
                       Told done);
    void load_note();
    Result<void> save_note() const;
    db::FleetServer server() const;
    Result<void> connect();
    void serve_and_connect(std::function<void(Result<void>)> then);
    void serve_again();
    void end_server();
    void on_snapshot(std::shared_ptr<const db::FleetSnapshot> snapshot);
    void try_join();
    void join_as(db::Hypervisor row, const Result<std::vector<db::Hypervisor>>& members);
    void joined(const Result<db::Hypervisor>& row);
    void finish_join(const Result<void>& done);
    Result<void> take_identity(const db::Hypervisor& row);
    void forget_others();
    void answer_joiner(const Result<Json>& answer);
    Shared shared(const db::Hypervisor& self) const;
    void note_damages(const std::vector<db::Damage>& damaged);
    bool settled();
    bool pull();
    void note_yielded(const StoreChange& change);
    void push();
    void push_one_by_one(const db::FleetChange& change);
    db::Hypervisor alive() const;
    void confirmed(LeaseGuard::Time sent);
    void keep_lease_note();
    void beat();
    void beat_later();
    void read_seen();
    void note_seen(const std::vector<db::Hypervisor>& rows);
    void note_unheard();
    void note_lost();
    void note_dead(const std::set<std::string>& before);
    std::string trouble_with(const db::Hypervisor& row, const Unheard& unheard) const;
    void do_tasks();
    void do_task(const db::Task& task, bool fresh);
    void finish_task(db::Task task, const Result<Json>& result);

    /// A question that is not answered yet.
    struct Question {
        Done done;
        std::unique_ptr<boost::asio::steady_timer> limit;
    };

    boost::asio::io_context& io_;
    World& world_;
    Mover& mover_;
    Tools& tools_;
    std::string rundir_;
    FleetNote note_;
    std::string trouble_;  // Why we are not in the fleet; empty if we are, or shall be soon.
    bool serving_ = false; // Our database's server is being started.
    bool joined_ = false;  // In this run.
    bool joining_ = false;
    bool was_member_ = false;   // A snapshot since then had our row.
    bool awaits_ours_ = false;  // Our chains and balancers are on their way into a new database.
    bool reading_seen_ = false; // Asked, and not answered yet.
    bool pulled_ = false;       // At least once since we joined.
    bool push_wanted_ = false;
    bool pushing_ = false;
    std::shared_ptr<const db::FleetSnapshot> snapshot_;
    std::vector<db::Damage> damaged_; // Of the last snapshot, as it came.
    LeaseNote lease_note_;
    LeaseGuard guard_;
    std::chrono::steady_clock::time_point seen_read_{}; // When `seen` of all was asked for, last.
    LifeWatch life_;
    Unheard unheard_; // As of the last look.
    Done joiner_;     // Who waits for init or join.
    std::map<std::string, Question> questions_;
    std::set<std::string> tasks_begun_;
    bool tasks_known_ = false; // Looked at since the database was reached.
    Worker worker_;
    std::function<void()> ready_;
    bool ready_told_ = false; // Since the database was reached.
    boost::asio::steady_timer beat_timer_;
    boost::asio::steady_timer retry_;
    std::unique_ptr<db::Fleet> fleet_; // Last: its callbacks use the rest.
};

} // namespace holdfast::hookd
