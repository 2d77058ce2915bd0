// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer-mac: see balancer-mac.h.
#include <config.h>

#include "hookd/balancer-mac.h"

#include <algorithm>
#include <cstdint>

#include "common/synthetic-mac.h"

namespace holdfast::hookd {
namespace {

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
Result<void> check_mac(const std::string& address, const std::string& mac,
                       const std::vector<db::Balancer>& balancers, const std::vector<db::Vm>& vms)
{
    for (const db::Balancer& other : balancers) {
        for (const db::RealServer& its : other.servers) {
            if (its.address == address && its.mac != mac) {
                return Error{Errc::exists, "server " + address + " has the synthetic MAC " +
                                               its.mac + " in balancer " + other.name +
                                               " already: give --mac-prefix " + other.mac_prefix +
                                               " --mac-layout " + other.mac_layout + ", as there"};
            }
            if (its.address != address && its.mac == mac) {
                return Error{Errc::exists, "server " + address + " would have the synthetic MAC " +
                                               its.mac + " of server " + its.address +
                                               " in balancer " + other.name +
                                               ": give another --mac-prefix"};
            }
        }
    }
    for (const db::Vm& vm : vms) {
        for (const db::VmPort& port : vm.ports) {
            if (port.mac == mac) {
                return Error{Errc::exists, "server " + address + " would have the MAC address " +
                                               port.mac + " of VM " + vm.name +
                                               ": give another --mac-prefix"};
            }
        }
    }
    return {};
}

} // namespace

Result<std::string> give_mac(const db::Balancer& balancer, const std::string& address,
                             const std::vector<db::Balancer>& all, const std::vector<db::Vm>& vms)
{
    const auto number =
        balancer.mac_layout == "table" ? table_number(address, all) : *parse_ipv4(address);
    auto mac = synthetic_mac(balancer.mac_layout, balancer.mac_prefix, number);
    if (!mac)
        return mac;
    if (auto fine = check_mac(address, *mac, all, vms); !fine)
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
