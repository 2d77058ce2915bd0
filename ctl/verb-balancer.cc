// SPDX-License-Identifier: Apache-2.0
//
// ctl/verb-balancer: `holdfast balancer …`.
#include <config.h>

#include "common/text.h"
#include "ctl/answers.h"
#include "ctl/balancer-counters.h"
#include "ctl/balancer.h"
#include "ctl/verbs.h"
#include "db/balancer.h"
#include "db/find.h"

namespace holdfast::ctl {
namespace {

// A change waits for the fleet's database and for the switch here.
constexpr auto change_limit = std::chrono::seconds{30};

/// Asks hookd, and says what became of the balancer.
Result<void> change(const Session& session, const std::string& method, const Json& request,
                    const std::string& what, bool routes)
{
    auto answer = session.ask_hookd(method, request, change_limit);
    if (!answer)
        return answer.error();
    if (session.json) {
        session.print_json(*answer);
        return {};
    }
    session.print(what + "\n");
    if (routes)
        session.print(routes_page(texts_of(*answer, "routes")));
    session.print(drops_page(texts_of(*answer, "drops")));
    return {};
}

} // namespace

Result<void> balancer_add(const Session& session, const BalancerOrder& order)
{
    Json request{{"name", order.name},
                 {"vip", order.vip},
                 {"servers", order.servers},
                 {"director", order.director},
                 {"mac_prefix", order.mac_prefix}};
    for (const auto& [key, text] : order.texts)
        request[key] = text;
    for (const auto& [key, number] : order.numbers)
        request[key] = number;
    return change(session, "balancer/add", request, "balancer " + one_line(order.name) + " added",
                  true);
}

Result<void> balancer_list(const Session& session)
{
    auto world = read_world(session);
    if (!world)
        return world.error();
    if (!session.json) {
        session.print(balancer_table(*world, session.style));
        return {};
    }
    Json all = Json::array();
    for (const auto& balancer : world->balancers)
        all.push_back(balancer_json(balancer, *world));
    session.print_json(all);
    return {};
}

Result<void> balancer_show(const Session& session, const std::string& name)
{
    auto world = read_world(session);
    if (!world)
        return world.error();
    auto balancer = db::find_balancer(world->balancers, name);
    if (!balancer)
        return balancer.error();
    // Of the switch here, where it is the director; else what all have seen of the directors.
    const bool builtin = db::is_builtin(*balancer);
    const auto seen =
        builtin ? counters_of(*balancer, session.ask_switch("holdfast/balancers"))
                : session.ask_hookd("balancer/routes", Json{{"name", name}}, change_limit);
    if (session.json) {
        auto page = balancer_json(*balancer, *world);
        if (builtin)
            add_counters(page, seen);
        else
            add_director_routes(page, seen);
        session.print_json(page);
        return {};
    }
    session.print(balancer_page(*balancer, *world, session.style));
    session.print("\n" + (builtin ? counters_page(*balancer, seen, session.style)
                                  : director_routes_page(seen, session.style)));
    return {};
}

Result<void> balancer_del(const Session& session, const std::string& name)
{
    return change(session, "balancer/del", {{"name", name}},
                  "balancer " + one_line(name) + " deleted", false);
}

Result<void> balancer_trace(const Session& session, const std::string& name,
                            const std::string& packet, const std::string& from)
{
    Json request{{"name", name}, {"packet", packet}, {"from", from}};
    auto answer = session.ask_hookd("balancer/trace", request, change_limit);
    if (!answer)
        return answer.error();
    if (session.json)
        session.print_json(*answer);
    else
        session.print(balancer_trace_page(*answer, session.style));
    return {};
}

Result<void> balancer_server(const Session& session, const ServerOrder& order)
{
    Json request{{"name", order.balancer}, {"op", order.op}, {"server", order.server}};
    if (order.op == "weight" || order.op == "limit")
        request[order.op] = order.number;
    return change(session, "balancer/server", request,
                  "balancer " + one_line(order.balancer) + " changed", order.op == "add");
}

} // namespace holdfast::ctl
