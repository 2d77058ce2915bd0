// SPDX-License-Identifier: Apache-2.0
//
// sockets/resend: sends again what a connection that has moved has under way, in its kernel's
// place.
//
// A segment that is lost when the connection moves is sent again by its kernel's timer, which knows
// no round trip any more and takes a second, from anew with each move.  Who moves more often would
// stop the stream for good.
#pragma once

#include "common/result.h"
#include "sockets/image.h"
#include "sockets/space.h"

namespace holdfast::sockets {

/// Asks the peer of a connection in CLOSE_WAIT for its window, which the kernel does in ESTABLISHED
/// alone: by a segment with the number of a byte that the peer has.  Nothing for a connection that
/// is bound to a device.
/// Errors: io.
Result<void> ask_half_closed(Space& space, int fd, const SocketImage& image);

/// Sends the first of what `image` says is not acknowledged and still is not, as much as a new
/// connection may send at once.  The peer acknowledges what it has had already.  Nothing for a
/// connection that is bound to a device.
/// Errors: io.
Result<void> resend(Space& space, int fd, const SocketImage& image);

} // namespace holdfast::sockets
