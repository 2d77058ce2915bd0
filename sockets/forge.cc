// SPDX-License-Identifier: Apache-2.0
//
// sockets/forge: packets into our own sockets that look as if a peer had sent them.
#include <config.h>

#include "sockets/forge.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sockets/syscalls.h"

namespace holdfast::sockets {

namespace {

/// The Internet checksum, summed on (RFC 1071).
std::uint32_t summed(std::uint32_t sum, std::string_view bytes)
{
    std::uint64_t wide = sum;
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    std::size_t left = bytes.size();
    for (; left > 1; left -= 2, at += 2)
        wide += std::uint32_t{at[0]} << 8 | at[1];
    if (left)
        wide += std::uint32_t{at[0]} << 8;
    while (wide >> 16)
        wide = (wide & 0xffff) + (wide >> 16);
    return static_cast<std::uint32_t>(wide);
}

std::string_view address(std::uint8_t family, const Endpoint& endpoint)
{
    const auto* at = reinterpret_cast<const char*>(endpoint.ip.data());
    return family == AF_INET ? std::string_view{at, 4} : std::string_view{at, 16};
}

/// The checksum over the pseudo header and `payload`, in network order.
std::uint16_t checksum(std::uint8_t family, std::uint8_t protocol, const Endpoint& source,
                       const Endpoint& destination, std::string_view payload)
{
    std::uint32_t sum = summed(0, address(family, source));
    sum = summed(sum, address(family, destination));
    sum += protocol + static_cast<std::uint32_t>(payload.size());
    return htons(static_cast<std::uint16_t>(~summed(sum, payload)));
}

/// The IP header in front of `payload`.
std::string in_ip(std::uint8_t family, std::uint8_t protocol, const Endpoint& source,
                  const Endpoint& destination, std::string_view payload)
{
    std::string packet;
    if (family == AF_INET) {
        iphdr ip{};
        ip.version = 4;
        ip.ihl = 5;
        ip.tot_len = htons(static_cast<std::uint16_t>(sizeof ip + payload.size()));
        ip.ttl = 64;
        ip.protocol = protocol;
        std::memcpy(&ip.saddr, source.ip.data(), 4);
        std::memcpy(&ip.daddr, destination.ip.data(), 4);
        ip.check = htons(static_cast<std::uint16_t>(
            ~summed(0, {reinterpret_cast<const char*>(&ip), sizeof ip})));
        packet.assign(reinterpret_cast<const char*>(&ip), sizeof ip);
    } else {
        ip6_hdr ip{};
        ip.ip6_flow = htonl(6u << 28);
        ip.ip6_plen = htons(static_cast<std::uint16_t>(payload.size()));
        ip.ip6_nxt = protocol;
        ip.ip6_hlim = 64;
        std::memcpy(&ip.ip6_src, source.ip.data(), 16);
        std::memcpy(&ip.ip6_dst, destination.ip.data(), 16);
        packet.assign(reinterpret_cast<const char*>(&ip), sizeof ip);
    }
    packet += payload;
    return packet;
}

/// IPv4-mapped endpoints as IPv4 ones; the family that goes with it.
std::uint8_t unmap(std::uint8_t family, Endpoint& source, Endpoint& destination)
{
    if (family != AF_INET6 || !is_mapped(destination))
        return family;
    for (Endpoint* endpoint : {&source, &destination}) {
        std::copy(endpoint->ip.begin() + 12, endpoint->ip.end(), endpoint->ip.begin());
        std::fill(endpoint->ip.begin() + 4, endpoint->ip.end(), 0);
    }
    return AF_INET;
}

Result<Descriptor> raw_socket(int family)
{
    const std::string name = family == AF_INET ? "raw IPv4 socket" : "raw IPv6 socket";
    Descriptor fd{socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)};
    if (!fd)
        return system_error(name + ", which needs CAP_NET_RAW");
    if (!set_int(fd.get(), SOL_SOCKET, SO_MARK, static_cast<int>(mark)))
        return system_error(name + ": SO_MARK, which needs CAP_NET_ADMIN");
    // The forger hears all of its protocol otherwise; it only sends.
    if (!set_int(fd.get(), SOL_SOCKET, SO_RCVBUF, 0))
        return system_error(name + ": SO_RCVBUF");
    return fd;
}

} // namespace

