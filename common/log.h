// SPDX-License-Identifier: Apache-2.0
//
// common/log: where a daemon's log goes, and how a line looks.
//
// One event a line: `2026-01-31T12:00:00.123456Z warning hookd: what, fact, what follows`.
// After open_log() use spdlog's own functions.  What a packet can trigger must be limited
// by the caller.
#pragma once

#include <string>

#include "common/config.h"
#include "common/result.h"

namespace holdfast {

/// Sends spdlog's default logger to the file that `config` names, or to standard error.
/// `program` is the name in each line.
/// Errors: io if the file cannot be opened, naming it.
Result<void> open_log(const Config& config, const std::string& program);

} // namespace holdfast
