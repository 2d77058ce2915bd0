// SPDX-License-Identifier: Apache-2.0
//
// lab/probe-packet: the datagram that the probe sends, and hops and servers count.
//
// Used by lab/probe (sender) and lab/guest/hop (counts and answers).  No threads, no I/O.
#pragma once

#include <cstdint>

namespace lab {

/// The UDP port that answers the probe.  A datagram to it is a request, one from it an answer.
constexpr uint16_t probe_port = 7077;

/// First bytes of every probe datagram: tells it from other traffic on that port.
constexpr uint64_t probe_magic = 0x484f4c4446415354; // "HOLDFAST"

/// The start of a probe datagram's payload, in the sender's byte order; an answer is an
/// unchanged copy.
struct ProbePacket {
    uint64_t magic;    // probe_magic.
    uint32_t run;      // Random number of the probe's run; 0 is warming up, and not counted.
    uint32_t sequence; // From 0, one more each packet.
    int64_t sent_ns;   // When it was sent: CLOCK_REALTIME, nanoseconds.
};
static_assert(sizeof(ProbePacket) == 24);

} // namespace lab
