// SPDX-License-Identifier: Apache-2.0
//
// sockets/restore: makes a socket again from its image.
#include <config.h>

#include "sockets/restore.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "sockets/resend.h"
#include "sockets/syscalls.h"
#include "sockets/wake.h"

namespace holdfast::sockets {

namespace {

using namespace std::chrono_literals;

// Options of a SYN (RFC 9293, section 3.2; RFC 2018; RFC 7323), as TCP_REPAIR_OPTIONS names them.
constexpr std::uint32_t max_segment_option = 2, window_option = 3, sack_option = 4,
                        timestamp_option = 8;
constexpr int least_segment = 88;   // That TCP_MAXSEG takes, and at most;
constexpr int most_segment = 32767; // TCP_REPAIR_OPTIONS has the true one for those of lo.

/// Sets both buffers to what SO_RCVBUF and SO_SNDBUF are to show.
bool set_buffers(int fd, std::size_t receive, std::size_t send)
{
    // The kernel doubles what it is told.
    return set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, static_cast<int>(receive / 2)) &&
           set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, static_cast<int>(send / 2));
}

/// The buffers as the image has them, and which of them the kernel may change.
bool set_own_buffers(int fd, const SocketImage& image)
{
    return set_buffers(fd, image.receive_buffer, image.send_buffer) &&
           set_int(fd, SOL_SOCKET, SO_BUF_LOCK, image.buffer_lock);
}

/// Whether it has a port: one of a new socket's making has none, one that is given may.
bool has_port(int fd)
{
    SocketAddress local;
    socklen_t size = SocketAddress::capacity;
    return getsockname(fd, local.get(), &size) == 0 && local.endpoint().port != 0;
}

/// A new socket of the image's kind.
Result<Descriptor> make(const SocketImage& image)
{
    const int type = image.kind == Kind::datagram ? SOCK_DGRAM : SOCK_STREAM;
    Descriptor fd{
        socket(image.family, type | SOCK_CLOEXEC | (image.non_blocking ? SOCK_NONBLOCK : 0), 0)};
    if (!fd)
        return refused(image, "a new socket");
    return fd;
}

/// Makes a socket that is given one that was never connected: the kernel's tcp_disconnect()
/// forgets a shutdown, too.
Result<void> make_blank(int fd, const SocketImage& image)
{
    const sockaddr nowhere{AF_UNSPEC, {}};
    const bool was_connected = image.kind == Kind::connection || image.kind == Kind::datagram;
    if (was_connected && connect(fd, &nowhere, sizeof nowhere) != 0)
        return refused(image, "making its place blank");
    return {};
}

/// What must be there before it gets its port.
Result<void> prepare(int fd, const SocketImage& image)
{
    // Its owner counts when others join its SO_REUSEPORT group.
    if ((image.user != geteuid() || image.group != getegid()) &&
        fchown(fd, image.user, image.group))
        return refused(image, "its owner");
    if (!image.device.empty() && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, image.device.data(),
                                            static_cast<socklen_t>(image.device.size())))
        return refused(image, "its device " + image.device);
    if (has_port(fd))
        return {};
    if (const auto done = Options::apply(fd, image.options, true); !done)
        return Error{done.error().code, text(image) + ": " + done.error().message};
    return {};
}

SocketAddress address_of(const SocketImage& image, const Endpoint& endpoint)
{
    return {image.family, endpoint,
            image.device.empty() ? 0 : if_nametoindex(image.device.c_str())};
}

/// Gives the socket its address and port, and then its other options.
Result<void> bind_to(int fd, const SocketImage& image)
{
    const bool any = std::all_of(image.local.ip.begin(), image.local.ip.end(),
                                 [](std::uint8_t octet) { return octet == 0; });
    if ((image.local.port || !any) && !has_port(fd)) {
        const SocketAddress local = address_of(image, image.local);
        if (bind(fd, local.get(), local.size())) {
            const Errc code = errno == EADDRINUSE ? Errc::exists : Errc::io;
            return Error{code, refused(image, "its address and port").message};
        }
    }
    if (const auto done = Options::apply(fd, image.options, false); !done)
        return Error{done.error().code, text(image) + ": " + done.error().message};
    return {};
}

