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
/// the peer has not acknowledged it, come with go_live().
/// Errors: exists if the port or the connection is there already; io for what the system refused;
/// each one line with the socket's name.
Result<Descriptor> restore(Space& space, const SocketImage& image);

/// The same in the place of a socket that is there: all who hold it hold what it was at home.
/// `fd`: a socket of the image's kind and family, which CRIU has made; a connection's is not
/// connected, others have their port already, with the options that come before it (address
/// reuse, IPV6_V6ONLY).  Its file flags (O_NONBLOCK) stay as they are.
/// Errors: as restore(); what is in its place is of no use then.
Result<void> restore_into(Space& space, int fd, const SocketImage& image);

/// Reads the restored socket again and compares; before go_live().
/// Errors: damaged, with what differs.
Result<void> verify(Space& space, int fd, const SocketImage& image);

/// The connection goes on: out of repair mode with the kernel's probe (a peer that reset it
/// meanwhile is heard of), SO_REUSEADDR put back, what was unsent written, our FIN sent, and the
/// peer woken by a window update.  Nothing to do for other kinds.  The lock is open.
/// Errors: io.
Result<void> go_live(Space& space, int fd, const SocketImage& image);

} // namespace holdfast::sockets
