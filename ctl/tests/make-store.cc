// SPDX-License-Identifier: Apache-2.0
//
// ctl/tests/make-store: fills a store with a small world, for tests of the command.
//
//     make-store PATH world      three hypervisors, four VMs, two chains, a balancer, two moves
//     make-store PATH builtin    adds a balancer with a built-in director, one server of which is
//     dead make-store PATH empty      nothing but the schema make-store PATH arrive     adds the
//     end of a migration: task done, both sides ended make-store PATH drain      adds the end of a
//     drain of hv2, of which web is the rest make-store PATH event TEXT adds one event
#include <config.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "ctl/tests/rows.h"
#include "db/store.h"

namespace {

using namespace holdfast;
using namespace holdfast::db;

constexpr TimeNs start = 1'700'000'000'000'000'000; // 2023-11-14 22:13:20 UTC.
constexpr TimeNs ms = 1'000'000;

[[noreturn]] void die(const std::string& line)
{
    std::fprintf(stderr, "make-store: %s\n", line.c_str());
    std::exit(1);
}

template <class T>
void put(Store& store, const T& row)
{
    if (auto done = store.put(row); !done)
        die(done.error().message);
}

/// `digit` is the id's, the MAC address's and the IP address's.
Vm vm(const std::string& name, char digit, int label, const std::string& hypervisor, int ofport)
{
    Vm row = holdfast::vm(name, hypervisor, ofport);
    row.id = std::string(8, digit) + "-0000-4000-8000-000000000000";
    row.label = static_cast<std::uint32_t>(label);
    row.ips = {"10.0.0." + std::string(1, digit)};
    row.epoch = 1;
    row.ports[0].mac = std::string("52:54:00:00:00:0") + digit;
    row.ports[0].iface_id = row.id;
    if (ofport)
        row.ports[0].interface = "vnet" + std::to_string(ofport);
    return row;
}

Move move(const std::string& id, const std::string& role, const std::string& on,
          const std::string& peer, const std::string& state)
{
    Move row;
    row.id = id;
    row.role = role;
    row.vm = "22222222-0000-4000-8000-000000000000";
    row.hypervisor = on;
    row.peer = peer;
    row.state = state;
    return row;
}

void put_moves(Store& store)
{
    auto source = move("m1", "source", "hv1", "hv2", "cleaned");
    source.times = {{"armed", start + 400 * ms},
                    {"suspended", start + 1000 * ms},
                    {"turned", start + 1002 * ms + 500000},
                    {"cleaned", start + 1300 * ms}};
    source.figures = {{"drained", 3}, {"held", 12}, {"swallowed", 1}};
    auto destination = move("m1", "destination", "hv2", "hv1", "active");
    destination.times = {{"staged", start},
                         {"resumed", start + 1081 * ms},
                         {"first_frame", start + 1080 * ms},
                         {"activated", start + 1081 * ms}};
    auto back = move("m2", "source", "hv2", "hv1", "back");
    back.times = {{"armed", start + 60000 * ms}, {"back", start + 60800 * ms}};
    for (const auto& row : {source, destination, back})
        put(store, row);
}

void put_events(Store& store)
{
    std::vector<Event> events{
        {0, start, "hv2", "staged", "22222222-0000-4000-8000-000000000000", "", "from hv1"},
        {0, start + 5 * ms, "hv1", "chain-added", "", "web-in", "via fw, ids"},
        {0, start + 9 * ms, "hv1", "forged", "11111111-0000-4000-8000-000000000000", "",
         "3 frames with the address of web"},
    };
    for (const auto& event : events)
        if (auto done = store.add(event); !done)
            die(done.error().message);
}

void put_paths(Store& store, const std::vector<Vm>& vms)
{
    auto hop = [&](std::uint32_t spi, int si, const std::string& chain, const Vm& vm) {
        int port = vm.ports[0].ofport;
        return PathHop{spi,  si,  chain, vm.id, port ? vm.hypervisor : "", port ? "br0" : "",
                       port, port};
    };
    if (auto done =
            store.put_paths({hop(4097, 255, "web-in", vms[0]), hop(4097, 254, "web-in", vms[1]),
                             hop(4098, 255, "web-in", vms[1]), hop(4098, 254, "web-in", vms[0]),
                             hop(4099, 255, "later", vms[3])});
        !done)
        die(done.error().message);
}

void fill(Store& store)
{
    put(store, Hypervisor{1, "hv1", "id1", "10.91.0.1", "br0", true, start});
    put(store, Hypervisor{2, "hv2", "id2", "10.91.0.2", "br0", false, start});
    put(store, Hypervisor{3, "hv3", "id3", "10.91.0.3", "br0", false, 0});
    std::vector<Vm> vms{vm("fw", '1', 4097, "hv1", 3), vm("ids", '2', 4098, "hv2", 5),
                        vm("web", '3', 4099, "hv1", 4), vm("spare", '4', 4100, "hv1", 0)};
    for (const auto& row : vms)
        put(store, row);
    Chain web{"web-in",
              4097,
              4098,
              "tcp,nw_dst=10.0.0.3,tp_dst=80",
              "tcp,nw_src=10.0.0.3,tp_src=80",
              1000,
              true,
              "drop",
              "",
              true,
              "",
              {{{vms[0].id}}, {{vms[1].id}}}};
    Chain later{"later", 4099, 0, "udp", "", 7, false, "bypass", "", true, "", {{{vms[3].id}}}};
    put(store, web);
    put(store, later);
    auto site = balancer("site", vms[0].id, "10.0.0.3", "10.0.0.4");
    put(store, site);
    put_paths(store, vms);
    put_moves(store);
    put_events(store);
}

void add_builtin(Store& store)
{
    put(store, builtin("shop", "10.0.0.3", "10.0.0.4"));
    put(store, health("shop", "10.0.0.3", "hv1", "up", "HTTP 200"));
    put(store, health("shop", "10.0.0.4", "hv1", "down", "connection refused"));
}

void arrive(Store& store)
{
    auto source = move("m3", "source", "hv2", "hv1", "cleaned");
    source.times = {{"armed", start + 90001 * ms}, {"cleaned", start + 90004 * ms}};
    auto destination = move("m3", "destination", "hv1", "hv2", "active");
    destination.times = {{"staged", start + 90000 * ms}};
    Task task;
    task.id = "t1";
    task.hypervisor = "hv2";
    task.verb = "migrate";
    task.state = "done";
    put(store, destination);
    put(store, source);
    put(store, task);
}

void drain(Store& store)
{
    put(store, Hypervisor{2, "hv2", "id2", "10.91.0.2", "br0", false, start, true});
    Task task;
    task.id = "t1";
    task.hypervisor = "hv2";
    task.verb = "drain";
    task.state = "done";
    task.reply = R"({"node":"hv2","moved":[{"vm":"ids","to":"hv1"}],)"
                 R"("stayed":[{"vm":"web","why":"hv1: no room"}]})";
    put(store, task);
}

} // namespace

int main(int argc, char** argv)
{
    std::vector<std::string> args(argv + 1, argv + argc);
    if (args.size() < 2)
        die("usage: make-store PATH world|builtin|empty|arrive|drain|event [TEXT]");
    auto store = Store::open(args[0]);
    if (!store)
        die(store.error().message);
    Store::Transaction transaction{*store};
    if (args[1] == "world")
        fill(*store);
    else if (args[1] == "builtin")
        add_builtin(*store);
    else if (args[1] == "arrive")
        arrive(*store);
    else if (args[1] == "drain")
        drain(*store);
    else if (args[1] == "event" && args.size() == 3)
        store->add(Event{0, start + 70000 * ms, "hv1", "note", "", "web-in", args[2]});
    else if (args[1] != "empty")
        die("unknown scene " + args[1]);
    if (auto done = transaction.commit(); !done)
        die(done.error().message);
    return 0;
}
