// SPDX-License-Identifier: Apache-2.0
//
// service/spawn: starts a service's processes in the namespace that space.h made.
//
// The first is PID 1 of a process namespace of its own: it starts the command, ends what its
// children leave behind (wait), passes SIGTERM and its like on to the command, and ends with it,
// with its status, or 128 and the signal.  With it all processes of the service end.
#pragma once

#include <span>
#include <string>

#include "common/result.h"
#include "service/definition.h"
#include "service/folder.h"

namespace holdfast::service {

/// An open socket for the command.
struct Passed {
    int descriptor = -1;
    std::string name; // In LISTEN_FDNAMES; no colon.
};

/// Starts the command as the service's user, and `sockets` as its descriptors from 3 on, told by
/// LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID (sd_listen_fds(3)); its outputs go to `log` of the
/// folder.  The namespaces `mnt` and `pid`, and `init`, are kept in the folder.
/// The first process is the caller's child, to be waited for.
/// `held`: the command's process stands still (SIGSTOP) right before it becomes the command, until
/// it is let go; that the command cannot be run is in the log only, then.
/// Returns its number, once the command has been started.
/// Errors: not_found for a user, a directory or a command that is not there; io.  Then nothing
/// runs.
Result<int> spawn(const Definition& definition, const Folder& folder,
                  std::span<const Passed> sockets = {}, bool held = false);

/// Notes in the folder that this is the service's first process, and where its namespaces are.
/// Errors: io.
Result<void> keep_init(const Folder& folder, int init);

/// Lets this process have as many descriptors as it may: a service has as many sockets as it likes.
/// What spawn() starts has the limit of before.
void raise_file_limit();

/// How the first process ended, in words, from what waitpid(2) says of it.
std::string how_it_ended(int status);

} // namespace holdfast::service
