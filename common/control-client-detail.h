// SPDX-License-Identifier: Apache-2.0
//
// common/control-client-detail: what the two clients of control-client.h share.
// Private to them.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <string>
#include <utility>

#include "common/jsonrpc.h"
#include "common/result.h"

namespace holdfast::detail {

/// What to do when `daemon` is down.
std::string mend(const std::string& daemon);

/// The failures of a connection or a call, each one line that names the daemon.
Error nobody_listens(const std::string& daemon, const std::string& path);
Error ended(const std::string& daemon, const std::string& method);
Error too_slow(const std::string& daemon, const std::string& method,
               std::chrono::milliseconds deadline);
Error nonsense(const std::string& daemon, const std::string& what);

/// What the caller gets: the text less one newline, as a value or as the refusal.
Result<std::string> answer(const jsonrpc::Reply& reply);

/// A file descriptor, closed at the end.
class Descriptor {
public:
    Descriptor() = default;
    ~Descriptor();
    Descriptor(Descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    Descriptor& operator=(Descriptor&& other) noexcept
    {
        reset(std::exchange(other.fd_, -1));
        return *this;
    }

    int get() const { return fd_; }
    void reset(int fd);

private:
    int fd_ = -1;
};

/// A Unix socket's address, of any length of path; valid while this lives.
struct Address {
    /// Errors: io if even the last part of the path is too long, or its folder is missing.
    static Result<Address> of(const std::string& path);

    sockaddr_un sun{};
    Descriptor folder; // Open while a long path goes through /proc/self/fd.
};

} // namespace holdfast::detail
