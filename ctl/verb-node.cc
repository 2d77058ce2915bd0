// SPDX-License-Identifier: Apache-2.0
//
// ctl/verb-node: `holdfast node list|show|drain|return`.
#include <config.h>

#include <chrono>

#include "common/text.h"
#include "ctl/node.h"
#include "ctl/store-watch.h"
#include "ctl/verbs.h"
#include "db/find.h"

namespace holdfast::ctl {

namespace {

db::TimeNs now_ns()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// The task's reply once it is done, or its error; nothing while it runs.
Result<std::optional<Json>> end_of(db::Store& store, const std::string& id)
{
    auto tasks = store.tasks();
    if (!tasks)
        return tasks.error();
    for (const auto& task : *tasks) {
        if (task.id != id || task.state == "running")
            continue;
        if (task.state == "failed")
            return Error{Errc::invalid, task.reply};
        auto reply = parse_answer(task.reply, "holdfast-hookd");
        if (!reply)
            return reply.error();
        return std::optional{*reply};
    }
    return std::optional<Json>{};
}

void show_progress(const Session& session, const std::string& node,
                   const std::vector<std::string>& vms, db::Store& store)
{
    auto world = read_world(store);
    if (session.terminal && !session.json && world)
        session.print("\r\033[K" + session.style.paint(node, Tone::head) + "  " +
                      drain_progress(node, vms, *world));
}

/// Waits until the drain has ended; an error if it failed or cannot be watched any more.
Result<Json> wait_for_end(const Session& session, db::Store& store, StoreWatch& watch,
                          const Json& answer)
{
    constexpr int idle_rounds = 20; // Seconds of silence before hookd is asked whether it lives.
    for (int idle = 0;;) {
        auto end = end_of(store, text_of(answer, "task"));
        if (!end)
            return end.error();
        if (*end)
            return **end;
        show_progress(session, text_of(answer, "node"), texts_of(answer, "vms"), store);
        idle = watch.wait(std::chrono::seconds{1}) ? 0 : idle + 1;
        if (idle % idle_rounds != idle_rounds - 1)
            continue;
        if (auto alive = session.ask_hookd("status", nullptr); !alive)
            return Error{Errc::unavailable,
                         "the drain may go on, but cannot be followed: " + alive.error().message};
    }
}

/// Follows the drain that was asked for to its end.
Result<void> follow(const Session& session, db::Store& store, StoreWatch& watch, const Json& answer)
{
    auto end = wait_for_end(session, store, watch, answer);
    if (session.terminal && !session.json)
        session.print("\r\033[K");
    if (!end)
        return end.error();
    if (session.json)
        session.print_json(*end);
    else
        session.print(drain_page(*end, session.style));
    if (auto failure = drain_failure(*end))
        return Error{Errc::invalid, *failure};
    return {};
}

} // namespace

Result<void> node_list(const Session& session)
{
    auto world = read_world(session);
    if (!world)
        return world.error();
    if (!session.json) {
        session.print(node_table(*world, now_ns(), session.style));
        return {};
    }
    Json all = Json::array();
    for (const auto& row : world->hypervisors)
        all.push_back(node_json(row, *world, now_ns()));
    session.print_json(all);
    return {};
}

Result<void> node_show(const Session& session, const std::string& name)
{
    auto world = read_world(session);
    if (!world)
        return world.error();
    auto node = db::find_hypervisor(world->hypervisors, name);
    if (!node)
        return node.error();
    if (session.json)
        session.print_json(node_json(*node, *world, now_ns()));
    else
        session.print(node_page(*node, *world, now_ns(), session.style));
    return {};
}

Result<void> node_drain(const Session& session, const std::string& node, int parallel, bool follows)
{
    const Json order{{"node", node}, {"parallel", parallel}};
    if (follows) {
        // The watch begins before the order, so that nothing is missed.
        auto store = session.open_store();
        if (!store)
            return store.error();
        auto watch = StoreWatch::on(*session.store_path());
        if (!watch)
            return watch.error();
        auto answer = session.ask_hookd("node/drain", order);
        if (!answer)
            return answer.error();
        return follow(session, *store, *watch, *answer);
    }
    auto answer = session.ask_hookd("node/drain", order);
    if (!answer)
        return answer.error();
    if (session.json)
        session.print_json(*answer);
    else
        session.print("asked: " + one_line(node) + " is drained, " +
                      std::to_string(texts_of(*answer, "vms").size()) +
                      " to go; see 'holdfast node show " + one_line(node) + "'\n");
    return {};
}

Result<void> node_return(const Session& session, const std::string& node)
{
    auto answer = session.ask_hookd("node/return", {{"node", node}});
    if (!answer)
        return answer.error();
    if (session.json)
        session.print_json(*answer);
    else
        session.print(one_line(node) + " takes VMs again\n");
    return {};
}

} // namespace holdfast::ctl
