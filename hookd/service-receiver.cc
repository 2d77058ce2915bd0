// SPDX-License-Identifier: Apache-2.0
//
// hookd/service-receiver: the target's side of moves of services; see service-mover.h.
#include <config.h>

#include <fcntl.h>

#include <algorithm>

#include <spdlog/spdlog.h>

#include "common/text.h"
#include "env/keep-plan.h"
#include "hookd/service-mover.h"
#include "hookd/service-place.h"
#include "hookd/service-rules.h"
#include "hookd/service-system.h"
#include "hookd/share-rules.h"
#include "service/message.h"

namespace asio = boost::asio;
using asio::ip::tcp;

namespace holdfast::hookd {
namespace {

// Other hypervisors' moves to here, and questions, at a time.
constexpr std::size_t most_incoming = 64;
// Users' commands at a time, each with a process of ours and the user's own.
constexpr std::size_t most_runs = 256;
constexpr std::chrono::seconds look_limit{10};
constexpr std::chrono::seconds look_again{1};
constexpr std::chrono::seconds listen_again{1};

} // namespace

// --- Connections. ---

void ServiceMover::listen()
{
    const Config& config = world_.config;
    if (config.vtep.empty())
        return; // No other hypervisor reaches this one.
    boost::system::error_code error;
    const auto address = asio::ip::make_address(config.vtep, error);
    const tcp::endpoint here{address, static_cast<std::uint16_t>(service::port)};
    if (!error)
        acceptor_.open(here.protocol(), error);
    if (!error)
        acceptor_.set_option(tcp::acceptor::reuse_address{true}, error);
    if (!error)
        acceptor_.bind(here, error);
    if (!error)
        acceptor_.listen(asio::socket_base::max_listen_connections, error);
    world_.problem("service port", error ? "no service can come here: " + config.vtep + " port " +
                                               std::to_string(service::port) + ": " +
                                               error.message() + ": see vtep in holdfast.conf"
                                         : "");
    if (!error) {
        fcntl(acceptor_.native_handle(), F_SETFD, FD_CLOEXEC);
        accept();
        return;
    }
    acceptor_.close(error);
    later(listen_again, [this] { listen(); });
}

void ServiceMover::later(std::chrono::seconds time, std::function<void()> work)
{
    auto timer = std::make_shared<asio::steady_timer>(io_, time);
    timer->async_wait([timer, work](boost::system::error_code error) {
        if (!error)
            work();
    });
}

void ServiceMover::accept()
{
    acceptor_.async_accept([this](boost::system::error_code error, tcp::socket peer) {
        if (error == asio::error::operation_aborted)
            return;
        if (error) { // No descriptors, for example: not at once again.
            later(listen_again, [this] { accept(); });
            return;
        }
        if (connections_ < most_incoming)
            receive(peer.release());
        accept(); // One more than those is closed: who comes asks again.
    });
}

void ServiceMover::receive(int tcp)
{
    auto in = std::make_shared<Incoming>();
    auto job = Job::start(
        io_, {service_program(), "move-in"}, tcp,
        [this, in](const Json& line) { said_in(in, line); },
        [this, in](const std::string& how) { ended_in(in, how); });
    if (!job) {
        spdlog::error("services: {}", job.error().message);
        return;
    }
    ++connections_;
    in->job = *job;
    std::vector<std::string> members;
    for (const db::Hypervisor& hypervisor : world_.ledger.hypervisors())
        members.push_back(hypervisor.name);
    in->job->tell({{"rundir", rundir_}, {"credentials", credentials()}, {"members", members}});
}

// --- While move-in is at work. ---

void ServiceMover::said_in(const IncomingPtr& in, const Json& line)
{
    const std::string ask = line.value("ask", ""), say = line.value("say", "");
    if (ask == "welcome")
        welcome(in, line);
    else if (ask == "plug")
        plug(in);
    else if (ask == "commit") {
        mover_.note(in->service, "committed");
        mover_.when_settled(in->service, [this, in](const db::Move* row) {
            Result<void> may;
            if (!row || !committed(in->service, in->move) || !may_live(*in))
                may = Error{Errc::invalid, "its move is not under way any more"};
            else // It may have become a hop since it was welcome.
                may = may_live_apart(in->row, port_here(in->service), world_.config.fabric,
                                     world_.ledger.chains(), world_.ledger.balancers());
            in->committing = bool(may);
            in->job->tell(may ? Json::object() : Json{{"error", may.error().message}});
            return true;
        });
    } else if (ask == "activate") { // Its gate is open, so that it lives here whatever comes.
        mover_.open(in->service, [in] { in->job->tell(Json::object()); });
    } else if (ask == "run") {
        run(in, line.value("user", ""));
    } else if (ask == "outcome") {
        tell_outcome(in, line.value("peer", ""), line.value("move", ""));
    } else if (say == "step") {
        step(in->service, line);
    } else if (say == "marks") {
        told(in->service, in->move, line);
    } else if (say == "live") {
        in->live = true;
        came_live(in->row, line.value("pid", 0), line.value("trouble", ""),
                  line.value("time_ns", now_ns()));
    } else if (say == "failed") {
        spdlog::warn("services: {}: {}", in->service.empty() ? "a connection" : in->service,
                     line.value("why", ""));
    }
}

/// Whether one more of the user's commands may run here.
Result<void> ServiceMover::may_run(const std::string& user) const
{
    if (runs_ >= most_runs)
        return Error{Errc::unavailable, std::to_string(most_runs) + " commands run on " +
                                            world_.self() + " already: try again later"};
    const auto users = env::users_of(world_.self(), world_.ledger.quotas());
    if (std::ranges::find(users, user) != users.end())
        return {};
    return Error{Errc::invalid, world_.self() + " is none of the nodes that user " +
                                    one_line(user, 60) +
                                    " uses: see 'holdfast env show' and 'holdfast quota select'"};
}

/// From now on it does not hold up moves.
void ServiceMover::run(const IncomingPtr& in, const std::string& user)
{
    const auto may =
        in->runs ? Result<void>{Error{Errc::invalid, "a command runs already"}} : may_run(user);
    if (may) {
        in->runs = true;
        ++runs_;
        --connections_;
    }
    in->job->tell(may ? Json::object() : Json{{"error", may.error().message}});
}

void ServiceMover::welcome(const IncomingPtr& in, const Json& question)
{
    const std::string peer = question.value("peer", "");
    const Json hello = question.value("hello", Json::object());
    const std::string id = hello.value("service", "");
    const db::Service* row = world_.ledger.service(id);
    Result<void> may = may_come(row, peer, world_.ledger.self());
    if (may)
        may = may_use(world_.ledger.quotas(), row->user, Owner::account, world_.self());
    if (may && hello.value("name", "") != row->name)
        may = Error{Errc::invalid, "it has another name here"};
    if (may && !world_.ledger.vm(id)) // It says which network the addresses are of.
        may = Error{Errc::unavailable, "its port is not known here yet: try again in some seconds"};
    if (may)
        may = may_live_apart(*row, port_here(id), world_.config.fabric, world_.ledger.chains(),
                             world_.ledger.balancers());
    if (may && outgoing_.contains(id)) // What is left of it here would be taken for the new one.
        may = Error{Errc::invalid, "its copy here, from which it has moved, is not gone yet: try "
                                   "again in some seconds"};
    const auto other = incoming_.find(id);
    if (may && other != incoming_.end() && !other->second->live) // A live one only looks on.
        may = Error{Errc::invalid, "a move of it to here is under way: wait for its end"};
    if (!may) {
        in->job->tell(Json{{"error", may.error().message}});
        return;
    }
    in->service = id;
    in->move = hello.value("move", "");
    in->peer = peer;
    in->row = *row;
    incoming_[id] = in;
    tools_.run(
        [row = *row,
         bridge = OurBridge{world_.config.bridge, world_.config.ovs_db}]() -> Result<std::string> {
            auto system = look_at_system(row, bridge);
            if (!system)
                return system.error();
            return encode(definition_of(row, system->offloads));
        },
        [in](const Result<std::string>& definition) {
            in->job->tell(definition ? Json{{"definition", *definition}}
                                     : Json{{"error", definition.error().message}});
        });
}

/// Which network its port here belongs to.
db::VmPort ServiceMover::port_here(const std::string& service) const
{
    const db::Vm* record = world_.ledger.vm(service);
    return record ? placed({}, *record, world_.self(), world_.config.fabric) : db::VmPort{};
}

/// The switch is to hold what comes for it before anybody can send it something.
void ServiceMover::plug(const IncomingPtr& in)
{
    const db::Service* row = world_.ledger.service(in->service);
    if (!row) {
        in->job->tell(Json{{"error", "it is not known here any more"}});
        return;
    }
    tools_.run(
        [row = *row, tag = tag_of(*row, port_here(in->service)),
         bridge = OurBridge{world_.config.bridge, world_.config.ovs_db}] {
            return plug_service(row, tag, bridge);
        },
        [this, in](const Result<std::string>& plugged) {
            if (!plugged) {
                in->job->tell(Json{{"error", plugged.error().message}});
                return;
            }
            mover_.incoming(in->service, in->move, in->peer);
            mover_.when_settled(in->service, [in](const db::Move* now) {
                if (now && !now->times.contains("plugged"))
                    return false; // The switch has not seen the port yet.
                in->job->tell(now ? Json::object()
                                  : Json{{"error", "its move here has ended already"}});
                return true;
            });
        });
}

/// `began`: its row when it began to come.
void ServiceMover::came_live(const db::Service& began, int pid, const std::string& trouble,
                             db::TimeNs time)
{
    const db::Service* now = world_.ledger.service(began.id);
    if (now && now->epoch > began.epoch) {
        spdlog::warn("service {}: {} has taken it back before it lived here: it ends here",
                     now->name, now->hypervisor);
        mover_.signal(now->id, Signal::incoming_failed, now_ns());
        clear_away(*now, [] {});
        return;
    }
    const db::Service row = now ? *now : began;
    services_.arrived(arrived(row, world_.self(), pid));
    mover_.signal(row.id, Signal::cpus_resumed, time);
    world_.problem("service " + row.name,
                   trouble.empty() ? "" : "has come here, but its program says: " + trouble);
}

// --- The end. ---

void ServiceMover::look_at_place(const std::string& name, std::function<void(const Place&)> done)
{
    tools_.run({service_program(), "lock", rundir_, name}, look_limit,
               [this, name, done](const Result<std::string>& said) {
                   if (!said) {
                       world_.problem("service " + name,
                                      "it cannot be found out whether it lives here: " +
                                          said.error().message);
                       later(look_again, [this, name, done] { look_at_place(name, done); });
                       return;
                   }
                   world_.problem("service " + name, "");
                   done({!said->starts_with("none"), said->starts_with("shut")});
               });
}

void ServiceMover::ended_in(const IncomingPtr& in, const std::string& how)
{
    --(in->runs ? runs_ : connections_);
    auto over = [this, in] {
        forget_incoming(in->service);
        for (const auto& tell : in->ended)
            tell();
    };
    const auto known = incoming_.find(in->service);
    if (known == incoming_.end() || known->second != in || in->live) {
        if (known != incoming_.end() && known->second == in)
            over();
        return;
    }
    end_in(in, how, over);
}

/// Its home may have taken it back while it came.
void ServiceMover::forget_incoming(const std::string& service)
{
    incoming_.erase(service);
    const auto rows = world_.ledger.services();
    yield(rows);
}

bool ServiceMover::may_live(const Incoming& in) const
{
    return hookd::may_live(world_.ledger.service(in.service), in.row, in.peer, world_.self());
}

/// What a move-in has left, which did not say that the service lives here.
void ServiceMover::end_in(const IncomingPtr& in, const std::string& why, std::function<void()> done)
{
    look_at_place(in->row.name, [this, in, row = in->row, why, done](const Place& place) {
        const bool lives = target_end(place) == TargetEnd::keep;
        if (lives && may_live(*in)) {
            spdlog::warn("service {}: move-in ended ({}) when it lived here: it goes on", row.name,
                         why);
            // What go-on has the kernel say to the peers is to pass the switch.
            mover_.open(row.id, [this, row, done] { go_on_here(row, done); });
            return;
        }
        if (lives)
            spdlog::warn("service {}: {} has it again, or it is gone: it ends here", row.name,
                         in->peer);
        mover_.signal(row.id, Signal::incoming_failed, now_ns());
        clear_away(row, done);
    });
}

void ServiceMover::go_on_here(const db::Service& row, std::function<void()> done)
{
    tools_.run({service_program(), "go-on", rundir_, row.name}, std::chrono::seconds{60},
               [this, row, done](const Result<std::string>& gone) {
                   came_live(row, services_.pid_of(row), gone ? "" : gone.error().message,
                             now_ns());
                   done();
               });
}

/// Home asks what became of a move.  A move-in that still waits is ended first: then it is settled.
void ServiceMover::tell_outcome(const IncomingPtr& asker, const std::string& peer,
                                const std::string& move)
{
    const auto at = std::find_if(incoming_.begin(), incoming_.end(), [&](const auto& entry) {
        return entry.second->move == move && entry.second->peer == peer && !entry.second->live;
    });
    auto answer = [this, asker, move] {
        const auto& moves = world_.ledger.moves();
        const auto row = std::find_if(moves.begin(), moves.end(), [&](const db::Move& one) {
            return one.id == move && one.role == "destination" && one.hypervisor == world_.self();
        });
        // The service's own row is written at once where it came to live; the move's a moment
        // later.
        const db::Service* service = row == moves.end() ? nullptr : world_.ledger.service(row->vm);
        const bool ours = service && service->hypervisor == world_.self();
        const Heard heard = target_answer(row == moves.end() ? nullptr : &*row);
        asker->job->tell(Json{{"outcome", ours || heard == Heard::live ? "live" : "failed"}});
    };
    if (at == incoming_.end()) {
        answer();
        return;
    }
    at->second->ended.push_back(answer);
    // One that was told to commit is about to go live, or to fail, by itself.
    if (at->second->job && !at->second->committing)
        at->second->job->kill();
}

/// Services that were coming when the daemon ended; their move-in has ended with it.
void ServiceMover::take_up_in()
{
    const auto moves = world_.ledger.moves();
    for (const db::Move& move : moves) {
        const db::Service* row = world_.ledger.service(move.vm);
        if (!row || move.role != "destination" || move.hypervisor != world_.self() ||
            move.state != "staged")
            continue;
        auto in = std::make_shared<Incoming>();
        in->service = move.vm;
        in->move = move.id;
        in->peer = move.peer;
        in->row = *row;
        incoming_[move.vm] = in;
        end_in(in, "holdfast-hookd was restarted", [this, id = move.vm] { forget_incoming(id); });
    }
}

} // namespace holdfast::hookd
