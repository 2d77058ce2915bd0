// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer: see balancer.h.
#include <config.h>

#include "hookd/balancer.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/synthetic-mac.h"
#include "common/text.h"
#include "db/balancer.h"
#include "db/find.h"
#include "hookd/balancer-check.h"
#include "hookd/balancer-mac.h"
#include "hookd/balancer-read.h"
#include "hookd/name.h"

namespace holdfast::hookd {
namespace {

constexpr std::array policies{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh",
                              "sh", "sed", "nq", "fo",  "ovf",  "mh",    "dynamic"};

Error refuse(const std::string& name, const std::string& what, Errc code = Errc::invalid)
{
    return {code, "balancer " + one_line(name, 64) + ": " + what};
}

/// The same error, with the balancer's name before it.
Error refuse(const std::string& name, const Error& error)
{
    return refuse(name, error.message, error.code);
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

/// The VMs that have the VIP, for `external` alone.
Result<std::vector<std::string>> holders(const db::Balancer& balancer,
                                         const std::vector<db::Vm>& vms)
{
    std::vector<std::string> ids;
    for (const db::Vm& vm : vms) {
        if (db::has_address(vm, balancer.vip))
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
    for (const std::string& name : split_words(names)) {
        if (name.empty()) {
            return Error{Errc::invalid, "a director has no name: give --director "
                                        "external:VM[,VM...]"};
        }
        const auto vm = db::find_vm(vms, name);
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

/// Puts one more server into the balancer, complete with its MAC address.
Result<void> take_server(db::Balancer& balancer, const std::string& text,
                         const std::vector<db::Balancer>& others, const std::vector<db::Vm>& vms)
{
    auto server = read_server(text, balancer.port);
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
    auto mac = give_mac(balancer, server->address, all, vms);
    if (!mac)
        return mac.error();
    server->mac = *mac;
    balancer.servers.push_back(std::move(*server));
    return {};
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
    if (auto fine = check_name("balancer", request.name); !fine)
        return fine.error();
    const auto vip = read_vip(request.vip);
    if (!vip)
        return refuse(request.name, vip.error());
    balancer.vip = vip->address;
    balancer.port = vip->port;
    balancer.protocol = vip->protocol;
    if (auto fine = check_free(balancer, balancers); !fine)
        return fine.error();
    if (auto fine = take_directors(request, vms, balancer); !fine)
        return fine.error();
    if (auto fine = check_policy(request); !fine)
        return fine.error();
    const auto gateway = read_gateway(request.gateway, balancer.vip);
    if (!gateway)
        return refuse(request.name, gateway.error());
    balancer.gateway = *gateway;
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
    if (const auto wanted = read_server(server, balancer.port)) {
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
    auto checked = read_weight(std::to_string(weight));
    if (!checked)
        return refuse(balancer.name, "server " + address + ": " + checked.error().message);
    server->weight = *checked;
    return changed;
}

bool needs(const db::Balancer& balancer, const db::Vm& vm)
{
    const auto& directors = balancer.directors;
    return std::find(directors.begin(), directors.end(), vm.id) != directors.end() ||
           std::any_of(balancer.servers.begin(), balancer.servers.end(),
                       [&](const db::RealServer& row) { return db::has_address(vm, row.address); });
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
