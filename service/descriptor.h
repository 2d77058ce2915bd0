// SPDX-License-Identifier: Apache-2.0
//
// service/descriptor: an open file, and what the system said of one.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>

#include "common/descriptor.h"
#include "common/result.h"

namespace holdfast::service {

/// What the last system call said of `what`.
inline Error system_error(const std::string& what)
{
    return {Errc::io, what + ": " + std::strerror(errno)};
}

} // namespace holdfast::service
