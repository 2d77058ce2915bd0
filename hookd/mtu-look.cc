// SPDX-License-Identifier: Apache-2.0
//
// hookd/mtu-look: the kernel's word on MTUs, for hookd/mtu.  Nothing here waits.
#include <config.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "hookd/mtu.h"

namespace holdfast::hookd {
namespace {

/// A datagram socket, closed at the end.
class Socket {
public:
    explicit Socket(int family) : fd_{socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {}
    ~Socket()
    {
        if (fd_ >= 0)
            close(fd_);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    int fd() const { return fd_; }

private:
    int fd_;
};

std::optional<int> mtu_of(const std::string& interface)
{
    Socket any{AF_INET};
    ifreq request{};
    if (any.fd() < 0 || interface.size() >= sizeof request.ifr_name)
        return std::nullopt;
    std::memcpy(request.ifr_name, interface.data(), interface.size());
    if (ioctl(any.fd(), SIOCGIFMTU, &request) < 0)
        return std::nullopt;
    return request.ifr_mtu;
}

bool same_address(const sockaddr* a, const sockaddr_storage& b)
{
    if (!a || a->sa_family != b.ss_family)
        return false;
    if (a->sa_family == AF_INET)
        return reinterpret_cast<const sockaddr_in*>(a)->sin_addr.s_addr ==
               reinterpret_cast<const sockaddr_in*>(&b)->sin_addr.s_addr;
    return a->sa_family == AF_INET6 &&
           IN6_ARE_ADDR_EQUAL(&reinterpret_cast<const sockaddr_in6*>(a)->sin6_addr,
                              &reinterpret_cast<const sockaddr_in6*>(&b)->sin6_addr);
}

/// The interface that has this address of ours; empty if none has.
std::string interface_with(const sockaddr_storage& address)
{
    ifaddrs* all = nullptr;
    if (getifaddrs(&all) != 0)
        return {};
    std::string name;
    for (const ifaddrs* at = all; at && name.empty(); at = at->ifa_next)
        if (same_address(at->ifa_addr, address))
            name = at->ifa_name;
    freeifaddrs(all);
    return name;
}

/// Asks the kernel for the route by connecting a socket, which sends nothing.
std::optional<WayMtu> way_to(const std::string& address)
{
    sockaddr_storage to{};
    auto* v4 = reinterpret_cast<sockaddr_in*>(&to);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&to);
    WayMtu way;
    way.ipv6 = inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1;
    if (!way.ipv6 && inet_pton(AF_INET, address.c_str(), &v4->sin_addr) != 1)
        return std::nullopt;
    to.ss_family = way.ipv6 ? AF_INET6 : AF_INET;
    constexpr std::uint16_t any_port = 4790;
    (way.ipv6 ? v6->sin6_port : v4->sin_port) = htons(any_port);
    Socket probe{to.ss_family};
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    if (probe.fd() < 0 || connect(probe.fd(), reinterpret_cast<sockaddr*>(&to), sizeof to) < 0 ||
        getsockname(probe.fd(), reinterpret_cast<sockaddr*>(&own), &size) < 0)
        return std::nullopt; // No route: another problem than this one.
    way.device = interface_with(own);
    socklen_t length = sizeof way.mtu;
    int level = way.ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
    if (getsockopt(probe.fd(), level, way.ipv6 ? IPV6_MTU : IP_MTU, &way.mtu, &length) < 0)
        return std::nullopt;
    return way;
}

/// What the guest with this MAC address sends at most.
std::optional<int> mtu_of_guest(const DomainXml& xml, const std::string& mac)
{
    constexpr int ethernet = 1500;
    for (const DomainInterface& interface : xml.interfaces) {
        if (interface.mac == mac && interface.mtu > 0)
            return interface.mtu;
    }
    return ethernet;
}

/// The uplink that takes the least; none if there is no uplink.
std::optional<WayMtu> narrowest_uplink(const std::vector<SwitchPort>& ports)
{
    std::optional<WayMtu> narrowest;
    for (const SwitchPort& port : ports) {
        auto mtu = port.kind == "uplink" ? mtu_of(port.interface) : std::nullopt;
        if (mtu && (!narrowest || *mtu < narrowest->mtu))
            narrowest = WayMtu{"", port.interface, *mtu, false};
    }
    return narrowest;
}

} // namespace

std::vector<PortMtu> look_at_ports(const std::vector<SwitchPort>& ports,
                                   const std::map<std::string, Domain>& domains)
{
    std::vector<PortMtu> all;
    for (const SwitchPort& port : ports) {
        if (port.kind != "vm" && port.kind != "port")
            continue;
        auto domain = domains.find(port.vm_id);
        if (auto mtu = domain == domains.end() ? mtu_of(port.interface)
                                               : mtu_of_guest(domain->second.xml, port.mac))
            all.push_back({port.interface, *mtu, port.tag != 0});
    }
    return all;
}

std::vector<WayMtu> look_at_ways(const std::vector<db::Hypervisor>& hypervisors,
                                 const std::vector<SwitchPort>& ports)
{
    auto is_the_bridge = [&](const std::string& device) {
        return std::any_of(ports.begin(), ports.end(), [&](const SwitchPort& port) {
            return port.kind == "local" && port.interface == device;
        });
    };
    const auto uplink = narrowest_uplink(ports);
    std::vector<WayMtu> ways;
    for (const db::Hypervisor& peer : hypervisors) {
        auto way = peer.self || peer.vtep.empty() ? std::nullopt : way_to(peer.vtep);
        if (!way)
            continue;
        if (is_the_bridge(way->device) && uplink) {
            way->device = uplink->device;
            way->mtu = uplink->mtu;
        }
        way->peer = peer.name;
        ways.push_back(*way);
    }
    return ways;
}

} // namespace holdfast::hookd