/// A listener, and a TCP socket that is not connected.
Result<void> finish_unconnected(int fd, const SocketImage& image)
{
    if (!set_int(fd, SOL_SOCKET, SO_REUSEADDR, image.reuse_address))
        return refused(image, "SO_REUSEADDR");
    if (const auto done = bind_to(fd, image); !done)
        return done;
    if (!set_own_buffers(fd, image))
        return refused(image, "its buffers");
    if (image.kind == Kind::listener && listen(fd, static_cast<int>(image.backlog)))
        return refused(image, "listen");
    return {};
}

/// A UDP socket: its queue is filled before it is connected, when it still takes all senders.
Result<void> finish_datagram(Space& space, int fd, const SocketImage& image)
{
    std::size_t queue = 0;
    for (const Datagram& datagram : image.datagrams)
        queue += datagram.bytes.size() + 2048; // With what the kernel needs for each.
    if (!set_int(fd, SOL_SOCKET, SO_REUSEADDR, image.reuse_address))
        return refused(image, "SO_REUSEADDR");
    if (const auto done = bind_to(fd, image); !done)
        return done;
    if (!set_buffers(fd, image.receive_buffer + 2 * queue, image.send_buffer))
        return refused(image, "its buffers");
    for (const Datagram& datagram : image.datagrams)
        if (const auto done = space.forge.send(image.family, datagram); !done)
            return done;
    if (image.remote.port) {
        const SocketAddress remote = address_of(image, image.remote);
        if (connect(fd, remote.get(), remote.size()))
            return refused(image, "connect");
    }
    if (!set_own_buffers(fd, image))
        return refused(image, "its buffers");
    return {};
}

/// Where the receive queue begins; the peer's FIN, if it has arrived, comes after it.
std::uint32_t first_received(const Stream& stream)
{
    return stream.receive_next - static_cast<std::uint32_t>(stream.received.size()) -
           (peer_has_finished(stream.state) && !stream.failed ? 1 : 0);
}

bool has_own_fin_acknowledged(const Stream& stream)
{
    return stream.state == TcpState::fin_wait2 ||
           (stream.state == TcpState::closed && !stream.failed);
}

/// Where the send queue begins; our FIN, if the peer has acknowledged it, comes after it.
std::uint32_t first_sent(const Stream& stream)
{
    return stream.first_unacknowledged() - (has_own_fin_acknowledged(stream) ? 1 : 0);
}

bool set_queue_start(int fd, int queue, std::uint32_t sequence)
{
    return choose_queue(fd, queue) &&
           set_int(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, static_cast<int>(sequence));
}

/// Makes the connection, without a packet.
Result<void> connect_silently(int fd, const SocketImage& image)
{
    SocketAddress remote = address_of(image, image.remote);
    const Stream& stream = image.stream;
    if (!set_queue_start(fd, TCP_RECV_QUEUE, first_received(stream)) ||
        !set_queue_start(fd, TCP_SEND_QUEUE, first_sent(stream)))
        return refused(image, "its sequence numbers");
    // How long segments are is settled now: TCP_REPAIR_OPTIONS would change it at a new MTU only.
    if (!set_int(fd, IPPROTO_TCP, TCP_MAXSEG,
                 std::clamp<int>(stream.mss, least_segment, most_segment)))
        return refused(image, "TCP_MAXSEG");
    int failed = connect(fd, remote.get(), remote.size());
    // One that has ended holds its name no longer, so that another may have it: any will do.
    for (std::uint16_t port = 1;
         failed && errno == EADDRNOTAVAIL && stream.state == TcpState::closed && port < 64;
         ++port) {
        remote.set_port(port);
        failed = connect(fd, remote.get(), remote.size());
    }
    const int why = failed ? errno : 0;
    if (!set_int(fd, IPPROTO_TCP, TCP_MAXSEG, 0))
        return refused(image, "TCP_MAXSEG");
    if (!failed)
        return {};
    errno = why;
    if (errno == EADDRNOTAVAIL)
        return Error{Errc::exists, text(image) + " is here already, or its address is not"};
    return refused(image, "connect (is there a route?)");
}

