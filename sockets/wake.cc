// SPDX-License-Identifier: Apache-2.0
//
// sockets/wake: makes the kernel say at once what a connection's window is.
#include <config.h>

#include "sockets/wake.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "sockets/syscalls.h"

namespace holdfast::sockets {

namespace {

/// How many segments the connection has sent.
std::uint32_t n_sent(int fd)
{
    tcp_info info{};
    return get_option(fd, IPPROTO_TCP, TCP_INFO, info) ? info.tcpi_segs_out : 0;
}

/// Sends what the kernel has and a gate has not let out: the end of a cork does that at once.
void push(int fd)
{
    int corked = 0;
    get_option(fd, IPPROTO_TCP, TCP_CORK, corked);
    set_int(fd, IPPROTO_TCP, TCP_CORK, 0);
    if (corked)
        set_int(fd, IPPROTO_TCP, TCP_CORK, 1);
}

/// Has the kernel say what the window is.
Result<void> announce(Space& space, int fd, const Ends& ends)
{
    Segment syn;
    syn.source = ends.remote;
    syn.destination = ends.local;
    syn.flags = syn_flag;
    if (!ends.on_device)
        return space.forge.send(ends.family, syn);
    const Unbound unbound{fd, true};
    const std::uint32_t before = n_sent(fd);
    const auto done = space.forge.send(ends.family, syn);
    // As a rule the kernel has answered by now; a busy one may be late.
    for (int i = 0; done && i < 100 && n_sent(fd) == before; ++i)
        poll(nullptr, 0, 1);
    return done;
}

} // namespace

Result<Ends> ends_of(int fd)
{
    SocketAddress local, remote;
    socklen_t local_size = SocketAddress::capacity, remote_size = local_size;
    int device = 0;
    if (getsockname(fd, local.get(), &local_size) || getpeername(fd, remote.get(), &remote_size) ||
        !get_option(fd, SOL_SOCKET, SO_BINDTOIFINDEX, device))
        return system_error("the ends of a connection");
    return Ends{static_cast<std::uint8_t>(local.get()->sa_family), local.endpoint(),
                remote.endpoint(), device != 0};
}

Unbound::Unbound(int fd, bool on_device) : fd_{fd}
{
    if (on_device && get_option(fd, SOL_SOCKET, SO_BINDTOIFINDEX, device_) && device_)
        set_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX, 0);
}

Unbound::~Unbound()
{
    if (device_)
        set_int(fd_, SOL_SOCKET, SO_BINDTOIFINDEX, device_);
}

Result<void> wake(Space& space, int fd, const Ends& ends)
{
    auto done = announce(space, fd, ends);
    push(fd);
    return done;
}

/// Leaving repair mode asks, also where it was left before, and clears SO_REUSEADDR.
Result<void> ask(int fd)
{
    int reuse = 0;
    if (!get_option(fd, SOL_SOCKET, SO_REUSEADDR, reuse) ||
        !set_int(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF) ||
        !set_int(fd, SOL_SOCKET, SO_REUSEADDR, reuse))
        return system_error("asking a peer for its window");
    return {};
}

} // namespace holdfast::sockets
