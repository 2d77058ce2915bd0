// SPDX-License-Identifier: Apache-2.0
//
// service/checkpoint: the processes of a service as files, and out of them again (spec S5).
//
// CRIU does it, all but TCP connections: their descriptors come up closed, and sockets/ makes them
// what they were (doc/checkpoint.md).  Sequential code that waits, for the processes of a move.
// The service keeps the rules of service/mounts.
#pragma once

#include <chrono>
#include <string>

#include "common/result.h"
#include "service/criu.h"

namespace holdfast::service {

/// Whether this machine can checkpoint: CRIU is there and runs on this kernel.
/// Errors: unavailable, one line with the mend, e.g. "criu 3.17.1 does not run on kernel 6.18.44
///         (...): give --mode handoff, if its program can take sockets over".
Result<void> check_engine();

/// Writes what this machine's processor can do to `folder`, and says whether this machine has all
/// that is in a folder from another.
/// Errors: io; invalid, with what is missing.
Result<void> write_processor(const std::string& folder);
Result<void> check_processor(const std::string& folder);

/// A round: what the processes' memory is now, while they run on; they stand for a moment.
/// The caller is in the service's network namespace; `images.folder` is there and empty; so with
/// all that follows.
/// Errors: io with CRIU's reason.
Result<Figures> pre_dump(const Images& images, int init, std::chrono::milliseconds limit);

/// The processes, which stand (processes.h) and go on standing, the first one too, whether this
/// succeeds or not.  `log`: the file for what they print.
/// Errors: io with CRIU's reason; invalid if the service has what CRIU cannot keep.
Result<Figures> dump(const Images& images, int init, const std::string& log,
                     std::chrono::milliseconds limit);

/// Has the calling process, which has one thread, in a mount namespace of its own, and makes there
/// what a restore needs, below folder `under`: gone with that namespace.
/// Errors: io.
Result<Places> make_places(const std::string& under);

/// The processes out of their images, standing, in the caller's network namespace and in new
/// process, mount, IPC and UTS namespaces.  The caller has made its places; `log`: the file for
/// what they print; what they printed before is in it then. The first is the child of the caller's
/// nearest subreaper (PR_SET_CHILD_SUBREAPER). Returns its number. Errors: io with CRIU's reason;
/// damaged for images that are not whole.
Result<int> restore(const Images& images, const Places& places, const std::string& log,
                    std::chrono::milliseconds limit);

} // namespace holdfast::service
