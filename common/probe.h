// SPDX-License-Identifier: Apache-2.0
//
// common/probe: where the probes of real servers come from (spec balancer.md, B10).
//
// hookd makes the port and sends from it; the switch gives it what it gives a director, and leads
// the servers' answers back to it.
#pragma once

namespace holdfast {

/// The internal port of the managed bridge.
constexpr const char* probe_port = "hf-probe";
/// The port's MAC address.
constexpr const char* probe_mac = "02:48:46:00:00:05";
/// Its address: link-local, so no network has it (RFC 3927).  A server answers it by way of its
/// gateway, as it answers any client elsewhere.
constexpr const char* probe_address = "169.254.72.2";
/// The same of IPv6, where a link-local one would not leave a server: of a prefix that was drawn by
/// lot, so that no other network has it (RFC 4193, section 3.2.2).
constexpr const char* probe_address6 = "fdc5:d3a2:7e41::2";

} // namespace holdfast
