// SPDX-License-Identifier: Apache-2.0
//
// sockets/arrival: see arrival.h.
#include <config.h>

#include "sockets/arrival.h"

#include <netinet/in.h>

#include <algorithm>
#include <thread>
#include <tuple>

#include "sockets/diag.h"

namespace holdfast::sockets {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds look_each{1};
// A look at many connections takes its time: no more than a fifth of a processor.
constexpr int rest_for_look = 4;

constexpr StateSet peer_may_send =
    one(TcpState::established) | one(TcpState::fin_wait1) | one(TcpState::fin_wait2);

} // namespace

bool Arrival::before(const Known& a, const Known& b)
{
    return std::tie(a.local.port, a.remote.port, a.remote.ip, a.local.ip) <
           std::tie(b.local.port, b.remote.port, b.remote.ip, b.local.ip);
}

void Arrival::expect(const SocketImage& image)
{
    if (image.kind == Kind::connection && (one(image.stream.state) & peer_may_send))
        known_.push_back({image.local, image.remote, image.stream.received.size()});
}

Result<bool> Arrival::look() const
{
    auto diag = Diag::open();
    if (!diag)
        return diag.error();
    bool more = false;
    auto done = diag->internet(IPPROTO_TCP, peer_may_send, [&](const SocketSeen& seen) {
        const Known now{seen.local, seen.remote, seen.arrived};
        const auto known = std::lower_bound(known_.begin(), known_.end(), now, before);
        more = more || (known != known_.end() && !before(now, *known) && now.bytes > known->bytes);
    });
    if (!done)
        return done.error();
    return more;
}

Result<bool> Arrival::wait(Clock::time_point until)
{
    std::sort(known_.begin(), known_.end(), before);
    while (!known_.empty()) {
        const auto begun = Clock::now();
        auto more = look();
        if (!more || *more || Clock::now() >= until)
            return more;
        const Clock::duration took = Clock::now() - begun;
        std::this_thread::sleep_for(std::max<Clock::duration>(look_each, took * rest_for_look));
    }
    return false;
}

} // namespace holdfast::sockets
