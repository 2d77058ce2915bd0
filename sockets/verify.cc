// SPDX-License-Identifier: Apache-2.0
//
// sockets/restore: what was restored is read again and compared.
#include <config.h>

#include "sockets/restore.h"
#include "sockets/save.h"

namespace holdfast::sockets {

namespace {

/// What a connection looks like between restore() and go_live().
Stream between(Stream stream)
{
    if (own_fin_waits(stream.state))
        stream.write_next -= 1;
    if (stream.state == TcpState::fin_wait1)
        stream.state = TcpState::established;
    if (stream.state == TcpState::last_ack)
        stream.state = TcpState::close_wait;
    if (stream.state == TcpState::closing) {
        stream.state = TcpState::established;
        stream.receive_next -= 1;
        stream.window.rcv_wup -= 1;
        stream.window.rcv_wnd += 1;
    }
    stream.write_next -= static_cast<std::uint32_t>(stream.unsent.size());
    stream.unsent.clear();
    return stream;
}

std::string text(const Window& window)
{
    std::string words;
    for (const std::uint32_t n :
         {window.snd_wl1, window.snd_wnd, window.max_window, window.rcv_wnd, window.rcv_wup})
        words += (words.empty() ? "" : " ") + std::to_string(n);
    return words;
}

/// The name of the first part in which they differ; empty if they are the same.
std::string difference(const Stream& want, const Stream& have)
{
    if (want.state != have.state)
        return std::string{"its state "} + to_string(have.state);
    if (want.receive_next != have.receive_next || want.write_next != have.write_next)
        return "its sequence numbers";
    if (want.received != have.received)
        return "its receive queue";
    if (want.unacknowledged != have.unacknowledged || !have.unsent.empty())
        return "its send queue";
    if (want.mss != have.mss || want.sack != have.sack ||
        want.window_scaling != have.window_scaling || want.send_scale != have.send_scale ||
        want.receive_scale != have.receive_scale)
        return "what it negotiated";
    if (want.timestamps != have.timestamps || want.microseconds != have.microseconds)
        return "its timestamps";
    Window announced = have.window;
    if (peer_has_finished(want.state)) // Whether its FIN was acknowledged with the window or after
        announced.rcv_wup = want.window.rcv_wup; // it is all the same: it sends nothing more.
    if (want.window != announced)
        return "its window (" + text(want.window) + " and not " + text(have.window) + ")";
    return {};
}

std::string difference(const SocketImage& want, const SocketImage& have)
{
    if (want.kind != have.kind)
        return "its kind";
    if (want.local != have.local || want.device != have.device)
        return "its address";
    if (want.buffer_lock != have.buffer_lock || want.non_blocking != have.non_blocking)
        return "its flags";
    // Read of a socket in repair mode that is not connected, TCP_MAXSEG says something else.
    if (want.options != have.options && want.stream.state != TcpState::syn_sent)
        return "its options";
    if (want.user != have.user || want.group != have.group)
        return "its owner";
    if (want.backlog != have.backlog)
        return "its backlog";
    if (want.datagrams != have.datagrams)
        return "its queue";
    const TcpState state = want.stream.state;
    if (want.kind != Kind::connection || state == TcpState::closed)
        return want.stream.received == have.stream.received ? "" : "its receive queue";
    if (want.remote != have.remote)
        return "its peer";
    return difference(between(want.stream), have.stream);
}

} // namespace

Result<void> verify(Space& space, int fd, const SocketImage& image)
{
    const auto have = save(space, fd);
    if (!have)
        return have.error();
    SocketImage want = image;
    if (want.kind == Kind::connection && want.stream.state == TcpState::syn_sent) {
        want.kind = Kind::unconnected; // Its SYN is yet to come.
        want.remote = {};
    }
    const std::string different = difference(want, *have);
    if (different.empty())
        return {};
    return Error{Errc::damaged, text(image) + ": after restoring, " + different + " is different"};
}

} // namespace holdfast::sockets
