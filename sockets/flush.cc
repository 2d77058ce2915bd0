// SPDX-License-Identifier: Apache-2.0
//
// sockets/flush: empties the way from the peers; the readings and the gate.
#include <config.h>

#include "sockets/flush.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "sockets/diag.h"
#include "sockets/guard.h"
#include "sockets/syscalls.h"
#include "sockets/wake.h"

namespace holdfast::sockets {

namespace {

/// States in which the peer may still send.
bool receives(TcpState state)
{
    return state == TcpState::established || state == TcpState::fin_wait1 ||
           state == TcpState::fin_wait2;
}

/// The descriptor's connection; none if it is something else.
std::optional<tcp_info> connection_info(int fd)
{
    int protocol = 0;
    tcp_info info{};
    if (!get_option(fd, SOL_SOCKET, SO_PROTOCOL, protocol) || protocol != IPPROTO_TCP ||
        !get_option(fd, IPPROTO_TCP, TCP_INFO, info))
        return {};
    const auto state = static_cast<TcpState>(info.tcpi_state);
    if (state == TcpState::listening || state == TcpState::closed || state == TcpState::syn_sent)
        return {};
    return info;
}

std::vector<int> connections_among(std::span<const int> fds)
{
    std::vector<int> found;
    std::copy_if(fds.begin(), fds.end(), std::back_inserter(found),
                 [](int fd) { return connection_info(fd).has_value(); });
    return found;
}

/// What keeps the first wait: new connections, and those that have no descriptor any more.
Result<FlushReading> read_entry(Diag& diag)
{
    FlushReading reading;
    const StateSet states = one(TcpState::syn_received) | one(TcpState::listening) |
                            one(TcpState::fin_wait1) | one(TcpState::last_ack) |
                            one(TcpState::closing);
    const auto done = diag.internet(IPPROTO_TCP, states, [&](const SocketSeen& seen) {
        if (seen.state == TcpState::syn_received)
            ++reading.handshakes;
        else if (seen.state == TcpState::listening)
            reading.backlog += seen.received;
        else if (seen.inode == 0 && seen.to_send > 1) // One is its FIN.
            reading.orphaned += seen.to_send - 1;
    });
    if (!done)
        return done.error();
    return reading;
}

/// Bytes of all connections, into `reading`; the longest round trip of those at which
/// something has arrived in the last second.
std::chrono::microseconds read_connections(std::span<const int> fds, FlushReading& reading)
{
    std::uint32_t longest = 0;
    reading.received = 0;
    for (const int fd : fds) {
        const auto info = connection_info(fd);
        if (!info)
            continue;
        reading.received += info->tcpi_bytes_received;
        if (info->tcpi_last_data_recv < 1000)
            longest = std::max(longest, info->tcpi_rtt);
    }
    return std::chrono::microseconds{longest};
}

Result<void> wake_all(Space& space, std::span<const int> fds)
{
    for (const int fd : fds) {
        const auto info = connection_info(fd);
        if (!info || !receives(static_cast<TcpState>(info->tcpi_state)))
            continue;
        const auto ends = ends_of(fd);
        if (!ends)
            continue; // It has ended meanwhile, and needs no waking.
        if (const auto done = wake(space, fd, *ends); !done)
            return done;
    }
    return {};
}

void pause()
{
    const timespec moment{0, 200'000};
    nanosleep(&moment, nullptr);
}

Result<void> wait_for_entry(FlushState& state, FlushReading& reading)
{
    auto diag = Diag::open();
    if (!diag)
        return diag.error();
    for (;;) {
        auto now = read_entry(*diag);
        if (!now)
            return now.error();
        reading = *now;
        if (state.see(reading, FlushClock::now()) != FlushStep::entry)
            return {};
        pause();
    }
}

Result<Flushed> flush(Space& space, std::span<const int> fds, FlushLimits limits)
{
    const auto began = FlushClock::now();
    FlushState state{limits, began};
    Flushed flushed;
    if (const auto done = set_gate(Gate::no_entry); !done)
        return done.error();
    if (const auto done = wait_for_entry(state, flushed.last); !done)
        return done.error();
    const auto shut = FlushClock::now();
    if (const auto done = set_gate(Gate::quiet); !done)
        return done.error();
    if (const auto done = wake_all(space, fds); !done)
        return done.error();
    state.set_longest_rtt(read_connections(fds, flushed.last));
    while (state.see(flushed.last, FlushClock::now()) == FlushStep::window) {
        pause();
        read_connections(fds, flushed.last);
    }
    const auto as_microseconds = [](auto time) {
        return std::chrono::duration_cast<std::chrono::microseconds>(time);
    };
    flushed.step = state.step();
    flushed.why = state.why();
    flushed.entry_time = as_microseconds(shut - began);
    flushed.window_time = as_microseconds(FlushClock::now() - shut);
    return flushed;
}

} // namespace

Result<Flushed> run_flush(Space& space, std::span<const int> fds, FlushLimits limits)
{
    const std::vector<int> connections = connections_among(fds);
    auto flushed = flush(space, connections, limits);
    if (flushed)
        return flushed;
    // The first failure is the one to tell of; whoever undoes the move opens the gate again.
    if (const auto opened = end_flush(space, connections); !opened)
        return Error{flushed.error().code,
                     flushed.error().message + "; and then: " + opened.error().message};
    return flushed;
}

Result<void> end_flush(Space& space, std::span<const int> fds)
{
    if (const auto done = set_gate(Gate::open); !done)
        return done;
    if (const auto woken = wake_all(space, fds); !woken)
        return woken;
    return remove_gate();
}

} // namespace holdfast::sockets
