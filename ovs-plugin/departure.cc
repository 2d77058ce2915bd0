// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/departure: see the header.
#include "ovs-plugin/departure.h"

#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace holdfast::plugin {

namespace {

/// The interface behind a tap's descriptor; empty if it is none.
std::string interface_of(int tap)
{
    ifreq request{};
    return ioctl(tap, TUNGETIFF, &request) == 0 ? request.ifr_name : "";
}

} // namespace

Departure::Departure(const std::string& bridge, const std::vector<const Port*>& ports,
                     std::uint32_t label, bool wire, const std::vector<int>& taps, int qemu)
{
    auto left = taps;
    for (const auto* port : ports) {
        const auto at = std::find_if(left.begin(), left.end(),
                                     [&](int tap) { return interface_of(tap) == port->interface; });
        const int tap = at == left.end() ? -1 : *at;
        if (at != left.end())
            left.erase(at);
        else if (!taps.empty())
            hf_log(HF_WARN, (port->interface + ": none of the descriptors is its tap: what lies in "
                                               "it at the guest's stop will be lost")
                                .c_str());
        turns_.push_back(std::make_unique<SourceTurn>(bridge, port->interface, port->mac, label,
                                                      tap, qemu, wire || turns_.empty()));
    }
    for (const int tap : left)
        close(tap);
}

bool Departure::watching() const
{
    return std::all_of(turns_.begin(), turns_.end(),
                       [](const auto& turn) { return turn->watching(); });
}

SourceTurn::State Departure::state() const
{
    auto least = SourceTurn::State::ended;
    for (const auto& turn : turns_)
        least = std::min(least, turn->state());
    return least;
}

TurnFigures Departure::figures() const
{
    TurnFigures sum;
    for (const auto& turn : turns_) {
        const auto& one = turn->figures();
        sum.taken += one.taken;
        sum.swallowed += one.swallowed;
        sum.held += one.held;
        sum.passed += one.passed;
        sum.lost += one.lost;
    }
    return sum;
}

void Departure::guest_gone()
{
    for (auto& turn : turns_)
        turn->guest_gone();
}

bool Departure::may_leave() const
{
    return std::all_of(turns_.begin(), turns_.end(),
                       [](const auto& turn) { return turn->may_leave(); });
}

void Departure::use_ring(const std::string& mac, std::uint64_t address)
{
    for (auto& turn : turns_)
        if (turn->mac() == mac)
            turn->use_ring(address);
}

void Departure::turn(const std::string& vtep, std::uint32_t tunnel_port, std::int64_t stop_ns,
                     std::int64_t now_ms)
{
    vtep_ = vtep;
    for (auto& turn : turns_)
        turn->turn(vtep, tunnel_port, stop_ns, now_ms);
}

bool Departure::run(std::int64_t now_ms)
{
    for (auto& turn : turns_)
        turn->run(now_ms);
    return state() == SourceTurn::State::passing && !std::exchange(told_, true);
}

void Departure::wait() const
{
    for (const auto& turn : turns_)
        turn->wait();
}

std::int64_t Departure::next_wake() const
{
    if (state() == SourceTurn::State::passing && !told_)
        return 0;
    auto until = std::numeric_limits<std::int64_t>::max();
    for (const auto& turn : turns_)
        until = std::min(until, turn->next_wake());
    return until;
}

void Departure::leave_by(const std::string& uplink)
{
    for (auto& turn : turns_)
        turn->leave_by(uplink);
}

bool Departure::left() const
{
    return std::all_of(turns_.begin(), turns_.end(), [](const auto& turn) { return turn->left(); });
}

void Departure::back()
{
    for (auto& turn : turns_)
        turn->back();
}

} // namespace holdfast::plugin
