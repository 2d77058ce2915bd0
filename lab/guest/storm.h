// SPDX-License-Identifier: Apache-2.0
//
// lab/guest/storm: keeps a hop from feeding a loop.
//
// A hop sends back every frame, flooded ones too.  Two hops on one switch without chains would
// throw such a frame to and fro for ever; this lets the same bytes pass a few times a second.
// Pure state; the caller gives the time.  Used by forward.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

namespace lab {

/// Remembers frames for a second each, as far as there is room.
class StormGuard {
public:
    /// Whether a frame may pass: the first `most` of the same bytes within a second may.
    /// Shape:   frames that share a place in the table push each other out, so one that should
    ///          stop may pass, but none is stopped that should pass (but for equal hashes).
    bool may_pass(std::span<const uint8_t> frame, std::chrono::milliseconds now);

    static constexpr uint32_t most = 8;

private:
    struct Entry {
        uint64_t hash = 0;
        std::chrono::milliseconds since{};
        uint32_t n_passed = 0;
    };

    std::array<Entry, 8192> entries_{};
};

} // namespace lab
