// SPDX-License-Identifier: Apache-2.0
//
// handoff/plain: the plain convention, for services that know nothing of Holdfast: they are
// started with their sockets, as systemd's socket activation does it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/descriptor.h"
#include "common/result.h"
#include "handoff/agent.h"

namespace holdfast::handoff {

/// The environment that tells process `pid` (its own number, as it sees it) of `sockets`, which
/// it must find as descriptors 3, 4 and so on: LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES, `NAME=VALUE`
/// each.  `environment` is what it has otherwise; its own entries of these names are left out.
/// Source: sd_listen_fds(3).
std::vector<std::string> plain_environment(std::span<const std::string> environment,
                                           std::span<const Socket> sockets, pid_t pid);

/// Becomes the program `words[0]` (found by PATH), with `sockets` as its descriptors from 3 on.
/// One process for all sockets; descriptors 0 to 2 stay, all others are closed.
/// Errors: io; it returns only then, and descriptors may have been moved: end the process.
Error plain_exec(std::span<const std::string> words, std::span<const std::string> environment,
                 std::span<const Socket> sockets);

} // namespace holdfast::handoff
