// SPDX-License-Identifier: Apache-2.0
//
// sockets/save: reads a socket out of the kernel.
#include <config.h>

#include "sockets/save.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "sockets/syscalls.h"
#include "sockets/wake.h"

namespace holdfast::sockets {

namespace {

/// What a socket that has no queue of segments may still show: a segment that is partly
/// acknowledged stays whole in the kernel's queue.
constexpr std::size_t slack = 65536;

Error unkept(const SocketImage& image, const std::string& why)
{
    return Error{Errc::invalid, text(image) + ": " + why};
}

/// The other end's address also where getpeername() does not say it: in SYN_SENT and CLOSE.
bool peer_name(int fd, SocketAddress& peer, std::uint8_t family)
{
    socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    return getsockopt(fd, SOL_SOCKET, SO_PEERNAME, peer.get(), &size) == 0;
}

/// The device that the socket is bound to.
Result<std::string> device_of(int fd)
{
    int index = 0;
    if (!get_option(fd, SOL_SOCKET, SO_BINDTOIFINDEX, index))
        return system_error("SO_BINDTOIFINDEX");
    if (index == 0)
        return std::string{};
    char name[IF_NAMESIZE];
    if (!if_indextoname(static_cast<unsigned>(index), name))
        return system_error("the device with number " + std::to_string(index));
    return std::string{name};
}

/// Of which kind the socket is.
Result<Kind> kind_of(int fd, const tcp_info& info, int protocol, bool& hung_up, bool& failed)
{
    if (protocol == IPPROTO_UDP)
        return Kind::datagram;
    pollfd look{fd, POLLRDHUP, 0};
    if (poll(&look, 1, 0) < 0)
        return system_error("poll");
    hung_up = look.revents & POLLRDHUP;
    failed = look.revents & POLLERR;
    const auto state = static_cast<TcpState>(info.tcpi_state);
    if (state == TcpState::listening)
        return Kind::listener;
    // A socket that was never connected has not heard of an end.
    return state == TcpState::closed && !hung_up ? Kind::unconnected : Kind::connection;
}

/// What all kinds have.
Result<void> read_common(const Space& space, int fd, SocketImage& image)
{
    SocketAddress local, peer;
    socklen_t size = SocketAddress::capacity;
    if (getsockname(fd, local.get(), &size))
        return refused(image, "its own address");
    image.local = local.endpoint();
    if (image.kind != Kind::listener && peer_name(fd, peer, image.family))
        image.remote = peer.endpoint();
    auto device = device_of(fd);
    if (!device)
        return device.error();
    image.device = std::move(*device);
    struct stat owner {};
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fstat(fd, &owner))
        return refused(image, "its owner and flags");
    image.non_blocking = flags & O_NONBLOCK;
    image.user = owner.st_uid;
    image.group = owner.st_gid;
    int reuse = 0, lock = 0;
    if (!get_option(fd, SOL_SOCKET, SO_REUSEADDR, reuse) ||
        !get_option(fd, SOL_SOCKET, SO_RCVBUF, image.receive_buffer) ||
        !get_option(fd, SOL_SOCKET, SO_SNDBUF, image.send_buffer) ||
        !get_option(fd, SOL_SOCKET, SO_BUF_LOCK, lock))
        return refused(image, "its buffers");
    image.reuse_address = reuse != 0;
    image.buffer_lock = static_cast<std::uint8_t>(lock);
    auto options = space.options.read(fd, image.kind, image.family);
    if (!options)
        return Error{options.error().code, text(image) + ": " + options.error().message};
    image.options = std::move(*options);
    return {};
}

/// A queue in repair mode, without taking anything out.
Result<std::string> peek_queue(int fd, std::size_t most)
{
    std::string bytes(most, '\0');
    const ssize_t n = recv(fd, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN)
        return system_error("recv");
    bytes.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return bytes;
}

Result<void> read_receive_queue(int fd, SocketImage& image)
{
    Stream& stream = image.stream;
    int waiting = 0, inline_urgent = 0, at_mark = 0;
    // The number of octets ends at urgent data unless that counts as ordinary; reading ends there
    // always.
    if (!get_option(fd, SOL_SOCKET, SO_OOBINLINE, inline_urgent) ||
        !set_int(fd, SOL_SOCKET, SO_OOBINLINE, 1) || ioctl(fd, SIOCINQ, &waiting) ||
        !set_int(fd, SOL_SOCKET, SO_OOBINLINE, inline_urgent))
        return refused(image, "SIOCINQ");
    if (!choose_queue(fd, TCP_RECV_QUEUE) ||
        !get_option(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, stream.receive_next))
        return refused(image, "its receive queue's sequence number");
    if (waiting == 0)
        return {};
    const auto expected = static_cast<std::size_t>(waiting);
    auto bytes = peek_queue(fd, expected + 1);
    if (!bytes)
        return bytes.error();
    if (ioctl(fd, SIOCATMARK, &at_mark))
        return refused(image, "SIOCATMARK");
    if (bytes->size() != expected || at_mark)
        return unkept(image, "urgent data waits to be read");
    stream.received = std::move(*bytes);
    return {};
}

Result<void> read_send_queue(int fd, SocketImage& image)
{
    Stream& stream = image.stream;
    int waiting = 0, unsent = 0;
    if (ioctl(fd, SIOCOUTQ, &waiting) || ioctl(fd, SIOCOUTQNSD, &unsent))
        return refused(image, "SIOCOUTQ");
    if (!choose_queue(fd, TCP_SEND_QUEUE) ||
        !get_option(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, stream.write_next))
        return refused(image, "its send queue's sequence number");
    if (own_fin_waits(stream.state)) { // Our FIN counts in both.
        waiting -= 1;
        unsent = std::max(0, unsent - 1);
    }
    // A closed connection has thrown its queue away; the numbers stay.
    if (stream.state == TcpState::closed || (waiting == 0 && stream.state != TcpState::syn_sent))
        return {};
    const auto expected = static_cast<std::size_t>(waiting);
    auto bytes = peek_queue(fd, expected + slack);
    if (!bytes)
        return bytes.error();
    if (stream.state == TcpState::syn_sent) {
        if (!bytes->empty())
            return unkept(image, "it is being opened with data (TCP Fast Open)");
        return {};
    }
    if (bytes->size() < expected)
        return unkept(image, "its send queue cannot be read");
    bytes->erase(0, bytes->size() - expected);
    stream.unsent = bytes->substr(expected - static_cast<std::size_t>(unsent));
    bytes->resize(expected - static_cast<std::size_t>(unsent));
    stream.unacknowledged = std::move(*bytes);
    return {};
}

/// What the two ends agreed on when they connected, and how far the windows are.
Result<void> read_negotiated(const Space& space, int fd, const tcp_info& info, SocketImage& image)
{
    Stream& stream = image.stream;
    int mss = 0;
    if (!get_option(fd, IPPROTO_TCP, TCP_MAXSEG, mss) ||
        !get_option(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, stream.window) ||
        !get_option(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, stream.window_clamp))
        return refused(image, "its windows");
    stream.mss = static_cast<std::uint16_t>(mss);
    stream.sack = info.tcpi_options & TCPI_OPT_SACK;
    stream.timestamps = info.tcpi_options & TCPI_OPT_TIMESTAMPS;
    stream.window_scaling = info.tcpi_options & TCPI_OPT_WSCALE;
    if (stream.window_scaling) {
        stream.send_scale = info.tcpi_snd_wscale;
        stream.receive_scale = info.tcpi_rcv_wscale;
    }
    if (!stream.timestamps)
        return {};
    if (!get_option(fd, IPPROTO_TCP, TCP_TIMESTAMP, stream.timestamp))
        return refused(image, "TCP_TIMESTAMP");
    // Bit 0 is a flag for kernels that know microseconds, and for others a part of the number.
    stream.microseconds = space.usec_clock && stream.timestamp % 2 != 0;
    stream.timestamp &= ~1u;
    return {};
}

/// Puts the connection into repair mode, and reads its state.
Result<void> read_stream(const Space& space, int fd, SocketImage& image)
{
    if (!set_int(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON))
        return refused(image, "TCP_REPAIR, which needs CAP_NET_ADMIN in its namespace");
    // Read again: what arrived before the lock may have been waiting in the backlog until now.
    tcp_info info{};
    if (!get_option(fd, IPPROTO_TCP, TCP_INFO, info))
        return refused(image, "TCP_INFO");
    image.stream.state = static_cast<TcpState>(info.tcpi_state);
    // The windows first: reading a queue may have the kernel announce a new one, behind the gate.
    if (const auto done = read_negotiated(space, fd, info, image); !done)
        return done;
    if (const auto done = read_receive_queue(fd, image); !done)
        return done;
    if (const auto done = read_send_queue(fd, image); !done)
        return done;
    if (!choose_queue(fd, TCP_NO_QUEUE))
        return refused(image, "TCP_REPAIR_QUEUE");
    return {};
}

/// The control messages that say where a datagram was sent to.
Result<Endpoint> destination_of(msghdr& message, std::uint16_t port)
{
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
        const bool v4 = part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_ORIGDSTADDR;
        const bool v6 = part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_ORIGDSTADDR;
        if (!v4 && !v6)
            continue;
        SocketAddress address;
        std::memcpy(address.get(), CMSG_DATA(part),
                    v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
        Endpoint found = address.endpoint();
        found.port = port;
        return found;
    }
    return Error{Errc::io, "a datagram does not say where it was sent to"};
}

/// An IPv4 endpoint as an IPv4-mapped one.
Endpoint mapped(const Endpoint& v4)
{
    Endpoint found;
    found.port = v4.port;
    found.ip[10] = found.ip[11] = 0xff;
    std::copy(v4.ip.begin(), v4.ip.begin() + 4, found.ip.begin() + 12);
    return found;
}

/// The next datagram of the queue at the socket's peek offset; false after the last.
Result<bool> peek_datagram(int fd, SocketImage& image)
{
    std::string bytes(65536, '\0');
    SocketAddress source;
    alignas(cmsghdr) char control[512];
    iovec part{bytes.data(), bytes.size()};
    msghdr message{};
    message.msg_name = source.get();
    message.msg_namelen = SocketAddress::capacity;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t n = recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0) {
        if (errno == EAGAIN)
            return false;
        return refused(image, "its queue");
    }
    bytes.resize(static_cast<std::size_t>(n));
    auto destination = destination_of(message, image.local.port);
    if (!destination)
        return destination.error();
    // A socket of IPv6 says the source of an IPv4 datagram as a mapped one.
    const Endpoint from = source.endpoint();
    const bool needs_map = image.family == AF_INET6 && is_mapped(from) && !is_mapped(*destination);
    image.datagrams.push_back(
        {from, needs_map ? mapped(*destination) : *destination, std::move(bytes)});
    return true;
}