/// What the two ends agreed on; before anything is in the queues.
Result<void> set_negotiated(const Space& space, int fd, const SocketImage& image)
{
    const Stream& stream = image.stream;
    tcp_repair_opt agreed[4];
    unsigned n = 0;
    if (stream.sack)
        agreed[n++] = {sack_option, 0};
    if (stream.window_scaling)
        agreed[n++] = {window_option, static_cast<std::uint32_t>(stream.send_scale) |
                                          static_cast<std::uint32_t>(stream.receive_scale) << 16};
    if (stream.timestamps)
        agreed[n++] = {timestamp_option, 0};
    agreed[n++] = {max_segment_option, stream.mss};
    if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, agreed,
                   static_cast<socklen_t>(n * sizeof agreed[0])))
        return refused(image, "TCP_REPAIR_OPTIONS");
    if (!stream.timestamps)
        return {};
    if (stream.microseconds && !space.usec_clock)
        return Error{Errc::unavailable, text(image) + ": its timestamps count in microseconds, " +
                                            "which this kernel does not (Linux 6.7 does)"};
    const std::uint32_t clock = stream.timestamp | (stream.microseconds ? 1 : 0);
    if (!set_int(fd, IPPROTO_TCP, TCP_TIMESTAMP, static_cast<int>(clock)))
        return refused(image, "TCP_TIMESTAMP");
    return {};
}

Result<void> fill(int fd, const SocketImage& image, int queue, std::string_view bytes)
{
    if (bytes.empty())
        return {};
    if (!choose_queue(fd, queue))
        return refused(image, "TCP_REPAIR_QUEUE");
    while (!bytes.empty()) {
        const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n <= 0)
            return refused(image, queue == TCP_RECV_QUEUE ? "filling its receive queue"
                                                          : "filling its send queue");
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Result<void> set_queues(int fd, const SocketImage& image)
{
    const Stream& stream = image.stream;
    if (!stream.received.empty() || !stream.unacknowledged.empty()) {
        // Room for any way that the kernel may cut it up.
        if (!set_buffers(fd, image.receive_buffer + 2 * stream.received.size(),
                         image.send_buffer + 2 * stream.unacknowledged.size()))
            return refused(image, "its buffers");
        if (const auto done = fill(fd, image, TCP_RECV_QUEUE, stream.received); !done)
            return done;
        if (const auto done = fill(fd, image, TCP_SEND_QUEUE, stream.unacknowledged); !done)
            return done;
    }
    if (!set_own_buffers(fd, image))
        return refused(image, "its buffers");
    return {};
}

/// Sets the windows exactly: a peer's segment in flight is refused beyond what was announced.
Result<void> set_window(int fd, const SocketImage& image, Window window)
{
    if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &window, sizeof window))
        return refused(image, "TCP_REPAIR_WINDOW");
    // Also raises what the kernel dares to announce from the start value to the window.
    if (!set_int(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, static_cast<int>(image.stream.window_clamp)))
        return refused(image, "TCP_WINDOW_CLAMP");
    return {};
}

/// A segment from the peer that comes next.
Segment from_peer(const SocketImage& image, std::uint8_t flags)
{
    const Stream& stream = image.stream;
    Segment segment;
    segment.source = image.remote;
    segment.destination = image.local;
    segment.flags = flags;
    segment.sequence = stream.receive_next - (flags & fin_flag ? 1 : 0);
    segment.acknowledgment = first_sent(stream);
    segment.window = static_cast<std::uint16_t>(
        std::min<std::uint32_t>(0xffff, stream.window.snd_wnd >> stream.send_scale));
    return segment;
}

Result<TcpState> state_of(int fd, const SocketImage& image)
{
    tcp_info info{};
    if (!get_option(fd, IPPROTO_TCP, TCP_INFO, info))
        return refused(image, "TCP_INFO");
    return static_cast<TcpState>(info.tcpi_state);
}

