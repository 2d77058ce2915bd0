// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-service: service/run, service/stop, service/pin, service/migrate and
// service/take-back.
#include <config.h>

#include "common/text.h"
#include "db/find.h"
#include "db/share-json.h"
#include "hookd/commands.h"
#include "hookd/service-read.h"
#include "hookd/service-rules.h"
#include "hookd/share-rules.h"

namespace holdfast::hookd {
namespace {

// A service has 10 s to end by itself; taking it away does not take long.
constexpr auto stop_limit = std::chrono::seconds{60};
constexpr auto take_back_limit = std::chrono::minutes{12}; // A CRIU at work is waited for.
constexpr auto pin_limit = std::chrono::seconds{10};
constexpr auto move_limit = std::chrono::hours{2}; // Memory of a big one takes its time.

} // namespace

void Commands::service_run(const Json& arguments, Done done)
{
    auto wanted = read_service(arguments);
    if (wanted)
        daemon_.services().run(*wanted, std::move(done));
    else
        done(wanted.error());
}

void Commands::service_stop(const Json& arguments, Done done)
{
    auto name = text_argument(arguments, "service");
    if (!name) {
        done(name.error());
        return;
    }
    auto service = db::find_service(world().ledger.services(), *name);
    if (!service)
        done(service.error());
    else if (service->hypervisor == world().self())
        daemon_.services().stop(*service, std::move(done));
    else
        daemon_.fleet().ask(service->hypervisor, "service-stop", arguments, stop_limit,
                            std::move(done));
}

void Commands::service_pin(const Json& arguments, Done done)
{
    auto name = text_argument(arguments, "service");
    if (!name) {
        done(name.error());
        return;
    }
    const bool on = arguments.at("on").get<bool>();
    auto service = db::find_service(world().ledger.services(), *name);
    if (!service)
        done(service.error());
    else if (service->hypervisor == world().self())
        done(daemon_.services().pin(*service, on));
    else
        daemon_.fleet().ask(service->hypervisor, "service-pin", arguments, pin_limit,
                            std::move(done));
}

void Commands::service_take_back(const Json& arguments, Done done)
{
    auto name = text_argument(arguments, "service");
    if (!name) {
        done(name.error());
        return;
    }
    auto service = db::find_service(world().ledger.services(), *name);
    if (!service)
        done(service.error());
    else if (service->hypervisor == world().self())
        daemon_.service_mover().take_back(*service, arguments.value("fenced", false),
                                          std::move(done));
    else
        daemon_.fleet().ask(service->hypervisor, "service-take-back", arguments, take_back_limit,
                            std::move(done));
}

void Commands::service_migrate(const Json& arguments, Done done)
{
    auto name = text_argument(arguments, "service");
    auto service = name ? db::find_service(world().ledger.services(), *name)
                        : Result<db::Service>{name.error()};
    if (service)
        begin_service_migrate(*service, arguments, std::move(done));
    else
        done(service.error());
}

/// What schedd orders has its term; what people ask for has none.
Result<void> Commands::in_its_term(const Json& arguments)
{
    if (!arguments.contains("term"))
        return {};
    return may_order(arguments["term"], world().ledger.lease(db::schedd_lease));
}

/// Answers with the task's id at once; the task's row tells how it ends.
void Commands::begin_service_migrate(db::Service row, const Json& arguments, Done done)
{
    auto to = text_argument(arguments, "to");
    const std::string mode = arguments.value("mode", "");
    if (!to) {
        done(to.error());
        return;
    }
    if (!mode.empty() && mode != "checkpoint" && mode != "handoff") {
        done(Error{Errc::invalid,
                   "mode " + one_line(mode, 40) + " is not known: checkpoint or handoff"});
        return;
    }
    auto may = in_its_term(arguments);
    if (may)
        may = may_move(row, *to, mode, row.hypervisor, world().ledger.hypervisors());
    if (may)
        may = may_use(world().ledger.quotas(), row.user, Owner::account, *to);
    if (!may) {
        done(may.error());
        return;
    }
    const std::string by = arguments.value("asked_by", "");
    db::Event asked = world().event(
        "asked", row.name + " is to move to " + *to + (by.empty() ? "" : ", " + by + " says"),
        now_ns());
    asked.vm = row.id;
    Json order{{"service", row.id}, {"to", *to}, {"mode", mode}};
    if (const std::string user = arguments.value("only_of", ""); !user.empty())
        order["only_of"] = user;
    if (arguments.contains("term"))
        order["term"] = arguments["term"];
    auto task = begin_task("service-migrate", row.hypervisor, order, move_limit, asked);
    if (!task) {
        done(task.error());
        return;
    }
    done(Json{{"task", task->id}});
    auto finish = [this, task = *task](const Result<Json>& result) {
        end_task(task, result, std::nullopt);
    };
    if (row.hypervisor == world().self())
        daemon_.service_mover().migrate(row, *to, mode, finish);
    else
        daemon_.fleet().ask(row.hypervisor, "service-migrate", order, move_limit, finish);
}

/// For another hypervisor whose operator asked, or a user, of whom alone it may be.
void Commands::service_migrate_now(const Json& arguments, Done done)
{
    const db::Service* service = world().ledger.service(arguments.at("service").get<std::string>());
    const std::string user = arguments.value("only_of", "");
    if (auto may = in_its_term(arguments); !may)
        done(may.error());
    else if (service && !user.empty() && service->user != user)
        done(Error{Errc::invalid, "service " + service->name + " is not " + user + "'s any more"});
    else if (service)
        daemon_.service_mover().migrate(*service, arguments.at("to"), arguments.at("mode"),
                                        std::move(done));
    else
        done(Error{Errc::not_found, "it is not known on its own hypervisor: see 'holdfast fleet "
                                    "status' there"});
}

} // namespace holdfast::hookd
