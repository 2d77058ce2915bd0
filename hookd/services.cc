// SPDX-License-Identifier: Apache-2.0
//
// hookd/services: see services.h.
#include <config.h>

#include "hookd/services.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>

#include <spdlog/spdlog.h>

#include "hookd/await.h"
#include "hookd/service-rules.h"
#include "hookd/service-system.h"
#include "hookd/share-rules.h"

// g++ 12 takes operator new and delete of Asio's coroutine frames for two that do not fit, where it
// inlines one of them alone.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace asio = boost::asio;

namespace holdfast::hookd {
namespace {

constexpr std::chrono::seconds end_limit{10};

OurBridge bridge_of(const World& world)
{
    return {world.config.bridge, world.config.ovs_db};
}

} // namespace

Services::Services(asio::io_context& io, World& world, FleetLink& fleet, Tools& tools,
                   std::string rundir)
    : io_{io}, world_{world}, fleet_{fleet}, tools_{tools}, rundir_{std::move(rundir)}
{
}

/// Does what blocks on another thread.
template <class T>
asio::awaitable<Result<T>> Services::aside(std::function<Result<T>()> work)
{
    auto result = std::make_shared<std::optional<Result<T>>>();
    // Functions have names where they are awaited: g++ 12 destroys what a nameless one holds twice.
    std::function<void(std::function<void(const Result<std::string>&)>)> start =
        [this, result, work](std::function<void(const Result<std::string>&)> done) {
            tools_.run(
                [result, work]() -> Result<std::string> {
                    result->emplace(work());
                    return std::string{};
                },
                done);
        };
    co_await await_answer<Result<std::string>>(io_, std::move(start));
    co_return std::move(**result);
}

void Services::spawn(asio::awaitable<void> work)
{
    asio::co_spawn(io_, std::move(work), [](const std::exception_ptr& failure) {
        if (failure)
            std::rethrow_exception(failure);
    });
}

Error Services::busy(const std::string& name) const
{
    return {Errc::unavailable, "service " + name +
                                   " is being started or stopped just now: try again when that "
                                   "has ended"};
}

/// A line of the time line and of the log, with what changes.
void Services::note(StoreChange change, const std::string& kind, const db::Service& row,
                    const std::string& text)
{
    change.events = {world_.event(kind, "service " + row.name + " " + text, now_ns())};
    change.events[0].vm = row.id;
    spdlog::info("{}", change.events[0].text);
    world_.commit(change);
    world_.refresh_soon();
}

// --- Beginning. ---

void Services::run(const db::Service& wanted, Done done)
{
    if (busy_.contains(wanted.name)) {
        done(busy(wanted.name));
        return;
    }
    busy_.insert(wanted.name);
    spawn(start(wanted, std::move(done)));
}

asio::awaitable<void> Services::start(db::Service wanted, Done done)
{
    const auto name = wanted.name;
    auto started = co_await start_all(std::move(wanted));
    busy_.erase(busy_.find(name));
    done(started);
}

asio::awaitable<Result<Services::Json>> Services::start_all(db::Service wanted)
{
    const auto neighbours = [this] {
        return Neighbours{world_.self(), world_.ledger.services(), world_.ledger.vms(),
                          world_.ledger.balancers()};
    };
    if (auto may = may_run(wanted, neighbours(), new_uuid()); !may)
        co_return may.error();
    if (auto may = may_use(world_.ledger.quotas(), wanted.user, Owner::account, world_.self());
        !may)
        co_return may.error();
    std::function<Result<System>()> look = [wanted,
                                            bridge = bridge_of(world_)]() -> Result<System> {
        if (auto able = look_at_engine(wanted.mode); !able)
            return able.error();
        return look_at_system(wanted, bridge);
    };
    auto system = co_await aside(std::move(look));
    if (!system)
        co_return system.error();
    wanted.command[0] = system->program;
    auto row = may_run(wanted, neighbours(), new_uuid()); // Time has passed.
    if (!row)
        co_return row.error();
    std::optional<db::Service> before;
    if (const auto* known = world_.ledger.service(row->id))
        before = *known;
    if (auto ours = co_await claim(*row); !ours)
        co_return ours.error();
    auto pid = co_await bring_up(*row, system->offloads);
    StoreChange change;
    if (!pid) {
        co_await take_away(*row, !before);
        if (before)
            change.put_services = {*before};
        else
            change.remove_services = {row->id};
        world_.commit(change);
        co_return Error{pid.error().code, "service " + row->name + ": " + pid.error().message};
    }
    if (!watches_.contains(row->id)) // Its end was seen already, and is being told.
        co_return Error{Errc::io, "service " + row->name +
                                      " ended at once: see 'holdfast service show " + row->name +
                                      "' and " + folder(row->name).file("log")};
    change.put_services = {running(*row, *pid)};
    note(change, "service-started", *row, "runs here as process " + std::to_string(*pid));
    co_return Json{{"service", row->name},
                   {"id", row->id},
                   {"hypervisor", row->hypervisor},
                   {"pid", *pid},
                   {"mac", row->mac},
                   {"port", service_port(row->id)},
                   {"log", folder(row->name).file("log")}};
}

/// The name is ours from here on, in the whole fleet.
asio::awaitable<Result<void>> Services::claim(const db::Service& row)
{
    std::function<void(std::function<void(const Result<void>&)>)> put =
        [this, row](std::function<void(const Result<void>&)> done) {
            fleet_.put_service(row, done);
        };
    return await_answer<Result<void>>(io_, std::move(put));
}

asio::awaitable<Result<int>> Services::bring_up(const db::Service& row, bool offloads)
{
    std::function<Result<std::string>()> make =
        [row, offloads, rundir = rundir_, folder = folder(row.name), bridge = bridge_of(world_)] {
            return make_service(folder, rundir, row, offloads, bridge);
        };
    auto made = co_await aside(std::move(make));
    if (!made)
        co_return made.error();
    std::function<Result<int>()> start = [row, rundir = rundir_] {
        return start_service(rundir, row);
    };
    auto pid = co_await aside(std::move(start));
    if (pid)
        if (auto watched = watch(running(row, *pid)); !watched)
            co_return watched.error();
    co_return pid;
}

// --- While it runs. ---

/// Errors: unavailable if it does not run.
Result<void> Services::watch(const db::Service& row)
{
    // By its number first: whether that is it still is looked at afterwards.
    const int process = static_cast<int>(syscall(SYS_pidfd_open, row.pid, 0));
    const auto init = folder(row.name).init();
    if (process < 0 || !init || init->pid != row.pid) {
        if (process >= 0)
            close(process);
        return Error{Errc::unavailable, "it ended at once: see " + folder(row.name).file("log")};
    }
    auto& watch = watches_[row.id];
    watch = std::make_unique<Watch>(io_);
    watch->process.assign(process);
    watch->process.async_wait(asio::posix::stream_descriptor::wait_read,
                              [this, id = row.id](boost::system::error_code cancelled) {
                                  const auto* ended = world_.ledger.service(id);
                                  auto at = watches_.find(id);
                                  if (cancelled || at == watches_.end())
                                      return;
                                  auto stopped = std::move(at->second->stopped);
                                  watches_.erase(at);
                                  // Of one that moves its copy has ended: where it lives is
                                  // the move's to say.
                                  if (ended && ended->state != "moving")
                                      end(*ended, std::move(stopped));
                              });
    return {};
}

Result<Services::Json> Services::pin(const db::Service& service, bool on)
{
    StoreChange change;
    change.put_services = {service};
    change.put_services[0].pinned = on;
    if (auto stored = world_.commit(change); !stored)
        return stored.error();
    return Json{{"service", service.name}, {"pinned", on}};
}

// --- Ending. ---

void Services::ask_to_end(const std::string& id, int signal)
{
    if (const auto at = watches_.find(id); at != watches_.end())
        syscall(SYS_pidfd_send_signal, at->second->process.native_handle(), signal, nullptr, 0);
}

void Services::stop(const db::Service& service, Done done)
{
    const auto at = watches_.find(service.id);
    const bool asked = at != watches_.end() && at->second->stopped;
    if (auto may = may_stop(service); !may) {
        done(may.error());
    } else if (busy_.contains(service.name) || asked) {
        done(busy(service.name));
    } else if (at == watches_.end()) {
        end(service, std::move(done));
    } else {
        at->second->stopped = std::move(done);
        at->second->patience.expires_after(end_limit);
        at->second->patience.async_wait(
            [this, id = service.id](boost::system::error_code cancelled) {
                if (!cancelled)
                    ask_to_end(id, SIGKILL);
            });
        ask_to_end(service.id, SIGTERM);
    }
}

/// Takes its processes, its port and its namespaces away; why it had ended, if that is known.
asio::awaitable<std::string> Services::take_away(db::Service row, bool forget)
{
    std::function<Result<std::string>()> undo = [row, forget, rundir = rundir_,
                                                 bridge = bridge_of(world_)] {
        return undo_service(rundir, row, forget, bridge);
    };
    auto undone = co_await aside(std::move(undo));
    world_.problem("service " + row.name,
                   undone ? "" : "it cannot be taken away: " + undone.error().message);
    co_return undone ? *undone : std::string{};
}

/// After its end.  `stopped`: who asked for it, and the service is forgotten then; else its row
/// stays, with the reason.
void Services::end(const db::Service& row, Done stopped)
{
    busy_.insert(row.name);
    spawn(clear_up(row, std::move(stopped)));
}

asio::awaitable<void> Services::clear_up(db::Service row, Done stopped)
{
    const auto why = co_await take_away(row, static_cast<bool>(stopped));
    busy_.erase(busy_.find(row.name));
    StoreChange change;
    if (stopped) {
        change.remove_services = {row.id};
        note(change, "service-stopped", row, "was stopped, and is forgotten");
        stopped(Json{{"service", row.name}});
        co_return;
    }
    const auto* now = world_.ledger.service(row.id); // It may have been pinned meanwhile.
    change.put_services = {ended(now ? *now : row, why)};
    note(change, "service-ended", row, change.put_services[0].exit);
}

// --- Moves. ---

void Services::arrived(const db::Service& row)
{
    StoreChange change;
    change.put_services = {row};
    if (auto watched = watch(row); !watched) {
        world_.commit(change); // It has ended already: take_up() finds that.
        return;
    }
    note(change, "service-arrived", row, "runs here as process " + std::to_string(row.pid));
}

void Services::watch_again(const db::Service& row)
{
    const auto init = folder(row.name).init();
    if (!init || !watch(running(row, init->pid)))
        spdlog::warn("service {}: its processes have ended", row.name);
}

int Services::pid_of(const db::Service& row) const
{
    const auto init = folder(row.name).init();
    return init ? init->pid : 0;
}

void Services::leave(const db::Service& row, Done done)
{
    discard(row, [name = row.name, done = std::move(done)] { done(Json{{"service", name}}); });
}

void Services::discard(const db::Service& row, std::function<void()> done)
{
    watches_.erase(row.id);
    asio::co_spawn(io_, take_away(row, true),
                   [done = std::move(done)](const std::exception_ptr& failure, const std::string&) {
                       if (failure)
                           std::rethrow_exception(failure);
                       done();
                   });
}

// --- Those that others have begun: the daemon before this one, or a store before this one. ---

void Services::take_up()
{
    const auto rows = world_.ledger.services();
    for (const auto& row : rows) {
        if (row.hypervisor != world_.self() || row.state == "moving" || watches_.contains(row.id) ||
            busy_.contains(row.name))
            continue;
        const auto init = folder(row.name).init();
        const auto alive = init ? running(row, init->pid) : row;
        if (init && watch(alive)) {
            spdlog::info("service {} runs as process {}", row.name, init->pid);
            StoreChange change;
            if (alive != row)
                change.put_services = {alive};
            world_.commit(change);
        } else if (row.state == "running" || is_being_started(row)) {
            end(row, {});
        }
    }
}

} // namespace holdfast::hookd
