// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-balancer: balancer/add, balancer/del and balancer/server.
#include <config.h>

#include "hookd/commands.h"

#include <boost/asio/co_spawn.hpp>

#include "common/decide.h"
#include "db/balancer.h"
#include "db/find.h"
#include "hookd/await.h"
#include "hookd/balancer-options.h"
#include "hookd/balancer.h"

// g++ 12 takes a coroutine's own operator delete for a mismatch of its operator new, once both are
// inlined.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace holdfast::hookd {
namespace {

namespace asio = boost::asio;

using Json = nlohmann::json;

Result<BalancerRequest> read_request(const Json& arguments)
{
    BalancerRequest request;
    for (auto [key, into] : {std::pair{"name", &request.name}, std::pair{"vip", &request.vip}}) {
        auto text = text_argument(arguments, key);
        if (!text)
            return text.error();
        *into = *text;
    }
    request.servers = arguments.value("servers", request.servers);
    request.policy = arguments.value("policy", request.policy);
    request.director = arguments.value("director", request.director);
    request.gateway = arguments.value("gateway", request.gateway);
    request.mac_prefix = arguments.value("mac_prefix", request.mac_prefix);
    request.mac_layout = arguments.value("mac_layout", request.mac_layout);
    request.sorry = arguments.value("sorry", request.sorry);
    request.check = arguments.value("check", request.check);
    for (auto [key, into] : {std::pair{"persistence", &request.persistence},
                             std::pair{"slow_start", &request.slow_start},
                             std::pair{"check_interval", &request.check_interval},
                             std::pair{"check_timeout", &request.check_timeout},
                             std::pair{"rise", &request.rise}, std::pair{"fall", &request.fall}}) {
        if (arguments.contains(key))
            *into = arguments.at(key).get<std::int64_t>();
    }
    return request;
}

/// What is to be done with a server.
struct ServerChange {
    std::string op; // add, del, drain, weight or limit.
    std::string server;
    std::int64_t number = 0; // The weight, or the limit.
};

Result<ServerChange> read_server_change(const Json& arguments)
{
    auto op = text_argument(arguments, "op");
    auto server = op ? text_argument(arguments, "server") : op;
    if (!server)
        return server.error();
    ServerChange change{*op, *server};
    if (*op == "weight" || *op == "limit")
        change.number = arguments.at(*op).get<std::int64_t>();
    return change;
}

/// As it is typed, e.g. "weight 10.0.20.11 5".
std::string change_text(const ServerChange& change)
{
    const bool has_number = change.op == "weight" || change.op == "limit";
    return change.op + " " + change.server +
           (has_number ? " " + std::to_string(change.number) : "");
}

Result<db::Balancer> changed_balancer(const db::Balancer& from, const ServerChange& change,
                                      const std::vector<db::Balancer>& balancers,
                                      const std::vector<db::Vm>& vms)
{
    if (auto fine = check_change(from, change.op); !fine)
        return fine.error();
    if (change.op == "add")
        return add_server(from, change.server, balancers, vms);
    if (change.op == "del")
        return remove_server(from, change.server);
    if (change.op == "drain")
        return drain_server(from, change.server);
    if (change.op == "weight")
        return weigh_server(from, change.server, change.number);
    if (change.op == "limit")
        return limit_server(from, change.server, change.number);
    return Error{Errc::invalid, "\"op\" is unknown: give add, del, drain, weight or limit"};
}

Json describe(const db::Balancer& balancer, const Ledger& ledger)
{
    Json directors = Json::array();
    for (const std::string& id : balancer.directors) {
        const db::Vm* vm = ledger.vm(id);
        directors.push_back(vm ? vm->name : id);
    }
    Json servers = Json::array();
    for (const db::RealServer& server : balancer.servers) {
        servers.push_back({{"address", server.address},
                           {"port", server.port},
                           {"weight", server.weight},
                           {"limit", server.limit},
                           {"state", server.state},
                           {"mac", server.mac}});
    }
    return {{"balancer", balancer.name},
            {"vip", balancer.vip},
            {"port", balancer.port},
            {"protocol", balancer.protocol},
            {"director", balancer.director},
            {"directors", directors},
            {"policy", balancer.policy},
            {"vip_mac", balancer.vip_mac},
            {"servers", servers},
            {"routes", db::director_routes(balancer)}};
}

} // namespace

void Commands::balancer_add(const Json& arguments, Done done)
{
    const auto request = read_request(arguments);
    if (!request) {
        done(request.error());
        return;
    }
    auto planner = [this, request = *request](const Balancers& all) -> Result<BalancerPlan> {
        auto balancer = make_balancer(request, all, world().ledger.vms());
        if (!balancer)
            return balancer.error();
        return BalancerPlan{*balancer, std::nullopt, "balancer-added",
                            "balancer " + balancer->name + " for " + db::vip_text(*balancer) +
                                " is added"};
    };
    put_balancer(request->name, std::move(planner), std::move(done));
}

