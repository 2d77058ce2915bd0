// SPDX-License-Identifier: Apache-2.0
//
// env/run-client: the caller's side of `holdfast env run`: its standard streams and signals are the
// command's.
//
// Blocks; one command, one thread.
#pragma once

#include "common/result.h"
#include "env/run-message.h"
#include "service/link.h"

namespace holdfast::env {

/// Runs it on the node at the other end of the link.
/// Returns: its exit status; 128 and the number of the signal that ended it.
/// Errors: what the node refuses it for; unavailable if the node is lost meanwhile.
Result<int> run_there(service::Link& link, const RunOrder& order);

/// Runs it in the user's container on this hypervisor.
Result<int> run_here(const RunOrder& order);

} // namespace holdfast::env
