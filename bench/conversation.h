// SPDX-License-Identifier: Apache-2.0
//
// bench/conversation: what a peer says to handoff/counter by one connection, and whether what comes
// back is right to the byte.  Pure; bench/peers.cc has the connections.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/result.h"

namespace holdfast::bench {

/// One connection's conversation.
class Conversation {
public:
    virtual ~Conversation() = default;
    /// What is to be sent now; empty: nothing before something comes.  Until sent().
    virtual std::string_view next() = 0;
    /// So many bytes of it have been.
    virtual void sent(std::size_t size) = 0;
    /// What came; false: it is not what had to come.
    virtual bool take(std::string_view bytes) = 0;
    /// Begins no more of its own.
    virtual void finish() = 0;
    /// After finish(): what was begun has been answered.
    virtual bool complete() const = 0;
    /// After finish(): its end of the stream is to be shut, and the answer comes then.
    virtual bool shuts() const { return false; }
    /// Whether sending is what tells that it goes on, else what comes.
    virtual bool is_sending() const { return false; }
    /// Whether it says something only when ask() is called.
    virtual bool is_idle() const { return false; }
    virtual void ask() {}
};

/// Of these kinds: "source" (the service sends all the time), "sink" (we do), "ping" (64 bytes go
/// there and back all the time), "idle" (one line and its answer for each ask()).
/// Errors: invalid for another.
Result<std::unique_ptr<Conversation>> conversation(const std::string& kind, std::uint64_t seed);

} // namespace holdfast::bench
