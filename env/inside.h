// SPDX-License-Identifier: Apache-2.0
//
// env/inside: starts a command in a user's container on this hypervisor.
//
// What it costs counts for the container's control groups, and it ends with the container.
#pragma once

#include <sys/types.h>

#include "common/descriptor.h"
#include "common/result.h"
#include "env/run-message.h"

namespace holdfast::env {

/// What the command reads and writes.
struct Streams {
    int in = 0, out = 1, error = 2;
};

/// A command that runs, the first of its process group.
struct Inside {
    pid_t pid = 0;      // A child of this process.
    Descriptor process; // A pidfd: ready when it has ended.
};

/// Starts it, with the rights of the container's user, in his home.  This process goes into the
/// container's control groups, and all it starts from then on is in there.  One thread.
/// Errors: not_found if he has no container here, or there is no such program in it; io.
Result<Inside> start_inside(const RunOrder& order, const Streams& streams);

/// Waits for its end; its exit status, or 128 and the signal's number.
int status_of(const Inside& inside);

} // namespace holdfast::env
