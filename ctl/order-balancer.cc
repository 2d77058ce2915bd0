// SPDX-License-Identifier: Apache-2.0
//
// ctl/order-balancer: the verbs and options of `holdfast balancer`.
#include <config.h>

#include <tuple>

#include "common/policies.h"
#include "ctl/order.h"

namespace holdfast::ctl {
namespace {

constexpr const char* server_help = "A real server: ADDR[:PORT][,weight=N][,limit=N][,way=routed]; "
                                    "its port is the VIP's unless given, and weights "
                                    "and limits are for --director builtin";

/// "mh rr wrr ...", for help.
std::string policy_names()
{
    std::string names;
    for (const Policy& policy : policies)
        names += (names.empty() ? "" : " ") + std::string{policy.name};
    return names;
}

/// What is of a built-in director alone; hookd judges it.
void add_builtin_options(CLI::App& make, BalancerOrder& balancer)
{
    for (const auto& [option, key, help] : {
             std::tuple{"--sorry", "sorry", "The server for when all others are dead, ADDR[:PORT]"},
             std::tuple{"--check", "check",
                        "How servers are probed: tcp, http:/PATH[=STATUS] or command:/PROGRAM"},
         })
        make.add_option_function<std::string>(
            option, [&balancer, key = key](const auto& text) { balancer.texts[key] = text; }, help);
    for (const auto& [option, key, help] : {
             std::tuple{"--persistence", "persistence",
                        "Seconds for which a client keeps its server"},
             std::tuple{"--slow-start", "slow_start",
                        "Seconds until a server that came back has its whole weight"},
             std::tuple{"--check-interval", "check_interval",
                        "Milliseconds from one probe to the next, 2000 unless given"},
             std::tuple{"--check-timeout", "check_timeout",
                        "Milliseconds that a probe may take, 1000 unless given"},
             std::tuple{"--rise", "rise",
                        "Good probes until a dead server lives again, 2 unless given"},
             std::tuple{"--fall", "fall", "Bad probes until a server is dead, 3 unless given"},
         })
        make.add_option_function<std::int64_t>(
            option, [&balancer, key = key](const auto& number) { balancer.numbers[key] = number; },
            help);
}

void add_balancer_add(CLI::App& noun, Order& order)
{
    auto& balancer = order.balancer;
    auto* make = add(noun, "add", "Add a balanced address", order,
                     [&balancer](const Session& s) { return balancer_add(s, balancer); });
    make->add_option("NAME", balancer.name, "Its name")->required();
    make->add_option(
            "--vip", balancer.vip,
            "The public address, ADDR:PORT/PROTO, e.g. 10.0.0.80:80/tcp or [fd00::80]:80/tcp")
        ->required();
    make->add_option("--server", balancer.servers, std::string{server_help} + "; once for each")
        ->required()
        ->allow_extra_args(false);
    make->add_option("--director", balancer.director,
                     "Who chooses: builtin (the switches), or external[:VM[,VM...]]; without names "
                     "the VMs that have the VIP")
        ->capture_default_str();
    make->add_option_function<std::string>(
        "--policy", [&balancer](const auto& text) { balancer.texts["policy"] = text; },
        "How a built-in director chooses: " + policy_names());
    add_builtin_options(*make, balancer);
    make->add_option_function<std::string>(
        "--gateway", [&balancer](const auto& text) { balancer.texts["gateway"] = text; },
        "The router to servers outside of the fleet");
    make->add_option("--mac-prefix", balancer.mac_prefix,
                     "Two bytes of the servers' synthetic MAC addresses, XX:XX")
        ->capture_default_str();
    make->add_option_function<std::string>(
        "--mac-layout", [&balancer](const auto& text) { balancer.texts["mac_layout"] = text; },
        "Where they stand: prefix, suffix, split or table; prefix unless given, and table with an "
        "IPv6 VIP");
}

void add_balancer_server(CLI::App& noun, Order& order)
{
    auto& verbs = add_noun(noun, "server", "Change the servers behind a balanced address");
    struct Verb {
        std::string op;
        std::string help;
        int most = 0; // Of the number that it takes; 0: it takes none.
    };
    for (const auto& [op, help, most] :
         {Verb{"add", "Add a server, or end its draining"}, Verb{"del", "Remove a server"},
          Verb{"drain", "Give a server no new connections"},
          Verb{"weight", "Set a server's weight", 65535},
          Verb{"limit", "Set how many connections a director gives a server; 0: any number",
               1'000'000'000}}) {
        auto* verb =
            add(verbs, op, help, order, [&server = order.server, op = op](const Session& s) {
                server.op = op;
                return balancer_server(s, server);
            });
        const bool adds = op == "add";
        verb->add_option("NAME", order.server.balancer, "The balancer")->required();
        verb->add_option(adds ? "SERVER" : "ADDR", order.server.server,
                         adds ? server_help : "The server's address")
            ->required();
        if (most)
            verb->add_option("N", order.server.number, "0 to " + std::to_string(most))
                ->required()
                ->check(CLI::Range(0, most));
    }
}

} // namespace

void add_balancer(CLI::App& app, Order& order)
{
    auto& noun = add_noun(app, "balancer", "Balanced addresses and the servers behind them");
    add_balancer_add(noun, order);
    add(noun, "list", "List the balancers", order, balancer_list);
    add(noun, "show", "Show one balancer, its servers and how they do", order,
        [&order](const Session& s) { return balancer_show(s, order.name); })
        ->add_option("NAME", order.name, "The balancer")
        ->required();
    add(noun, "del", "Delete a balancer", order,
        [&order](const Session& s) { return balancer_del(s, order.name); })
        ->add_option("NAME", order.name, "The balancer")
        ->required();
    auto* trace = add(noun, "trace",
                      "Follow a connection's first packet, and its answer, through all switches",
                      order, [&order](const Session& s) {
                          return balancer_trace(s, order.name, order.packet, order.from);
                      });
    trace->add_option("NAME", order.name, "The balancer")->required();
    trace->add_option("--packet", order.packet,
                      "The packet, as ovs-appctl ofproto/trace takes it; else an example");
    trace->add_option("--from", order.from,
                      "Where it comes from: a VM, or a port of this hypervisor's switch");
    add_balancer_server(noun, order);
}

} // namespace holdfast::ctl
