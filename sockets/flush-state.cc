// SPDX-License-Identifier: Apache-2.0
//
// sockets/flush: when the way from the peers is empty.
#include <config.h>

#include <algorithm>

#include "sockets/flush.h"

namespace holdfast::sockets {

FlushState::FlushState(FlushLimits limits, FlushClock::time_point now)
    : limits_{limits}, began_{now}, last_byte_{now}
{
}

FlushStep FlushState::see(const FlushReading& reading, FlushClock::time_point now)
{
    if (reading.received != last_.received)
        last_byte_ = now;
    last_ = reading;
    if (step_ == FlushStep::entry) {
        const bool ready = !reading.handshakes && !reading.backlog && !reading.orphaned;
        if (ready || now - began_ >= limits_.entry) {
            step_ = FlushStep::window;
            began_ = last_byte_ = now;
        }
    } else if (step_ == FlushStep::window) {
        if (now - last_byte_ >= limits_.quiet)
            step_ = FlushStep::empty;
        else if (now - began_ >= limits_.most)
            step_ = FlushStep::capped;
    }
    return step_;
}

void FlushState::set_longest_rtt(std::chrono::microseconds rtt)
{
    limits_.quiet = std::max(limits_.quiet, rtt);
}

std::string FlushState::why() const
{
    std::string words;
    const auto add = [&](std::uint64_t n, const char* what) {
        if (n)
            words += (words.empty() ? "" : ", ") + std::to_string(n) + " " + what;
    };
    add(last_.handshakes, "connections being made");
    add(last_.backlog, "connections not accepted");
    add(last_.orphaned, "octets of connections that the service has closed");
    if (step_ == FlushStep::capped && words.empty())
        words = "data that goes on arriving";
    return words;
}

} // namespace holdfast::sockets
