// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-balancer: balancer/add, balancer/del and balancer/server.
#include <config.h>

#include <spdlog/spdlog.h>

#include "db/balancer.h"
#include "db/find.h"
#include "hookd/balancer.h"
#include "hookd/commands.h"

namespace holdfast::hookd {
namespace {

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
    auto request = read_request(arguments);
    if (!request) {
        done(request.error());
        return;
    }
    const Ledger& ledger = world().ledger;
    auto balancer = make_balancer(*request, ledger.balancers(), ledger.vms());
    if (!balancer) {
        done(balancer.error());
        return;
    }
    put_balancer(*balancer, std::nullopt, "balancer-added",
                 "balancer " + balancer->name + " for " + balancer->vip + ":" +
                     std::to_string(balancer->port) + "/" + balancer->protocol + " is added",
                 std::move(done));
}

/// Puts it, waits until this hypervisor's switch has it, and answers; the others' follow by the
/// fleet.
void Commands::put_balancer(const db::Balancer& to, const std::optional<db::Balancer>& was,
                            const std::string& kind, const std::string& text, Done done)
{
    daemon_.fleet().put_balancer(to, was, [=, this](const Result<void>& put) {
        if (!put) {
            done(put.error());
            return;
        }
        note(kind, text);
        daemon_.in_place([this, to, done](const Result<void>& there) {
            if (there)
                done(describe(to, world().ledger));
            else
                done(there.error());
        });
    });
}

void Commands::balancer_del(const Json& arguments, Done done)
{
    auto name = text_argument(arguments, "name");
    if (!name) {
        done(name.error());
        return;
    }
    auto gone = [name = *name, done, this](const Result<void>& removed) {
        if (!removed) {
            done(removed.error());
            return;
        }
        note("balancer-deleted", "balancer " + name + " is gone");
        daemon_.in_place([name, done](const Result<void>& there) {
            done(there ? Result<Json>{Json{{"balancer", name}}} : Result<Json>{there.error()});
        });
    };
    auto& fleet = daemon_.fleet();
    const auto balancer = db::find_balancer(world().ledger.balancers(), *name);
    if (fleet.is_damaged("Balancer", *name))
        fleet.remove_balancer(*name, std::nullopt, gone);
    else if (balancer)
        fleet.remove_balancer(*name, *balancer, gone);
    else if (world().ledger.is_damaged("balancer", *name)) // That reads the store.
        fleet.remove_balancer(*name, std::nullopt, gone);
    else
        done(balancer.error());
}

/// The balancer as it shall be after `op`: add, del, drain, weight or limit.
Result<db::Balancer> Commands::changed_balancer(const db::Balancer& from, const std::string& op,
                                                const Json& arguments)
{
    const Ledger& ledger = world().ledger;
    auto server = text_argument(arguments, "server");
    if (!server)
        return server.error();
    if (op == "add")
        return add_server(from, *server, ledger.balancers(), ledger.vms());
    if (op == "del")
        return remove_server(from, *server);
    if (op == "drain")
        return drain_server(from, *server);
    if (op == "weight")
        return weigh_server(from, *server, arguments.at("weight").get<std::int64_t>());
    if (op == "limit")
        return limit_server(from, *server, arguments.at("limit").get<std::int64_t>());
    return Error{Errc::invalid, "\"op\" is unknown: give add, del, drain, weight or limit"};
}

void Commands::balancer_server(const Json& arguments, Done done)
{
    auto name = text_argument(arguments, "name");
    auto op = name ? text_argument(arguments, "op") : name;
    auto from = op ? db::find_balancer(world().ledger.balancers(), *name)
                   : Result<db::Balancer>{op.error()};
    auto to = from ? changed_balancer(*from, *op, arguments) : from;
    if (!to) {
        done(to.error());
        return;
    }
    const std::string server = arguments.at("server");
    put_balancer(*to, *from, "balancer-changed",
                 "balancer " + from->name + ": server " + *op + " " + server, std::move(done));
}

} // namespace holdfast::hookd
