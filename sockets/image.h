// SPDX-License-Identifier: Apache-2.0
//
// sockets/image: a socket as a plain value, and its form on the wire.
//
// Made by sockets/save, read by sockets/restore.  Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace holdfast::sockets {

/// What a socket is, as far as moving it goes.
enum class Kind : std::uint8_t {
    connection = 1,  // TCP that is connected, is being connected, or was: any state but LISTEN.
    listener = 2,    // TCP that listens.
    unconnected = 3, // TCP that has not been connected; perhaps bound.
    datagram = 4,    // UDP.
};

/// States of TCP, with the kernel's numbers (include/net/tcp_states.h).
/// TIME_WAIT is no socket that a process can hold; SYN_RECV is none yet.
enum class TcpState : std::uint8_t {
    established = 1,
    syn_sent = 2,
    syn_received = 3,
    fin_wait1 = 4,
    fin_wait2 = 5,
    time_wait = 6,
    closed = 7,
    close_wait = 8,
    last_ack = 9,
    listening = 10,
    closing = 11,
};

/// The word of RFC 9293, section 3.3.2, e.g. "FIN_WAIT1".
const char* to_string(TcpState state);

/// Whether the peer's FIN has arrived in this state.
bool peer_has_finished(TcpState state);

/// Whether our FIN is there, and the peer has not acknowledged it, in this state.
bool own_fin_waits(TcpState state);

/// An address and a port.
struct Endpoint {
    std::array<std::uint8_t, 16> ip{}; // Network order; IPv4: the first four.
    std::uint16_t port = 0;            // Host order; 0: none.

    bool operator==(const Endpoint&) const = default;
};

/// A socket option whose value is not what a new socket has.
struct OptionValue {
    std::uint16_t id = 0; // Its number in sockets/options.
    std::string value;    // The bytes of getsockopt().

    bool operator==(const OptionValue&) const = default;
};

/// What TCP_REPAIR_WINDOW says: struct tcp_repair_window of linux/tcp.h; all in bytes.
struct Window {
    std::uint32_t snd_wl1 = 0;    // Sequence number of the segment that last set snd_wnd.
    std::uint32_t snd_wnd = 0;    // What the peer lets us send.
    std::uint32_t max_window = 0; // The largest snd_wnd so far.
    std::uint32_t rcv_wnd = 0;    // What we announced last, counted from rcv_wup.
    std::uint32_t rcv_wup = 0;    // The acknowledgment that we sent with it.

    bool operator==(const Window&) const = default;
};

/// A TCP connection.  Sequence numbers as in RFC 9293, section 3.3.1.
struct Stream {
    TcpState state = TcpState::established;
    bool failed = false;       // closed: by an error that has not been read yet (POLLERR).
    bool reading_shut = false; // The service itself shut its receiving side (SHUT_RD).

    std::uint32_t receive_next = 0; // RCV.NXT; counts the peer's FIN if that has arrived.
    std::uint32_t write_next = 0;   // After all that was written; counts our FIN if there is one.
    std::string received;           // Arrived and acknowledged, not yet read.
    std::string unacknowledged;     // Sent; begins at SND.UNA.
    std::string unsent;             // Written, not yet sent.

    std::uint16_t mss = 0; // What the peer's SYN said, or the default; TCP_MAXSEG in repair.
    bool window_scaling = false;
    std::uint8_t send_scale = 0;    // 0 to 14; what the peer announced.
    std::uint8_t receive_scale = 0; // 0 to 14; what we announced.
    bool sack = false;
    bool timestamps = false;
    bool microseconds = false;   // The clock of the timestamps counts in microseconds.
    std::uint32_t timestamp = 0; // The next TSval; bit 0 is 0.
    Window window;
    std::uint32_t window_clamp = 0; // TCP_WINDOW_CLAMP, bytes.

    /// SND.UNA: the first octet, or FIN, that the peer has not acknowledged.
    std::uint32_t first_unacknowledged() const;

    bool operator==(const Stream&) const = default;
};

/// A datagram that waits to be read.
struct Datagram {
    Endpoint source;
    Endpoint destination;
    std::string bytes;

    bool operator==(const Datagram&) const = default;
};

/// A socket.
struct SocketImage {
    Kind kind = Kind::connection;
    std::uint8_t family = 0; // AF_INET or AF_INET6 (also for IPv4-mapped addresses).
    Endpoint local;          // Port 0: not bound.
    Endpoint remote;         // Port 0: not connected.
    std::string device;      // SO_BINDTODEVICE, or that of a link-local address; empty: none.
    bool non_blocking = false;
    std::uint32_t user = 0; // Its owner, which SO_REUSEPORT compares.
    std::uint32_t group = 0;
    std::uint32_t receive_buffer = 0; // SO_RCVBUF and SO_SNDBUF as they are read, bytes.
    std::uint32_t send_buffer = 0;
    std::uint8_t buffer_lock = 0; // SO_BUF_LOCK: which of them the service set itself.
    bool reuse_address = false;   // SO_REUSEADDR; leaving repair mode clears it.
    std::vector<OptionValue> options;

    std::uint32_t backlog = 0;       // listener: as given to listen().
    Stream stream;                   // connection.
    std::vector<Datagram> datagrams; // datagram: the receive queue, oldest first.

    bool operator==(const SocketImage&) const = default;
};

/// The image as bytes; doc/service-sockets.md has the format, version 1.
/// Shape: queues together under 1 GiB.
std::string encode(const SocketImage& image);

/// What encode() made.
/// Errors: damaged, one line, if a length, a number or an enumerator cannot be, or bytes are
/// left over; too_new if a later version made it.
Result<SocketImage> decode(std::string_view bytes);

/// "10.0.0.2:80" or "[fd00::2]:80"; IPv4-mapped addresses as IPv4.
std::string text(std::uint8_t family, const Endpoint& endpoint);

/// One line that names the socket: "TCP 10.0.0.2:80 to 10.0.0.9:4711 (CLOSE_WAIT)".
std::string text(const SocketImage& image);

} // namespace holdfast::sockets
