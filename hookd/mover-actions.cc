// SPDX-License-Identifier: Apache-2.0
//
// hookd/mover-actions: what Mover does with the switch, the store and QEMU.
#include <config.h>

#include "hookd/mover.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <string_view>

#include <spdlog/spdlog.h>

#include "hookd/libvirt-watch.h"
#include "hookd/service-move.h"
#include "hookd/service-place.h"

namespace asio = boost::asio;

namespace holdfast::hookd {
namespace {

constexpr std::chrono::seconds leave_limit{1};
constexpr std::chrono::milliseconds look_again{20};

/// What people read of a step or a mark of a move.
std::string describe(const std::string& mark, const db::Move& row, const std::string& name)
{
    std::string peer = row.peer.empty() ? "another hypervisor" : row.peer;
    if (mark == "staged")
        return name + " is awaited from " + peer;
    if (mark == "plugged")
        return name + " has its port here";
    if (mark == "armed")
        return name + " is leaving for " + peer;
    if (mark == "suspended")
        return name + " stands still for the last copy round";
    if (mark == "turned")
        return "traffic of " + name + " is held for " + peer;
    if (mark == "drained")
        return "what was held for " + name + " is on its way to " + peer;
    if (mark == "first_frame")
        return name + " sent its first frame here";
    if (mark == "restored")
        return name + " is restored here, and stands still";
    if (mark == "first_byte")
        return name + " has a peer's first byte here";
    if (mark == "first_guest_frame")
        return name + " sent the first frame of its own here";
    if (mark == "resumed")
        return name + " runs here";
    if (mark == "activated")
        return "traffic of " + name + " goes to its port here";
    if (mark == "committed")
        return name + " is " + (row.role == "source" ? peer + "'s" : "ours") + " from here on";
    if (mark == "taken_back")
        return name + " is taken back from " + peer + ", which is fenced";
    if (mark == "cleaned")
        return name + " is gone from here to " + peer;
    if (mark == "back")
        return name + " stays here: its move to " + peer + " came to nothing";
    if (mark == "failed")
        return name + " did not come: it stays on " + peer;
    return name + ": " + mark;
}

/// The words of an order to arm; `vtep` is left out while it is not known.
std::vector<std::string> tap_words(const QemuTaps& taps, const std::string& vtep)
{
    std::string fds;
    for (int fd : taps.fds)
        fds += (fds.empty() ? "" : ",") + std::to_string(fd);
    std::vector<std::string> all{std::to_string(taps.pid), fds.empty() ? "0" : fds};
    if (!vtep.empty())
        all.push_back(vtep);
    return all;
}

/// Marks that a service's own steps have told of when they came.
bool is_told(const std::string& mark)
{
    constexpr std::array told{"flush", "flushed", "frozen", "saved", "dumped", "copied"};
    return std::find(told.begin(), told.end(), mark) != told.end();
}

/// The kind of event that a mark is, in the words of the time line.
std::string kind_of(std::string mark)
{
    std::replace(mark.begin(), mark.end(), '_', '-');
    return mark;
}

} // namespace

asio::awaitable<void> Mover::work(RunPtr run)
{
    while (!run->todo.empty()) {
        Action action = run->todo.front();
        run->todo.pop_front();
        co_await act(run, action);
    }
    run->working = false;
    tell_settled(run);
}

asio::awaitable<void> Mover::act(RunPtr run, Action action)
{
    switch (action) {
    case Action::turn:
        co_await turn(run);
        break;
    case Action::leave:
        co_await order(run, "holdfast/leave", words());
        break;
    case Action::activate:
        if (co_await order(run, "holdfast/activate", words()))
            run->machine.note("activated", now_ns());
        break;
    case Action::pin:
        co_await order(run, "holdfast/pin", words());
        break;
    case Action::back:
        co_await order(run, "holdfast/back", words());
        break;
    case Action::arm:
        co_await arm(run);
        break;
    case Action::disarm:
        co_await order(run, "holdfast/disarm", words());
        break;
    case Action::expect:
        co_await order(run, "holdfast/expect", words());
        break;
    case Action::put_row:
        put_row(*run);
        break;
    case Action::take_over:
        take_over(*run);
        if (world_.refresh_soon)
            world_.refresh_soon(); // Or is made, if there was none.
        break;
    case Action::sync:
        if (auto done = co_await link_.sync(); !done)
            spdlog::warn("switch: its flows are not known to be in place: {}",
                         done.error().message);
        break;
    }
}

void Mover::open(const std::string& vm, std::function<void()> told)
{
    const RunPtr run = find(vm);
    if (!run) {
        told();
        return;
    }
    asio::co_spawn(
        io_,
        [this, run]() -> asio::awaitable<void> {
            co_await order(run, "holdfast/activate", words());
        },
        [told = std::move(told)](const std::exception_ptr&) { told(); });
}

void Mover::when_left(const std::string& service, std::function<void()> left)
{
    asio::co_spawn(io_, await_leaving(service),
                   [left = std::move(left)](const std::exception_ptr&) { left(); });
}

asio::awaitable<void> Mover::await_leaving(std::string service)
{
    asio::steady_timer timer{io_};
    const auto until = std::chrono::steady_clock::now() + leave_limit;
    while (std::chrono::steady_clock::now() < until) {
        const auto answer = co_await link_.call("holdfast/status", {});
        if (!answer || !is_led_here(nlohmann::json::parse(*answer, nullptr, false), service))
            break;
        timer.expires_after(look_again);
        co_await timer.async_wait(asio::use_awaitable);
    }
    // What the datapath remembers of before.
    co_await link_.call("holdfast/settle", {});
}

/// An urgent order about the run's VM; false, and logged, if the switch did not take it.
asio::awaitable<bool> Mover::order(RunPtr run, std::string method, std::vector<std::string> more)
{
    std::vector<std::string> args{run->machine.row().vm};
    args.insert(args.end(), more.begin(), more.end());
    auto done = co_await link_.urgent(method, args);
    if (!done) {
        spdlog::warn("VM {}: {} refused by the switch: {}", world_.name_of(args[0]), method,
                     done.error().message);
    }
    co_return bool(done);
}

asio::awaitable<void> Mover::arm(RunPtr run)
{
    const std::string vm = run->machine.row().vm;
    const db::Vm* row = world_.ledger.vm(vm);
    QemuTaps taps; // None: the switch does without; what lies in them at the stop is lost.
    std::vector<std::string> macs; // A copy: the record can change while the switch is asked.
    if (row) {
        for (const db::VmPort& port : row->ports)
            macs.push_back(port.mac);
        auto found = find_qemu_taps(row->name);
        if (found)
            taps = *found;
        else
            spdlog::warn("{}: frames in its taps cannot be taken along", found.error().message);
    }
    const db::Hypervisor* peer = world_.ledger.hypervisor(run->machine.row().peer);
    const std::string vtep = peer ? peer->vtep : std::string{};
    bool armed = co_await order(run, "holdfast/arm", tap_words(taps, vtep));
    if (armed && taps.pid && world_.find_ring) {
        for (const std::string& mac : macs)
            world_.find_ring(vm, mac);
    }
    if (!armed && taps.pid) // Its descriptors are out of reach: better without than not at all.
        co_await order(run, "holdfast/arm", tap_words({}, vtep));
}

asio::awaitable<void> Mover::turn(RunPtr run)
{
    const db::Hypervisor* peer = world_.ledger.hypervisor(run->machine.row().peer);
    if (!peer || peer->vtep.empty()) {
        spdlog::error("VM {}: it moves to {}, whose tunnel address is not known: set vtep there",
                      world_.name_of(run->machine.row().vm), run->machine.row().peer);
        co_return;
    }
    std::string vtep = peer->vtep;
    const auto& times = run->machine.row().times;
    auto suspended = times.find("suspended");
    std::string stop = std::to_string(suspended == times.end() ? 0 : suspended->second);
    db::TimeNs asked = now_ns();
    bool turned = co_await order(run, "holdfast/turn", words(vtep, stop));
    if (!turned) {
        // A switch that restarted, or could not be armed in time.
        co_await arm(run);
        turned = co_await order(run, "holdfast/turn", words(vtep, stop));
    }
    if (turned)
        run->machine.note("turned", asked);
}

std::vector<db::Event> Mover::new_events(const Run& run) const
{
    std::vector<db::Event> events;
    const db::Move& row = run.machine.row();
    std::string name = world_.name_of(row.vm);
    for (const auto& [mark, time] : row.times) {
        auto old = run.stored.times.find(mark);
        if (is_told(mark) || (old != run.stored.times.end() && old->second == time))
            continue;
        db::Event event = world_.event(kind_of(mark), describe(mark, row, name), time);
        event.vm = row.vm;
        events.push_back(event);
    }
    std::sort(events.begin(), events.end(),
              [](const db::Event& a, const db::Event& b) { return a.time < b.time; });
    return events;
}

void Mover::put_row(Run& run)
{
    if (run.machine.row() == run.stored)
        return;
    StoreChange change;
    change.put_moves = {run.machine.row()};
    change.events = new_events(run);
    if (!world_.commit(change))
        return;
    run.stored = change.put_moves.front();
    for (const db::Event& event : change.events)
        spdlog::info("move {}: {}", event.kind, event.text);
    if (!run.machine.under_way() && world_.refresh_soon)
        world_.refresh_soon(); // What is seen of the VM counts again.
}

/// Writes that the VM is ours, with its ports here, so that one change says it all.
void Mover::take_over(const Run& run)
{
    const std::string& id = run.machine.row().vm;
    const db::Vm* known = world_.ledger.vm(id);
    if (!known)
        return; // Its record is made with the next look at libvirt's domains.
    db::Vm row = taken_over(*known, world_.self());
    for (db::VmPort& port : row.ports) {
        auto plugged =
            std::find_if(world_.ports.begin(), world_.ports.end(),
                         [&](const SwitchPort& p) { return is_of(p, id) && p.mac == port.mac; });
        if (plugged == world_.ports.end())
            port = {port.mac, port.iface_id, "", "", 0};
        else
            port = {port.mac, plugged->iface_id, plugged->bridge, plugged->interface,
                    plugged->ofport};
        if (row.kind == "service")
            port = placed(port, *known, world_.self(), world_.config.fabric);
    }
    StoreChange change;
    change.put_vms = {row};
    world_.commit(change);
}

} // namespace holdfast::hookd
