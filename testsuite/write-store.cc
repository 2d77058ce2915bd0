// SPDX-License-Identifier: Apache-2.0
//
// testsuite/write-store: writes a store for tests of the switch alone, as hookd would.
//
//     write-store PATH < LINES
//
//     self NAME NUMBER VTEP BRIDGE     this hypervisor
//     hv NAME NUMBER VTEP [lost]       another one
//     vm NAME LABEL HYPERVISOR MAC[,MAC] [STATE [IP[,IP] [protect]]]
//     service ...                      the same of a VM record of this kind
//     chain NAME SPI RSPI PRIORITY MATCH REVERSE HOP[,HOP] [DEAD [PROBE]]   RSPI 0, REVERSE -:
//     one-way
//     no-chain NAME
//     balancer NAME VIP PORT PROTOCOL DIRECTOR[,DIRECTOR] SERVER[,SERVER] [KEY=VALUE...]
//     no-balancer NAME
//     health NAME ADDRESS up|down [CPU [MEMORY [ANSWER]]]   as the hypervisor of the server's VM
//     says no-health NAME ADDRESS move ID ROLE VM HYPERVISOR PEER STATE
//
// SERVER is ADDRESS=PORT=MAC[=WEIGHT[=LIMIT[=STATE[=WAY]]]]; the director `builtin` is the switches
// themselves.  KEY is policy, gateway, number, mac_layout, vip_mac, persistence, slow_start, sorry
// (ADDRESS=PORT=MAC) or check (none, tcp, http or command).
// HOP is VM[|VM], tap:VM or wire:VM; with a - before it nothing is led there (see db/rows.h).
// A VM's id is its name; `-` stands for nothing.  All lines are one transaction.
#include <config.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "common/policies.h"
#include "db/balancer.h"
#include "db/store.h"

