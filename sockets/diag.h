// SPDX-License-Identifier: Apache-2.0
//
// sockets/diag: the kernel's own lists of sockets, by netlink (sock_diag).  Private to sockets/.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <libmnl/libmnl.h>

#include "common/result.h"
#include "sockets/survey.h"

namespace holdfast::sockets {

/// One bit for each TcpState.
using StateSet = std::uint32_t;
constexpr StateSet one(TcpState state)
{
    return 1u << static_cast<unsigned>(state);
}
inline constexpr StateSet every_state = 0xffffffff;

/// A netlink socket for lists.
class Diag {
public:
    using See = std::function<void(const SocketSeen&)>;

    /// Errors: io.
    static Result<Diag> open();

    /// Internet sockets of a protocol, of both families, in these states.  A protocol that the
    /// kernel does not have, or has no list of, has none.
    /// Errors: io.
    Result<void> internet(int protocol, StateSet states, const See& see);

    /// Errors: io.
    Result<void> unix_sockets(const See& see);
    Result<void> packet_sockets(const See& see);
    Result<void> netlink_sockets(const See& see);

private:
    using Parse = std::function<void(const nlmsghdr*)>;
    Result<void> dump(nlmsghdr* request, const Parse& parse);

    std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> socket_{nullptr, mnl_socket_close};
    std::uint32_t sequence_ = 0;
};

} // namespace holdfast::sockets
