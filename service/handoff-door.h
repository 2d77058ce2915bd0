// SPDX-License-Identifier: Apache-2.0
//
// service/handoff-door: where a service finds its agent ($HOLDFAST_HANDOFF, doc/handoff.md).
//
// A socket that listens as long as the service runs, kept open by the process that keeps the
// service; who moves the service takes a copy of it. Its path, RUNDIR/handoff/NAME, can be reached
// by the service's user alone. Its place in the keeper is in the folder's file `handoff`: "PID
// START FD".
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "common/descriptor.h"
#include "common/result.h"
#include "handoff/agent.h"
#include "service/definition.h"
#include "service/folder.h"

namespace holdfast::service {

/// The socket's path.
std::string door_path(const std::string& rundir, const std::string& name);

/// Makes it; notes in the folder that this process keeps it.
/// Errors: not_found for an unknown user; io.
Result<Descriptor> make_door(const std::string& rundir, const Definition& definition,
                             const Folder& folder);

/// Takes the path away.
void remove_door(const std::string& rundir, const std::string& name);

/// The door of a service that runs; to wait there for its program.
/// Errors: not_found, if its keeper has ended; io.
Result<handoff::Listener> open_door(const Folder& folder);

/// The program, if it has come to the door by now: it waits there since its start, or for as long
/// as the last move took, or comes within `patience`.  None if it has not: it knows nothing of the
/// protocol. Errors: those of handoff::Service::greet().
Result<std::optional<handoff::Service>> greet_program(const Folder& folder,
                                                      std::chrono::milliseconds patience);

} // namespace holdfast::service
