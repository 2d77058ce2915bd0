// SPDX-License-Identifier: Apache-2.0
//
// sockets/flush: empties the way from the peers before a service is stopped (spec S2).
//
// In two waits.  First no new connections (Gate::no_entry): those being made get ready, those that
// the service has closed but not yet sent drain; peers see nothing of it.  Then every peer hears
// window 0 (Gate::quiet and a wake), and when no byte arrives any more the way is empty.  That what
// the service has sent is acknowledged is not waited for: a peer that sends nothing delays its
// answer by 40 ms, and what has no answer yet moves with the connection.  FlushState decides from
// readings; run_flush() reads.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "common/result.h"
#include "sockets/space.h"

namespace holdfast::sockets {

using FlushClock = std::chrono::steady_clock;

/// What was read at one instant.
struct FlushReading {
    std::uint64_t received = 0;   // Bytes that arrived on all connections since they began.
    std::uint32_t handshakes = 0; // Connections being made (SYN_RECV).
    std::uint32_t backlog = 0;    // Connections that the service has not accepted.
    std::uint64_t orphaned = 0;   // Bytes still to send on connections that it has closed.
};

/// How long a flush may take.
struct FlushLimits {
    std::chrono::microseconds quiet{1000}; // No byte for so long, or the longest RTT: empty.
    std::chrono::milliseconds entry{1000}; // The first wait at most.
    std::chrono::milliseconds most{50};    // The second wait at most.
};

/// Where a flush stands.
enum class FlushStep {
    entry,  // Waits until no connection is half made, unaccepted, or closed and unsent.
    window, // Peers are told window 0; waits until nothing is under way.
    empty,  // End: nothing is under way from the peers.
    capped, // End: something still is; why() says what.
};

/// Decides when the way from the peers is empty.  Pure.
class FlushState {
public:
    FlushState(FlushLimits limits, FlushClock::time_point now);

    /// Takes a reading.  In the second wait it is the first wait's numbers, as they were, with the
    /// bytes of now.
    /// Returns: the step from now on.
    FlushStep see(const FlushReading& reading, FlushClock::time_point now);

    /// A quiet time is no shorter than the longest round trip of the connections.
    void set_longest_rtt(std::chrono::microseconds rtt);

    FlushStep step() const { return step_; }
    /// What was still under way at the first wait's end, or at the end; empty if nothing.
    std::string why() const;

private:
    FlushLimits limits_;
    FlushStep step_ = FlushStep::entry;
    FlushClock::time_point began_;     // The present step.
    FlushClock::time_point last_byte_; // When `received` last grew.
    FlushReading last_;
};

/// What became of a flush.
struct Flushed {
    FlushStep step = FlushStep::empty; // empty or capped.
    FlushReading last;                 // `orphaned` is not 0: what a closed connection has still to
                                       // send would be lost.
    std::string why;                   // What is still under way; empty: nothing.
    std::chrono::microseconds entry_time{};  // How long the first wait took,
    std::chrono::microseconds window_time{}; // and the second.
};

/// Flushes the connections among `fds` (others are passed over) of the calling thread's
/// namespace.  The service goes on running.  The gate is at Gate::quiet then.
/// Errors: io; the gate is open again.
Result<Flushed> run_flush(Space& space, std::span<const int> fds, FlushLimits limits);

/// Opens the gate and wakes the peers of the connections among `fds`: the service stays here, and
/// none of them has been saved.
/// Errors: io.
Result<void> end_flush(Space& space, std::span<const int> fds);

} // namespace holdfast::sockets
