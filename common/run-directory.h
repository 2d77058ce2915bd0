// SPDX-License-Identifier: Apache-2.0
//
// common/run-directory: where our daemons have their control sockets and pid files.
#pragma once

#include <cstdlib>
#include <string>

namespace holdfast {

/// $HOLDFAST_RUNDIR, or else, and where that is empty, /run/holdfast.
inline std::string run_directory()
{
    const char* named = std::getenv("HOLDFAST_RUNDIR");
    return named && *named ? named : "/run/holdfast";
}

} // namespace holdfast
