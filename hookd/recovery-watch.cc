// SPDX-License-Identifier: Apache-2.0
//
// hookd/recovery-watch: see recovery-watch.h.
#include <config.h>

#include "hookd/recovery-watch.h"

#include <libvirt/libvirt.h>

#include <algorithm>

#include <spdlog/spdlog.h>

#include "common/text.h"
#include "hookd/libvirt-watch.h"
#include "hookd/recovery-orders.h"
#include "recovery/place.h"

namespace holdfast::hookd {
namespace {

// The shortest lease leaves a second and a quarter.
constexpr auto between_ticks = std::chrono::milliseconds{250};
// Of what is asked of libvirt, which can hang, at once.
constexpr std::size_t most_aside = 16;
constexpr auto between_questions = std::chrono::seconds{10};

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
                             const Mover& mover)
    : io_{io}, world_{world}, fleet_{fleet}, mover_{mover}, timer_{io}, aside_{io, most_aside}
{
}

void RecoveryWatch::start()
{
    ran_ = running_here(world_.self(), world_.ledger.vms(), {}, {});
    fenced_ = fleet_.fenced();
    ran_.insert(fenced_.begin(), fenced_.end());
    for (const auto& [vm, lease] : fleet_.own_leases())
        leased_[vm] = {}; // Longer than this start knows.
    tick();
}

void RecoveryWatch::tick()
{
    keep_leases();
    return_fenced();
    begin_refused();
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
    const bool changes = event == VIR_DOMAIN_EVENT_STARTED || event == VIR_DOMAIN_EVENT_STOPPED ||
                         event == VIR_DOMAIN_EVENT_SUSPENDED || event == VIR_DOMAIN_EVENT_RESUMED ||
                         event == VIR_DOMAIN_EVENT_PMSUSPENDED;
    if (changes)
        agents_.forget(vm);
}

bool RecoveryWatch::runs(const std::string& vm) const
{
    const auto domain = world_.domains.find(vm);
    return domain != world_.domains.end() && domain->second.state == Reality::running;
}

void RecoveryWatch::agent_asked(const std::string& vm, AgentSign sign)
{
    agents_.asked(vm, sign, runs(vm) && !fenced_.contains(vm) && !ending_.contains(vm),
                  Clock::now());
    look();
}

bool RecoveryWatch::is_well(const std::string& vm, const std::string& failure) const
{
    const auto domain = world_.domains.find(vm);
    return world_.libvirt_here && domain != world_.domains.end() && !fenced_.contains(vm) &&
           hookd::is_well(failure, domain->second.seems, agents_.of(vm, Clock::now()));
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
    for (const std::string& vm : fenced_) // What has become of it is told once it is not any more.
        if (own.ran.contains(vm))
            ran_.insert(vm);
    own.domains = &world_.domains;
    own.ended_badly = ended_badly_;
    own.moving = mover_.under_way();
    own.moving.insert(fenced_.begin(), fenced_.end());
    own.moving.insert(ending_.begin(), ending_.end());
    own.agent_silent = agents_.all(Clock::now());
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
    follow_moves();
    end_replaced();
}

/// A VM that was started elsewhere, and has moved on, has its place here now.
void RecoveryWatch::follow_moves()
{
    if (fleet_.configured() && !fleet_.knows())
        return;
    const auto& ledger = world_.ledger;
    for (const db::Recovery& to :
         moved_here(world_.self(), ledger.vms(), ledger.recoveries(), ledger.moves())) {
        const auto was = std::ranges::find(ledger.recoveries(), to.id, &db::Recovery::id);
        fleet_.put_recovery(to, *was, [](const Result<void>&) {}); // Else at the next look.
    }
}

/// What cannot be told now is told at a later tick.
void RecoveryWatch::write_failures()
{
    for (const db::Recovery& row : std::exchange(unsent_, {})) {
        if (!is_to_be_told(row, world_.self(), world_.ledger.vms(), world_.ledger.recoveries()))
            continue; // It was recovered meanwhile, or has come up elsewhere.
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
    const auto domain = world_.domains.find(vm); // One can be here without a record.
    return {world_.config.libvirt_uri, vm,
            domain == world_.domains.end() ? world_.name_of(vm) : domain->second.xml.name};
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
    aside_.run([place = place_of(vm)] { return end_domain(place); },
               [this, vm, done](const Result<std::string>& ended) {
                   ending_.erase(vm);
                   if (ended && fenced_.erase(vm) > 0)
                       keep_fenced();
                   done(ended);
               });
}

/// Of what was recovered while this hypervisor was away.
void RecoveryWatch::end_replaced()
{
    if (fleet_.configured() && !fleet_.knows())
        return;
    for (const auto& vm : to_be_ended(world_.self(), world_.domains, world_.ledger.recoveries(),
                                      mover_.under_way(), world_.ledger.moves())) {
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

/// Those that others may recover by now stand still.  After a restart it can be late already:
/// libvirt is given a moment all the same, for what is late is mostly the restart.
void RecoveryWatch::keep_leases()
{
    const auto now = LeaseGuard::Clock::now();
    std::map<std::string, std::int64_t> leases = fleet_.own_leases();
    std::erase_if(leased_, [&](const auto& one) { return !leases.contains(one.first); });
    if (!fleet_.configured())
        return;
    for (const auto& [vm, seconds] : leases) {
        const recovery::Seconds lease{seconds};
        const auto since = leased_.try_emplace(vm, now).first->second;
        if (runs(vm) && fleet_.guard().expired(lease, now) && now - since >= lease * 3 / 4 &&
            !ending_.contains(vm))
            fence(vm, std::max({fleet_.guard().deadline(lease), since + lease * 7 / 8,
                                now + std::chrono::milliseconds{lease} / 8}));
    }
}

void RecoveryWatch::fence(const std::string& vm, LeaseGuard::Time deadline)
{
    note("vm-fenced", vm,
         world_.name_of(vm) + " is paused: " + world_.self() +
             " does not reach the fleet's database any more, and others may recover it");
    ending_.insert(vm);
    fenced_.insert(vm);
    keep_fenced();
    agents_.forget(vm);
    aside_.run([place = place_of(vm)] { return pause_domain(place); },
               [this, vm](const Result<std::string>& paused) { fenced(vm, paused); });
    kill_at(vm, deadline);
}

void RecoveryWatch::fenced(const std::string& vm, const Result<std::string>& paused)
{
    ending_.erase(vm);
    kills_.erase(vm);
    if (paused && *paused != paused_word)
        ended_badly_.insert(vm);
    world_.problem("fenced " + world_.name_of(vm),
                   !paused ? paused.error().message + ": end it, for others may recover it"
                           : world_.name_of(vm) +
                                 (*paused == paused_word ? " is paused" : " was killed") +
                                 " until the fleet's database is reached again: see the network, "
                                 "and the database");
}

/// Libvirt can hang, and QEMU wait for its disks: a lease does not wait for them.
void RecoveryWatch::kill_at(const std::string& vm, LeaseGuard::Time deadline)
{
    boost::asio::steady_timer& timer =
        kills_.insert_or_assign(vm, boost::asio::steady_timer{io_}).first->second;
    timer.expires_after(deadline - LeaseGuard::Clock::now());
    timer.async_wait([this, vm](boost::system::error_code cancelled) {
        if (cancelled || kills_.erase(vm) == 0) // It was paused in time.
            return;
        const DomainPlace place = place_of(vm);
        const auto killed = place.uri.starts_with("qemu:") ? kill_qemu(place.name) : Result<void>{};
        note("vm-killed", vm,
             place.name + (killed ? " is killed: libvirt has not paused it in time"
                                  : ": " + killed.error().message));
    });
}

/// Back in the fleet: what was not recovered goes on.
void RecoveryWatch::return_fenced()
{
    if (!fleet_.knows() || fleet_.guard().expired(recovery::Seconds{5}, LeaseGuard::Clock::now()))
        return;
    for (const std::string& vm : std::set{fenced_})
        if (!ending_.contains(vm) && world_.libvirt_here &&
            recovery::has_place(world_.ledger.recoveries(), vm, world_.self()))
            goes_on(vm);
}

Result<void> RecoveryWatch::may_begin(const std::string& vm)
{
    const auto leases = fleet_.own_leases();
    const auto lease = leases.find(vm);
    if (!fleet_.configured() || lease == leases.end())
        return {};
    const auto may =
        may_start_leased(fleet_.knows(), fleet_.guard().expired(recovery::Seconds{lease->second},
                                                                LeaseGuard::Clock::now()));
    if (!may)
        refused_.insert(vm);
    return may;
}

/// At the machine's start libvirt is quicker than the fleet's database.
void RecoveryWatch::begin_refused()
{
    if (refused_.empty() || !world_.libvirt_here || !fleet_.knows())
        return;
    for (const std::string& vm : std::exchange(refused_, {})) {
        if (!recovery::has_place(world_.ledger.recoveries(), vm, world_.self()))
            continue;
        aside_.run([place = place_of(vm)] { return autostart_domain(place); },
                   [](const Result<std::string>& begun) {
                       if (!begun)
                           spdlog::warn("{}", begun.error().message);
                   });
    }
}

void RecoveryWatch::goes_on(const std::string& vm)
{
    const auto domain = world_.domains.find(vm);
    if (domain == world_.domains.end() || domain->second.state != Reality::paused) {
        fenced_.erase(vm); // It was killed, or somebody else has let it go on.
        keep_fenced();
        world_.problem("fenced " + world_.name_of(vm), "");
        look();
        return;
    }
    ending_.insert(vm);
    aside_.run([place = place_of(vm)] { return resume_domain(place); },
               [this, vm](const Result<std::string>& resumed) {
                   ending_.erase(vm);
                   world_.problem("fenced " + world_.name_of(vm),
                                  resumed ? "" : resumed.error().message);
                   if (!resumed)
                       return; // Tried again at the next tick.
                   fenced_.erase(vm);
                   keep_fenced();
                   agents_.forget(vm);
                   note("vm-back", vm,
                        world_.name_of(vm) + " goes on: the fleet's database is reached again");
               });
}

} // namespace holdfast::hookd
