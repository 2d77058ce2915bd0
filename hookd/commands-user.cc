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

/// What a task tells the user whose service it moves.
nlohmann::json task_text(const db::Task& task)
{
    return {{"id", task.id}, {"state", task.state}, {"reply", task.reply}};
}

/// The service that a task moves; empty if it does something else.
std::string service_moved_by(const db::Task& task)
{
    const auto arguments = nlohmann::json::parse(task.arguments, nullptr, false);
    return task.verb == "service-migrate" && arguments.is_object() ? arguments.value("service", "")
                                                                   : "";
}

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
    auto tasks = id ? world().ledger.tasks() : Result<std::vector<db::Task>>{id.error()};
    if (!tasks)
        return tasks.error();
    for (const db::Task& task : *tasks)
        for (const db::Service& service : his)
            if (task.id == *id && service_moved_by(task) == service.id)
                return task_text(task);
    return Error{Errc::not_found, "there is no such task that moves a service of yours"};
}

void Commands::user_migrate(const Caller& caller, const std::vector<db::Service>& his,
                            const Json& arguments, Done done)
{
    auto name = text_argument(arguments, "service");
    auto service = name ? db::find_service(his, *name) : Result<db::Service>{name.error()};
    const auto may = service ? may_begin_move(caller, his) : Result<void>{service.error()};
    if (!may) {
        done(may.error());
        return;
    }
    Json order = arguments;
    order["service"] = service->name;
    order["asked_by"] = caller.name;
    service_migrate(order, std::move(done));
}

} // namespace holdfast::hookd
