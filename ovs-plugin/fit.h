// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/fit: what becomes of a frame that is too large for the tunnel (spec C16).
//
// As a router would do where the way grows narrower: an IPv4 packet that may be fragmented is;
// of another its sender is told how large it may be, and sends smaller ones from then on.  Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ovs-plugin/origin.h"
#include "ovs-plugin/packet.h"

namespace holdfast::plugin {

/// What to do instead of sending a frame.  Both empty: it is lost, and nobody can be told.
struct Fit {
    std::vector<Frame> fragments; // To be sent in its place, in this order (RFC 791).
    Frame answer; // To its sender: ICMP "fragmentation needed" (RFC 1191), or ICMPv6
                  // "packet too big" (RFC 8201).
};

/// Makes that of `frame`, of which the tunnel takes `largest` bytes.
/// Shape:   Ethernet with up to two VLAN tags; the answer has the same tags, is from the MAC
/// address
///          `own`, and from the IP address that the frame was for, as Linux's own tunnels do it.
Fit fit(const std::uint8_t* frame, std::size_t size, std::size_t largest, const Mac& own);

} // namespace holdfast::plugin
