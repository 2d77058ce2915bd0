// SPDX-License-Identifier: Apache-2.0
//
// common/descriptor: a file descriptor that is closed at its end.
#pragma once

#include <unistd.h>

#include <utility>

namespace holdfast {

/// Owns a file descriptor; -1 is none.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_{fd} {}
    ~Descriptor() { reset(-1); }
    Descriptor(Descriptor&& other) noexcept : fd_{other.release()} {}
    Descriptor& operator=(Descriptor&& other) noexcept
    {
        reset(other.release());
        return *this;
    }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

    /// Gives the descriptor away, unclosed.
    int release() { return std::exchange(fd_, -1); }

    /// Closes what is held, and holds `fd`.
    void reset(int fd)
    {
        if (fd_ >= 0)
            close(fd_);
        fd_ = fd;
    }

private:
    int fd_ = -1;
};

} // namespace holdfast
