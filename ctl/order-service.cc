// SPDX-License-Identifier: Apache-2.0
//
// ctl/order-service: the verbs and options of `holdfast service`.
#include <config.h>

#include "ctl/order.h"

namespace holdfast::ctl {
namespace {

void add_service_run(CLI::App& noun, Order& order)
{
    auto& service = order.service;
    auto* run = add(noun, "run", "Run a command as a service with a port of its own", order,
                    [&service](const Session& s) { return service_run(s, service); });
    run->add_option("NAME", service.name, "Its name, unique in the fleet")->required();
    run->add_option("--user", service.user, "Whose rights it has")->capture_default_str();
    run->add_option("--ip", service.ips, "Its address, ADDRESS/PREFIX; several times for several")
        ->allow_extra_args(false);
    run->add_option("--vlan", service.vlan, "The VLAN of its port")->check(CLI::Range(1, 4094));
    run->add_option("--gateway", service.gateway, "The address of its default route");
    run->add_option("--mode", service.mode, "How it moves: checkpoint or handoff")
        ->check(CLI::IsMember({"checkpoint", "handoff"}))
        ->capture_default_str();
    run->add_option("--env", service.environment,
                    "A variable of its environment, NAME=VALUE; several times for several")
        ->allow_extra_args(false);
    run->add_option("--directory", service.directory, "Where it begins")->capture_default_str();
    run->add_option("COMMAND", service.command,
                    "The program and its arguments, after -- so that its options are its own")
        ->required();
}

} // namespace

void add_service(CLI::App& app, Order& order)
{
    auto& noun = add_noun(app, "service", "Services: processes with a port of their own");
    add_service_run(noun, order);
    add(noun, "list", "List the services of the fleet", order, service_list);
    add(noun, "show", "Show one service", order,
        [&order](const Session& s) { return service_show(s, order.name); })
        ->add_option("NAME", order.name, "The service")
        ->required();
    add(noun, "stop", "End a service, and forget it", order,
        [&order](const Session& s) { return service_stop(s, order.name); })
        ->add_option("NAME", order.name, "The service")
        ->required();
    auto* migrate =
        add(noun, "migrate", "Move a running service, with its connections", order,
            [&order](const Session& s) {
                return service_migrate(s, order.name, order.to, order.move_mode, order.follow);
            });
    migrate->add_option("NAME", order.name, "The service")->required();
    migrate->add_option("--to", order.to, "Hypervisor to move it to")->required();
    migrate
        ->add_option("--mode", order.move_mode,
                     "How: checkpoint or handoff; default: as it was run")
        ->check(CLI::IsMember({"checkpoint", "handoff"}));
    migrate->add_flag("--follow", order.follow, "Wait for its end, and exit by its outcome");
    auto* back =
        add(noun, "take-back", "Go on at home with a service whose move's target is lost", order,
            [&order](const Session& s) { return service_take_back(s, order.name, order.fenced); });
    back->add_option("NAME", order.name, "The service")->required();
    back->add_flag("--fenced", order.fenced, "The target runs nothing: its power is cut, say");
    auto* pin = add(
        noun, "pin", "Say whether a service stays where it is", order,
        [&order](const Session& s) { return service_pin(s, order.name, order.on_or_off == "on"); });
    pin->add_option("NAME", order.name, "The service")->required();
    pin->add_option("STATE", order.on_or_off, "on or off")
        ->required()
        ->check(CLI::IsMember({"on", "off"}));
}

} // namespace holdfast::ctl