/// Both options that a datagram's destination is read by; IPv6 sockets may get IPv4 datagrams.
bool set_original_destination(int fd, std::uint8_t family, int v4, int v6)
{
    return set_int(fd, IPPROTO_IP, IP_RECVORIGDSTADDR, v4) &&
           (family == AF_INET || set_int(fd, IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, v6));
}

Result<void> read_datagrams(int fd, SocketImage& image)
{
    int peek = -1, v4 = 0, v6 = 0;
    if (!get_option(fd, SOL_SOCKET, SO_PEEK_OFF, peek) ||
        !get_option(fd, IPPROTO_IP, IP_RECVORIGDSTADDR, v4) ||
        (image.family == AF_INET6 && !get_option(fd, IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, v6)))
        return refused(image, "its options for reading");
    // With an offset, each peek goes on where the one before it ended.
    if (!set_int(fd, SOL_SOCKET, SO_PEEK_OFF, 0) ||
        !set_original_destination(fd, image.family, 1, 1))
        return refused(image, "SO_PEEK_OFF, IP_RECVORIGDSTADDR");
    Result<bool> more = true;
    while (more && *more)
        more = peek_datagram(fd, image);
    if (!set_int(fd, SOL_SOCKET, SO_PEEK_OFF, peek) ||
        !set_original_destination(fd, image.family, v4, v6))
        return refused(image, "SO_PEEK_OFF, IP_RECVORIGDSTADDR put back");
    if (!more)
        return more.error();
    return {};
}

} // namespace

