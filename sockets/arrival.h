// SPDX-License-Identifier: Apache-2.0
//
// sockets/arrival: when the first byte comes to a connection that was restored (spec S10).
//
// By the kernel's own counts, and not by descriptors: a copy of one would keep open what the
// service closes.  The thread is in the network namespace that the connections are in.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "common/result.h"
#include "sockets/image.h"

namespace holdfast::sockets {

/// Connections, and what each had received when it was restored.
class Arrival {
public:
    /// One of those; a socket to which nothing can come is passed over.
    void expect(const SocketImage& image);
    /// Looks again and again until one has received more.  Whether it has, by `until`; at once
    /// if none is expected.
    /// Errors: io.
    Result<bool> wait(std::chrono::steady_clock::time_point until);

private:
    struct Known {
        Endpoint local;
        Endpoint remote;
        std::uint64_t bytes = 0; // That had come to it.
    };
    static bool before(const Known& a, const Known& b);
    Result<bool> look() const;

    std::vector<Known> known_;
};

} // namespace holdfast::sockets