bool is_mapped(const Endpoint& endpoint)
{
    return std::all_of(endpoint.ip.begin(), endpoint.ip.begin() + 10,
                       [](std::uint8_t octet) { return octet == 0; }) &&
           endpoint.ip[10] == 0xff && endpoint.ip[11] == 0xff;
}

std::string packet_of(std::uint8_t family, const Segment& segment)
{
    tcphdr tcp{};
    tcp.th_sport = htons(segment.source.port);
    tcp.th_dport = htons(segment.destination.port);
    tcp.th_seq = htonl(segment.sequence);
    tcp.th_ack = htonl(segment.acknowledgment);
    tcp.th_off = static_cast<std::uint8_t>((sizeof tcp + segment.options.size()) / 4) & 0xf;
    tcp.th_flags = segment.flags;
    tcp.th_win = htons(segment.window);
    std::string payload{reinterpret_cast<const char*>(&tcp), sizeof tcp};
    payload += segment.options;
    payload += segment.bytes;
    const std::uint16_t sum =
        checksum(family, IPPROTO_TCP, segment.source, segment.destination, payload);
    std::memcpy(payload.data() + offsetof(tcphdr, th_sum), &sum, sizeof sum);
    return in_ip(family, IPPROTO_TCP, segment.source, segment.destination, payload);
}

std::string packet_of(std::uint8_t family, const Datagram& datagram)
{
    udphdr udp{};
    udp.uh_sport = htons(datagram.source.port);
    udp.uh_dport = htons(datagram.destination.port);
    udp.uh_ulen = htons(static_cast<std::uint16_t>(sizeof udp + datagram.bytes.size()));
    std::string payload{reinterpret_cast<const char*>(&udp), sizeof udp};
    payload += datagram.bytes;
    std::uint16_t sum =
        checksum(family, IPPROTO_UDP, datagram.source, datagram.destination, payload);
    if (sum == 0)
        sum = 0xffff; // 0 says that there is none (RFC 768).
    std::memcpy(payload.data() + offsetof(udphdr, uh_sum), &sum, sizeof sum);
    return in_ip(family, IPPROTO_UDP, datagram.source, datagram.destination, payload);
}

Result<Forge> Forge::open()
{
    auto v4 = raw_socket(AF_INET);
    if (!v4)
        return v4.error();
    auto v6 = raw_socket(AF_INET6);
    if (!v6)
        return v6.error();
    Forge forge;
    forge.v4_ = std::move(*v4);
    forge.v6_ = std::move(*v6);
    return forge;
}

Result<void> Forge::send(std::uint8_t family, const Segment& segment)
{
    Segment plain = segment;
    family = unmap(family, plain.source, plain.destination);
    return send_packet(family, plain.destination, packet_of(family, plain));
}

Result<void> Forge::send(std::uint8_t family, const Datagram& datagram)
{
    Datagram plain = datagram;
    family = unmap(family, plain.source, plain.destination);
    return send_packet(family, plain.destination, packet_of(family, plain));
}

Result<void> Forge::send_packet(std::uint8_t family, const Endpoint& destination,
                                const std::string& packet)
{
    SocketAddress to{family, destination, 0};
    to.set_port(0); // A raw socket's address has none.
    const int fd = family == AF_INET ? v4_.get() : v6_.get();
    if (sendto(fd, packet.data(), packet.size(), 0, to.get(), to.size()) < 0)
        return system_error("a forged packet to " + text(family, destination) +
                            " (is lo up, and the address there?)");
    return {};
}

} // namespace holdfast::sockets
