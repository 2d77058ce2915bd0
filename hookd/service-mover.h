// SPDX-License-Identifier: Apache-2.0
//
// hookd/service-mover: moves services between this hypervisor and others (doc/service-move.md).
//
// What takes time is done by `holdfast-service move-out` and `move-in` (hookd/job); the cut-over in
// the switches by Mover, as for VMs; what a crash leaves is decided in service-move.  Here they are
// tied together, and rows are kept.
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "hookd/job.h"
#include "hookd/mover.h"
#include "hookd/service-move.h"
#include "hookd/services.h"
#include "hookd/tool.h"
#include "hookd/world.h"

namespace holdfast::hookd {

/// All moves of services that concern this hypervisor now.
/// Thread: that of the io_context.
class ServiceMover {
public:
    using Json = nlohmann::json;
    using Done = std::function<void(Result<Json>)>;

    ServiceMover(boost::asio::io_context& io, World& world, Mover& mover, Services& services,
                 Tools& tools, std::string rundir);

    /// Takes up what was under way when the daemon ended, and listens for other hypervisors.
    void start();
    /// Moves a service of this hypervisor; done when it lives there, or goes on here.
    /// Errors: those of may_move(); what the target refused; whatever stopped it.
    void migrate(const db::Service& service, const std::string& target, const std::string& mode,
                 Done done);
    /// Goes on here with a service of ours that stands still since its target cannot say whether it
    /// lives there.  `fenced`: the operator says that the target runs nothing.  Done when it runs.
    /// Errors: those of may_take_back(); whatever keeps it from going on.
    void take_back(const db::Service& service, bool fenced, Done done);
    /// Rows of services came from the fleet: of one that runs here, and that another took back,
    /// nothing is left here.
    void yield(const std::vector<db::Service>& rows);
    /// A move of one of ours is under way in the switches.
    void leaving(const std::string& service);

private:
    /// A service that leaves.
    struct Outgoing {
        db::Service row; // As it was.
        std::string move, target, mode;
        std::shared_ptr<Job> job; // The one that is at work, or was last.
        Heard heard = Heard::nothing;
        std::string why;
        bool asking = false;     // Only the target knows, and is asked.
        bool taken_back = false; // The operator has decided.
        Done done;
        Done back; // Who takes it back.
    };
    using OutgoingPtr = std::shared_ptr<Outgoing>;
    /// A connection of another hypervisor's, and the service that comes by it, if one does.
    struct Incoming {
        std::string service, move, peer;
        db::Service row; // As it was when it began to come.
        std::shared_ptr<Job> job;
        bool committing = false; // It was told that home has committed.
        bool live = false;
        bool runs = false;                        // It is no move: a user's command runs.
        std::vector<std::function<void()>> ended; // Who waits for the job's end.
    };
    using IncomingPtr = std::shared_ptr<Incoming>;

    void listen();
    void later(std::chrono::seconds time, std::function<void()> work);
    void accept();
    void receive(int tcp);
    void said_in(const IncomingPtr& in, const Json& line);
    Result<void> may_run(const std::string& user) const;
    void run(const IncomingPtr& in, const std::string& user);
    void welcome(const IncomingPtr& in, const Json& question);
    db::VmPort port_here(const std::string& service) const;
    void plug(const IncomingPtr& in);
    void came_live(const db::Service& began, int pid, const std::string& trouble, db::TimeNs time);
    void ended_in(const IncomingPtr& in, const std::string& how);
    void tell_outcome(const IncomingPtr& asker, const std::string& peer, const std::string& move);
    void look_at_place(const std::string& name, std::function<void(const Place&)> done);
    void forget_incoming(const std::string& service);
    void end_in(const IncomingPtr& in, const std::string& why, std::function<void()> done);
    void go_on_here(const db::Service& row, std::function<void()> done);

    void said_out(const OutgoingPtr& out, const Json& line);
    void turn(const OutgoingPtr& out);
    void ended_out(const OutgoingPtr& out);
    void decide_out(const OutgoingPtr& out, bool committed);
    void go_on(const OutgoingPtr& out);
    void stays(const OutgoingPtr& out);
    void discard_out(const OutgoingPtr& out);
    void discard_left(const OutgoingPtr& out);
    bool may_live(const Incoming& in) const;
    bool coming(const std::string& service) const;
    void clear_away(const db::Service& row, std::function<void()> done);
    bool lives_elsewhere(const Outgoing& out) const;
    bool mark_taken_back(const Outgoing& out);
    boost::asio::awaitable<void> ask_until_known(OutgoingPtr out);
    Json order(const Outgoing& out) const;
    void take_up_out(const db::Service& row);
    void take_up_in();
    Json credentials() const;
    const db::Move* own_move(const std::string& service, const std::string& move) const;
    bool committed(const std::string& service, const std::string& move) const;
    void step(const std::string& service, const Json& line);
    void told(const std::string& service, const std::string& move, const Json& line);

    boost::asio::io_context& io_;
    World& world_;
    Mover& mover_;
    Services& services_;
    Tools& tools_;
    std::string rundir_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::size_t connections_ = 0;                           // Of other hypervisors, now.
    std::size_t runs_ = 0;                                  // Users' commands, not in those.
    std::map<std::string, OutgoingPtr> outgoing_;           // By service id.
    std::map<std::string, IncomingPtr> incoming_;           // By service id.
    std::map<std::string, std::function<void()>> awaiting_; // The target's row, by service id.
};

} // namespace holdfast::hookd
