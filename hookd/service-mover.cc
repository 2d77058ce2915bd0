// SPDX-License-Identifier: Apache-2.0
//
// hookd/service-mover: home's side of moves of services, and the daemon's start.  The target's side
// is in service-receiver.cc.
#include <config.h>

#include "hookd/service-mover.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

#include <spdlog/spdlog.h>

#include "db/find.h"
#include "hookd/await.h"
#include "hookd/service-place.h"
#include "hookd/service-rules.h"
#include "hookd/service-system.h"
#include "hookd/share-rules.h"
#include "service/folder.h"
#include "service/message.h"

namespace asio = boost::asio;

namespace holdfast::hookd {
namespace {

constexpr std::chrono::seconds ask_again{1};
constexpr std::chrono::seconds clear_again{1};
constexpr std::chrono::milliseconds look_again{10};
constexpr std::chrono::seconds enter_limit{10}; // Then the fleet is lost, or the switch.
constexpr std::chrono::minutes go_on_limit{11}; // A CRIU at work is waited for.

} // namespace

ServiceMover::ServiceMover(asio::io_context& io, World& world, Mover& mover, Services& services,
                           Tools& tools, std::string rundir)
    : io_{io}, world_{world}, mover_{mover}, services_{services}, tools_{tools},
      rundir_{std::move(rundir)}, acceptor_{io}
{
}

ServiceMover::Json ServiceMover::credentials() const
{
    return {{"ca_certificate", world_.config.ca_certificate},
            {"certificate", world_.config.certificate},
            {"private_key", world_.config.private_key}};
}

/// A line of the time line.
void ServiceMover::step(const std::string& service, const Json& line)
{
    StoreChange change;
    change.events = {world_.event("service-" + line.value("step", ""),
                                  world_.name_of(service) + ": " + line.value("text", ""),
                                  now_ns())};
    change.events[0].vm = service;
    spdlog::info("service {}", change.events[0].text);
    world_.commit(change);
}

/// Marks and figures of the move.
void ServiceMover::told(const std::string& service, const std::string& move, const Json& line)
{
    const auto of = [&](const char* key) {
        return line.value(key, std::map<std::string, std::int64_t>{});
    };
    mover_.told(service, move, of("times"), of("figures"));
}

/// This side's row of a move, as it is stored.
const db::Move* ServiceMover::own_move(const std::string& service, const std::string& move) const
{
    for (const db::Move& row : world_.ledger.moves())
        if (row.id == move && row.vm == service && row.hypervisor == world_.self())
            return &row;
    return nullptr;
}

bool ServiceMover::committed(const std::string& service, const std::string& move) const
{
    const db::Move* row = own_move(service, move);
    return row && row->times.contains("committed") && !row->times.contains("taken_back");
}

// --- The beginning. ---

void ServiceMover::migrate(const db::Service& service, const std::string& target,
                           const std::string& mode, Done done)
{
    if (auto may = may_move(service, target, mode, world_.self(), world_.ledger.hypervisors());
        !may) {
        done(may.error());
        return;
    }
    if (auto may = may_use(world_.ledger.quotas(), service.user, Owner::account, target); !may) {
        done(may.error());
        return;
    }
    auto out = std::make_shared<Outgoing>();
    out->row = service;
    out->move = new_uuid();
    out->target = target;
    out->mode = mode.empty() ? service.mode : mode;
    out->done = std::move(done);
    StoreChange change;
    change.put_services = {service};
    change.put_services[0].state = "moving";
    if (auto stored = world_.commit(change); !stored) {
        out->done(stored.error());
        return;
    }
    auto job = Job::start(
        io_, {service_program(), "move-out"}, -1,
        [this, out](const Json& line) { said_out(out, line); },
        [this, out](const std::string& how) {
            if (!how.empty() && out->heard == Heard::nothing && out->why.empty())
                out->why = "holdfast-service move-out: " + how;
            ended_out(out);
        });
    if (!job) {
        out->why = job.error().message;
        ended_out(out);
        return;
    }
    out->job = *job;
    outgoing_[service.id] = out;
    out->job->tell(order(*out));
}

/// What move-out and move-ask are told.
ServiceMover::Json ServiceMover::order(const Outgoing& out) const
{
    const db::Hypervisor* target = world_.ledger.hypervisor(out.target);
    return {{"rundir", rundir_},     {"service", out.row.id},
            {"name", out.row.name},  {"move", out.move},
            {"home", world_.self()}, {"mode", out.mode},
            {"target", out.target},  {"address", target ? target->vtep : ""},
            {"port", service::port}, {"credentials", credentials()}};
}

// --- While move-out is at work. ---

void ServiceMover::said_out(const OutgoingPtr& out, const Json& line)
{
    const std::string ask = line.value("ask", ""), say = line.value("say", "");
    if (ask == "turn") {
        turn(out);
    } else if (ask == "commit") {
        mover_.note(out->row.id, "committed");
        mover_.when_settled(out->row.id, [this, out](const db::Move* row) {
            const bool stored = row && committed(out->row.id, out->move);
            out->job->tell(stored ? Json::object()
                                  : Json{{"error", "its move is not under way any more"}});
            return true;
        });
    } else if (say == "step") {
        step(out->row.id, line);
    } else if (say == "progress" || say == "marks") {
        told(out->row.id, out->move, line);
    } else if ((say == "live" || say == "failed") && !out->taken_back) { // Else it is decided.
        out->heard = say == "live" ? Heard::live : Heard::failed;
        out->why = line.value("why", "");
    }
}

/// Its processes stand still: the switch is to hold what comes.  The target's row has to be here
/// first, by way of the fleet.
void ServiceMover::turn(const OutgoingPtr& out)
{
    auto refuse = [out](const std::string& why) { out->job->tell(Json{{"error", why}}); };
    const db::Move* row = mover_.row(out->row.id);
    if (row && row->id == out->move && row->role == "source") {
        mover_.signal(out->row.id, Signal::cpus_stopped, now_ns());
        mover_.when_settled(out->row.id, [out, refuse](const db::Move* now) {
            if (!now)
                refuse("the target gave the move up");
            else if (now->times.contains("turned"))
                out->job->tell(Json::object());
            else
                refuse("the switch does not hold its traffic: see holdfast-hookd's log");
            return true;
        });
        return;
    }
    awaiting_[out->row.id] = [this, out] { turn(out); };
}

void ServiceMover::leaving(const std::string& service)
{
    if (auto waiting = awaiting_.extract(service))
        waiting.mapped()();
}

// --- The end. ---

void ServiceMover::ended_out(const OutgoingPtr& out)
{
    awaiting_.erase(out->row.id);
    decide_out(out, committed(out->row.id, out->move));
}

void ServiceMover::decide_out(const OutgoingPtr& out, bool is_committed)
{
    switch (home_end(is_committed, out->heard)) {
    case HomeEnd::go_on:
        go_on(out);
        break;
    case HomeEnd::discard:
        discard_out(out);
        break;
    case HomeEnd::ask:
        asio::co_spawn(io_, ask_until_known(out), asio::detached);
        break;
    }
}

/// It goes on here, whatever was done to it.
void ServiceMover::go_on(const OutgoingPtr& out)
{
    tools_.run({service_program(), "go-on", rundir_, out->row.name}, go_on_limit,
               [this, out](const Result<std::string>& done) {
                   const bool runs = services_.pid_of(out->row) != 0;
                   world_.problem("service " + out->row.name,
                                  done || !runs
                                      ? ""
                                      : "after its move failed it does not go on (" +
                                            done.error().message + "): stop it and run it again");
                   mover_.signal(out->row.id, Signal::migration_failed, now_ns());
                   stays(out);
                   outgoing_.erase(out->row.id);
                   services_.take_up(); // It may have ended meanwhile.
                   if (out->done)
                       std::exchange(out->done, nullptr)(Error{Errc::io, out->why});
                   if (out->back)
                       std::exchange(out->back, nullptr)(
                           done ? Result<Json>{Json{{"service", out->row.name},
                                                    {"hypervisor", world_.self()}}}
                                : done.error());
               });
}

/// Its rows say that it lives here.
void ServiceMover::stays(const OutgoingPtr& out)
{
    StoreChange change;
    if (const db::Service* row = world_.ledger.service(out->row.id)) {
        change.put_services = {out->taken_back ? taken_back(*row, world_.self()) : *row};
        change.put_services[0].state = "running";
        change.put_services[0].pid = out->row.pid; // The row may have come from the target.
    }
    if (const db::Vm* record = world_.ledger.vm(out->row.id); record && out->taken_back)
        change.put_vms = {taken_back(*record, world_.self())};
    change.events = {
        world_.event("service-stays", out->row.name + " stays here: " + out->why, now_ns())};
    change.events[0].vm = out->row.id;
    spdlog::warn("service {}", change.events[0].text);
    world_.commit(change);
}

/// It lives there: what stands still here goes without a word, once nothing is sent to it.  Does it
/// live in another network, then not before what stands in for it here does: for a moment its
/// addresses would be nobody's.
void ServiceMover::discard_out(const OutgoingPtr& out)
{
    asio::co_spawn(
        io_,
        [this, out]() -> asio::awaitable<void> {
            asio::steady_timer timer{io_};
            const auto until = std::chrono::steady_clock::now() + enter_limit;
            while (!is_entered(world_.ledger.vm(out->row.id), world_.self(), world_.ports) &&
                   std::chrono::steady_clock::now() < until) {
                timer.expires_after(look_again);
                co_await timer.async_wait(asio::use_awaitable);
            }
        },
        [this, out](const std::exception_ptr&) {
            mover_.when_left(out->row.id, [this, out] { discard_left(out); });
        });
}

void ServiceMover::discard_left(const OutgoingPtr& out)
{
    mover_.signal(out->row.id, Signal::moved_away, now_ns());
    mover_.when_settled(out->row.id, [this, out](const db::Move*) {
        services_.leave(out->row, [this, out](const Result<Json>& gone) {
            outgoing_.erase(out->row.id);
            world_.refresh_soon();
            if (out->back) // Its row came from there at the last moment.
                std::exchange(out->back, nullptr)(
                    Error{Errc::invalid, "service " + out->row.name + " lives on " + out->target +
                                             ": its copy here has ended"});
            if (!out->done)
                return;
            auto done = std::exchange(out->done, nullptr);
            done(gone ? Result<Json>{Json{{"service", out->row.name}, {"to", out->target}}} : gone);
        });
        return true;
    });
}

/// Only the target knows what became of it: it says so, or its row does by way of the fleet.
asio::awaitable<void> ServiceMover::ask_until_known(OutgoingPtr out)
{
    asio::steady_timer timer{io_};
    out->heard = Heard::nothing;
    out->asking = true;
    const std::string problem = "service " + out->row.name;
    while (out->heard == Heard::nothing) {
        std::function<void(std::function<void(const std::string&)>)> ask =
            [this, out](std::function<void(const std::string&)> ended) {
                auto job = Job::start(
                    io_, {service_program(), "move-ask"}, -1,
                    [this, out](const Json& line) { said_out(out, line); }, ended);
                if (!job) {
                    ended(job.error().message);
                    return;
                }
                out->job = *job;
                out->job->tell(order(*out));
            };
        co_await await_answer<std::string>(io_, std::move(ask));
        if (out->heard == Heard::nothing && lives_elsewhere(*out))
            out->heard = Heard::live;
        if (out->heard != Heard::nothing)
            break;
        world_.problem(
            problem, standstill(out->row.name, out->target, world_.ledger.hypervisor(out->target)));
        timer.expires_after(ask_again);
        co_await timer.async_wait(asio::use_awaitable);
    }
    out->asking = false;
    world_.problem(problem, "");
    decide_out(out, true);
}

// --- By the operator's word. ---

void ServiceMover::take_back(const db::Service& service, bool fenced, Done done)
{
    const auto found = outgoing_.find(service.id);
    const OutgoingPtr out =
        found != outgoing_.end() && found->second->asking ? found->second : nullptr;
    auto may = may_take_back(service, out ? out->target : "",
                             out ? world_.ledger.hypervisor(out->target) : nullptr, fenced);
    if (may && out->taken_back)
        may = Error{Errc::invalid, "service " + service.name + " is being taken back already"};
    if (!may) {
        done(may.error());
        return;
    }
    if (out->heard != Heard::nothing || lives_elsewhere(*out) || !mark_taken_back(*out)) {
        done(Error{Errc::unavailable, out->target + " has answered just now, or the store "
                                                    "cannot be written: see 'holdfast status'"});
        return;
    }
    out->taken_back = true;
    out->why = "it was taken back from " + out->target + ", which is fenced";
    out->back = std::move(done);
    out->heard = Heard::failed;
    if (out->job)
        out->job->kill(); // It asks no more.
}

/// Whether its row says so, which may have come from there by way of the fleet.
bool ServiceMover::lives_elsewhere(const Outgoing& out) const
{
    const db::Service* now = world_.ledger.service(out.row.id);
    return !now || now->hypervisor != world_.self();
}

/// Writes at once that it was taken back: what is heard from here on is too late.
bool ServiceMover::mark_taken_back(const Outgoing& out)
{
    const db::Move* row = own_move(out.row.id, out.move);
    if (!row)
        return false;
    const db::TimeNs now = now_ns();
    StoreChange change;
    change.put_moves = {*row};
    change.put_moves[0].times["taken_back"] = now;
    if (!world_.commit(change))
        return false;
    mover_.told(out.row.id, out.move, {{"taken_back", now}}, {}); // Who writes the row again.
    return true;
}

void ServiceMover::yield(const std::vector<db::Service>& rows)
{
    for (const db::Service& row : rows) {
        if (row.hypervisor == world_.self() || outgoing_.contains(row.id) || coming(row.id) ||
            !services_.watches(row))
            continue;
        spdlog::warn("service {}: {} has taken it back while it ran here: it ends here", row.name,
                     row.hypervisor);
        world_.problem("service " + row.name, ""); // The fleet may have refused our row before.
        clear_away(row, [] {});
    }
}

/// Whether it is on its way to here, and does not live here yet.
bool ServiceMover::coming(const std::string& service) const
{
    const auto in = incoming_.find(service);
    return in != incoming_.end() && !in->second->live;
}

/// What is here of a service that another has goes, and goes again until nothing is left; `done`:
/// after the first time.
void ServiceMover::clear_away(const db::Service& row, std::function<void()> done)
{
    services_.discard(row, [this, row, done = std::move(done)] {
        done();
        if (!service::Folder{rundir_, row.name}.exists())
            return;
        later(clear_again, [this, row] {
            const auto rows = world_.ledger.services();
            const bool wanted = std::any_of(rows.begin(), rows.end(), [&](const db::Service& now) {
                return now.name == row.name && (now.hypervisor == world_.self() || coming(now.id));
            });
            if (!wanted) // None of this name is meant to be here.
                clear_away(row, [] {});
        });
    });
}

// --- The daemon's start. ---

void ServiceMover::start()
{
    const auto rows = world_.ledger.services();
    for (const db::Service& row : rows) {
        if (row.hypervisor == world_.self() && row.state == "moving")
            take_up_out(row);
    }
    take_up_in();
    for (const db::Service& row : rows) { // What has moved away, of which something was left here.
        const bool ours = row.hypervisor == world_.self() || incoming_.contains(row.id);
        if (ours || !service::Folder{rundir_, row.name}.exists())
            continue;
        mover_.signal(row.id, Signal::moved_away, now_ns()); // Else its move would never end.
        clear_away(row, [] {});
    }
    listen();
}

/// A service of ours that was leaving: move-out ended with the daemon.
void ServiceMover::take_up_out(const db::Service& row)
{
    auto out = std::make_shared<Outgoing>();
    out->row = row;
    out->why = "holdfast-hookd was restarted meanwhile";
    if (const db::Move* move = mover_.row(row.id); move && move->role == "source") {
        out->move = move->id;
        out->target = move->peer;
        out->taken_back = move->times.contains("taken_back");
    }
    if (out->taken_back)
        out->why = "it was taken back from " + out->target + ", which is fenced";
    outgoing_[row.id] = out;
    services_.watch_again(row);
    decide_out(out, committed(row.id, out->move));
}

} // namespace holdfast::hookd
