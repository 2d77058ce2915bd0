// SPDX-License-Identifier: Apache-2.0
//
// ctl/verb-service: `holdfast service …`.
#include <config.h>

#include "common/text.h"
#include "ctl/answers.h"
#include "ctl/service.h"
#include "ctl/verbs.h"
#include "db/find.h"

namespace holdfast::ctl {
namespace {

// One that does not end by itself is ended after 10 s.
constexpr auto change_limit = std::chrono::seconds{60};
// A CRIU that is at work in it is waited for.
constexpr auto take_back_limit = std::chrono::minutes{12};

Result<void> told(const Session& session, const Result<Json>& answer, const std::string& line)
{
    if (!answer)
        return answer.error();
    if (session.json)
        session.print_json(*answer);
    else
        session.print(line);
    return {};
}

} // namespace

Result<void> service_run(const Session& session, const ServiceOrder& order)
{
    const Json request{{"name", order.name},
                       {"user", order.user},
                       {"ips", order.ips},
                       {"vlan", order.vlan},
                       {"gateway", order.gateway},
                       {"mode", order.mode},
                       {"environment", order.environment},
                       {"directory", order.directory},
                       {"command", order.command}};
    auto answer = session.ask_hookd("service/run", request, change_limit);
    const auto line = answer ? "service " + one_line(order.name) + " runs on " +
                                   one_line(text_of(*answer, "hypervisor")) + " as process " +
                                   text_of(*answer, "pid") + "; what it prints is in " +
                                   one_line(text_of(*answer, "log")) + "\n"
                             : "";
    return told(session, answer, line);
}

Result<void> service_list(const Session& session)
{
    auto world = read_services(session);
    if (!world)
        return world.error();
    if (!session.json) {
        session.print(service_table(*world, session.style));
        return {};
    }
    Json all = Json::array();
    for (const auto& service : world->services)
        all.push_back(service_json(service, *world));
    session.print_json(all);
    return {};
}

Result<void> service_show(const Session& session, const std::string& name)
{
    auto world = read_services(session);
    if (!world)
        return world.error();
    auto service = db::find_service(world->services, name);
    if (!service)
        return service.error();
    if (session.json)
        session.print_json(service_json(*service, *world));
    else
        session.print(service_page(*service, *world, session.style));
    return {};
}

Result<void> service_stop(const Session& session, const std::string& name)
{
    return told(session, session.ask_hookd("service/stop", {{"service", name}}, change_limit),
                "service " + one_line(name) + " was stopped, and is forgotten\n");
}

Result<void> service_take_back(const Session& session, const std::string& name, bool fenced)
{
    auto answer = session.ask_hookd("service/take-back", {{"service", name}, {"fenced", fenced}},
                                    take_back_limit);
    const auto where = answer ? one_line(text_of(*answer, "hypervisor")) : "";
    return told(session, answer, "service " + one_line(name) + " goes on at " + where + "\n");
}

Result<void> service_pin(const Session& session, const std::string& name, bool on)
{
    return told(session, session.ask_hookd("service/pin", {{"service", name}, {"on", on}}),
                "service " + one_line(name) + (on ? " stays where it is\n" : " may move again\n"));
}

} // namespace holdfast::ctl
