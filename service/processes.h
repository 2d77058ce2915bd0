// SPDX-License-Identifier: Apache-2.0
//
// service/processes: the processes of a service, seen from outside: which there are, stopped and
// let go on.
//
// All that are in its process namespace; its first process is ours (service/spawn), keeps no socket
// and is stopped by CRIU alone.
#pragma once

#include <sys/types.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/result.h"

namespace holdfast::service {

/// The processes in the process namespace of `init`, in the numbers of the caller's, without
/// `init` itself.
/// Errors: not_found if `init` does not run; io.
Result<std::vector<pid_t>> processes_of(pid_t init);

/// The number that a process has in its own process namespace, the same after a checkpoint; none if
/// it has ended.
std::optional<int> inner_number(pid_t pid);

/// Processes that were stopped, and those of them that had been stopped before by somebody else.
struct Stopped {
    std::set<pid_t> ours;   // To go on.
    std::set<pid_t> others; // To stay as they are.
};

/// Stops all processes of the service, also those that are made meanwhile, and returns when they
/// stand still: each is in state T, or ends.  `again`: those that stand already are stopped anew,
/// for an instant on the way: CRIU takes one that SIGSTOP has stopped, and not one that its
/// terminal has (SIGTSTP). Errors: io; unavailable if one does not stop within 5 s (it waits for a
/// device, state D).  Those
///         that stopped go on then.
Result<Stopped> stop(pid_t init, bool again = false);

/// Lets all processes of the service go on, the first one too, whoever stopped them, but for those
/// with these numbers inside.
/// Errors: as processes_of().
Result<void> let_all_go(pid_t init, const std::set<int>& but = {});

/// Lets those go on that stop() stopped; one that has ended is passed over.
void let_go(const Stopped& stopped);

/// Ends all processes in the network namespace that file `net` is, and waits for it: also those
/// that nobody has written down, as of a CRIU that was at work.  Nothing to do if there is no such
/// file.
/// Errors: io.
Result<void> end_all_in(const std::string& net);

} // namespace holdfast::service
