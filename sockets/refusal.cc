// SPDX-License-Identifier: Apache-2.0
//
// sockets/refusal: which sockets cannot be kept.
#include <config.h>

#include "sockets/refusal.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <map>

namespace holdfast::sockets {

namespace {

bool is_internet(const SocketSeen& seen)
{
    return seen.domain == AF_INET || seen.domain == AF_INET6;
}

std::string family_name(int domain)
{
    switch (domain) {
    case AF_UNIX:
        return "Unix";
    case AF_PACKET:
        return "packet";
    case AF_NETLINK:
        return "netlink";
    case AF_VSOCK:
        return "vsock";
    case AF_ALG:
        return "crypto (AF_ALG)";
    case AF_XDP:
        return "XDP";
    case AF_BLUETOOTH:
        return "Bluetooth";
    case AF_CAN:
        return "CAN";
    default:
        return "family " + std::to_string(domain);
    }
}

std::string protocol_name(const SocketSeen& seen)
{
    if (seen.type == SOCK_RAW)
        return "raw IP";
    switch (seen.protocol) {
    case IPPROTO_TCP:
        return "TCP";
    case IPPROTO_UDP:
        return "UDP";
    case IPPROTO_MPTCP:
        return "MPTCP";
    case IPPROTO_SCTP:
        return "SCTP";
    case IPPROTO_DCCP:
        return "DCCP";
    case IPPROTO_UDPLITE:
        return "UDP-Lite";
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        return "ping";
    default:
        return "protocol " + std::to_string(seen.protocol);
    }
}

/// The socket and who holds it: "TCP 10.0.0.2:80 to 10.0.0.9:4711 of nginx (process 812)".
std::string name(const SocketSeen& seen, const Holders& holders)
{
    std::string words;
    if (is_internet(seen)) {
        const auto family = static_cast<std::uint8_t>(seen.domain);
        words = protocol_name(seen) + " " + text(family, seen.local);
        if (seen.remote.port)
            words += " to " + text(family, seen.remote);
    } else {
        words = family_name(seen.domain) + " socket" + (seen.name.empty() ? "" : " " + seen.name);
    }
    const auto holder = holders.find(seen.inode);
    if (seen.inode != 0 && holder != holders.end())
        words += " of " + holder->second.program + " (process " +
                 std::to_string(holder->second.pid) + ", descriptor " +
                 std::to_string(holder->second.fd) + ")";
    return words;
}

/// Why an Internet socket cannot be kept; empty if it can be.
std::string internet_reason(const SocketSeen& seen, Method method)
{
    if (seen.protocol == IPPROTO_MPTCP || seen.ulp == "mptcp")
        return "MPTCP connections cannot be saved: let the program use TCP (Go: "
               "GODEBUG=multipathtcp=0)";
    if (seen.type == SOCK_RAW || seen.protocol == IPPROTO_ICMP || seen.protocol == IPPROTO_ICMPV6)
        return method == Method::checkpoint ? "raw and ping sockets cannot be restored" : "";
    if (seen.protocol != IPPROTO_TCP && seen.protocol != IPPROTO_UDP)
        return "only TCP and UDP can be saved";
    if (seen.ulp == "tls")
        return "the kernel encrypts for it (kTLS), and gives nobody its state: turn kTLS off in "
               "the program";
    if (!seen.ulp.empty())
        return "it has an upper layer protocol in the kernel (TCP_ULP " + seen.ulp + ")";
    if (seen.signed_segments)
        return "its segments are signed (TCP MD5 or TCP-AO), and the kernel does not show the key";
    if (seen.urgent)
        return "urgent data waits to be read: try again when the program has read it";
    if (seen.corked)
        return "a datagram is being put together (UDP_CORK, MSG_MORE): try again";
    if (seen.encapsulates)
        return "it carries tunnelled packets (UDP_ENCAP)";
    if (seen.unreadable_filter)
        return "it has an eBPF filter (SO_ATTACH_BPF), which cannot be read";
    if (seen.foreign)
        return "it belongs to another network namespace, which does not move";
    return {};
}

std::string unix_reason(const SocketSeen& seen, const Holders& holders)
{
    if (seen.peer_inode && !holders.contains(seen.peer_inode))
        return "its other end is outside of the service";
    if (seen.state == TcpState::listening && seen.received)
        return "connections to it wait to be accepted: try again";
    return {};
}

/// Why the socket cannot be kept; empty if it can be, or is nothing that moves.
std::string reason(const SocketSeen& seen, const Holders& holders, Method method)
{
    const bool held = holders.contains(seen.inode);
    if (is_internet(seen)) {
        const bool raw = seen.type == SOCK_RAW || seen.protocol == IPPROTO_ICMP ||
                         seen.protocol == IPPROTO_ICMPV6;
        if (!held && raw)
            return {}; // Not the service's.
        const std::string why = internet_reason(seen, method);
        if (!why.empty() || held || seen.inode == 0)
            return why;
        return "no process of the service holds it (is it under way from one to another?)";
    }
    if (!held || method == Method::handoff)
        return {};
    if (seen.domain == AF_UNIX)
        return unix_reason(seen, holders);
    return seen.domain == AF_NETLINK ? "" : "such sockets cannot be restored";
}

} // namespace

std::vector<Refusal> refusals(std::span<const SocketSeen> seen, const Holders& holders,
                              std::span<const std::string> multicast_groups, Method method)
{
    std::vector<Refusal> found;
    for (const SocketSeen& each : seen) {
        const std::string why = reason(each, holders, method);
        if (!why.empty())
            found.push_back({each.inode, name(each, holders) + ": " + why});
    }
    for (const std::string& group : multicast_groups)
        found.push_back({0, "multicast group " + group +
                                ": the kernel does not say which socket has joined it"});
    return found;
}

std::vector<Refusal> remarks(std::span<const SocketSeen> seen, const Holders& holders,
                             Method method)
{
    std::vector<Refusal> found;
    std::map<std::string, int> made_anew;
    for (const SocketSeen& each : seen) {
        const bool tcp = is_internet(each) && each.protocol == IPPROTO_TCP;
        if (tcp && each.state == TcpState::syn_received)
            found.push_back({0, name(each, holders) +
                                    ": is being made; unless it is ready in time, the client "
                                    "sends its SYN again"});
        else if (tcp && each.inode == 0 && own_fin_waits(each.state))
            found.push_back({0, name(each, holders) + ": closed by the service, " +
                                    std::to_string(each.to_send) +
                                    " octets not acknowledged; they are waited for"});
        else if (method == Method::handoff && holders.contains(each.inode)) {
            if (!is_internet(each))
                ++made_anew[family_name(each.domain)];
            else if (each.type == SOCK_RAW || each.protocol == IPPROTO_ICMP ||
                     each.protocol == IPPROTO_ICMPV6)
                ++made_anew[protocol_name(each)];
        }
    }
    for (const auto& [kind, n] : made_anew)
        found.push_back({0, std::to_string(n) + " " + kind +
                                (n == 1 ? " socket: the program makes it anew"
                                        : " sockets: the program makes them anew")});
    return found;
}

} // namespace holdfast::sockets
