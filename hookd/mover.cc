// SPDX-License-Identifier: Apache-2.0
//
// hookd/mover: see mover.h.  What it does with the switch and the store is in
// mover-actions.cc.
#include <config.h>

#include "hookd/mover.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

#include <spdlog/spdlog.h>

namespace asio = boost::asio;

namespace holdfast::hookd {
namespace {

constexpr auto sweep_interval = std::chrono::seconds{5};
// libvirt plugs the port within a second of its first hook.
constexpr db::TimeNs staged_limit = 60'000'000'000;
// Figures and late marks still come for a move that is over.
constexpr db::TimeNs keep_limit = 30'000'000'000;

db::TimeNs newest(const db::Move& row)
{
    db::TimeNs time = 0;
    for (const auto& [mark, when] : row.times)
        time = std::max(time, when);
    return time;
}

} // namespace

Mover::Mover(asio::io_context& io, World& world, SwitchLink& link)
    : io_{io}, world_{world}, link_{link}, sweep_timer_{io}
{
    asio::co_spawn(io_, sweep(), asio::detached);
}

Mover::RunPtr Mover::find(const std::string& vm) const
{
    auto found = runs_.find(vm);
    return found == runs_.end() ? nullptr : found->second;
}

Mover::RunPtr Mover::begin(MoveMachine machine)
{
    auto run = std::make_shared<Run>(std::move(machine));
    runs_[run->machine.row().vm] = run;
    return run;
}

void Mover::feed(const RunPtr& run, Signal signal, db::TimeNs time)
{
    add(run, run->machine.on(signal, time));
}

/// Queues what a machine asks for; a row that changed otherwise is written too.
void Mover::add(const RunPtr& run, std::vector<Action> actions)
{
    run->todo.insert(run->todo.end(), actions.begin(), actions.end());
    bool writes = std::find(run->todo.begin(), run->todo.end(), Action::put_row) != run->todo.end();
    if (!writes && run->machine.row() != run->stored)
        run->todo.push_back(Action::put_row);
    if (run->working || run->todo.empty())
        return;
    run->working = true;
    asio::co_spawn(io_, work(run), asio::detached);
}

void Mover::incoming(const std::string& vm)
{
    const db::Vm* row = world_.ledger.vm(vm);
    incoming(vm, new_uuid(), row && row->hypervisor != world_.self() ? row->hypervisor : "");
}

void Mover::incoming(const std::string& vm, const std::string& move, const std::string& peer)
{
    RunPtr run = find(vm);
    if (run && run->machine.role() == Role::destination && run->machine.under_way())
        return;
    if (run && run->machine.role() == Role::source && run->machine.under_way()) {
        spdlog::warn("VM {}: it comes back while it is leaving: the old move is given up",
                     world_.name_of(vm));
        feed(run, Signal::migration_failed, now_ns());
    }
    run = begin(MoveMachine::destination(move, vm, world_.self(), peer, now_ns()));
    add(run, run->machine.begin());
    if (plugged(vm))
        feed(run, Signal::port_plugged, now_ns());
}

void Mover::signal(const std::string& vm, Signal what, db::TimeNs time)
{
    if (RunPtr run = find(vm))
        feed(run, what, time);
}

void Mover::note(const std::string& vm, const std::string& what)
{
    if (RunPtr run = find(vm)) {
        run->machine.note(what, now_ns());
        add(run, {});
    }
}

void Mover::told(const std::string& vm, const std::string& move,
                 const std::map<std::string, db::TimeNs>& times,
                 const std::map<std::string, std::int64_t>& figures)
{
    const RunPtr run = find(vm);
    if (!run || run->machine.row().id != move)
        return;
    for (const auto& [what, time] : times)
        run->machine.note(what, time);
    for (const auto& [what, value] : figures)
        run->machine.note_figure(what, value);
    if (!times.empty())
        run->machine.drop_figure("left_ms"); // The pause is over.
    add(run, {});
}

const db::Move* Mover::row(const std::string& vm) const
{
    const RunPtr run = find(vm);
    return run ? &run->machine.row() : nullptr;
}

void Mover::when_settled(const std::string& vm, Settled settled)
{
    RunPtr run = find(vm);
    if (!run || run->machine.over()) {
        settled(nullptr);
        return;
    }
    run->waiting.push_back(std::move(settled));
    if (!run->working)
        tell_settled(run);
}

void Mover::tell_settled(const RunPtr& run)
{
    auto waiting = std::exchange(run->waiting, {});
    for (Settled& settled : waiting) {
        const bool over = run->machine.over();
        if (!settled(over ? nullptr : &run->machine.row()) && !over)
            run->waiting.push_back(std::move(settled));
    }
}

void Mover::lifecycle(const std::string& vm, int event, int detail)
{
    RunPtr run = find(vm);
    if (!run)
        return;
    if (auto signal = signal_of_lifecycle(run->machine.role(), event, detail))
        feed(run, *signal, now_ns());
}

void Mover::switch_event(const nlohmann::json& event)
{
    std::string kind = event.value("kind", "");
    RunPtr run = find(event.value("vm", ""));
    if (!run)
        return;
    db::TimeNs time = event.value("time_ns", now_ns());
    Role role = run->machine.role();
    if (kind == "turned" && run->machine.step() == Step::turned) {
        run->machine.note("drained", time);
        for (const char* figure : {"drained", "swallowed", "held", "lost"})
            run->machine.note_figure(figure, event.value(figure, std::int64_t{0}));
        add(run, {});
    } else if (kind == "first-frame" && role == Role::destination) {
        const db::TimeNs came = event.value("frame_ns", time);
        if (!world_.ledger.service(run->machine.row().vm)) {
            feed(run, Signal::first_frame, came);
            return;
        }
        run->machine.note("first_frame", came); // Whoever moves it says that it runs here.
        add(run, {});
    } else if (kind == "first-guest-frame" && role == Role::destination) {
        run->machine.note("first_guest_frame", event.value("frame_ns", time));
        add(run, {});
    } else if (kind == "activated" && role == Role::destination) {
        run->machine.note("activated", time);
        add(run, {});
    }
}

bool Mover::plugged(const std::string& vm) const
{
    return std::any_of(world_.ports.begin(), world_.ports.end(),
                       [&](const SwitchPort& port) { return is_of(port, vm); });
}

void Mover::ports_changed()
{
    tell_switch();
    for (const auto& [vm, run] : runs_) {
        if (run->machine.role() == Role::destination && plugged(vm))
            feed(run, Signal::port_plugged, now_ns());
    }
}

/// Its ports can come later than its control socket: each VM's orders wait for the VM's port.
void Mover::switch_restarted()
{
    for (const auto& [vm, run] : runs_)
        run->told = !run->machine.under_way();
}

void Mover::tell_switch()
{
    for (const auto& [vm, run] : runs_) {
        if (run->told || !plugged(vm))
            continue;
        run->told = true;
        add(run, run->machine.again());
    }
}

void Mover::figure(const std::string& vm, const std::string& what, std::int64_t value)
{
    RunPtr run = find(vm);
    if (!run || run->machine.role() != Role::destination)
        return;
    run->machine.note_figure(what, value);
    add(run, {});
}

void Mover::ring(const std::string& vm, const std::string& mac, std::uint64_t address)
{
    RunPtr run = find(vm);
    if (!run || run->machine.step() != Step::armed)
        return; // It is of use only before the stop.
    asio::co_spawn(
        io_,
        [this, run, mac, address]() -> asio::awaitable<void> {
            co_await order(run, "holdfast/ring", words(mac, std::to_string(address)));
        },
        asio::detached);
}

/// A destination's row for a VM of ours begins the source's side.
void Mover::source_from(const db::Move& peer)
{
    const db::Vm* vm = world_.ledger.vm(peer.vm);
    bool ours = vm && vm->hypervisor == world_.self();
    bool known = std::any_of(
        world_.ledger.moves().begin(), world_.ledger.moves().end(), [&](const db::Move& row) {
            return row.id == peer.id && row.role == "source" && row.hypervisor == world_.self();
        });
    if (!ours || known || peer.state != "staged")
        return;
    if (RunPtr old = find(peer.vm))
        feed(old, Signal::peer_gone, now_ns());
    RunPtr run = begin(MoveMachine::source(peer, world_.self(), now_ns()));
    add(run, run->machine.begin());
    // It may stand still already; or have gone unseen, to where no daemon told of its coming.
    if (world_.libvirt_here)
        tell_reality(run);
    if (world_.leaving)
        world_.leaving(peer.vm);
}

/// Whether the other side's row was there once and is not any more.
bool Mover::gone_from(const std::vector<db::Move>& rows, const Run& run) const
{
    const std::string& id = run.machine.row().id;
    return seen_peers_.contains(id) &&
           std::none_of(rows.begin(), rows.end(), [&](const db::Move& row) {
               return row.id == id && row.hypervisor != world_.self();
           });
}

void Mover::peer_rows(const std::vector<db::Move>& rows)
{
    if (!resumed_) {
        early_rows_ = rows;
        return;
    }
    for (const db::Move& row : rows) {
        if (row.hypervisor == world_.self())
            continue;
        if (row.role == "destination")
            source_from(row);
        RunPtr run = find(row.vm);
        if (!run || run->machine.row().id != row.id)
            continue;
        seen_peers_.insert(row.id);
        auto signal = signal_of_peer(run->machine.role(), row);
        if (signal == Signal::peer_cleaned && !run->machine.over() && world_.arrived)
            world_.arrived(row.vm); // libvirt's figures are complete on both sides now.
        if (signal)
            feed(run, *signal, now_ns());
    }
    for (const auto& [vm, run] : runs_) {
        const db::Vm* record = world_.ledger.vm(vm);
        // Where the peer's row is too old to be kept, the VM's own record says it.
        if (run->machine.step() == Step::turned && record && record->hypervisor != world_.self())
            feed(run, Signal::peer_active, now_ns());
        if (gone_from(rows, *run)) {
            seen_peers_.erase(run->machine.row().id);
            feed(run, Signal::peer_gone, now_ns());
        }
    }
}

void Mover::tell_reality(const RunPtr& run)
{
    const std::string& vm = run->machine.row().vm;
    auto domain = world_.domains.find(vm);
    Reality reality = domain == world_.domains.end() ? Reality::absent : domain->second.state;
    if (world_.ledger.service(vm))
        return; // Whoever moves it says what became of it.
    // It stood still, and libvirtd has just begun: it says what was so when the one before it
    // ended, as long as it has not asked QEMU again.
    if (run->machine.step() == Step::turned && reality == Reality::running) {
        if (world_.ask_whether_it_runs)
            world_.ask_whether_it_runs(vm);
        return;
    }
    if (auto signal = signal_of_reality(run->machine.role(), reality))
        feed(run, *signal, now_ns());
}

void Mover::take_up()
{
    std::vector<db::Move> rows = world_.ledger.moves();
    for (const db::Move& row : rows) {
        MoveMachine machine = MoveMachine::resumed(row);
        if (row.hypervisor != world_.self() || !machine.under_way() || find(row.vm))
            continue;
        spdlog::info("VM {}: its move, {}, goes on", world_.name_of(row.vm), row.state);
        RunPtr run = begin(std::move(machine));
        run->stored = row;
        run->told = false;
        seen_peers_.insert(row.id); // The other side's row was there when this one was written.
    }
}

void Mover::resume()
{
    for (const auto& [vm, run] : runs_) {
        if (!run->machine.under_way())
            continue;
        tell_reality(run);
        if (plugged(vm))
            feed(run, Signal::port_plugged, now_ns());
    }
    resumed_ = true;
    if (early_rows_)
        peer_rows(*std::exchange(early_rows_, std::nullopt));
}

void Mover::libvirt_back()
{
    for (const auto& [vm, run] : runs_) {
        if (run->machine.under_way())
            tell_reality(run);
    }
}

std::set<std::string> Mover::under_way() const
{
    std::set<std::string> vms;
    for (const auto& [vm, run] : runs_) {
        // Its record is still to be written, when the switch has done what is before that.
        const auto& todo = run->todo;
        if (run->machine.under_way() ||
            std::find(todo.begin(), todo.end(), Action::take_over) != todo.end())
            vms.insert(vm);
    }
    return vms;
}

/// Ends moves that nobody means any more, and forgets those that are over.
asio::awaitable<void> Mover::sweep()
{
    for (;;) {
        boost::system::error_code cancelled;
        sweep_timer_.expires_after(sweep_interval);
        co_await sweep_timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
        if (cancelled)
            co_return;
        auto runs = runs_;
        for (const auto& [vm, run] : runs) {
            const auto& times = run->machine.row().times;
            auto staged = times.find("staged");
            if (run->machine.step() == Step::staged && staged != times.end() &&
                now_ns() - staged->second > staged_limit) {
                feed(run, Signal::deadline, now_ns());
            }
        }
        std::erase_if(runs_, [](const auto& entry) {
            const MoveMachine& machine = entry.second->machine;
            return machine.over() && !entry.second->working &&
                   now_ns() - newest(machine.row()) > keep_limit;
        });
    }
}

} // namespace holdfast::hookd
