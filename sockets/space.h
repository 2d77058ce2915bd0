// SPDX-License-Identifier: Apache-2.0
//
// sockets/space: the network namespace of the calling thread, made ready for moving sockets.
//
// One for each namespace and thread, kept for a whole batch: it holds the raw sockets through
// which segments are forged, and what a new socket's options are here.  The thread has entered the
// namespace (setns) before, and needs CAP_NET_ADMIN and CAP_NET_RAW there.  `lo` must be up.
#pragma once

#include <string>

#include "common/result.h"
#include "sockets/forge.h"
#include "sockets/options.h"

namespace holdfast::sockets {

/// Lifts the limit of one answer to an invalid segment in half a second and connection
/// (net.ipv4.tcp_invalid_ratelimit of this namespace); puts it back at its end.
class AnswerLimit {
public:
    /// Errors: io.
    static Result<AnswerLimit> lift();

    AnswerLimit(AnswerLimit&& other) noexcept;
    AnswerLimit& operator=(AnswerLimit&& other) = delete;
    /// The thread is in the same namespace as when it was lifted.
    ~AnswerLimit();

private:
    AnswerLimit() = default;

    std::string before_; // What was there; empty: nothing to put back.
};

/// What save, restore and wake work with.
struct Space {
    /// Errors: io with what the system refused, and what is missing.
    static Result<Space> open();

    Options options;
    Forge forge;
    AnswerLimit answer_limit;
    bool usec_clock = false; // The kernel marks microsecond timestamps in bit 0 (6.7 and later).
};

} // namespace holdfast::sockets
