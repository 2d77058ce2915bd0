// SPDX-License-Identifier: Apache-2.0
//
// sockets/restore: makes a socket again from its image (spec S3, S4, S7).
//
// Listeners first, in any order, then all others: each takes its port although a listener holds
// it, because it is bound in repair mode.  The namespace is locked (sockets/guard) until all are
// there; addresses are there, IPv6 ones without duplicate address detection (nodad).
#pragma once

#include "common/descriptor.h"
#include "common/result.h"
#include "sockets/image.h"
#include "sockets/space.h"

namespace holdfast::sockets {

/// A socket like the image: a listener listens, a datagram socket has its queue, a connection is in
/// repair mode (closing it is silent).  What was written and not yet sent, and our own FIN where
/// the peer has not acknowledged it, come with release().
/// Errors: exists if the port or the connection is there already; io for what the system refused;
/// each one line with the socket's name.
Result<Descriptor> restore(Space& space, const SocketImage& image);

/// The same in the place of a socket that is there: all who hold it hold what it was at home.
/// `fd`: a socket of the image's kind and family, which CRIU has made; a connection's is not
/// connected, others have their port already, with the options that come before it (address
/// reuse, IPV6_V6ONLY).  Its file flags (O_NONBLOCK) stay as they are.
/// Errors: as restore(); what is in its place is of no use then.
Result<void> restore_into(Space& space, int fd, const SocketImage& image);

/// Reads the restored socket again and compares; before release().
/// Errors: damaged, with what differs.
Result<void> verify(Space& space, int fd, const SocketImage& image);

/// Behind the shut gate: the connection leaves repair mode, SO_REUSEADDR is put back, what was
/// unsent and our FIN are written.  What the gate drops counts as not sent, so from here on the
/// kernel has all of the stream, whoever ends before the gate is open.  Nothing to do for other
/// kinds, nor in SYN_SENT. Errors: io.
Result<void> release(Space& space, int fd, const SocketImage& image);

/// The gate is open: the connection goes on.  Its peer is asked for its window and woken by an
/// update of ours (one that reset it meanwhile is heard of), what waits to be sent is, and what may
/// be lost once more (resend.h); in SYN_SENT the SYN is sent again.  Nothing to do for other kinds.
/// Errors: io.
Result<void> go_live(Space& space, int fd, const SocketImage& image);

} // namespace holdfast::sockets
