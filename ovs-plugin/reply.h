// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/reply: what the switch itself replies to a packet for a VIP, made in the packet's own
// frame.  Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "ovs-plugin/ip-packet.h"

namespace holdfast::plugin {

/// Turns a TCP segment into the reset that refuses it (RFC 9293, 3.5.2).
/// Returns: the frame's new size, never larger; 0 if nothing may be replied to that.
std::size_t make_reset(std::span<std::uint8_t> frame, const IpPacket& packet);

/// Turns an ICMP or ICMPv6 echo request into its reply (RFC 792, RFC 4443, 4.2).
/// Returns: the frame's size; 0 if it is no echo request, or not a whole one.
std::size_t make_echo_reply(std::span<std::uint8_t> frame, IpPacket packet);

} // namespace holdfast::plugin
