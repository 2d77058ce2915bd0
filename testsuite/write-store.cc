// SPDX-License-Identifier: Apache-2.0
//
// testsuite/write-store: writes a store for tests of the switch alone, as hookd would.
//
//     write-store PATH < LINES
//
//     self NAME NUMBER VTEP BRIDGE     this hypervisor
//     hv NAME NUMBER VTEP              another one
//     vm NAME LABEL HYPERVISOR MAC[,MAC] [STATE [IP[,IP] [protect]]]
//     chain NAME SPI RSPI PRIORITY MATCH REVERSE HOP[,HOP] [DEAD [PROBE]]   RSPI 0, REVERSE -:
//     one-way
//     no-chain NAME
//     balancer NAME VIP PORT PROTOCOL DIRECTOR[,DIRECTOR] SERVER[,SERVER]
//     no-balancer NAME
//     move ID ROLE VM HYPERVISOR PEER STATE
//
// SERVER is ADDRESS=PORT=MAC.
// HOP is VM[|VM], tap:VM or wire:VM; with a - before it nothing is led there (see db/rows.h).
// A VM's id is its name; `-` stands for nothing.  All lines are one transaction.
#include <config.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

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

Vm vm_of(const std::vector<std::string>& words)
{
    Vm vm;
    vm.id = vm.name = words[1];
    vm.label = number(words[2]);
    vm.kind = "port";
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
    chain.priority = static_cast<int>(number(words[4]));
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

Balancer balancer_of(const std::vector<std::string>& words)
{
    Balancer balancer;
    balancer.name = words[1];
    balancer.vip = words[2];
    balancer.port = static_cast<int>(number(words[3]));
    balancer.protocol = words[4];
    balancer.directors = split(words[5], ',');
    for (const auto& text : split(words[6], ',')) {
        const auto parts = split(text, '=');
        if (parts.size() != 3)
            die("a server is ADDRESS=PORT=MAC, not " + text);
        balancer.servers.push_back(
            {parts[0], static_cast<int>(number(parts[1])), 1, "active", parts[2]});
    }
    return balancer;
}

void apply(Store& store, const std::vector<std::string>& words)
{
    const auto& verb = words[0];
    const auto n = words.size();
    if ((verb == "self" && n == 5) || (verb == "hv" && n == 4))
        must(store.put(Hypervisor{static_cast<int>(number(words[2])), words[1], words[1], words[3],
                                  n == 5 ? words[4] : "br0", verb == "self", 0}));
    else if (verb == "vm" && n >= 5)
        must(store.put(vm_of(words)));
    else if (verb == "chain" && n >= 8)
        must(store.put(chain_of(words)));
    else if (verb == "no-chain" && n == 2)
        must(store.remove_chain(words[1]));
    else if (verb == "balancer" && n == 7)
        must(store.put(balancer_of(words)));
    else if (verb == "no-balancer" && n == 2)
        must(store.remove_balancer(words[1]));
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
