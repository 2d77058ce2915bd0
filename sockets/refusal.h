// SPDX-License-Identifier: Apache-2.0
//
// sockets/refusal: which sockets cannot be kept (spec S7).  Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sockets/survey.h"

namespace holdfast::sockets {

/// How the service moves.
enum class Method {
    handoff,    // The program is started anew and gets its Internet sockets; others are its own
                // affair, as at any start.
    checkpoint, // CRIU moves the processes with all other sockets.
};

/// Why a socket stops a move, or what is not kept although the move goes on.
struct Refusal {
    std::uint64_t inode = 0;
    std::string line; // One line: which socket, whose, why, and the mend if there is one.

    bool operator==(const Refusal&) const = default;
};

/// What stops a move, in the order of `seen`: urgent data pending, MPTCP, kTLS and other upper
/// layers, MD5 and TCP-AO keys, SCTP, DCCP, corked UDP, raw and packet sockets, ...
/// Shape: empty if all can be kept.
std::vector<Refusal> refusals(std::span<const SocketSeen> seen, const Holders& holders,
                              std::span<const std::string> multicast_groups, Method method);

/// What is not kept, with no harm: connections in TIME_WAIT and closed ones with nothing to send,
/// connections being made (the client sends its SYN again), and in a handoff the sockets that the
/// program makes anew.
std::vector<Refusal> remarks(std::span<const SocketSeen> seen, const Holders& holders,
                             Method method);

} // namespace holdfast::sockets
