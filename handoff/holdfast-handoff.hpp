// SPDX-License-Identifier: Apache-2.0
//
// holdfast-handoff.hpp: holdfast-handoff.h for services in C++ (C++17 or later), header only.
//
// The same calls, with an owner for the handle and for what comes; errors are
// std::system_error with the C function's errno, and say the function.
#pragma once

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "holdfast-handoff.h"

namespace holdfast {

/// One thing to do; what the kinds mean is said in holdfast-handoff.h.
struct HandoffEvent {
    holdfast_handoff_kind kind = HOLDFAST_HANDOFF_NOTHING;
    int fd = -1;       // Of TAKE: the socket, which the caller owns.
    std::string name;  // Of TAKE: as its giver named it.
    std::string state; // Of TAKE: as its giver gave it; any bytes.
};

/// A service's way to the agent.
class Handoff {
public:
    /// Connects, as holdfast_handoff_open(); nothing if nobody moves this service.
    static std::optional<Handoff> open(const std::string& program, unsigned roles)
    {
        holdfast_handoff* handle = nullptr;
        const int error = holdfast_handoff_open(&handle, program.c_str(), roles);
        if (error == ENOENT)
            return std::nullopt;
        check(error, "holdfast_handoff_open");
        return Handoff{handle};
    }

    /// Whether to make no sockets, and wait for TAKE.
    static bool is_successor() { return holdfast_handoff_is_successor() == 1; }

    /// The descriptor to poll for POLLIN; it can be another one after next(), or -1.
    int fd() const { return holdfast_handoff_fd(handle_.get()); }

    /// What to do now.  Without an agent (fd() is -1 then) it is NOTHING, or DROP.
    HandoffEvent next()
    {
        holdfast_handoff_event event{};
        const int error = holdfast_handoff_next(handle_.get(), &event);
        if (event.kind == HOLDFAST_HANDOFF_NOTHING && fd() >= 0)
            check(error, "holdfast_handoff_next");
        HandoffEvent result;
        result.kind = event.kind;
        if (event.kind == HOLDFAST_HANDOFF_TAKE) {
            result.fd = event.fd;
            result.name = event.name;
            result.state.assign(static_cast<const char*>(event.state), event.state_size);
        }
        return result;
    }

    void give(const std::string& name, int fd, std::string_view state = {})
    {
        check(holdfast_handoff_give(handle_.get(), name.c_str(), fd, state.data(), state.size()),
              "holdfast_handoff_give");
    }
    void done() { check(holdfast_handoff_done(handle_.get()), "holdfast_handoff_done"); }
    void ready() { check(holdfast_handoff_ready(handle_.get()), "holdfast_handoff_ready"); }
    void refuse(const std::string& reason)
    {
        check(holdfast_handoff_refuse(handle_.get(), reason.c_str()), "holdfast_handoff_refuse");
    }

private:
    struct Close {
        void operator()(holdfast_handoff* handle) const { holdfast_handoff_close(handle); }
    };

    explicit Handoff(holdfast_handoff* handle) : handle_{handle} {}

    static void check(int error, const char* function)
    {
        if (error)
            throw std::system_error{error, std::generic_category(), function};
    }

    std::unique_ptr<holdfast_handoff, Close> handle_;
};

} // namespace holdfast
