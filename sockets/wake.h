// SPDX-License-Identifier: Apache-2.0
//
// sockets/wake: makes the kernel say at once what a connection's window is (spec S2, S3).
//
// Leaving repair mode does not: its probe carries an old sequence number, so the peer never looks
// at the window in it, but it answers, and so tells its own.  Here a segment is forged that looks
// as if it came from the peer, and that a TCP must answer with a right acknowledgment: current
// sequence number, acknowledgment, timestamps, window.  Every TCP takes the window from that (RFC
// 9293, section 3.10.7.4).
#pragma once

#include "common/result.h"
#include "sockets/image.h"
#include "sockets/space.h"

namespace holdfast::sockets {

/// Two ends of a connection.
struct Ends {
    std::uint8_t family = 0;
    Endpoint local;
    Endpoint remote;
    bool on_device = false; // Bound to a device: takes nothing that comes by lo.
};

/// The ends of a connection.
/// Errors: io, also if it is not connected any more.
Result<Ends> ends_of(int fd);

/// For as long as this lives, a socket that is bound to a device takes what is forged.
class Unbound {
public:
    /// Does nothing unless `on_device`.
    Unbound(int fd, bool on_device);
    ~Unbound();
    Unbound(const Unbound&) = delete;
    Unbound& operator=(const Unbound&) = delete;

private:
    int fd_;
    int device_ = 0; // Its number; 0: it was not bound.
};

/// Has the connection's own kernel send an acknowledgment, by a forged SYN: that is answered
/// with a challenge ACK and changes nothing, whatever its sequence number (RFC 5961, section 4).
/// If the connection has gone it does no harm: what answers it is no reset that the peer takes.
/// The kernel answers one in half a second; Space lifts that limit.  What a gate has kept from
/// being sent goes out then. Errors: io.
Result<void> wake(Space& space, int fd, const Ends& ends);

/// Has the connection's own kernel ask the peer, by a probe as of a closed window, which the peer
/// answers with what it has got and its window: what it said of that while nobody was here to hear
/// it.  In ESTABLISHED alone, as the kernel has it; else nothing is asked.  The connection is in
/// repair mode no longer.  Errors: io.
Result<void> ask(int fd);

} // namespace holdfast::sockets
