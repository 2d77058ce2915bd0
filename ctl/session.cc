// SPDX-License-Identifier: Apache-2.0
//
// ctl/session: see session.h.
#include <config.h>

#include "ctl/session.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "common/config.h"
#include "common/control-client.h"
#include "ctl/answers.h"
#include "db/service-text.h"

namespace holdfast::ctl {

namespace {

std::string dumped(const Json& value, int indent)
{
    return value.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace

Result<std::string> Session::store_path() const
{
    if (!store.empty())
        return store;
    if (const char* named = std::getenv("HOLDFAST_DB"); named && *named)
        return std::string{named};
    auto config = load_config(default_config_file());
    if (!config)
        return config.error();
    return config->store;
}

bool Session::as_user() const
{
    const char* named = std::getenv("HOLDFAST_DB");
    return geteuid() != 0 && store.empty() && !(named && *named);
}

Result<db::Store> Session::open_store() const
{
    auto path = store_path();
    if (!path)
        return path.error();
    return db::Store::open_read_only(*path);
}

Result<Json> Session::ask_hookd(const std::string& method, const Json& argument,
                                std::chrono::milliseconds deadline) const
{
    const std::string daemon = "holdfast-hookd";
    auto client = ControlClient::connect(holdfast_control_socket(as_user() ? "users" : daemon),
                                         daemon, deadline);
    if (!client)
        return client.error();
    std::vector<std::string> args;
    if (!argument.is_null())
        args.push_back(argument.dump(-1, ' ', false, Json::error_handler_t::replace));
    auto text = client->call(method, args, deadline);
    if (!text)
        return text.error();
    return parse_answer(*text, daemon);
}

Result<Json> Session::ask_switch(const std::string& method,
                                 std::chrono::milliseconds deadline) const
{
    const std::string daemon = "ovs-vswitchd";
    auto path = find_control_socket(daemon);
    if (!path)
        return path.error();
    auto client = ControlClient::connect(*path, daemon, deadline);
    if (!client)
        return client.error();
    auto text = client->call(method, {}, deadline);
    if (!text)
        return text.error();
    return parse_answer(*text, daemon);
}

void Session::print(const std::string& text) const
{
    std::cout << text << std::flush;
}

void Session::print_json(const Json& value) const
{
    std::cout << dumped(value, 2) << std::flush;
}

void Session::print_json_line(const Json& value) const
{
    std::cout << dumped(value, -1) << std::flush;
}

Result<World> read_world(db::Store& store)
{
    auto snapshot = store.snapshot();
    if (!snapshot)
        return snapshot.error();
    auto services = store.services(&snapshot->damaged);
    if (!services)
        return services.error();
    // Of these only what is wrong with them.
    if (auto quotas = store.quotas(&snapshot->damaged); !quotas)
        return quotas.error();
    if (auto made_of = store.specifications(&snapshot->damaged); !made_of)
        return made_of.error();
    if (auto policies = store.recovery_policies(&snapshot->damaged); !policies)
        return policies.error();
    if (auto recoveries = store.recoveries(&snapshot->damaged); !recoveries)
        return recoveries.error();
    auto paths = store.paths();
    if (!paths)
        return paths.error();
    auto moves = store.moves();
    if (!moves)
        return moves.error();
    std::stable_sort(snapshot->vms.begin(), snapshot->vms.end(),
                     [](const auto& a, const auto& b) { return a.name < b.name; });
    return World{std::move(snapshot->hypervisors),
                 std::move(snapshot->vms),
                 std::move(snapshot->chains),
                 std::move(snapshot->balancers),
                 std::move(snapshot->health),
                 std::move(*services),
                 std::move(*paths),
                 std::move(*moves),
                 std::move(snapshot->damaged)};
}

Result<World> read_services(const Session& session)
{
    if (!session.as_user())
        return read_world(session);
    auto answer = session.ask_hookd("service/list", Json::object());
    auto view = answer ? db::user_view_of(*answer) : Result<db::UserView>{answer.error()};
    if (!view)
        return view.error();
    World world;
    world.services = std::move(view->services);
    world.vms = std::move(view->vms);
    world.moves = std::move(view->moves);
    return world;
}

Result<World> read_world(const Session& session)
{
    auto store = session.open_store();
    if (!store)
        return store.error();
    return read_world(*store);
}

} // namespace holdfast::ctl
