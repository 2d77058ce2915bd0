// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer: see balancer.h.
#include <config.h>

#include "hookd/balancer.h"

#include <algorithm>

#include "common/synthetic-mac.h"
#include "common/text.h"
#include "db/balancer.h"
#include "hookd/balancer-check.h"
#include "hookd/balancer-director.h"
#include "hookd/balancer-mac.h"
#include "hookd/balancer-options.h"
#include "hookd/balancer-read.h"
#include "hookd/balancer-way.h"
#include "hookd/name.h"

namespace holdfast::hookd {
namespace {

Error refuse(const std::string& name, const std::string& what, Errc code = Errc::invalid)
{
    return {code, "balancer " + one_line(name, 64) + ": " + what};
}

/// The same error, with the balancer's name before it.
Error refuse(const std::string& name, const Error& error)
{
    return refuse(name, error.message, error.code);
}

/// All balancers as they would be with this one, as far as it is made.
std::vector<db::Balancer> with(const db::Balancer& balancer, std::vector<db::Balancer> others)
{
    std::erase_if(others, [&](const db::Balancer& row) { return row.name == balancer.name; });
    others.push_back(balancer);
    return others;
}

/// The server complete with its MAC address, if it goes with all that there is.
Result<db::RealServer> admitted(const db::Balancer& balancer, db::RealServer server,
                                const std::vector<db::Balancer>& others,
                                const std::vector<db::Vm>& vms)
{
    if (server.address == balancer.vip) {
        return Error{Errc::invalid, "server " + server.address +
                                        " is the VIP itself: give the server's own address"};
    }
    if (server.address == balancer.sorry) {
        return Error{Errc::exists,
                     "server " + server.address + " is its sorry server: give another address"};
    }
    for (const db::RealServer& other : balancer.servers) {
        if (other.address == server.address) {
            return Error{Errc::exists,
                         "server " + server.address + " is in it twice: name each address once"};
        }
    }
    if (is_ipv6(server.address) != is_ipv6(balancer.vip)) {
        const bool v6 = is_ipv6(server.address);
        return Error{Errc::invalid, "server " + server.address +
                                        (v6 ? " is IPv6, and the VIP is IPv4: give an IPv4"
                                            : " is IPv4, and the VIP is IPv6: give an IPv6") +
                                        " address of that VM"};
    }
    if (auto fine = check_vm(balancer, server, vms); !fine)
        return fine.error();
    if (auto fine = check_answers(balancer, server, others); !fine)
        return fine.error();
    auto mac = give_mac(balancer, server.address, with(balancer, others), vms);
    if (!mac)
        return mac.error();
    server.mac = *mac;
    return server;
}

/// Puts one more server into the balancer.
Result<void> take_server(db::Balancer& balancer, const std::string& text,
                         const std::vector<db::Balancer>& others, const std::vector<db::Vm>& vms)
{
    auto server = read_server(text, balancer.port);
    if (!server)
        return server.error();
    if (auto fine = check_weight(balancer, *server); !fine)
        return fine;
    if (auto fine = check_limit(balancer, *server); !fine)
        return fine;
    auto whole = admitted(balancer, *server, others, vms);
    if (!whole)
        return whole.error();
    balancer.servers.push_back(std::move(*whole));
    return {};
}

/// Takes the server for when all others are dead: ADDR[:PORT], or empty for none.
Result<void> take_sorry(db::Balancer& balancer, const std::string& text,
                        const std::vector<db::Balancer>& others, const std::vector<db::Vm>& vms)
{
    if (text.empty())
        return {};
    auto server = read_server(text, balancer.port);
    if (server && text.find(',') != std::string::npos) {
        server = Error{Errc::invalid, "server " + one_line(text, 60) +
                                          " has neither weight nor limit: give ADDR[:PORT]"};
    }
    auto whole = server ? admitted(balancer, *server, others, vms) : server;
    if (!whole)
        return Error{whole.error().code, "--sorry: " + whole.error().message};
    balancer.sorry = whole->address;
    balancer.sorry_port = whole->port;
    balancer.sorry_mac = whole->mac;
    return {};
}

/// A built-in director's VIP has a MAC address that the switches answer.
Result<void> give_vip_mac(db::Balancer& balancer, const std::vector<db::Balancer>& others,
                          const std::vector<db::Vm>& vms)
{
    if (!db::is_builtin(balancer))
        return {};
    auto mac = give_mac(balancer, balancer.vip, with(balancer, others), vms);
    if (!mac)
        return mac.error();
    balancer.vip_mac = *mac;
    return {};
}

/// All machines of the request, and the VIP's MAC address.
Result<void> take_servers(const BalancerRequest& request, db::Balancer& balancer,
                          const std::vector<db::Balancer>& others, const std::vector<db::Vm>& vms)
{
    if (request.servers.empty())
        return Error{Errc::invalid, "it has no servers: name at least one with --server"};
    if (auto fine = give_vip_mac(balancer, others, vms); !fine)
        return fine;
    for (const std::string& server : request.servers) {
        if (auto fine = take_server(balancer, server, others, vms); !fine)
            return fine;
    }
    return take_sorry(balancer, request.sorry, others, vms);
}

Result<void> take_mac_options(const BalancerRequest& request, db::Balancer& balancer)
{
    if (auto fine = check_mac_prefix(request.mac_prefix); !fine)
        return refuse(request.name, fine.error());
    const bool v6 = is_ipv6(balancer.vip);
    balancer.mac_prefix = lower(request.mac_prefix);
    balancer.mac_layout = !request.mac_layout.empty() ? request.mac_layout
                          : v6                        ? "table"
                                                      : "prefix";
    if (auto fine = check_mac_layout(balancer.mac_layout); !fine)
        return refuse(request.name, fine.error());
    if (v6 && balancer.mac_layout != "table") {
        return refuse(request.name, "MAC layout " + balancer.mac_layout +
                                        " holds no IPv6 address: give --mac-layout table");
    }
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

/// The server of this address, as typed; null if there is none.
db::RealServer* find_server(db::Balancer& balancer, const std::string& typed)
{
    auto server =
        std::ranges::find(balancer.servers, plain_address(typed), &db::RealServer::address);
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
    if (auto fine = take_directors(request.director, vms, balancer); !fine)
        return refuse(request.name, fine.error());
    if (auto fine = check_vip_is_free(balancer, balancers, vms); !fine)
        return refuse(request.name, fine.error());
    if (auto fine = take_options(request, balancer); !fine)
        return refuse(request.name, fine.error());
    const auto gateway = read_gateway(request.gateway, balancer.vip);
    if (!gateway)
        return refuse(request.name, gateway.error());
    balancer.gateway = *gateway;
    if (auto fine = take_mac_options(request, balancer); !fine)
        return fine.error();
    if (auto fine = take_servers(request, balancer, balancers, vms); !fine)
        return refuse(request.name, fine.error());
    if (auto fine = take_number(balancer, balancers); !fine)
        return refuse(request.name, fine.error());
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
            there->limit = wanted->limit;
            there->way = wanted->way;
            if (auto fine = check_weight(balancer, *there); !fine)
                return refuse(balancer.name, fine.error());
            if (auto fine = check_limit(balancer, *there); !fine)
                return refuse(balancer.name, fine.error());
            if (auto fine = check_vm(balancer, *there, vms); !fine)
                return refuse(balancer.name, fine.error());
            if (auto fine = take_number(changed, balancers); !fine)
                return refuse(balancer.name, fine.error());
            return changed;
        }
    }
    if (auto fine = take_server(changed, server, balancers, vms); !fine)
        return refuse(balancer.name, fine.error());
    if (auto fine = take_number(changed, balancers); !fine)
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
                  [&](const db::RealServer& row) { return row.address == plain_address(address); });
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

Result<db::Balancer> limit_server(const db::Balancer& balancer, const std::string& address,
                                  std::int64_t limit)
{
    db::Balancer changed = balancer;
    db::RealServer* server = find_server(changed, address);
    if (!server)
        return no_server(balancer, address);
    auto checked = read_limit(std::to_string(limit));
    if (!checked)
        return refuse(balancer.name, "server " + address + ": " + checked.error().message);
    server->limit = *checked;
    if (auto fine = check_limit(balancer, *server); !fine)
        return refuse(balancer.name, fine.error());
    return changed;
}

bool needs(const db::Balancer& balancer, const db::Vm& vm)
{
    const auto& directors = balancer.directors;
    const auto servers = db::all_servers(balancer);
    return std::find(directors.begin(), directors.end(), vm.id) != directors.end() ||
           std::any_of(servers.begin(), servers.end(),
                       [&](const db::RealServer& row) { return db::has_address(vm, row.address); });
}

std::set<std::string> vms_needed(const std::vector<db::Balancer>& balancers,
                                 const std::vector<db::Vm>& vms)
{
    std::set<std::string> ids;
    std::set<std::string> addresses;
    for (const db::Balancer& balancer : balancers) {
        ids.insert(balancer.directors.begin(), balancer.directors.end());
        for (const db::RealServer& server : db::all_servers(balancer))
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
