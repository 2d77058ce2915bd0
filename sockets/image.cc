// SPDX-License-Identifier: Apache-2.0
//
// sockets/image: what is said of an image; its form on the wire is in image-codec.cc.
#include <config.h>

#include "sockets/image.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "common/text.h"
#include "sockets/forge.h"

namespace holdfast::sockets {

const char* to_string(TcpState state)
{
    switch (state) {
    case TcpState::established:
        return "ESTABLISHED";
    case TcpState::syn_sent:
        return "SYN_SENT";
    case TcpState::syn_received:
        return "SYN_RECV";
    case TcpState::fin_wait1:
        return "FIN_WAIT1";
    case TcpState::fin_wait2:
        return "FIN_WAIT2";
    case TcpState::time_wait:
        return "TIME_WAIT";
    case TcpState::closed:
        return "CLOSE";
    case TcpState::close_wait:
        return "CLOSE_WAIT";
    case TcpState::last_ack:
        return "LAST_ACK";
    case TcpState::listening:
        return "LISTEN";
    case TcpState::closing:
        return "CLOSING";
    }
    return "?";
}

bool peer_has_finished(TcpState state)
{
    return state == TcpState::close_wait || state == TcpState::last_ack ||
           state == TcpState::closing || state == TcpState::time_wait || state == TcpState::closed;
}

bool own_fin_waits(TcpState state)
{
    return state == TcpState::fin_wait1 || state == TcpState::last_ack ||
           state == TcpState::closing;
}

std::uint32_t Stream::first_unacknowledged() const
{
    return write_next - (own_fin_waits(state) ? 1 : 0) -
           static_cast<std::uint32_t>(unacknowledged.size() + unsent.size());
}

std::string text(std::uint8_t family, const Endpoint& endpoint)
{
    char name[INET6_ADDRSTRLEN] = "?";
    if (family == AF_INET6 && is_mapped(endpoint))
        inet_ntop(AF_INET, endpoint.ip.data() + 12, name, sizeof name);
    else
        inet_ntop(family, endpoint.ip.data(), name, sizeof name);
    return endpoint_text(name, endpoint.port);
}

std::string text(const SocketImage& image)
{
    const std::string local = text(image.family, image.local);
    switch (image.kind) {
    case Kind::listener:
        return "TCP listener " + local;
    case Kind::unconnected:
        return "TCP socket " + local + " (not connected)";
    case Kind::datagram:
        return "UDP socket " + local +
               (image.remote.port ? " to " + text(image.family, image.remote) : "");
    case Kind::connection:
        break;
    }
    return "TCP " + local + " to " + text(image.family, image.remote) + " (" +
           to_string(image.stream.state) + ")";
}

} // namespace holdfast::sockets
