// SPDX-License-Identifier: Apache-2.0
//
// ctl/verb-migrate: `holdfast vm migrate` and `holdfast service migrate`, and following it to its
// end.
#include <config.h>

#include <chrono>
#include <thread>

#include "common/text.h"
#include "ctl/answers.h"
#include "ctl/migration.h"
#include "ctl/store-watch.h"
#include "ctl/verbs.h"
#include "db/find.h"
#include "db/service-text.h"

namespace holdfast::ctl {

namespace {

using Clock = Migration::Clock;

/// One line on a terminal that says how far it is.
class Progress {
public:
    Progress(const Session& session, std::string vm, std::string to)
        : session_{session}, shown_{session.terminal && !session.json}, vm_{std::move(vm)},
          to_{std::move(to)}
    {
    }
    ~Progress() { end(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void show(const Migration& migration)
    {
        if (!shown_)
            return;
        end();
        auto seconds =
            std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begun_).count();
        session_.print(session_.style.paint(vm_ + " → " + to_, Tone::head) + "  " +
                       migration.progress() + ", " + std::to_string(seconds) + " s");
        dirty_ = true;
    }

    /// Takes the line away.
    void end()
    {
        if (dirty_)
            session_.print("\r\033[K");
        dirty_ = false;
    }

private:
    const Session& session_;
    bool shown_;
    bool dirty_ = false; // The line has text.
    std::string vm_;
    std::string to_;
    Clock::time_point begun_ = Clock::now();
};

/// One look at the store.
Result<void> look(db::Store& store, Migration& migration)
{
    auto tasks = store.tasks();
    if (!tasks)
        return tasks.error();
    auto moves = store.moves();
    if (!moves)
        return moves.error();
    migration.see(*tasks, move_lines(*moves), Clock::now());
    return {};
}

/// Waits until it has ended; an error if it cannot be watched any more.
Result<Result<void>> wait_for_end(const Session& session, db::Store& store, StoreWatch& watch,
                                  Migration& migration, Progress& progress)
{
    constexpr int idle_rounds = 20; // Seconds of silence before hookd is asked whether it lives.
    for (int idle = 0;;) {
        if (auto seen = look(store, migration); !seen)
            return seen.error();
        progress.show(migration);
        if (auto ended = migration.ended(Clock::now()))
            return *ended;
        idle = watch.wait(std::chrono::seconds{1}) ? 0 : idle + 1;
        if (idle % idle_rounds != idle_rounds - 1)
            continue;
        if (auto alive = session.ask_hookd("status", nullptr); !alive)
            return Error{Errc::unavailable, "the migration may go on, but cannot be followed: " +
                                                alive.error().message};
    }
}

constexpr std::chrono::milliseconds look_each{500};

/// Asks hookd for a user, and again if he asks too often, as who follows several moves does.
template <class Ask>
auto ask_patiently(Ask ask) -> decltype(ask())
{
    for (;;) {
        auto answer = ask();
        if (answer || !answer.error().message.ends_with(db::wait_a_moment))
            return answer;
        std::this_thread::sleep_for(look_each);
    }
}

/// The same for a user, who asks hookd how it stands.
Result<Result<void>> follow_as_user(const Session& session, const std::string& task,
                                    Migration& migration, Progress& progress)
{
    const auto look_at_services = [&] { return read_services(session); };
    const auto look_at_task = [&] {
        return session.ask_hookd("service/task", Json{{"task", task}});
    };
    for (;;) {
        auto world = ask_patiently(look_at_services);
        auto now = world ? ask_patiently(look_at_task) : Result<Json>{world.error()};
        if (!now)
            return Error{Errc::unavailable,
                         "the migration may go on, but cannot be followed: " + now.error().message};
        db::Task row;
        row.id = task;
        row.state = text_of(*now, "state");
        row.reply = text_of(*now, "reply");
        migration.see({row}, move_lines(world->moves), Clock::now());
        progress.show(migration);
        if (auto ended = migration.ended(Clock::now()))
            return *ended;
        std::this_thread::sleep_for(look_each);
    }
}

/// Says how it ended.
Result<void> tell_end(const Session& session, const Migration& migration, const World& world,
                      Progress& progress, const Result<Result<void>>& ended)
{
    if (!ended)
        return ended.error();
    progress.end();
    if (migration.move() && session.json)
        session.print_json(move_json(*migration.move(), world));
    else if (migration.move())
        session.print(move_page(*migration.move(), world, session.style));
    return *ended;
}

/// Asks hookd for a move, by its command `method`, of what has this `id` and, for people, this
/// name.
Result<void> move(const Session& session, const char* method, const Json& request,
                  const std::string& name, const std::string& to, bool follow,
                  std::string (*id_of)(const World& world, const std::string& name))
{
    if (!follow) {
        auto answer = session.ask_hookd(method, request);
        if (!answer)
            return answer.error();
        if (session.json)
            session.print_json(*answer);
        else
            session.print("asked: " + one_line(name) + " → " + one_line(to) +
                          (session.as_user() ? "; see 'holdfast service show "
                                             : "; see 'holdfast events --follow --vm ") +
                          one_line(name) + "'\n");
        return {};
    }
    // The watch begins before the order, so that nothing is missed.
    auto store = session.open_store();
    if (!store)
        return store.error();
    auto watch = StoreWatch::on(*session.store_path());
    if (!watch)
        return watch.error();
    auto world = read_world(*store);
    if (!world)
        return world.error();
    auto answer = session.ask_hookd(method, request);
    if (!answer)
        return answer.error();
    Migration migration{text_of(*answer, "task"), id_of(*world, name), to,
                        move_lines(world->moves)};
    Progress progress{session, one_line(name), one_line(to)};
    auto ended = wait_for_end(session, *store, *watch, migration, progress);
    return tell_end(session, migration, *world, progress, ended);
}

/// A user's move of his service, to its end.
Result<void> move_as_user(const Session& session, const Json& request, const std::string& name,
                          const std::string& to)
{
    auto world = read_services(session); // Before the order: its move is none of these.
    auto answer =
        world ? session.ask_hookd("service/migrate", request) : Result<Json>{world.error()};
    if (!answer)
        return answer.error();
    const auto known = db::find_service(world->services, name);
    const std::string task = text_of(*answer, "task");
    Migration migration{task, known ? known->id : name, to, move_lines(world->moves)};
    Progress progress{session, one_line(name), one_line(to)};
    auto ended = follow_as_user(session, task, migration, progress);
    return tell_end(session, migration, *world, progress, ended);
}

} // namespace

Result<void> vm_migrate(const Session& session, const std::string& vm, const std::string& to,
                        bool follow)
{
    return move(session, "vm/migrate", {{"vm", vm}, {"to", to}}, vm, to, follow,
                [](const World& world, const std::string& name) {
                    auto known = db::find_vm(world.vms, name);
                    return known ? known->id : name;
                });
}

Result<void> service_migrate(const Session& session, const std::string& service,
                             const std::string& to, const std::string& mode, bool follow)
{
    const Json request{{"service", service}, {"to", to}, {"mode", mode}};
    if (follow && session.as_user())
        return move_as_user(session, request, service, to);
    return move(session, "service/migrate", request, service, to, follow,
                [](const World& world, const std::string& name) {
                    auto known = db::find_service(world.services, name);
                    return known ? known->id : name;
                });
}

} // namespace holdfast::ctl
