// SPDX-License-Identifier: Apache-2.0
//
// sockets/forge: packets into our own sockets that look as if a peer had sent them.
//
// They go through raw sockets of the namespace and over `lo`; no other machine sees them.  They
// carry `mark`, which sockets/guard lets pass.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/descriptor.h"
#include "common/result.h"
#include "sockets/image.h"

namespace holdfast::sockets {

/// The mark (SO_MARK) of what we forge.
inline constexpr std::uint32_t mark = 0x48460001;

/// Flags of a segment (RFC 9293, section 3.1).
inline constexpr std::uint8_t fin_flag = 1, syn_flag = 2, rst_flag = 4, ack_flag = 16;

/// A TCP segment.  Host order.
struct Segment {
    Endpoint source;
    Endpoint destination;
    std::uint32_t sequence = 0;
    std::uint32_t acknowledgment = 0;
    std::uint16_t window = 0;
    std::uint8_t flags = 0;
    std::string options; // As they are sent; a multiple of four octets.
    std::string_view bytes;
};

/// The whole packet, IP header and checksums included.  `family` is that of the addresses.
std::string packet_of(std::uint8_t family, const Segment& segment);

/// The same for a UDP datagram.  Shape: at most 65,507 octets.
std::string packet_of(std::uint8_t family, const Datagram& datagram);

/// Whether an AF_INET6 endpoint is an IPv4-mapped one (::ffff:a.b.c.d).
bool is_mapped(const Endpoint& endpoint);

/// The raw sockets.
class Forge {
public:
    /// Errors: io (CAP_NET_RAW, CAP_NET_ADMIN).
    static Result<Forge> open();

    /// Sends it to a socket of this namespace, or to where its destination is.  IPv4-mapped
    /// addresses go as IPv4. Errors: io, e.g. if `lo` is down.
    Result<void> send(std::uint8_t family, const Segment& segment);
    Result<void> send(std::uint8_t family, const Datagram& datagram);

private:
    Result<void> send_packet(std::uint8_t family, const Endpoint& destination,
                             const std::string& packet);

    Descriptor v4_;
    Descriptor v6_;
};

} // namespace holdfast::sockets
