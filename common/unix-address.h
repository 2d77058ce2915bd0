// SPDX-License-Identifier: Apache-2.0
//
// common/unix-address: the address of a Unix socket, whatever the length of its path.
#pragma once

#include <sys/un.h>

#include <string>

#include "common/descriptor.h"
#include "common/result.h"

namespace holdfast {

/// A Unix socket's address, of any length of path; valid while this lives.
struct UnixAddress {
    /// Errors: io if even the last part of the path is too long, or its folder is missing.
    static Result<UnixAddress> of(const std::string& path);

    sockaddr_un sun{};
    Descriptor folder; // Open while a long path goes through /proc/self/fd.
};

} // namespace holdfast