/// Puts what the planner makes of it, waits until this hypervisor's switch has it, and answers; the
/// others' follow by the fleet.
void Commands::put_balancer(const std::string& name, BalancerPlanner planner, Done done)
{
    asio::co_spawn(daemon_.io(), to_its_end(name, std::move(planner), std::move(done)),
                   [](const std::exception_ptr& failure) {
                       if (failure)
                           std::rethrow_exception(failure);
                   });
}

asio::awaitable<void> Commands::to_its_end(std::string name, BalancerPlanner planner, Done done)
{
    std::function<PlannedBalancer()> once = [this, &planner] { return put_once(planner); };
    const auto plan =
        co_await decide<BalancerPlan>(daemon_.io(), "balancer", name, std::move(once));
    if (!plan) {
        done(plan.error());
        co_return;
    }
    note(plan->kind, plan->text);
    Json answer = describe(plan->to, world().ledger);
    answer["drops"] = plan->was
                          ? db::director_drops(*plan->was, plan->to, world().ledger.balancers())
                          : std::vector<std::string>{};
    daemon_.in_place([answer, done](const Result<void>& there) {
        done(there ? Result<Json>{answer} : Result<Json>{there.error()});
    });
}

/// Its numbers and MAC addresses are no other balancer's: what they are decided by is read from
/// the fleet's database, and it is put only if that is so still.
Commands::PlannedBalancer Commands::put_once(const BalancerPlanner& planner)
{
    using Seen = Result<db::Seen<db::Balancer>>;
    std::function<void(std::function<void(const Seen&)>)> read = [this](auto answer) {
        daemon_.fleet().read_balancers(answer);
    };
    const Seen seen = co_await await_answer<Seen>(daemon_.io(), std::move(read));
    if (!seen)
        co_return seen.error();
    // Outside of a fleet another may have put its own since: nothing comes between this and the
    // put.
    auto plan = planner(seen->versions.empty() ? world().ledger.balancers() : seen->rows);
    if (!plan)
        co_return plan;
    std::function<void(std::function<void(const Result<void>&)>)> put = [&](auto answer) {
        daemon_.fleet().put_balancer(plan->to, plan->was, seen->versions, answer);
    };
    const Result<void> done = co_await await_answer<Result<void>>(daemon_.io(), std::move(put));
    if (!done)
        co_return done.error();
    co_return plan;
}

void Commands::balancer_del(const Json& arguments, Done done)
{
    auto name = text_argument(arguments, "name");
    if (!name) {
        done(name.error());
        return;
    }
    const auto balancer = db::find_balancer(world().ledger.balancers(), *name);
    Json answer{{"balancer", *name}, {"drops", Json::array()}};
    if (balancer)
        answer["drops"] = db::director_drops(*balancer, world().ledger.balancers());
    auto gone = [name = *name, answer, done, this](const Result<void>& removed) {
        if (!removed) {
            done(removed.error());
            return;
        }
        note("balancer-deleted", "balancer " + name + " is gone");
        daemon_.in_place([answer, done](const Result<void>& there) {
            done(there ? Result<Json>{answer} : Result<Json>{there.error()});
        });
    };
    auto& fleet = daemon_.fleet();
    if (fleet.is_damaged("Balancer", *name))
        fleet.remove_balancer(*name, std::nullopt, gone);
    else if (balancer)
        fleet.remove_balancer(*name, *balancer, gone);
    else if (world().ledger.is_damaged("balancer", *name)) // That reads the store.
        fleet.remove_balancer(*name, std::nullopt, gone);
    else
        done(balancer.error());
}

void Commands::balancer_server(const Json& arguments, Done done)
{
    const auto name = text_argument(arguments, "name");
    const auto change = name ? read_server_change(arguments) : Result<ServerChange>{name.error()};
    if (!change) {
        done(change.error());
        return;
    }
    auto planner = [this, name = *name,
                    change = *change](const Balancers& all) -> Result<BalancerPlan> {
        const auto from = db::find_balancer(all, name);
        const auto to = from ? changed_balancer(*from, change, all, world().ledger.vms()) : from;
        if (!to)
            return to.error();
        return BalancerPlan{*to, *from, "balancer-changed",
                            "balancer " + name + ": server " + change_text(change)};
    };
    put_balancer(*name, std::move(planner), std::move(done));
}

} // namespace holdfast::hookd