namespace {

using namespace holdfast;
using namespace holdfast::db;

[[noreturn]] void die(const std::string& line)
{
    std::fprintf(stderr, "write-store: %s\n", line.c_str());
    std::exit(1);
}

void must(const Result<void>& done)
{
    if (!done)
        die(done.error().message);
}

std::vector<std::string> split(const std::string& text, char separator)
{
    std::vector<std::string> words;
    std::istringstream input{text};
    for (std::string word; std::getline(input, word, separator);)
        if (!word.empty())
            words.push_back(word == "-" ? "" : word);
    return words;
}

std::uint32_t number(const std::string& text)
{
    return static_cast<std::uint32_t>(std::strtoul(text.c_str(), nullptr, 0));
}

int integer(const std::string& text)
{
    return static_cast<int>(number(text));
}

Hypervisor hypervisor_of(const std::vector<std::string>& words)
{
    const bool self = words[0] == "self";
    Hypervisor hypervisor{integer(words[2]),       words[1], words[1], words[3],
                          self ? words[4] : "br0", self,     0};
    hypervisor.lost = !self && words.size() == 5 && words[4] == "lost";
    return hypervisor;
}

Vm vm_of(const std::vector<std::string>& words)
{
    Vm vm;
    vm.id = vm.name = words[1];
    vm.label = number(words[2]);
    vm.kind = words[0] == "service" ? "service" : "port";
    vm.hypervisor = words[3];
    vm.state = words.size() > 5 ? words[5] : "running";
    if (words.size() > 6)
        vm.ips = split(words[6], ',');
    vm.protect = words.size() > 7 && words[7] == "protect";
    for (const auto& mac : split(words[4], ','))
        vm.ports.push_back({mac, vm.name, "br0", "", 0});
    return vm;
}

Hop hop_of(std::string text)
{
    Hop hop;
    if (text.starts_with('-')) {
        hop.led = false;
        text.erase(0, 1);
    }
    if (const auto colon = text.find(':'); colon != std::string::npos) {
        hop.kind = text.substr(0, colon);
        text.erase(0, colon + 1);
    }
    hop.vms = split(text, '|');
    return hop;
}

Chain chain_of(const std::vector<std::string>& words)
{
    Chain chain;
    chain.name = words[1];
    chain.spi = number(words[2]);
    chain.rspi = number(words[3]);
    chain.priority = integer(words[4]);
    chain.match = words[5];
    chain.match_reverse = words[6];
    chain.symmetric = chain.rspi != 0;
    for (auto& text : split(words[7], ','))
        chain.hops.push_back(hop_of(std::move(text)));
    if (words.size() > 8)
        chain.dead = words[8];
    if (words.size() > 9)
        chain.probe = words[9];
    return chain;
}

RealServer server_of(const std::string& text)
{
    const auto parts = split(text, '=');
    if (parts.size() < 3 || parts.size() > 7)
        die("a server is ADDRESS=PORT=MAC[=WEIGHT[=LIMIT[=STATE[=WAY]]]], not " + text);
    RealServer server{parts[0], integer(parts[1]), 1, "active", parts[2]};
    if (parts.size() > 3)
        server.weight = integer(parts[3]);
    if (parts.size() > 4)
        server.limit = integer(parts[4]);
    if (parts.size() > 5)
        server.state = parts[5];
    if (parts.size() > 6)
        server.way = parts[6];
    return server;
}

/// Takes one KEY=VALUE of a balancer's line.
void set(Balancer& balancer, const std::string& word)
{
    const auto equals = word.find('=');
    const auto key = word.substr(0, equals);
    const auto value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (key == "sorry") {
        const auto server = server_of(value);
        balancer.sorry = server.address;
        balancer.sorry_port = server.port;
        balancer.sorry_mac = server.mac;
    } else if (key == "policy")
        balancer.policy = value;
    else if (key == "gateway")
        balancer.gateway = value;
    else if (key == "number")
        balancer.number = integer(value);
    else if (key == "mac_layout")
        balancer.mac_layout = value;
    else if (key == "vip_mac")
        balancer.vip_mac = value;
    else if (key == "check")
        balancer.check = value;
    else if (key == "persistence")
        balancer.persistence = integer(value);
    else if (key == "slow_start")
        balancer.slow_start = integer(value);
    else
        die("a balancer has no " + word);
}

Balancer balancer_of(const std::vector<std::string>& words)
{
    Balancer balancer;
    balancer.name = words[1];
    balancer.vip = words[2];
    balancer.port = integer(words[3]);
    balancer.protocol = words[4];
    if (balancer.vip.find(':') != std::string::npos)
        balancer.mac_layout = "table"; // No MAC address holds an IPv6 one.
    if (words[5] == "builtin") {
        balancer.director = "builtin";
        balancer.policy = policies.front().name;
    } else {
        balancer.directors = split(words[5], ',');
    }
    for (const auto& text : split(words[6], ','))
        balancer.servers.push_back(server_of(text));
    for (std::size_t i = 7; i < words.size(); ++i)
        set(balancer, words[i]);
    return balancer;
}

/// The hypervisor that probes the server of this address: its VM's.
std::string prober_of(Store& store, const std::string& address)
{
    const auto vms = store.vms();
    const auto* vm = vms ? vm_with(*vms, address) : nullptr;
    if (!vm)
        die("no VM has the address " + address);
    return vm->hypervisor;
}

ServerHealth health_of(Store& store, const std::vector<std::string>& words)
{
    ServerHealth row;
    row.balancer = words[1];
    row.address = words[2];
    row.hypervisor = prober_of(store, words[2]);
    row.state = words[3];
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    row.since = now.tv_sec * TimeNs{1'000'000'000} + now.tv_nsec;
    row.text = "as the test says";
    int* figures[] = {&row.cpu, &row.memory, &row.answer_us};
    for (std::size_t i = 4; i < words.size() && i < 7; ++i)
        *figures[i - 4] = integer(words[i]);
    return row;
}

void apply(Store& store, const std::vector<std::string>& words)
{
    const auto& verb = words[0];
    const auto n = words.size();
    if ((verb == "self" && n == 5) || (verb == "hv" && (n == 4 || n == 5)))
        must(store.put(hypervisor_of(words)));
    else if ((verb == "vm" || verb == "service") && n >= 5)
        must(store.put(vm_of(words)));
    else if (verb == "chain" && n >= 8)
        must(store.put(chain_of(words)));
    else if (verb == "no-chain" && n == 2)
        must(store.remove_chain(words[1]));
    else if (verb == "balancer" && n >= 7)
        must(store.put(balancer_of(words)));
    else if (verb == "no-balancer" && n == 2)
        must(store.remove_balancer(words[1]));
    else if (verb == "health" && n >= 4)
        must(store.put(health_of(store, words)));
    else if (verb == "no-health" && n == 3)
        must(store.remove_health({words[1], words[2], prober_of(store, words[2])}));
    else if (verb == "move" && n == 7)
        must(store.put(Move{words[1], words[2], words[3], words[4], words[5], words[6], {}, {}}));
    else
        die("what is '" + verb + "' with " + std::to_string(n - 1) + " words?");
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 2)
        die("usage: write-store PATH < LINES");
    auto store = Store::open(argv[1]);
    if (!store)
        die(store.error().message);
    Store::Transaction transaction{*store};
    for (std::string line; std::getline(std::cin, line);)
        if (const auto words = split(line, ' '); !words.empty())
            apply(*store, words);
    must(transaction.commit());
    return 0;
}
