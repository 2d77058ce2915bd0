// SPDX-License-Identifier: Apache-2.0
//
// ctl/holdfast: main() of the holdfast command: reads the command line, calls one verb.
//
// Exit codes: 0 done, 1 refused or failed with one line on standard error, 2 usage.
#include <config.h>

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>

#include "common/text.h"
#include "ctl/order.h"

namespace holdfast::ctl {

CLI::App* add(CLI::App& parent, const std::string& name, const std::string& help, Order& order,
              std::function<Result<void>(const Session&)> verb)
{
    auto* app = parent.add_subcommand(name, help);
    app->callback([&order, verb = std::move(verb)] { order.verb = verb; });
    return app;
}

CLI::App& add_noun(CLI::App& parent, const std::string& name, const std::string& help)
{
    auto* app = parent.add_subcommand(name, help);
    app->require_subcommand(1);
    return *app;
}

} // namespace holdfast::ctl

namespace {

using namespace holdfast;
using namespace holdfast::ctl;

void add_vm(CLI::App& app, Order& order)
{
    auto& noun = add_noun(app, "vm", "Virtual machines and where they are");
    add(noun, "list", "List the VMs that are known", order, vm_list);

    auto* show = add(noun, "show", "Show one VM, its ports, chains and last move", order,
                     [&order](const Session& s) { return vm_show(s, order.vm); });
    show->add_option("VM", order.vm, "Name or id")->required();

    auto* migrate =
        add(noun, "migrate", "Move a running VM to another hypervisor", order,
            [&order](const Session& s) { return vm_migrate(s, order.vm, order.to, order.follow); });
    migrate->add_option("VM", order.vm, "Name or id")->required();
    migrate->add_option("--to", order.to, "Hypervisor to move it to")->required();
    migrate->add_flag("--follow", order.follow, "Wait for its end, and exit by its outcome");

    auto* protect = add(
        noun, "protect", "Drop what a VM sends with another VM's address", order,
        [&order](const Session& s) { return vm_protect(s, order.vm, order.on_or_off == "on"); });
    protect->add_option("VM", order.vm, "Name or id")->required();
    protect->add_option("STATE", order.on_or_off, "on or off")
        ->required()
        ->check(CLI::IsMember({"on", "off"}));
}

/// The hops of VM[,VM...], blanks around them taken away.
std::vector<std::string> split_hops(std::string_view text)
{
    std::vector<std::string> hops;
    for (;;) {
        auto comma = text.find(',');
        hops.emplace_back(trimmed(text.substr(0, comma)));
        if (comma == std::string_view::npos)
            return hops;
        text.remove_prefix(comma + 1);
    }
}

constexpr const char* hops_help =
    "What it passes through, in order: HOP[,HOP...]; HOP is VM, or VM|VM for a group that shares "
    "the traffic, wire:VM for one with two ports, tap:VM for one that gets a copy";
constexpr const char* probe_help =
    "A packet that each hop lets through, sent once a second to see whether it works";

/// Every hop needs a name: "a,,b" is a slip.
std::string check_hops(const std::string& text)
{
    for (const auto& hop : split_hops(text))
        if (hop.empty())
            return "a hop has no name: give VM[,VM...]";
    return "";
}

void add_chain(CLI::App& app, Order& order)
{
    auto& noun = add_noun(app, "chain", "Service chains");
    auto& chain = order.chain;
    auto* make = add(noun, "add", "Add a chain", order, [&order, &chain](const Session& s) {
        chain.via = split_hops(order.via);
        return chain_add(s, chain);
    });
    make->add_option("NAME", chain.name, "Its name")->required();
    make->add_option("--match", chain.match,
                     "Which traffic, as ovs-ofctl writes it, e.g. tcp,nw_dst=10.0.0.5,tp_dst=80")
        ->required();
    make->add_option("--via", order.via, hops_help)->required()->check(check_hops);
    make->add_flag("--symmetric", chain.symmetric, "The way back passes them in reverse order");
    make->add_option("--priority", chain.priority, "0 to 65535; the higher wins")
        ->check(CLI::Range(0, 65535))
        ->capture_default_str();
    make->add_option("--dead", chain.dead, "What a dead hop does: drop or bypass")
        ->check(CLI::IsMember({"drop", "bypass"}))
        ->capture_default_str();
    make->add_option("--probe", chain.probe, probe_help);

    auto* set = add(noun, "set", "Change a chain while traffic runs through it", order,
                    [&order, &change = order.change](const Session& s) {
                        if (!order.via.empty())
                            change.via = split_hops(order.via);
                        return chain_set(s, change);
                    });
    set->add_option("NAME", order.change.name, "The chain")->required();
    set->add_option("--via", order.via, hops_help)->check(check_hops);
    set->add_option("--dead", order.change.dead, "What a dead hop does: drop or bypass")
        ->check(CLI::IsMember({"drop", "bypass"}));
    set->add_option("--probe", order.change.probe, std::string{probe_help} + "; or off");

    add(noun, "list", "List the chains", order, chain_list);
    add(noun, "show", "Show one chain and its path", order,
        [&order](const Session& s) { return chain_show(s, order.name); })
        ->add_option("NAME", order.name, "The chain")
        ->required();
    add(noun, "del", "Delete a chain", order,
        [&order](const Session& s) { return chain_del(s, order.name); })
        ->add_option("NAME", order.name, "The chain")
        ->required();

    auto* trace =
        add(noun, "trace", "Follow a packet through all switches", order,
            [&order](const Session& s) { return chain_trace(s, order.name, order.packet); });
    trace->add_option("NAME", order.name, "The chain")->required();
    trace->add_option("--packet", order.packet,
                      "The packet, as ovs-appctl ofproto/trace takes it; else one of the chain's");

    add(noun, "check", "Check that every switch has exactly the flows it should have", order,
        chain_check);
}

void add_node(CLI::App& app, Order& order)
{
    auto& noun = add_noun(app, "node", "Hypervisors: which take VMs, which are emptied");
    add(noun, "list", "List the hypervisors of the fleet", order, node_list);
    add(noun, "show", "Show one hypervisor and its VMs", order,
        [&order](const Session& s) { return node_show(s, order.name); })
        ->add_option("NODE", order.name, "The hypervisor")
        ->required();
    auto* drain = add(noun, "drain", "Move all its running VMs away, and let none come", order,
                      [&order](const Session& s) {
                          return node_drain(s, order.name, order.parallel, order.follow);
                      });
    drain->add_option("NODE", order.name, "The hypervisor")->required();
    drain->add_flag("--follow", order.follow, "Wait for its end, and exit by its outcome");
    drain->add_option("--parallel", order.parallel, "So many VMs at once")
        ->check(CLI::Range(1, 16))
        ->capture_default_str();
    add(noun, "return", "Let VMs come again", order,
        [&order](const Session& s) { return node_return(s, order.name); })
        ->add_option("NODE", order.name, "The hypervisor")
        ->required();
}

void add_fleet(CLI::App& app, Order& order)
{
    auto& noun = add_noun(app, "fleet", "Hypervisors that share VMs and chains");
    add(noun, "init", "Make a fleet, with its database here", order,
        [&order](const Session& s) { return fleet_init(s, order.address); })
        ->add_option("--listen", order.address,
                     "Address and port of the database, e.g. 10.0.0.1:6650; else this "
                     "hypervisor's tunnel address");
    add(noun, "join", "Enter a fleet", order,
        [&order](const Session& s) { return fleet_join(s, order.address); })
        ->add_option("ADDRESS", order.address, "Of its database, as fleet init said")
        ->required();
    add(noun, "status", "Show the members and whether the database is reached", order,
        fleet_status);
    add(noun, "leave", "Leave the fleet", order, [&order](const Session& s) {
        return fleet_leave(s, order.node);
    })->add_option("--node", order.node, "Take out another hypervisor, which is dead");
    auto* certificate =
        add(noun, "certificate", "Make a hypervisor's key and certificate", order,
            [&order](const Session& s) { return fleet_certificate(s, order.name, order.out); });
    certificate->add_option("HYPERVISOR", order.name, "Whose it will be")->required();
    certificate->add_option("--out", order.out,
                            "The folder for its files; else HYPERVISOR-pki in this one");
}

void add_events(CLI::App& app, Order& order)
{
    auto& filter = order.events;
    auto* events_app = add(app, "events", "The time line of everything", order,
                           [&filter](const Session& s) { return events(s, filter); });
    events_app->add_flag("--follow", filter.follow, "Go on with what comes, until interrupted");
    events_app->add_option("--vm", filter.vm, "Only what concerns this VM");
    events_app->add_option("--chain", filter.chain, "Only what concerns this chain and its hops");
    events_app->add_flag("--move", filter.moves,
                         "Time lines of moves, with the milliseconds between their steps");
    events_app->add_option("--last", filter.last, "Only the newest N")
        ->check(CLI::Range(1, 1000000))
        ->capture_default_str();
}

void add_all(CLI::App& app, Order& order)
{
    app.name("holdfast");
    app.fallthrough(); // Global options count after the verb too; inherited from here on.
    app.require_subcommand(1);
    app.set_help_flag("-h,--help", "Print this help and exit");
    app.set_version_flag("-V,--version", "holdfast " PACKAGE_VERSION);
    app.add_flag("--json", order.session.json, "Print JSON, for scripts");
    app.add_option("--store", order.session.store, "The store to read, instead of the configured");
    app.footer("See holdfast(1), and holdfast(7) for what all this is about.");
    add(app, "status", "One page: how things are, what is wrong and what to do", order, status);
    add_vm(app, order);
    add_chain(app, order);
    add_balancer(app, order);
    add_service(app, order);
    add_node(app, order);
    add_recovery(app, order);
    add_quota(app, order);
    add_env(app, order);
    add_fleet(app, order);
    add_events(app, order);
}

int fail(const std::string& line, int code)
{
    std::cerr << "holdfast: " << one_line(line, 4000) << "\n";
    return code;
}

/// One line that says what is wrong with the command line, and where help is.
std::string usage(const CLI::App& app, const CLI::ParseError& wrong)
{
    std::string called = "holdfast";
    const CLI::App* at = &app;
    for (auto next = at->get_subcommands(); !next.empty(); next = at->get_subcommands()) {
        at = next.front();
        called += " " + at->get_name();
    }
    std::string what = wrong.what();
    if (dynamic_cast<const CLI::RequiredError*>(&wrong) && at->get_require_subcommand_min() > 0) {
        auto unknown = at->remaining();
        what = unknown.empty() ? "give one of" : "there is no \"" + unknown[0] + "\": give one of";
        for (const auto* verb : at->get_subcommands(nullptr))
            what += " " + verb->get_name();
    }
    return what + "; see '" + called + " --help'";
}

void look_at_terminal(Session& session)
{
    const char* term = std::getenv("TERM");
    const char* no_colour = std::getenv("NO_COLOR");
    session.terminal = ::isatty(STDOUT_FILENO) && term && std::strcmp(term, "dumb") != 0;
    session.style.colour = session.terminal && !(no_colour && *no_colour);
}

int run(int argc, char** argv)
{
    Order order;
    CLI::App app{"Keeps service chains whole while VMs move"};
    add_all(app, order);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& asked) {
        return app.exit(asked); // --help and --version.
    } catch (const CLI::ParseError& wrong) {
        return fail(usage(app, wrong), 2);
    }
    look_at_terminal(order.session);
    auto done = order.verb(order.session);
    if (!std::cout.flush())
        return fail("standard output cannot be written", 1);
    return done ? 0 : fail(done.error().message, 1);
}

} // namespace

int main(int argc, char** argv)
{
    try {
        return run(argc, argv);
    } catch (const std::exception& failure) {
        return fail(failure.what(), 1);
    }
}
