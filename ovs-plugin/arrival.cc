// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/arrival: see the header.
#include "ovs-plugin/arrival.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

namespace holdfast::plugin {

namespace {

// A guest that runs here and says nothing is watched no longer: the time line does without.
constexpr std::int64_t silent_guest_ms = 5000;
// Frames that a tap can hold for a guest that does not run yet: 1.6 s at 10 kpps.
constexpr int staged_queue = 16384;

/// A tap queues 1000 frames by default (fewer were seen to fit), and drops the newest.
void make_room(const std::string& interface)
{
    ifreq request{};
    if (interface.size() >= sizeof request.ifr_name)
        return;
    interface.copy(request.ifr_name, interface.size());
    const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (ioctl(any, SIOCGIFTXQLEN, &request) == 0 && request.ifr_qlen < staged_queue) {
        request.ifr_qlen = staged_queue;
        if (ioctl(any, SIOCSIFTXQLEN, &request) != 0)
            hf_log(HF_WARN, (interface + ": its queue stays short (" + std::strerror(errno) +
                             "): frames of a long downtime can be lost")
                                .c_str());
    }
    close(any);
}

/// The number of the newest barrier that any arrival sent: each has its own.
std::uint32_t last_barrier = 0;

/// The first that is not 0.
std::int64_t earliest(std::int64_t a, std::int64_t b)
{
    return a && b ? std::min(a, b) : a + b;
}

} // namespace

Arrival::Arrival(std::string bridge, const std::vector<const Port*>& ports, Queue queue)
    : bridge_{std::move(bridge)}, queue_{queue}
{
    watch(ports);
}

void Arrival::watch(const std::vector<const Port*>& ports)
{
    for (const auto* port : ports) {
        if (std::any_of(places_.begin(), places_.end(),
                        [&](const Place& place) { return place.interface == port->interface; }))
            continue;
        auto* watch = hf_watch_open(bridge_.c_str(), port->interface.c_str());
        if (!watch) {
            all_watched_ = false;
            continue;
        }
        const bool kept = queue_ == Queue::here && hf_watch_holds(watch);
        Place place{.interface = port->interface,
                    .mac = port->mac,
                    .watch = watch,
                    .merge = Merge{kept ? Merge::Of::service : Merge::Of::vm}};
        hf_watch_expect(place.watch);
        if (staged())
            hf_watch_set_mode(place.watch, HF_STAGE);
        else if (queue_ == Queue::tap)
            make_room(port->interface);
        if (pinned_)
            pin(place);
        places_.push_back(std::move(place));
    }
}

Arrival::~Arrival()
{
    for (auto& place : places_) {
        hf_pin_close(place.pin, false);
        if (!staged())
            hf_watch_release(place.watch);
        hf_watch_close(place.watch);
    }
}

bool Arrival::watching() const
{
    return all_watched_;
}

bool Arrival::pin()
{
    if (std::exchange(pinned_, true) || guest_told_)
        return false;
    if (!staged())
        begin_merge(hf_now_ms());
    for (auto& place : places_)
        pin(place);
    return true;
}

void Arrival::pin(Place& place) const
{
    place.pin = hf_pin_open(bridge_.c_str(), place.interface.c_str(), place.mac.c_str(), true);
}

void Arrival::came(std::int64_t now_ms)
{
    if (staged())
        for (auto& place : places_)
            hf_watch_begin(place.watch);
    came_ms_ = now_ms;
    begin_merge(now_ms);
}

void Arrival::forget()
{
    for (auto& place : places_)
        hf_pin_close(std::exchange(place.pin, nullptr), true);
}

std::uint64_t Arrival::overflowed() const
{
    std::uint64_t n = 0;
    for (const auto& place : places_)
        n += hf_watch_overflowed(place.watch);
    return n;
}

/// Frames for the VM are about to come directly.
void Arrival::begin_merge(std::int64_t now_ms)
{
    for (auto& place : places_) {
        place.merge.begin(now_ms);
        if (!place.merge.awaits())
            hf_watch_set_mode(place.watch, HF_MERGE);
    }
}

Arrival::Seen Arrival::run(std::int64_t now_ms, const SendTheLongWay& send)
{
    Seen seen, told;
    for (auto& place : places_) {
        seen.first_frame_ns = earliest(seen.first_frame_ns, hf_watch_first_frame(place.watch));
        seen.first_guest_frame_ns =
            earliest(seen.first_guest_frame_ns, hf_watch_first_guest_frame(place.watch));
        // What the port says itself is learned as ever.
        if (hf_watch_first_guest_frame(place.watch))
            hf_pin_close(std::exchange(place.pin, nullptr), false);
        run_merge(place, now_ms, send);
    }
    if (seen.first_frame_ns && !std::exchange(first_told_, true))
        told.first_frame_ns = seen.first_frame_ns;
    if (seen.first_guest_frame_ns && !std::exchange(guest_told_, true))
        told.first_guest_frame_ns = seen.first_guest_frame_ns;
    return told;
}

void Arrival::run_merge(Place& place, std::int64_t now_ms, const SendTheLongWay& send)
{
    for (;;) {
        const auto step =
            place.merge.step({.now_ms = now_ms,
                              .read_ms = hf_watch_holds(place.watch) ? hf_all_read_ms() : now_ms,
                              .keeps = hf_watch_keeps(place.watch),
                              .barrier_came = hf_watch_saw_barrier(place.watch, place.barrier),
                              .long_way_ms = hf_watch_long_way_ms(place.watch)});
        switch (step) {
        case Merge::Step::ask:
            place.merge.asked(now_ms, send_barrier(place, send));
            break;
        case Merge::Step::pass:
            hf_watch_pass(place.watch);
            break;
        case Merge::Step::release:
            hf_watch_release(place.watch);
            break;
        case Merge::Step::nothing:
            return;
        }
    }
}

bool Arrival::send_barrier(Place& place, const SendTheLongWay& send)
{
    Frame frame(HF_BARRIER_SIZE);
    place.barrier = ++last_barrier;
    hf_barrier(place.barrier, mac_of(place.mac).data(), frame.data());
    return send(frame);
}

bool Arrival::merging() const
{
    return std::any_of(places_.begin(), places_.end(),
                       [](const Place& place) { return place.merge.active(); });
}

bool Arrival::alive() const
{
    return std::all_of(places_.begin(), places_.end(),
                       [](const Place& place) { return hf_watch_alive(place.watch); });
}

bool Arrival::over(std::int64_t now_ms) const
{
    const bool silent = came_ms_ && now_ms >= came_ms_ + silent_guest_ms;
    return (guest_told_ && !merging()) || silent || !alive();
}

bool Arrival::never_came() const
{
    return !guest_told_ && !alive();
}

void Arrival::wait() const
{
    for (const auto& place : places_)
        hf_watch_wait(place.watch);
}

std::int64_t Arrival::next_wake() const
{
    auto until = came_ms_ ? came_ms_ + silent_guest_ms : std::numeric_limits<std::int64_t>::max();
    for (const auto& place : places_)
        until = std::min(until, place.merge.next_wake());
    return until;
}

} // namespace holdfast::plugin