/// Sends a forged segment and waits for the state that it leads to.
Result<void> lead_to(Space& space, int fd, const SocketImage& image, const Segment& segment,
                     TcpState goal)
{
    const Unbound unbound{fd, !image.device.empty()};
    if (const auto done = space.forge.send(image.family, segment); !done)
        return done;
    const auto end = std::chrono::steady_clock::now() + 1s;
    for (;;) {
        const auto state = state_of(fd, image);
        if (!state)
            return state.error();
        if (*state == goal)
            return {};
        if (std::chrono::steady_clock::now() > end)
            return Error{Errc::io, text(image) + ": is " + to_string(*state) + " and not " +
                                       to_string(goal) + " after a forged segment (does a packet " +
                                       "filter of the service stop what comes by lo?)"};
        // As a rule the kernel takes it in before send() returns; or else another processor does.
        poll(nullptr, 0, 1);
    }
}

/// The state beyond ESTABLISHED, as far as it does not wait for what is still to be sent.
Result<void> set_state(Space& space, int fd, const SocketImage& image)
{
    const Stream& stream = image.stream;
    if (stream.state == TcpState::closed && stream.failed)
        return lead_to(space, fd, image, from_peer(image, rst_flag | ack_flag), TcpState::closed);
    if (stream.state != TcpState::closing && peer_has_finished(stream.state)) {
        const auto done =
            lead_to(space, fd, image, from_peer(image, fin_flag | ack_flag), TcpState::close_wait);
        if (!done)
            return done;
    }
    if (has_own_fin_acknowledged(stream)) {
        // In this queue it counts as sent.
        if (!choose_queue(fd, TCP_SEND_QUEUE) || shutdown(fd, SHUT_WR))
            return refused(image, "its FIN");
        Segment answer = from_peer(image, ack_flag);
        answer.acknowledgment = stream.write_next;
        if (const auto done = lead_to(space, fd, image, answer, stream.state); !done)
            return done;
    }
    return {};
}

/// Whether set_state() forges anything.
bool needs_forging(const Stream& stream)
{
    return stream.state != TcpState::established && stream.state != TcpState::fin_wait1 &&
           stream.state != TcpState::closing;
}

/// The windows once all is in the queues.
Result<void> set_windows(Space& space, int fd, const SocketImage& image)
{
    const Stream& stream = image.stream;
    Window window = stream.window;
    if (needs_forging(stream)) {
        // Room for the forged segments, whatever was announced to the peer.
        Window roomy = window;
        roomy.rcv_wup = first_received(stream) + static_cast<std::uint32_t>(stream.received.size());
        roomy.rcv_wnd = 65535;
        roomy.snd_wl1 = roomy.rcv_wup;
        if (const auto done = set_window(fd, image, roomy); !done)
            return done;
        if (const auto done = set_state(space, fd, image); !done)
            return done;
        if (stream.state == TcpState::closed)
            return {};
    }
    if (stream.state == TcpState::closing) {
        // The peer's FIN comes after our own, at release(); the edge stays where it is.
        window.rcv_wup -= 1;
        window.rcv_wnd += 1;
    }
    return set_window(fd, image, window);
}

Result<void> finish_connection(Space& space, int fd, const SocketImage& image)
{
    const Stream& stream = image.stream;
    if (!set_int(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON))
        return refused(image, "TCP_REPAIR, which needs CAP_NET_ADMIN");
    if (const auto done = bind_to(fd, image); !done)
        return done;
    if (stream.state == TcpState::syn_sent) { // go_live() sends the same SYN again.
        if (!set_queue_start(fd, TCP_SEND_QUEUE, stream.write_next - 1) ||
            !set_own_buffers(fd, image))
            return refused(image, "its sequence number and buffers");
        return {};
    }
    if (const auto done = connect_silently(fd, image); !done)
        return done;
    if (const auto done = set_negotiated(space, fd, image); !done)
        return done;
    if (const auto done = set_queues(fd, image); !done)
        return done;
    if (const auto done = set_windows(space, fd, image); !done)
        return done;
    if (stream.reading_shut && shutdown(fd, SHUT_RD))
        return refused(image, "SHUT_RD");
    if (!choose_queue(fd, TCP_NO_QUEUE))
        return refused(image, "TCP_REPAIR_QUEUE");
    return {};
}

