// SPDX-License-Identifier: Apache-2.0
//
// hookd/recovery-watch: see recovery-watch.h.
#include <config.h>

#include "hookd/recovery-watch.h"

#include <libvirt/libvirt.h>

#include <spdlog/spdlog.h>

#include "common/text.h"

namespace holdfast::hookd {
namespace {

constexpr auto between_ticks = std::chrono::seconds{1};
constexpr auto between_questions = std::chrono::seconds{10};
constexpr int most_missed = 3; // Questions without an answer, and it hangs.

std::string failure_text(const db::Recovery& row, const std::string& name)
{
    if (row.failure == "crashed")
        return name + " has ended by itself: its QEMU has gone";
    if (row.failure == "halted")
        return name + " stands still: QEMU has paused it after an error";
    return name + " hangs: its guest agent does not answer any more";
}

} // namespace

RecoveryWatch::RecoveryWatch(boost::asio::io_context& io, World& world, FleetLink& fleet,
                             const Mover& mover, Tools& tools)
    : io_{io}, world_{world}, fleet_{fleet}, mover_{mover}, tools_{tools}, timer_{io}
{
}

void RecoveryWatch::start()
{
    ran_ = running_here(world_.self(), world_.ledger.vms(), {}, {});
    tick();
}

void RecoveryWatch::tick()
{
    keep_leases();
    return_fenced();
    if (!unsent_.empty() && (fleet_.knows() || !fleet_.configured()))
        write_failures();
    if (const auto now = Clock::now(); now - asked_ >= between_questions && ask_agents) {
        asked_ = now;
        std::vector<std::string> vms;
        for (const auto& [vm, lease] : fleet_.own_leases())
            if (ran_.contains(vm))
                vms.push_back(vm);
        ask_agents(std::move(vms));
    }
    timer_.expires_after(between_ticks);
    timer_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled)
            tick();
    });
}

void RecoveryWatch::event(const std::string& vm, int event, int detail)
{
    const bool badly =
        event == VIR_DOMAIN_EVENT_CRASHED ||
        (event == VIR_DOMAIN_EVENT_STOPPED &&
         (detail == VIR_DOMAIN_EVENT_STOPPED_CRASHED || detail == VIR_DOMAIN_EVENT_STOPPED_FAILED));
    if (badly)
        ended_badly_.insert(vm);
    else if (event == VIR_DOMAIN_EVENT_STARTED || event == VIR_DOMAIN_EVENT_STOPPED)
        ended_badly_.erase(vm);
    if (event == VIR_DOMAIN_EVENT_STARTED || event == VIR_DOMAIN_EVENT_STOPPED)
        agents_.erase(vm); // It is to answer anew before its silence counts.
}

void RecoveryWatch::agent_asked(const std::string& vm, bool answers)
{
    if (answers) {
        agents_[vm] = {Clock::now(), 0};
    } else if (const auto agent = agents_.find(vm); agent != agents_.end()) {
        ++agent->second.missed;
    } else {
        return; // It has none, or its guest has not begun yet.
    }
    look();
}

/// That nobody has asked is no silence.
std::map<std::string, recovery::Seconds> RecoveryWatch::agent_silence() const
{
    std::map<std::string, recovery::Seconds> silence;
    for (const auto& [vm, agent] : agents_)
        silence[vm] =
            agent.missed < most_missed
                ? recovery::Seconds::zero()
                : std::chrono::duration_cast<recovery::Seconds>(Clock::now() - agent.answered);
    return silence;
}

void RecoveryWatch::look()
{
    if (!world_.libvirt_here)
        return;
    OwnVms own;
    own.self = world_.self();
    own.vms = &world_.ledger.vms();
    own.ran = ran_;
    ran_ = running_here(own.self, *own.vms, own.ran, world_.domains);
    own.domains = &world_.domains;
    own.ended_badly = ended_badly_;
    own.moving = mover_.under_way();
    own.moving.insert(fenced_.begin(), fenced_.end());
    own.moving.insert(ending_.begin(), ending_.end());
    own.agent_silent = agent_silence();
    auto change = compute_failures(own, world_.ledger.recoveries(), now_ns());
    for (db::Recovery& row : change.begun) {
        if (telling_.contains(row.vm) || std::ranges::count(unsent_, row.vm, &db::Recovery::vm) > 0)
            continue;
        row.id = new_uuid();
        note("vm-failed", row.vm, failure_text(row, world_.name_of(row.vm)));
        unsent_.push_back(row);
    }
    for (const db::Recovery& row : change.over) {
        db::Recovery to = row;
        to.state = "over";
        to.text = "it is well again";
        to.changed = now_ns();
        fleet_.put_recovery(to, row, [](const Result<void>&) {}); // Else at the next look.
    }
    write_failures();
    end_replaced();
}

