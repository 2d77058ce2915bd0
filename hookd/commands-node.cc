// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-node: node/drain and node/return.
//
// The mark "drained" is in the hypervisor's own row, so it alone writes it and leads its VMs
// away; what is asked elsewhere goes to it as a task.  One that was begun, and whose hookd
// ended, is begun again when it is back: its answer is still awaited.
#include <config.h>

#include <spdlog/spdlog.h>

#include "common/json-text.h"
#include "db/find.h"
#include "hookd/commands.h"

namespace holdfast::hookd {
namespace {

// A hypervisor full of big VMs takes hours.
constexpr auto drain_limit = std::chrono::hours{24};
constexpr auto return_limit = std::chrono::seconds{10};
constexpr int most_parallel = 16;

} // namespace

/// Answers with the task's id at once; the task's row tells how it ends.
void Commands::node_drain(const Json& arguments, Done done)
{
    auto node = text_argument(arguments, "node");
    if (!node) {
        done(node.error());
        return;
    }
    int parallel = arguments.value("parallel", 2);
    if (parallel < 1 || parallel > most_parallel) {
        done(Error{Errc::invalid, "\"parallel\" is not in range 1 to 16: so many VMs at once"});
        return;
    }
    if (auto may = check_drain(fleet_view(world()), *node); !may) {
        done(may.error());
        return;
    }
    if (*node != world().self() && !daemon_.fleet().connected()) {
        done(Error{Errc::unavailable,
                   *node + " cannot be asked: the fleet database is away: try again later"});
        return;
    }
    Json vms = Json::array();
    for (const db::Vm& vm : running_on(fleet_view(world()), *node))
        vms.push_back(vm.name);
    Json order{{"parallel", parallel}};
    auto task = begin_task("drain", *node, order, drain_limit,
                           world().event("asked", *node + " is to be drained", now_ns()));
    if (!task) {
        done(task.error());
        return;
    }
    done(Json{{"task", task->id}, {"node", *node}, {"vms", vms}});
    auto finish = [this, task = *task](const Result<Json>& result) {
        std::optional<db::Event> event;
        if (!result)
            event = world().event("drain-failed", task.hypervisor + ": " + result.error().message,
                                  now_ns());
        end_task(task, result, event);
    };
    if (*node == world().self())
        drain_now(order, finish);
    else
        daemon_.fleet().ask(*node, "drain", order, drain_limit, finish);
}

/// Here, whoever asked.
void Commands::drain_now(const Json& arguments, Done done)
{
    auto parallel = arguments.value("parallel", std::size_t{2});
    if (auto marked = mark_drained(true); !marked) {
        done(marked.error());
        return;
    }
    // First the mark, so that nobody else moves VMs here meanwhile.
    daemon_.fleet().share_self([this, parallel, done] { drainer_.run(parallel, done); });
}

void Commands::node_return(const Json& arguments, Done done)
{
    auto node = text_argument(arguments, "node");
    if (!node) {
        done(node.error());
        return;
    }
    auto known = db::find_hypervisor(fleet_view(world()).hypervisors, *node);
    if (!known)
        done(known.error());
    else if (!known->drained)
        done(Error{Errc::invalid, *node + " is not drained: there is nothing to return"});
    else if (*node != world().self())
        daemon_.fleet().ask(*node, "return", Json::object(), return_limit, std::move(done));
    else
        return_now(std::move(done));
}

void Commands::return_now(Done done)
{
    if (auto marked = mark_drained(false); !marked) {
        done(marked.error());
        return;
    }
    StoreChange change;
    change.events = {world().event("returned", "VMs may come again", now_ns())};
    world().commit(change);
    daemon_.fleet().share_self([done, node = world().self()] {
        done(Json{{"node", node}, {"drained", false}});
    });
}

/// In this hypervisor's own row.
Result<void> Commands::mark_drained(bool drained)
{
    db::Hypervisor row = world().ledger.self();
    if (row.drained == drained)
        return {};
    row.drained = drained;
    StoreChange change;
    change.put_hypervisors = {row};
    return world().commit(change);
}

} // namespace holdfast::hookd