/// Sends the SYN of a connection that was being opened, again.
Result<void> open_again(int fd, const SocketImage& image)
{
    const SocketAddress remote = address_of(image, image.remote);
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
        return refused(image, "O_NONBLOCK");
    const bool begun = connect(fd, remote.get(), remote.size()) == 0 || errno == EINPROGRESS;
    const int why = errno;
    if (fcntl(fd, F_SETFL, flags))
        return refused(image, "its flags");
    errno = why;
    if (!begun)
        return refused(image, "connect");
    return {};
}

/// What had been written and not sent, in the ordinary way.  A peer that has reset the connection
/// meanwhile is the service's affair, which reads the error.
Result<void> write_unsent(int fd, const SocketImage& image)
{
    std::string_view bytes = image.stream.unsent;
    if (bytes.empty())
        return {};
    if (!set_buffers(fd, image.receive_buffer, image.send_buffer + 2 * bytes.size()))
        return refused(image, "its buffers");
    while (!bytes.empty()) {
        const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EPIPE && errno != ECONNRESET)
            return refused(image, "writing what was unsent");
        if (n < 0)
            break;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    if (!set_own_buffers(fd, image))
        return refused(image, "its buffers");
    return {};
}

/// Our FIN, if the peer has not acknowledged it.
Result<void> finish_sending(Space& space, int fd, const SocketImage& image)
{
    if (!own_fin_waits(image.stream.state))
        return {};
    if (shutdown(fd, SHUT_WR) && errno != ENOTCONN) // Reset by the peer: as above.
        return refused(image, "its FIN");
    if (image.stream.state != TcpState::closing)
        return {};
    return space.forge.send(image.family, from_peer(image, fin_flag | ack_flag));
}

/// The kernel's question to the peer would be in vain behind the gate: go_live() asks.
Result<void> leave_repair(int fd, const SocketImage& image)
{
    if (!set_int(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP))
        return refused(image, "TCP_REPAIR");
    if (!set_int(fd, SOL_SOCKET, SO_REUSEADDR, image.reuse_address))
        return refused(image, "SO_REUSEADDR");
    return {};
}

/// Makes a socket that has nothing of its own what the image says.
Result<void> fill_in(Space& space, int fd, const SocketImage& image)
{
    if (auto done = prepare(fd, image); !done)
        return done;
    switch (image.kind) {
    case Kind::connection:
        return finish_connection(space, fd, image);
    case Kind::datagram:
        return finish_datagram(space, fd, image);
    case Kind::listener:
    case Kind::unconnected:
        break;
    }
    return finish_unconnected(fd, image);
}

} // namespace

Result<Descriptor> restore(Space& space, const SocketImage& image)
{
    auto fd = make(image);
    if (!fd)
        return fd;
    if (auto done = fill_in(space, fd->get(), image); !done)
        return done.error();
    return fd;
}

Result<void> restore_into(Space& space, int fd, const SocketImage& image)
{
    if (auto done = make_blank(fd, image); !done)
        return done;
    return fill_in(space, fd, image);
}

Result<void> release(Space& space, int fd, const SocketImage& image)
{
    if (image.kind != Kind::connection || image.stream.state == TcpState::syn_sent)
        return {};
    if (auto left = leave_repair(fd, image); !left)
        return left;
    if (const auto done = write_unsent(fd, image); !done)
        return done;
    return finish_sending(space, fd, image);
}

Result<void> go_live(Space& space, int fd, const SocketImage& image)
{
    if (image.kind != Kind::connection)
        return {};
    if (image.stream.state == TcpState::syn_sent) {
        auto left = leave_repair(fd, image);
        return left ? open_again(fd, image) : left;
    }
    if (image.stream.state == TcpState::closed)
        return {}; // Nobody waits.
    const bool half = image.stream.state == TcpState::close_wait;
    if (auto asked = half ? ask_half_closed(space, fd, image) : ask(fd); !asked)
        return asked;
    if (auto woken =
            wake(space, fd, {image.family, image.local, image.remote, !image.device.empty()});
        !woken)
        return woken;
    return resend(space, fd, image);
}

} // namespace holdfast::sockets
