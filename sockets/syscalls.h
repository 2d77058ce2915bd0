// SPDX-License-Identifier: Apache-2.0
//
// sockets/syscalls: small words for socket calls.  Private to sockets/.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "common/result.h"
#include "sockets/image.h"

namespace holdfast::sockets {

inline constexpr int tcp_repair_queue = 20; // TCP_REPAIR_QUEUE of linux/tcp.h.

/// What the last system call refused, as one line.
inline Error system_error(const std::string& what)
{
    return Error{Errc::io, what + ": " + std::strerror(errno)};
}

/// The same of a socket.
inline Error refused(const SocketImage& image, const std::string& what)
{
    return system_error(text(image) + ": " + what);
}

/// Sets an option of type int.
inline bool set_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/// Which queue of a connection in repair mode is meant from now on.
inline bool choose_queue(int fd, int queue)
{
    return set_int(fd, IPPROTO_TCP, tcp_repair_queue, queue);
}

/// Reads an option of a fixed size; `errno` says why it did not.
template <class T>
bool get_option(int fd, int level, int name, T& value)
{
    socklen_t size = sizeof value;
    return getsockopt(fd, level, name, &value, &size) == 0;
}

/// A sockaddr_in or sockaddr_in6.
class SocketAddress {
public:
    SocketAddress() = default;
    SocketAddress(std::uint8_t family, const Endpoint& endpoint, unsigned scope)
    {
        storage_.v6.sin6_family = family;
        set_port(endpoint.port);
        if (family == AF_INET) {
            std::memcpy(&storage_.v4.sin_addr, endpoint.ip.data(), 4);
            return;
        }
        std::memcpy(&storage_.v6.sin6_addr, endpoint.ip.data(), 16);
        if (IN6_IS_ADDR_LINKLOCAL(&storage_.v6.sin6_addr))
            storage_.v6.sin6_scope_id = scope;
    }

    const sockaddr* get() const { return &storage_.any; }
    sockaddr* get() { return &storage_.any; }
    socklen_t size() const
    {
        return storage_.any.sa_family == AF_INET ? sizeof storage_.v4 : sizeof storage_.v6;
    }
    static constexpr socklen_t capacity = sizeof(sockaddr_in6);

    void set_port(std::uint16_t port) { storage_.v6.sin6_port = htons(port); } // As in sockaddr_in.

    Endpoint endpoint() const
    {
        Endpoint found;
        found.port = ntohs(storage_.v6.sin6_port);
        if (storage_.any.sa_family == AF_INET)
            std::memcpy(found.ip.data(), &storage_.v4.sin_addr, 4);
        else
            std::memcpy(found.ip.data(), &storage_.v6.sin6_addr, 16);
        return found;
    }
    unsigned scope() const
    {
        return storage_.any.sa_family == AF_INET6 ? storage_.v6.sin6_scope_id : 0;
    }

private:
    union {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6;
    } storage_{.v6 = {}};
};

} // namespace holdfast::sockets
