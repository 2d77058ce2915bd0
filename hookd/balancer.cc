// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer: see balancer.h.
#include <config.h>

#include "hookd/balancer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/synthetic-mac.h"
#include "common/text.h"
#include "hookd/chain.h"

namespace holdfast::hookd {
namespace {

constexpr std::array policies{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh",
                              "sh", "sed", "nq", "fo",  "ovf",  "mh",    "dynamic"};
constexpr int weight_max = 65535;

Error refuse(const std::string& name, const std::string& what, Errc code = Errc::invalid)
{
    return {code, "balancer " + one_line(name, 64) + ": " + what};
}

/// The same error, with the balancer's name before it.
Error refuse(const std::string& name, const Error& error)
{
    return refuse(name, error.message, error.code);
}

Result<void> check_name(const std::string& name)
{
    constexpr std::size_t longest = 64;
    constexpr std::string_view allowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (name.empty())
        return Error{Errc::invalid, "a balancer needs a name: give one of letters, digits, - _ ."};
    if (name.size() > longest || name.find_first_not_of(allowed) != std::string::npos)
        return refuse(name, "this name will not do: give at most 64 letters, digits, - _ .");
    return {};
}

/// A whole number, and nothing after it.
std::optional<std::int64_t> parse_number(std::string_view text)
{
    std::int64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

Result<int> parse_port(std::string_view text)
{
    const auto port = parse_number(text);
    if (!port || *port < 1 || *port > 65535) {
        return Error{Errc::invalid,
                     "port " + one_line(text, 40) + " is none: give one from 1 to 65535"};
    }
    return static_cast<int>(*port);
}

/// An address with or without a port, as typed: [ADDR]:PORT for IPv6.
struct Endpoint {
    std::string address;
    std::string port; // Empty: none.
};

Endpoint split_endpoint(const std::string& text)
{
    if (is_ipv6(text))
        return {text, ""};
    const auto colon = text.rfind(':');
    if (colon == std::string::npos)
        return {text, ""};
    std::string address = text.substr(0, colon);
    if (address.size() > 2 && address.front() == '[' && address.back() == ']')
        address = address.substr(1, address.size() - 2);
    return {address, text.substr(colon + 1)};
}

/// Whether a machine can have the address and be sent to at it.
bool is_unicast(std::uint32_t address)
{
    const auto first = address >> 24;
    return first > 0 && first != 127 && first < 224;
}

Result<void> take_vip(const BalancerRequest& request, db::Balancer& balancer)
{
    const std::string what = "--vip " + one_line(request.vip, 60);
    const auto slash = request.vip.rfind('/');
    const Endpoint at = split_endpoint(request.vip.substr(0, slash));
    if (is_ipv6(at.address))
        return refuse(request.name, what + ": IPv6 is not balanced yet: give an IPv4 address");
    const auto address = parse_ipv4(at.address);
    if (slash == std::string::npos || at.port.empty() || !address)
        return refuse(request.name, what + ": give ADDR:PORT/PROTO, such as 10.0.0.80:80/tcp");
    if (!is_unicast(*address))
        return refuse(request.name, what + ": no machine can have this address: give another");
    const auto port = parse_port(at.port);
    if (!port)
        return refuse(request.name, what + ": " + port.error().message);
    balancer.vip = at.address;
    balancer.port = *port;
    balancer.protocol = request.vip.substr(slash + 1);
    if (balancer.protocol != "tcp" && balancer.protocol != "udp") {
        return refuse(request.name, what + ": protocol " + one_line(balancer.protocol, 40) +
                                        " is not balanced: give tcp or udp");
    }
    return {};
}

std::string vip_text(const db::Balancer& balancer)
{
    return balancer.vip + ":" + std::to_string(balancer.port) + "/" + balancer.protocol;
}

/// Refuses what another balancer has already.
Result<void> check_free(const db::Balancer& wanted, const std::vector<db::Balancer>& balancers)
{
    for (const db::Balancer& other : balancers) {
        if (other.name == wanted.name) {
            return refuse(wanted.name,
                          "this name is taken: choose another, or first "
                          "\"holdfast balancer del " +
                              other.name + "\"",
                          Errc::exists);
        }
        if (vip_text(other) == vip_text(wanted)) {
            return refuse(wanted.name,
                          vip_text(wanted) + " is balancer " + other.name +
                              "'s already: give another --vip, or add servers to that one",
                          Errc::exists);
        }
    }
    return {};
}

Result<void> check_policy(const BalancerRequest& request)
{
    if (request.policy.empty())
        return {};
    if (std::find(policies.begin(), policies.end(), request.policy) == policies.end()) {
        std::string all;
        for (const char* policy : policies)
            all += std::string{all.empty() ? "" : " "} + policy;
        return refuse(request.name,
                      "policy " + one_line(request.policy, 40) + " is unknown: there are " + all);
    }
    return refuse(request.name, "--policy " + request.policy +
                                    " is for a built-in director; an external one chooses by its "
                                    "own scheduler (ipvsadm -s): leave --policy out");
}

std::vector<std::string> split(std::string_view text)
{
    std::vector<std::string> words;
    for (;;) {
        const auto comma = text.find(',');
        words.emplace_back(trimmed(text.substr(0, comma)));
        if (comma == std::string_view::npos)
            return words;
        text.remove_prefix(comma + 1);
    }
}

bool has_address(const db::Vm& vm, const std::string& address)
{
    return std::find(vm.ips.begin(), vm.ips.end(), address) != vm.ips.end();
}

/// The VMs that have the VIP, for `external` alone.
Result<std::vector<std::string>> holders(const db::Balancer& balancer,
                                         const std::vector<db::Vm>& vms)
{
    std::vector<std::string> ids;
    for (const db::Vm& vm : vms) {
        if (has_address(vm, balancer.vip))
            ids.push_back(vm.id);
    }
    if (ids.empty()) {
        return Error{Errc::not_found, "no VM is known to have the address " + balancer.vip +
                                          ": name the director's VM, --director external:VM"};
    }
    return ids;
}

Result<std::vector<std::string>> named_directors(const std::string& names,
                                                 const std::vector<db::Vm>& vms)
{
    std::vector<std::string> ids;
    for (const std::string& name : split(names)) {
        if (name.empty()) {
            return Error{Errc::invalid, "a director has no name: give --director "
                                        "external:VM[,VM...]"};
        }
        const auto vm = find_vm(vms, name);
        if (!vm)
            return vm.error();
        if (std::find(ids.begin(), ids.end(), vm->id) != ids.end()) {
            return Error{Errc::invalid,
                         "director " + vm->name + " is named twice: name each VM once"};
        }
        ids.push_back(vm->id);
    }
    return ids;
}

Result<void> take_directors(const BalancerRequest& request, const std::vector<db::Vm>& vms,
                            db::Balancer& balancer)
{
    constexpr std::string_view with_names = "external:";
    const std::string& text = request.director;
    if (text == "builtin") {
        return refuse(request.name, "the built-in director is not there yet: give --director "
                                    "external:VM, with a VM that runs IPVS");
    }
    if (text != "external" && !text.starts_with(with_names)) {
        return refuse(request.name, "--director " + one_line(text, 60) +
                                        " is unknown: give external or external:VM[,VM...]");
    }
    auto ids = text == "external" ? holders(balancer, vms)
                                  : named_directors(text.substr(with_names.size()), vms);
    if (!ids)
        return refuse(request.name, ids.error());
    balancer.director = "external";
    balancer.directors = std::move(*ids);
    std::sort(balancer.directors.begin(), balancer.directors.end());
    return {};
}

Result<void> take_gateway(const BalancerRequest& request, db::Balancer& balancer)
{
    if (request.gateway.empty())
        return {};
    const auto address = parse_ipv4(request.gateway);
    if (!address || !is_unicast(*address)) {
        return refuse(request.name, "--gateway " + one_line(request.gateway, 60) +
                                        " is no IPv4 address of a router: give one such as "
                                        "10.0.0.1");
    }
    if (request.gateway == balancer.vip) {
        return refuse(request.name, "--gateway " + request.gateway +
                                        " is the VIP itself: give the router's own address");
    }
    balancer.gateway = request.gateway;
    return {};
}

Result<int> parse_weight(std::string_view text)
{
    const auto weight = parse_number(text);
    if (!weight || *weight < 0 || *weight > weight_max) {
        return Error{Errc::invalid,
                     "weight " + one_line(text, 40) + " is out of range: give 0 to 65535"};
    }
    return static_cast<int>(*weight);
}

/// ADDR[:PORT][,weight=N]; `port` unless it names one.
Result<db::RealServer> parse_server(const std::string& text, int port)
{
    constexpr std::string_view weight_key = "weight=";
    const std::string what = "server " + one_line(text, 60);
    const auto words = split(text);
    const Endpoint at = split_endpoint(words[0]);
    if (is_ipv6(at.address)) {
        return Error{Errc::invalid, what + " is IPv6, and the VIP is IPv4: give an IPv4 address "
                                           "of that VM"};
    }
    const auto address = parse_ipv4(at.address);
    if (!address || !is_unicast(*address) || (at.port.empty() && words[0].ends_with(':'))) {
        return Error{Errc::invalid,
                     what + ": give ADDR[:PORT][,weight=N], such as 10.0.20.11:8080,weight=2"};
    }
    db::RealServer server;
    server.address = at.address;
    server.port = port;
    if (!at.port.empty()) {
        const auto own = parse_port(at.port);
        if (!own)
            return Error{Errc::invalid, what + ": " + own.error().message};
        server.port = *own;
    }
    for (std::size_t i = 1; i < words.size(); ++i) {
        if (!words[i].starts_with(weight_key))
            return Error{Errc::invalid, what + ": \"" + words[i] + "\" is unknown: give weight=N"};
        const auto weight = parse_weight(std::string_view{words[i]}.substr(weight_key.size()));
        if (!weight)
            return Error{Errc::invalid, what + ": " + weight.error().message};
        server.weight = *weight;
    }
    return server;
}

/// The server must be one VM of the fleet: the switch there translates its answers.
Result<void> check_vm(const db::RealServer& server, const std::vector<db::Vm>& vms)
{
    const db::Vm* found = nullptr;
    for (const db::Vm& vm : vms) {
        if (!has_address(vm, server.address))
            continue;
        // One that was made anew runs; the one before does not.
        if (found && (found->state == "running") == (vm.state == "running")) {
            return Error{Errc::invalid, "two VMs have the address " + server.address + ", " +
                                            found->name + " and " + vm.name +
                                            ": take it from one of them"};
        }
        if (!found || vm.state == "running")
            found = &vm;
    }
    if (!found) {
        return Error{Errc::not_found,
                     "server " + server.address +
                         ": no VM of the fleet is known to have this address: give it one in its "
                         "domain's metadata (holdfast-hookd(8), \"VM METADATA\"); servers outside "
                         "of the fleet are not there yet"};
    }
    return {};
}

/// A VM is one server: its port translates for one address.
Result<void> check_one_address(const db::Balancer& balancer, const db::RealServer& server,
                               const std::vector<db::Balancer>& others,
                               const std::vector<db::Vm>& vms)
{
    std::vector<db::RealServer> all = balancer.servers;
    for (const db::Balancer& other : others)
        all.insert(all.end(), other.servers.begin(), other.servers.end());
    for (const db::Vm& vm : vms) {
        if (!has_address(vm, server.address))
            continue;
        for (const db::RealServer& other : all) {
            if (other.address != server.address && has_address(vm, other.address)) {
                return Error{Errc::invalid, "server " + server.address + " is VM " + vm.name +
                                                ", as " + other.address +
                                                " is: name one of its addresses"};
            }
        }
    }
    return {};
}

/// Refuses a server that another balancer of this VIP has at another of its ports: whose answer
/// a packet is could not be told.
Result<void> check_answers(const db::Balancer& balancer, const db::RealServer& server,
                           const std::vector<db::Balancer>& balancers)
{
    for (const db::Balancer& other : balancers) {
        if (other.name == balancer.name || other.vip != balancer.vip ||
            other.protocol != balancer.protocol)
            continue;
        for (const db::RealServer& its : other.servers) {
            if (its.address == server.address && its.port == server.port) {
                return Error{Errc::exists, "server " + server.address + ":" +
                                               std::to_string(server.port) + " is behind " +
                                               vip_text(other) + " already (balancer " +
                                               other.name +
                                               "), and their answers could not be told apart: "
                                               "give another port of it"};
            }
        }
    }
    return {};
}

/// One number an address, whatever balancers it is in; else one more than the highest in use.
std::uint32_t table_number(const std::string& address, const std::vector<db::Balancer>& balancers)
{
    std::uint32_t highest = 0;
    for (const db::Balancer& balancer : balancers) {
        if (balancer.mac_layout != "table")
            continue;
        for (const db::RealServer& server : balancer.servers) {
            std::uint32_t number = 0;
            for (const int at : {6, 9, 12, 15})
                number = number << 8 | static_cast<std::uint32_t>(
                                           std::stoul(server.mac.substr(at, 2), nullptr, 16));
            if (server.address == address)
                return number;
            highest = std::max(highest, number);
        }
    }
    return highest + 1;
}

/// A MAC address stands for one server, and a server has one: an ARP request has one answer.
Result<void> check_mac(const db::RealServer& server, const std::vector<db::Balancer>& balancers,
                       const std::vector<db::Vm>& vms)
{
    for (const db::Balancer& other : balancers) {
        for (const db::RealServer& its : other.servers) {
            if (its.address == server.address && its.mac != server.mac) {
                return Error{Errc::exists, "server " + server.address + " has the synthetic MAC " +
                                               its.mac + " in balancer " + other.name +
                                               " already: give --mac-prefix " + other.mac_prefix +
                                               " --mac-layout " + other.mac_layout + ", as there"};
            }
            if (its.address != server.address && its.mac == server.mac) {
                return Error{Errc::exists, "server " + server.address +
                                               " would have the synthetic MAC " + its.mac +
                                               " of server " + its.address + " in balancer " +
                                               other.name + ": give another --mac-prefix"};
            }
        }
    }
    for (const db::Vm& vm : vms) {
        for (const db::VmPort& port : vm.ports) {
            if (port.mac == server.mac) {
                return Error{Errc::exists, "server " + server.address +
                                               " would have the MAC address " + port.mac +
                                               " of VM " + vm.name + ": give another --mac-prefix"};
            }
        }
    }
    return {};
}

/// Puts one more server into the balancer, complete with its MAC address.
Result<void> take_server(db::Balancer& balancer, const std::string& text,
                         const std::vector<db::Balancer>& others, const std::vector<db::Vm>& vms)
{
    auto server = parse_server(text, balancer.port);
    if (!server)
        return server.error();
    if (server->address == balancer.vip) {
        return Error{Errc::invalid, "server " + server->address +
                                        " is the VIP itself: give the server's own address"};
    }
    for (const db::RealServer& other : balancer.servers) {
        if (other.address == server->address) {
            return Error{Errc::exists,
                         "server " + server->address + " is in it twice: name each address once"};
        }
    }
    if (auto fine = check_vm(*server, vms); !fine)
        return fine;
    if (auto fine = check_one_address(balancer, *server, others, vms); !fine)
        return fine;
    if (auto fine = check_answers(balancer, *server, others); !fine)
        return fine;
    auto all = others; // Those of this balancer that are given already, too.
    std::erase_if(all, [&](const db::Balancer& row) { return row.name == balancer.name; });
    all.push_back(balancer);
    auto mac = synthetic_mac(balancer.mac_layout, balancer.mac_prefix,
                             balancer.mac_layout == "table" ? table_number(server->address, all)
                                                            : *parse_ipv4(server->address));
    if (!mac)
        return mac.error();
    server->mac = *mac;
    if (auto fine = check_mac(*server, all, vms); !fine)
        return fine;
    balancer.servers.push_back(std::move(*server));
    return {};
}

/// What a director sends to an address with the prefix, and is no server's, is dropped: no VM may
/// have one.
Result<void> check_prefix(const db::Balancer& balancer, const std::vector<db::Vm>& vms)
{
    if (balancer.mac_layout != "prefix" && balancer.mac_layout != "table")
        return {};
    for (const db::Vm& vm : vms) {
        for (const db::VmPort& port : vm.ports) {
            if (port.mac.starts_with(balancer.mac_prefix + ":")) {
                return Error{Errc::exists, "--mac-prefix " + balancer.mac_prefix +
                                               ": the MAC address " + port.mac + " of VM " +
                                               vm.name + " begins so: give another"};
            }
        }
    }
    return {};
}

std::string lower(std::string text)
{
    for (char& letter : text) {
        if (letter >= 'A' && letter <= 'Z')
            letter = static_cast<char>(letter + 32);
    }
    return text;
}

Result<void> take_mac_options(const BalancerRequest& request, db::Balancer& balancer)
{
    if (auto fine = check_mac_prefix(request.mac_prefix); !fine)
        return refuse(request.name, fine.error());
    if (auto fine = check_mac_layout(request.mac_layout); !fine)
        return refuse(request.name, fine.error());
    balancer.mac_prefix = lower(request.mac_prefix);
    balancer.mac_layout = request.mac_layout;
    return {};
}

Error no_server(const db::Balancer& balancer, const std::string& address)
{
    std::string all;
    for (const db::RealServer& server : balancer.servers)
        all += (all.empty() ? "" : ", ") + server.address;
    return refuse(balancer.name, "it has no server " + one_line(address, 60) + ": it has " + all,
                  Errc::not_found);
}

/// The server of this address; null if there is none.
db::RealServer* find_server(db::Balancer& balancer, const std::string& address)
{
    auto server = std::find_if(balancer.servers.begin(), balancer.servers.end(),
                               [&](const db::RealServer& row) { return row.address == address; });
    return server == balancer.servers.end() ? nullptr : &*server;
}

} // namespace

Result<db::Balancer> make_balancer(const BalancerRequest& request,
                                   const std::vector<db::Balancer>& balancers,
                                   const std::vector<db::Vm>& vms)
{
    db::Balancer balancer;
    balancer.name = request.name;
    if (auto fine = check_name(request.name); !fine)
        return fine.error();
    if (auto fine = take_vip(request, balancer); !fine)
        return fine.error();
    if (auto fine = check_free(balancer, balancers); !fine)
        return fine.error();
    if (auto fine = take_directors(request, vms, balancer); !fine)
        return fine.error();
    if (auto fine = check_policy(request); !fine)
        return fine.error();
    if (auto fine = take_gateway(request, balancer); !fine)
        return fine.error();
    if (auto fine = take_mac_options(request, balancer); !fine)
        return fine.error();
    if (request.servers.empty())
        return refuse(request.name, "it has no servers: name at least one with --server");
    for (const std::string& server : request.servers) {
        if (auto fine = take_server(balancer, server, balancers, vms); !fine)
            return refuse(request.name, fine.error());
    }
    if (auto fine = check_prefix(balancer, vms); !fine)
        return refuse(request.name, fine.error());
    return balancer;
}

Result<db::Balancer> add_server(const db::Balancer& balancer, const std::string& server,
                                const std::vector<db::Balancer>& balancers,
                                const std::vector<db::Vm>& vms)
{
    db::Balancer changed = balancer;
    if (const auto wanted = parse_server(server, balancer.port)) {
        db::RealServer* there = find_server(changed, wanted->address);
        if (there && there->state == "draining" && there->port == wanted->port) {
            there->state = "active";
            there->weight = wanted->weight;
            return changed;
        }
    }
    if (auto fine = take_server(changed, server, balancers, vms); !fine)
        return refuse(balancer.name, fine.error());
    return changed;
}

Result<db::Balancer> remove_server(const db::Balancer& balancer, const std::string& address)
{
    db::Balancer changed = balancer;
    if (!find_server(changed, address))
        return no_server(balancer, address);
    if (changed.servers.size() == 1) {
        return refuse(balancer.name, "server " + address +
                                         " is its last: add another one first, or \"holdfast "
                                         "balancer del " +
                                         balancer.name + "\"");
    }
    std::erase_if(changed.servers,
                  [&](const db::RealServer& row) { return row.address == address; });
    return changed;
}

Result<db::Balancer> drain_server(const db::Balancer& balancer, const std::string& address)
{
    db::Balancer changed = balancer;
    db::RealServer* server = find_server(changed, address);
    if (!server)
        return no_server(balancer, address);
    server->state = "draining";
    return changed;
}

Result<db::Balancer> weigh_server(const db::Balancer& balancer, const std::string& address,
                                  std::int64_t weight)
{
    db::Balancer changed = balancer;
    db::RealServer* server = find_server(changed, address);
    if (!server)
        return no_server(balancer, address);
    auto checked = parse_weight(std::to_string(weight));
    if (!checked)
        return refuse(balancer.name, "server " + address + ": " + checked.error().message);
    server->weight = *checked;
    return changed;
}

Result<db::Balancer> find_balancer(const std::vector<db::Balancer>& balancers,
                                   const std::string& name)
{
    std::vector<std::string> names;
    for (const db::Balancer& balancer : balancers) {
        if (balancer.name == name)
            return balancer;
        names.push_back(balancer.name);
    }
    const std::string near = nearest(name, names);
    return Error{Errc::not_found, "balancer " + one_line(name, 64) + " is not known: " +
                                      (near.empty() ? "" : "did you mean " + near + "? ") +
                                      "\"holdfast balancer list\" shows all"};
}

bool needs(const db::Balancer& balancer, const db::Vm& vm)
{
    const auto& directors = balancer.directors;
    return std::find(directors.begin(), directors.end(), vm.id) != directors.end() ||
           std::any_of(balancer.servers.begin(), balancer.servers.end(),
                       [&](const db::RealServer& row) { return has_address(vm, row.address); });
}

std::set<std::string> vms_needed(const std::vector<db::Balancer>& balancers,
                                 const std::vector<db::Vm>& vms)
{
    std::set<std::string> ids;
    std::set<std::string> addresses;
    for (const db::Balancer& balancer : balancers) {
        ids.insert(balancer.directors.begin(), balancer.directors.end());
        for (const db::RealServer& server : balancer.servers)
            addresses.insert(server.address);
    }
    for (const db::Vm& vm : vms) {
        if (std::any_of(vm.ips.begin(), vm.ips.end(),
                        [&](const std::string& ip) { return addresses.contains(ip); }))
            ids.insert(vm.id);
    }
    return ids;
}

} // namespace holdfast::hookd
