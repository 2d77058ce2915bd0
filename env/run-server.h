// SPDX-License-Identifier: Apache-2.0
//
// env/run-server: the node's side of `holdfast env run`: a command in a user's container, its
// streams over a link.
//
// Blocks; one command, one thread.
#pragma once

#include <functional>
#include <string>

#include "common/result.h"
#include "service/link.h"

namespace holdfast::env {

/// Whether this user's commands may run here.
using MayRun = std::function<Result<void>(const std::string& user)>;

/// Does what `begin`, a frame of type RunMessage::begin, asks for; until the command has ended, or
/// the caller has: then it gets SIGHUP, as from a terminal that went. Errors: what was told to the
/// caller, too.
Result<void> serve_run(service::Link& link, const service::Frame& begin, const MayRun& may);

} // namespace holdfast::env
