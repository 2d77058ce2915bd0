// SPDX-License-Identifier: Apache-2.0
//
// service/descriptor: an open file, what is in one, and what the system said of one.
#pragma once

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "common/descriptor.h"
#include "common/result.h"

namespace holdfast::service {

/// What the last system call said of `what`.
inline Error system_error(const std::string& what)
{
    return {Errc::io, what + ": " + std::strerror(errno)};
}

/// All that comes, until the other end closes.
inline std::string read_all(int fd)
{
    std::string text;
    std::array<char, 512> part;
    for (;;) {
        const auto size = read(fd, part.data(), part.size());
        if (size > 0)
            text.append(part.data(), static_cast<std::size_t>(size));
        else if (size == 0 || errno != EINTR)
            return text;
    }
}

/// All of a file; empty if it cannot be read.
inline std::string read_text(const std::string& path)
{
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

} // namespace holdfast::service
