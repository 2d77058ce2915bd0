// SPDX-License-Identifier: Apache-2.0
//
// common/run-tool: runs another program to its end.
//
// Used where waiting is allowed: in programs of one task, and on hookd's threads for that.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "common/result.h"

namespace holdfast {

/// Runs a program to its end and takes its standard output.  Blocks.
/// Errors: io with the program's last line if it fails; unavailable if it was ended because
///         it took longer than `limit`.
Result<std::string> run_tool(const std::vector<std::string>& command,
                             std::chrono::milliseconds limit);

} // namespace holdfast
