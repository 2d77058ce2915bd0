// SPDX-License-Identifier: Apache-2.0
//
// lab/guest/frame: finds a probe datagram in an Ethernet frame.  Pure; used by forward.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "lab/probe-packet.h"

namespace lab {

/// A probe datagram found in a frame.
struct FoundProbe {
    ProbePacket packet; // Its first bytes.
    bool answer;        // From the probe's port (an answer) rather than to it (a request).
};

/// Finds a probe datagram in a frame: Ethernet, any VLAN tags, IPv4 or IPv6 without
/// extension headers, UDP, our port and our magic number.
/// Errors:  nothing for any other frame, one that is cut short too.
std::optional<FoundProbe> find_probe(std::span<const uint8_t> frame);

/// Adds `weight` to the type-of-service octet of an IPv4 packet, so that the packet itself says by
/// which hops it came and how often: weights 1, 4, 16 and 64 tell four hops apart.  The header's
/// checksum follows (RFC 1624).  Other frames stay as they are.
void add_to_tos(std::span<uint8_t> frame, uint8_t weight);

} // namespace lab
