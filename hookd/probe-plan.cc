// SPDX-License-Identifier: Apache-2.0
//
// hookd/probe-plan: see probe-plan.h.
#include <config.h>

#include "hookd/probe-plan.h"

#include <algorithm>
#include <ranges>

#include "common/probe.h"
#include "common/text.h"

namespace holdfast::hookd {
namespace {

constexpr int first_number = 1000;
constexpr int last_number = 31999;
// Marks routes and rules as ours, among those that the system makes (rtnetlink(7), rtm_protocol).
constexpr const char* ours = "72";

/// iproute2 in the namespace.
Command ip(std::initializer_list<std::string> words, bool v6 = false)
{
    Command command{"ip", v6 ? "-6" : "-4", "-n", probe_space};
    command.insert(command.end(), words);
    return command;
}

bool is_v6(const std::string& address)
{
    return address.find(':') != std::string::npos;
}

Command lead(const std::string& vip, const std::string& server, const std::string& table)
{
    const bool v6 = is_v6(vip);
    return ip({"route", "replace", vip + (v6 ? "/128" : "/32"), "via", server, "dev", probe_port,
               "onlink", "src", v6 ? probe_address6 : probe_address, "protocol", ours, "table",
               table},
              v6);
}

} // namespace

ProbeRoutes::Change ProbeRoutes::want(const std::vector<ProbeTarget>& targets)
{
    Change change;
    std::set<Key> wanted;
    for (const ProbeTarget& target : targets)
        wanted.emplace(target.balancer.vip, target.server.address);
    std::set<int> taken;
    for (auto at = numbers_.begin(); at != numbers_.end();) {
        if (wanted.contains(at->first)) {
            taken.insert(at->second);
            ++at;
            continue;
        }
        change.remove.push_back({at->first.first, at->first.second, at->second});
        at = numbers_.erase(at);
    }
    int next = first_number;
    for (const Key& key : wanted) {
        if (numbers_.contains(key))
            continue;
        while (taken.contains(next))
            ++next;
        if (next > last_number)
            break;
        numbers_.emplace(key, next);
        change.add.push_back({key.first, key.second, next++});
    }
    return change;
}

std::vector<ProbeRoute> ProbeRoutes::all() const
{
    std::vector<ProbeRoute> routes;
    for (const auto& [key, number] : numbers_)
        routes.push_back({key.first, key.second, number});
    return routes;
}

int ProbeRoutes::number(const ProbeTarget& target) const
{
    const auto at = numbers_.find({target.balancer.vip, target.server.address});
    return at == numbers_.end() ? 0 : at->second;
}

Command make_port(const std::string& bridge, const std::string& ovs_db)
{
    Command command{"ovs-vsctl", "--timeout=10"};
    if (!ovs_db.empty())
        command.push_back("--db=" + ovs_db);
    for (const std::string& word :
         {std::string{"--may-exist"}, std::string{"add-port"}, bridge, std::string{probe_port},
          std::string{"--"}, std::string{"set"}, std::string{"Interface"}, std::string{probe_port},
          std::string{"type=internal"}})
        command.push_back(word);
    return command;
}

Command move_port()
{
    return {"ip", "link", "set", probe_port, "netns", probe_space};
}

std::vector<Command> set_up_port(bool v6)
{
    std::vector<Command> commands;
    if (v6)
        commands = {ip({"address", "replace", std::string{probe_address6} + "/128", "dev",
                        probe_port, "nodad"},
                       v6)};
    else
        commands = {
            ip({"link", "set", probe_port, "address", probe_mac, "up"}),
            ip({"address", "replace", std::string{probe_address} + "/32", "dev", probe_port})};
    commands.push_back(ip({"rule", "flush", "protocol", ours}, v6));
    commands.push_back(ip({"route", "flush", "table", "all", "protocol", ours}, v6));
    return commands;
}

ProbeRoutes::Change without_v6(ProbeRoutes::Change change)
{
    for (auto* routes : {&change.remove, &change.add})
        std::erase_if(*routes, [](const ProbeRoute& route) { return is_v6(route.vip); });
    return change;
}

bool is_v6(const ProbeTarget& target)
{
    return is_v6(target.balancer.vip);
}

std::vector<Command> add_route(const ProbeRoute& route)
{
    const std::string number = std::to_string(route.number);
    return {lead(route.vip, route.server, number), ip({"rule", "add", "fwmark", number, "priority",
                                                       number, "table", number, "protocol", ours},
                                                      is_v6(route.vip))};
}

std::vector<Command> remove_route(const ProbeRoute& route)
{
    const std::string number = std::to_string(route.number);
    const bool v6 = is_v6(route.vip);
    return {ip({"rule", "del", "priority", number}, v6),
            ip({"route", "flush", "table", number}, v6)};
}

std::vector<Command> run_check(const ProbeTarget& target)
{
    const db::Balancer& balancer = target.balancer;
    return {lead(balancer.vip, target.server.address, "main"),
            {"ip", "netns", "exec", probe_space, "env", "HOLDFAST_VIP=" + balancer.vip,
             "HOLDFAST_PORT=" + std::to_string(balancer.port),
             "HOLDFAST_SERVER=" + target.server.address, balancer.check_target}};
}

std::string http_request(const ProbeTarget& target)
{
    const db::Balancer& balancer = target.balancer;
    const std::string port = balancer.port == 80 ? "" : ":" + std::to_string(balancer.port);
    const std::string host = is_v6(balancer.vip) ? "[" + balancer.vip + "]" : balancer.vip;
    return "GET " + balancer.check_target + " HTTP/1.1\r\nHost: " + host + port +
           "\r\nUser-Agent: holdfast\r\nAccept: */*\r\nConnection: close\r\n\r\n";
}

ProbeResult judge_http(const std::string& line, int expect)
{
    const bool http = line.starts_with("HTTP/") && line.size() >= 12 && line[8] == ' ';
    const auto status = http ? parse_number(line.substr(9, 3)) : std::nullopt;
    if (!status || *status < 100)
        return {false, "no HTTP: " + one_line(line, 60), -1};
    const bool good = expect ? *status == expect : *status >= 200 && *status < 400;
    return {good,
            "HTTP " + std::to_string(*status) +
                (good || !expect ? "" : ", not " + std::to_string(expect)),
            -1};
}

} // namespace holdfast::hookd
