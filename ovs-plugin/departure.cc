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

// Frames with connections, sent in one turn of the main loop.
constexpr int frames_a_run = 64;

/// The interface behind a tap's descriptor; empty if it is none.
std::string interface_of(int tap)
{
    ifreq request{};
    return ioctl(tap, TUNGETIFF, &request) == 0 ? request.ifr_name : "";
}

} // namespace

Departure::Departure(const std::string& bridge, const std::vector<const Port*>& ports,
                     std::uint32_t label, bool wire, const std::vector<int>& taps, int qemu)
    : bridge_{bridge}, label_{label}
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

Departure::~Departure()
{
    if (translator_)
        translator_->unfollow();
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
    tunnel_port_ = tunnel_port;
    if (translator_ && state() == SourceTurn::State::armed) {
        carried_ = translator_->follow();
        next_ = 0;
        send_connections();
    }
    for (auto& turn : turns_)
        turn->turn(vtep, tunnel_port, stop_ns, now_ms);
}

void Departure::carry(std::shared_ptr<Translator> translator)
{
    translator_ = std::move(translator);
}

/// Some of those that are due, for half a millisecond or so; whether that was all.  What is passed
/// on afterwards belongs to connections that its new place knows by then.
bool Departure::send_connections()
{
    if (!translator_ || vtep_.empty())
        return true;
    for (const auto& one : translator_->fresh())
        carried_.push_back(one);
    for (int frames = 0; next_ < carried_.size() && frames < frames_a_run; ++frames) {
        const auto frame = frame_of(carried_, next_, mac_of(turns_.front()->mac()));
        if (hf_tunnel_send(bridge_.c_str(), label_ | passed_on_bit, vtep_.c_str(), tunnel_port_,
                           frame.data(), frame.size()) != 0)
            hf_log(HF_WARN, "connections of a server could not be sent after it: they break");
    }
    if (next_ < carried_.size())
        return false;
    carried_.clear();
    next_ = 0;
    return true;
}

bool Departure::run(std::int64_t now_ms)
{
    if (!send_connections())
        return false;
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
    if (next_ < carried_.size() || (state() == SourceTurn::State::passing && !told_))
        return 0;
    auto until = std::numeric_limits<std::int64_t>::max();
    for (const auto& turn : turns_)
        until = std::min(until, turn->next_wake());
    return until;
}

void Departure::leave_by(const std::string& uplink, std::int64_t now_ms)
{
    for (auto& turn : turns_)
        turn->leave_by(uplink, now_ms);
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