/// What cannot be told now is told at a later tick.
void RecoveryWatch::write_failures()
{
    for (const db::Recovery& row : std::exchange(unsent_, {})) {
        telling_.insert(row.vm);
        fleet_.put_recovery(row, std::nullopt, [this, row](const Result<void>& put) {
            telling_.erase(row.vm);
            if (!put && put.error().code == Errc::unavailable)
                unsent_.push_back(row);
            else if (!put)
                spdlog::warn("the failure of {} cannot be told: {}", world_.name_of(row.vm),
                             put.error().message);
        });
    }
}

DomainPlace RecoveryWatch::place_of(const std::string& vm) const
{
    return {world_.config.libvirt_uri, vm, world_.name_of(vm)};
}

void RecoveryWatch::note(const std::string& kind, const std::string& vm, const std::string& text)
{
    StoreChange change;
    change.events = {world_.event(kind, text, now_ns())};
    change.events[0].vm = vm;
    spdlog::warn("{}", text);
    world_.commit(change);
}

void RecoveryWatch::end(const std::string& vm, Tools::Done done)
{
    ending_.insert(vm);
    tools_.run([place = place_of(vm)] { return end_domain(place); },
               [this, vm, done](const Result<std::string>& ended) {
                   ending_.erase(vm);
                   if (ended)
                       fenced_.erase(vm);
                   done(ended);
               });
}

/// Of what was recovered while this hypervisor was away.
void RecoveryWatch::end_replaced()
{
    if (fleet_.configured() && !fleet_.knows())
        return;
    for (const auto& vm : to_be_ended(world_.self(), world_.domains, world_.ledger.recoveries())) {
        if (ending_.contains(vm))
            continue;
        note("vm-replaced", vm,
             world_.name_of(vm) + " was recovered while " + world_.self() +
                 " was away: it is ended here");
        end(vm, [this, vm](const Result<std::string>& ended) {
            world_.problem("replaced " + world_.name_of(vm),
                           ended ? "" : ended.error().message + ": end it, for it was recovered");
        });
    }
}

/// Those that others may recover by now stand still.
void RecoveryWatch::keep_leases()
{
    const auto now = Clock::now();
    std::map<std::string, std::int64_t> leases = fleet_.own_leases();
    std::erase_if(leased_, [&](const auto& one) { return !leases.contains(one.first); });
    if (!fleet_.configured())
        return;
    for (const auto& [vm, seconds] : leases) {
        const recovery::Seconds lease{seconds};
        const auto since = leased_.try_emplace(vm, now).first->second;
        const auto domain = world_.domains.find(vm);
        const bool runs =
            domain != world_.domains.end() && domain->second.state == Reality::running;
        if (runs && fleet_.guard().expired(lease, now) && now - since >= lease * 3 / 4 &&
            !ending_.contains(vm))
            fence(vm);
    }
}

void RecoveryWatch::fence(const std::string& vm)
{
    note("vm-fenced", vm,
         world_.name_of(vm) + " is paused: " + world_.self() +
             " does not reach the fleet's database any more, and others may recover it");
    ending_.insert(vm);
    fenced_.insert(vm);
    tools_.run([place = place_of(vm)] { return pause_domain(place); },
               [this, vm](const Result<std::string>& paused) {
                   ending_.erase(vm);
                   world_.problem("fenced " + world_.name_of(vm),
                                  paused ? world_.name_of(vm) +
                                               " is paused until the fleet's database is reached "
                                               "again: see the network, and the database"
                                         : paused.error().message +
                                               ": end it, for others may recover it");
               });
}

/// Back in the fleet: what was not recovered goes on.
void RecoveryWatch::return_fenced()
{
    if (!fleet_.knows() || fleet_.guard().expired(recovery::Seconds{5}, Clock::now()))
        return;
    for (const std::string& vm : std::set{fenced_}) {
        if (ending_.contains(vm) || replaced_by(world_.ledger.recoveries(), vm))
            continue;
        fenced_.erase(vm);
        world_.problem("fenced " + world_.name_of(vm), "");
        const auto domain = world_.domains.find(vm);
        if (domain == world_.domains.end() || domain->second.state != Reality::paused)
            continue;
        note("vm-back", vm, world_.name_of(vm) + " goes on: the fleet's database is reached again");
        ending_.insert(vm);
        tools_.run([place = place_of(vm)] { return resume_domain(place); },
                   [this, vm](const Result<std::string>& resumed) {
                       ending_.erase(vm);
                       if (!resumed)
                           spdlog::warn("{}", resumed.error().message);
                   });
    }
}

} // namespace holdfast::hookd
