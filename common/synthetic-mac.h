// SPDX-License-Identifier: Apache-2.0
//
// common/synthetic-mac: the MAC address that stands for a real server (spec balancer.md, B2).
//
// A director that asks by ARP for a real server is answered this address, which the switch
// turns back into the server's IP address.  Pure.  Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/result.h"

namespace holdfast {

/// The address as a number, its first byte the highest; none if it is no IPv4 address.
std::optional<std::uint32_t> parse_ipv4(const std::string& text);
/// Whether it is an IPv6 address.
bool is_ipv6(const std::string& text);
/// The address as everybody writes it: of IPv6 there are many ways (RFC 5952).  What is none stays
/// as it is.
std::string plain_address(const std::string& text);
/// Whether it is an address that a machine can have and be sent to at; also from other links, in
/// IPv6.  Those that probes come from are the hypervisors'.
bool is_machine_address(const std::string& text);

/// Whether two bytes "ae:48" can be those of a synthetic MAC that are no address.
/// Errors: invalid: no two bytes, multicast, or not locally administered, with the mend.
/// Source: IEEE 802, the two lowest bits of the first byte.
Result<void> check_mac_prefix(const std::string& prefix);

/// Whether `layout` is known: prefix, suffix, split or table.
/// Errors: invalid, with the ones that are.
Result<void> check_mac_layout(const std::string& layout);

/// The MAC address, lower case, of the prefix P1:P2 and the four bytes A to D of `number`:
///     prefix, table   P1:P2:A:B:C:D
///     suffix          A:B:C:D:P1:P2
///     split           A:B:P1:C:D:P2
/// Shape:   `number` is the server's IPv4 address; with table the server's number.
/// Errors:  invalid, as the two checks; if the address would be multicast, as with suffix and
///          split and an odd A.
Result<std::string> synthetic_mac(const std::string& layout, const std::string& prefix,
                                  std::uint32_t number);

} // namespace holdfast
