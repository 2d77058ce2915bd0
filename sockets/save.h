// SPDX-License-Identifier: Apache-2.0
//
// sockets/save: reads a socket out of the kernel (spec S3, S4, S7).
//
// The owner stands still, nothing comes in or goes out (sockets/guard's lock): a socket in
// repair mode still acknowledges what arrives, and that would be lost.  A connection is in repair
// mode afterwards, where close() is silent: nothing is sent for a socket that has moved.
#pragma once

#include <vector>

#include "common/descriptor.h"
#include "common/result.h"
#include "sockets/image.h"
#include "sockets/space.h"

namespace holdfast::sockets {

/// The socket as a value.  A connection is put into repair mode and left there, also when this
/// fails later than that: unsave() takes it out.  Others are not changed.
/// Errors: invalid with the socket's name for what cannot be kept (sockets/refusal says it
/// before); io for what the system refused.
Result<SocketImage> save(Space& space, int fd);

/// Lets the socket go on where it is: out of repair mode, SO_REUSEADDR put back, the peer told
/// of the window.  The lock is open.  Does no harm to a socket that is not in repair mode.
/// Errors: io.
Result<void> unsave(Space& space, int fd, const SocketImage& image);

/// The connections that wait to be accepted, accepted by us; the owner stands still.  The flags of
/// the listener stay as they are.
/// Errors: io.
Result<std::vector<Descriptor>> take_backlog(int listener);

} // namespace holdfast::sockets