Result<SocketImage> save(Space& space, int fd)
{
    int domain = 0, protocol = 0;
    if (!get_option(fd, SOL_SOCKET, SO_DOMAIN, domain) ||
        !get_option(fd, SOL_SOCKET, SO_PROTOCOL, protocol))
        return system_error("descriptor " + std::to_string(fd) + " is no socket");
    if ((domain != AF_INET && domain != AF_INET6) ||
        (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP))
        return Error{Errc::invalid, "a socket of family " + std::to_string(domain) +
                                        " and protocol " + std::to_string(protocol) +
                                        " cannot be saved: only TCP and UDP"};
    SocketImage image;
    image.family = static_cast<std::uint8_t>(domain);
    tcp_info info{};
    if (protocol == IPPROTO_TCP && !get_option(fd, IPPROTO_TCP, TCP_INFO, info))
        return refused(image, "TCP_INFO");
    bool hung_up = false;
    const auto kind = kind_of(fd, info, protocol, hung_up, image.stream.failed);
    if (!kind)
        return kind.error();
    image.kind = *kind;
    if (const auto done = read_common(space, fd, image); !done)
        return done.error();
    Result<void> done;
    if (image.kind == Kind::listener)
        image.backlog = info.tcpi_sacked; // For a listener: what listen() was told.
    else if (image.kind == Kind::datagram)
        done = read_datagrams(fd, image);
    else if (image.kind == Kind::connection)
        done = read_stream(space, fd, image);
    if (!done)
        return done.error();
    if (image.kind == Kind::connection) {
        image.stream.failed = image.stream.failed && image.stream.state == TcpState::closed;
        image.stream.reading_shut = hung_up && !peer_has_finished(image.stream.state);
    } else {
        image.stream.failed = false;
    }
    return image;
}

Result<void> unsave(Space& space, int fd, const SocketImage& image)
{
    if (image.kind != Kind::connection)
        return {};
    if (!set_int(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF))
        return refused(image, "TCP_REPAIR");
    if (!set_int(fd, SOL_SOCKET, SO_REUSEADDR, image.reuse_address))
        return refused(image, "SO_REUSEADDR");
    const TcpState state = image.stream.state;
    if (peer_has_finished(state) || state == TcpState::syn_sent)
        return {}; // The peer waits for no window.
    return wake(space, fd, {image.family, image.local, image.remote, !image.device.empty()});
}

Result<std::vector<Descriptor>> take_backlog(int listener)
{
    std::vector<Descriptor> accepted;
    pollfd look{listener, POLLIN, 0};
    for (;;) {
        // The listener may be a blocking one, and its flags are the owner's.
        if (poll(&look, 1, 0) < 0)
            return system_error("a listener's backlog: poll");
        if (!(look.revents & POLLIN))
            return accepted;
        Descriptor fd{accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
        if (fd)
            accepted.push_back(std::move(fd));
        else if (errno != ECONNABORTED && errno != EAGAIN)
            return system_error("a listener's backlog: accept");
    }
}

} // namespace holdfast::sockets
