// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer-mac: see balancer-mac.h.
#include <config.h>

#include "hookd/balancer-mac.h"

#include <cstdint>
#include <set>

#include "common/synthetic-mac.h"
#include "db/balancer.h"

namespace holdfast::hookd {
namespace {

// Of the layout "table".
constexpr std::uint32_t first_number = 0xf0000000, n_numbers = 0x0fffffff;

/// An address that a synthetic MAC address stands for.
struct Synthetic {
    std::string what; // "server 10.0.20.11", or "VIP 10.0.0.80".
    std::string address;
    std::string mac;
    const db::Balancer* balancer = nullptr; // Of which it is.
};

std::vector<Synthetic> synthetics(const std::vector<db::Balancer>& balancers)
{
    std::vector<Synthetic> all;
    for (const db::Balancer& balancer : balancers) {
        if (!balancer.vip_mac.empty())
            all.push_back({"VIP " + balancer.vip, balancer.vip, balancer.vip_mac, &balancer});
        for (const db::RealServer& server : db::all_servers(balancer))
            all.push_back({"server " + server.address, server.address, server.mac, &balancer});
    }
    return all;
}

/// The four bytes that are not the prefix, of a MAC address of the layout "table".
std::uint32_t number_of(const std::string& mac)
{
    std::uint32_t number = 0;
    for (const int at : {6, 9, 12, 15})
        number =
            number << 8 | static_cast<std::uint32_t>(std::stoul(mac.substr(at, 2), nullptr, 16));
    return number;
}

/// A hash of the address (FNV-1a), where it is no address that another layout can have: from
/// 240.0.0.0 on there is no machine's.
std::uint32_t hashed(const std::string& address)
{
    std::uint32_t hash = 0x811c9dc5;
    for (const char letter : address)
        hash = (hash ^ static_cast<unsigned char>(letter)) * 0x01000193;
    return first_number + (hash ^ hash >> 28) % n_numbers;
}

/// One number an address, whatever balancers it is in; else one that follows from the address, or
/// the next that is not in use.  So what knows the number of one that was taken out, a switch that
/// has connections of it (ovs-plugin/leaving.h) or a director's cache, meets no other by it.
std::uint32_t table_number(const std::string& address, const std::vector<Synthetic>& all)
{
    std::set<std::uint32_t> used;
    for (const Synthetic& one : all) {
        if (one.balancer->mac_layout != "table")
            continue;
        const auto number = number_of(one.mac);
        if (one.address == address)
            return number;
        used.insert(number);
    }
    auto number = hashed(address);
    while (used.contains(number))
        number = first_number + (number - first_number + 1) % n_numbers;
    return number;
}

/// A MAC address stands for one address, and an address has one: an ARP request has one answer.
Result<void> check_mac(const Synthetic& wanted, const std::vector<Synthetic>& all,
                       const std::vector<db::Vm>& vms)
{
    for (const Synthetic& other : all) {
        if (other.address == wanted.address && other.mac != wanted.mac) {
            return Error{Errc::exists, wanted.what + " has the synthetic MAC " + other.mac +
                                           " in balancer " + other.balancer->name +
                                           " already: give --mac-prefix " +
                                           other.balancer->mac_prefix + " --mac-layout " +
                                           other.balancer->mac_layout + ", as there"};
        }
        if (other.address != wanted.address && other.mac == wanted.mac) {
            return Error{Errc::exists, wanted.what + " would have the synthetic MAC " + other.mac +
                                           " of " + other.what + " in balancer " +
                                           other.balancer->name + ": give another --mac-prefix"};
        }
    }
    for (const db::Vm& vm : vms) {
        for (const db::VmPort& port : vm.ports) {
            if (port.mac == wanted.mac) {
                return Error{Errc::exists, wanted.what + " would have the MAC address " + port.mac +
                                               " of VM " + vm.name + ": give another --mac-prefix"};
            }
        }
    }
    return {};
}

} // namespace

Result<std::string> give_mac(const db::Balancer& balancer, const std::string& address,
                             const std::vector<db::Balancer>& all, const std::vector<db::Vm>& vms)
{
    const auto known = synthetics(all);
    const auto number =
        balancer.mac_layout == "table" ? table_number(address, known) : *parse_ipv4(address);
    auto mac = synthetic_mac(balancer.mac_layout, balancer.mac_prefix, number);
    if (!mac)
        return mac;
    const std::string kind = address == balancer.vip ? "VIP " : "server ";
    if (auto fine = check_mac({kind + address, address, *mac, &balancer}, known, vms); !fine)
        return fine.error();
    return mac;
}

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

} // namespace holdfast::hookd
