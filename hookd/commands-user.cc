// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-user: what users, who are not root, ask for: service/list, service/migrate and
// service/task, of their own services alone; of all, if root asks (spec S11).
#include <config.h>

#include "db/find.h"
#include "db/service-text.h"
#include "hookd/commands.h"

namespace holdfast::hookd {
namespace {

// So many of all users' are remembered.
constexpr std::size_t most_tasks = 1024;

} // namespace

void Commands::user_asks(const Caller& caller, const std::string& method, const Json& arguments,
                         Done done)
try {
    const Ledger& ledger = world().ledger;
    const auto his = db::view_of(caller.is_administrator() ? nullptr : &caller.name,
                                 ledger.services(), ledger.vms(), ledger.moves());
    if (method == "service/list")
        done(db::to_json(his));
    else if (method == "service/task")
        done(user_task(his.services, arguments));
    else
        user_migrate(caller, his.services, arguments, std::move(done));
} catch (const Json::exception& wrong) {
    done(Error{Errc::invalid, std::string{"the argument is of the wrong shape: "} + wrong.what()});
}

Result<Commands::Json> Commands::user_task(const std::vector<db::Service>& his,
                                           const Json& arguments)
{
    auto id = text_argument(arguments, "task");
    if (!id)
        return id.error();
    for (const UserTask& task : user_tasks_)
        for (const db::Service& service : his)
            if (task.id == *id && task.service == service.id)
                return Json{{"id", task.id}, {"state", task.state}, {"reply", task.reply}};
    return Error{Errc::not_found, "there is no such task that moves a service of yours"};
}

void Commands::user_migrate(const Caller& caller, const std::vector<db::Service>& his,
                            const Json& arguments, Done done)
{
    auto name = text_argument(arguments, "service");
    auto service = name ? db::find_service(his, *name) : Result<db::Service>{name.error()};
    auto may = service ? may_begin_move(caller, his) : Result<void>{service.error()};
    if (may)
        may = user_moves_.begin(caller, std::chrono::steady_clock::now());
    if (!may) {
        done(may.error());
        return;
    }
    const db::Service* row = world().ledger.service(service->id); // Another may have the name.
    if (!row) {
        done(Error{Errc::not_found, "service " + service->name + " has gone just now"});
        return;
    }
    Json order = arguments;
    order["asked_by"] = caller.name;
    order["only_of"] = caller.is_administrator() ? "" : caller.name;
    begin_service_migrate(*row, order, [this, service = row->id, done](const Result<Json>& answer) {
        if (answer)
            note_user_task(answer->at("task"), service);
        done(answer);
    });
}

void Commands::note_user_task(const std::string& id, const std::string& service)
{
    user_tasks_.push_back({id, service, "running", ""});
    if (user_tasks_.size() > most_tasks)
        user_tasks_.pop_front();
}

} // namespace holdfast::hookd
