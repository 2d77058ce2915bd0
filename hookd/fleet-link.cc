// SPDX-License-Identifier: Apache-2.0
//
// hookd/fleet-link: see fleet-link.h.  Rows and tasks; joining is in fleet-join.cc.
#include <config.h>

#include "hookd/fleet-link.h"

#include <boost/asio/post.hpp>

#include <algorithm>

#include <spdlog/spdlog.h>

#include "common/json-text.h"
#include "common/text.h"
#include "hookd/index.h"
#include "hookd/share-rules.h"
#include "recovery/rows.h"

namespace asio = boost::asio;

namespace holdfast::hookd {
namespace {

constexpr auto beat_interval = std::chrono::seconds{15};

/// What brings a damaged row in order.
std::string mend_of(const db::Damage& damage)
{
    const std::string by_hand = "or write it right with ovsdb-client(1)";
    const auto go_on = [](const std::string& rest) {
        return ": the hypervisors that know it go on with it as it was; " + rest;
    };
    if (damage.table == "Balancer")
        return go_on("\"holdfast balancer del " + one_line(damage.key, 64) +
                     "\" and add it anew, " + by_hand);
    if (damage.table == "Chain")
        return ": that hop is nobody, and drops what is led to it; \"holdfast chain set " +
               one_line(damage.key, 64) + " --via\" with all hops, " + by_hand;
    if (damage.table == "Recovery_Policy" || damage.table == "Recovery")
        return go_on("write it right with ovsdb-client(1)");
    return go_on("its owner's holdfast-hookd writes it anew when it is started, " + by_hand);
}

/// Whether each row has one of its name in the fleet.
template <class Row>
bool all_there(const std::vector<Row>& rows, const std::vector<Row>& fleet)
{
    Index shared{fleet, &Row::name};
    return std::all_of(rows.begin(), rows.end(),
                       [&](const Row& row) { return shared.find(row.name) != nullptr; });
}

} // namespace

FleetLink::FleetLink(asio::io_context& io, World& world, Mover& mover, Tools& tools, OvsLoop& loop,
                     const std::string& rundir)
    : io_{io}, world_{world}, mover_{mover}, tools_{tools}, rundir_{rundir},
      lease_note_{load_lease_note(rundir + "/lease.json")}, guard_{lease_note_.sent},
      life_{io,
            world,
            {[this] { note_unheard(); }, [this] { return connected(); }, [this] { read_seen(); }}},
      beat_timer_{io}, retry_{io}
{
    fleet_ = std::make_unique<db::Fleet>(
        loop, [this](std::shared_ptr<const db::FleetSnapshot> snapshot) { on_snapshot(snapshot); });
}

FleetLink::~FleetLink() = default;

std::string FleetLink::state() const
{
    if (!configured())
        return "none";
    if (!trouble_.empty())
        return trouble_;
    if (!snapshot_ || !snapshot_->connected)
        return "the database at " + note_.address + " is away: going on with what is known";
    return joined_ ? "ok" : "joining";
}

std::vector<std::string> FleetLink::damages() const
{
    std::vector<std::string> lines;
    for (const db::Damage& damage : damaged_)
        lines.push_back("fleet database: " + db::text_of(damage) + mend_of(damage));
    return lines;
}

bool FleetLink::is_damaged(const std::string& table, const std::string& key) const
{
    return db::is_damaged(damaged_, table, key);
}

/// Of a row that was damaged before nothing new is said.
void FleetLink::note_damages(const std::vector<db::Damage>& damaged)
{
    for (const db::Damage& damage : damaged)
        if (std::ranges::find(damaged_, damage) == damaged_.end())
            spdlog::error("fleet database: {}{}", db::text_of(damage), mend_of(damage));
    damaged_ = damaged;
}

Shared FleetLink::shared(const db::Hypervisor& self) const
{
    return {self.name,
            &world_.ledger.hypervisors(),
            &world_.ledger.vms(),
            &world_.ledger.chains(),
            &world_.ledger.balancers(),
            &world_.ledger.health(),
            &world_.ledger.services(),
            &world_.ledger.leases(),
            &world_.ledger.quotas(),
            &world_.ledger.moves(),
            &world_.ledger.specifications(),
            &world_.ledger.recovery_policies(),
            &world_.ledger.recoveries()};
}

void FleetLink::on_snapshot(std::shared_ptr<const db::FleetSnapshot> snapshot)
{
    bool was_connected = snapshot_ && snapshot_->connected;
    note_damages(snapshot->damaged);
    if (snapshot->damaged.empty())
        snapshot_ = std::move(snapshot);
    else
        snapshot_ = std::make_shared<const db::FleetSnapshot>(
            mended(*snapshot, shared(world_.ledger.self())));
    if (snapshot_->connected != was_connected) {
        ready_told_ = tasks_known_ = false;
        if (snapshot_->connected && joined_)
            life_.silence().listen_anew(std::chrono::steady_clock::now());
        spdlog::info("fleet: database {} at {}", snapshot_->connected ? "connected" : "away",
                     note_.address);
    }
    if (was_connected && !snapshot_->connected && !note_.listen.empty())
        serve_again(); // It is ours: the others wait for it too.
    if (!snapshot_->connected || !configured())
        return;
    if (!joined_) {
        try_join();
        return;
    }
    if (!settled())
        return;
    if (!pull())
        return; // Nor is a task answered as if the rows were here.
    push_soon();
    do_tasks();
    if (ready_ && !std::exchange(ready_told_, true))
        ready_();
}

void FleetLink::set_ready(std::function<void()> ready)
{
    if (configured())
        ready_ = std::move(ready);
    else
        ready();
}

/// Whether the snapshot is one that may decide what the store holds: it knows us, and what
/// we put into it when we joined.
bool FleetLink::settled()
{
    const std::string self = world_.ledger.self().id;
    bool member = std::any_of(snapshot_->hypervisors.begin(), snapshot_->hypervisors.end(),
                              [&](const db::Hypervisor& row) { return row.id == self; });
    if (!member && was_member_) {
        spdlog::warn("fleet: the database at {} does not know us any more: joining again",
                     note_.address);
        joined_ = pulled_ = was_member_ = false;
        try_join();
    }
    if (!member)
        return false;
    was_member_ = true;
    if (awaits_ours_ && !(all_there(world_.ledger.chains(), snapshot_->chains) &&
                          all_there(world_.ledger.balancers(), snapshot_->balancers) &&
                          all_there(world_.ledger.quotas(), snapshot_->quotas)))
        return false;
    awaits_ours_ = false;
    return true;
}

bool FleetLink::pull()
{
    db::Hypervisor self = world_.ledger.self();
    StoreChange change = pull_changes(*snapshot_, shared(self), !pulled_, unheard_);
    pulled_ = true;
    note_yielded(change);
    if (!world_.commit(change))
        return false;
    if (!change.remove_hypervisors.empty())
        note_unheard(); // Nothing is wrong with those any more.
    mover_.peer_rows(snapshot_->moves);
    // A row that another took over, or gave up, may be of what runs here.
    if (!(change.put_vms.empty() && change.remove_vms.empty()) && world_.refresh_soon)
        world_.refresh_soon();
    return true;
}

/// Of what runs here, and was ours until now, another runs, too.
void FleetLink::note_yielded(const StoreChange& change)
{
    const auto moving = mover_.under_way();
    for (const db::Vm& row : change.put_vms) {
        const db::Vm* ours = world_.ledger.vm(row.id);
        if (ours && ours->hypervisor == world_.self() && !moving.contains(row.id) &&
            yields(*ours, row))
            world_.yielded.insert(row.id);
    }
}

void FleetLink::push_soon()
{
    if (!connected() || std::exchange(push_wanted_, true))
        return;
    asio::post(io_, [this] {
        if (push_wanted_ && !pushing_)
            push();
    });
}

void FleetLink::push()
{
    push_wanted_ = false;
    if (!connected() || !pulled_)
        return;
    db::Hypervisor self = world_.ledger.self();
    db::FleetChange change = push_changes(*snapshot_, shared(self), now_ns());
    if (change.empty())
        return;
    pushing_ = true;
    if (!change.put_specifications.empty() || !change.put_hypervisors.empty())
        change.put_hypervisors = {alive()}; // A lease runs from now on, and they see that it does.
    const auto sent = LeaseGuard::Clock::now();
    fleet_->transact(change, [this, change, sent](const Result<void>& done) {
        pushing_ = false;
        if (done && !change.put_hypervisors.empty()) {
            confirmed(sent);
            beat_later(); // Perhaps sooner than until now.
        }
        if (!done && done.error().code != Errc::unavailable) {
            // Such as a VM that another hypervisor took over while we were cut off.
            spdlog::info("fleet: rows refused together ({}): sending them one by one",
                         done.error().message);
            push_one_by_one(change);
        }
        // The snapshot with our rows follows; what changed meanwhile goes then or now.
        if (push_wanted_)
            push();
    });
}

/// So that one row that another hypervisor took over does not hold the others up.
void FleetLink::push_one_by_one(const db::FleetChange& change)
{
    auto send = [this](db::FleetChange one, const std::string& what) {
        fleet_->transact(std::move(one), [what](const Result<void>& done) {
            if (!done)
                spdlog::info("fleet: {}: {}", what, done.error().message);
        });
    };
    for (const db::Vm& vm : change.put_vms) {
        db::FleetChange one;
        one.put_vms = {vm};
        send(one, "VM " + vm.name);
    }
    for (const db::Service& service : change.put_services) {
        db::FleetChange one;
        one.put_services = {service};
        // A name that another service had before this hypervisor joined: for a person to see.
        fleet_->transact(one, [this, service](const Result<void>& done) {
            const db::Service* now = world_.ledger.service(service.id);
            if (now && now->hypervisor == service.hypervisor) // Else another took it over.
                world_.problem("service " + service.name, done ? "" : done.error().message);
        });
    }
    for (const db::Specification& specification : change.put_specifications) {
        db::FleetChange one;
        one.put_specifications = {specification};
        one.put_hypervisors = {alive()};
        send(one, "specification of " + world_.name_of(specification.id));
    }
    for (const db::Move& move : change.put_moves) {
        db::FleetChange one;
        one.put_moves = {move};
        send(one, "move of " + world_.name_of(move.vm));
    }
    db::FleetChange rest;
    rest.put_hypervisors = change.put_hypervisors;
    rest.remove_vms = change.remove_vms;
    rest.remove_services = change.remove_services;
    rest.remove_specifications = change.remove_specifications;
    rest.put_health = change.put_health;
    rest.remove_health = change.remove_health;
    rest.remove_moves = change.remove_moves;
    send(rest, "the rest");
}

void FleetLink::read_seen()
{
    if (std::exchange(reading_seen_, true))
        return;
    seen_read_ = std::chrono::steady_clock::now();
    fleet_->read_hypervisors([this](const Result<std::vector<db::Hypervisor>>& rows) {
        reading_seen_ = false;
        if (rows)
            note_seen(*rows);
    });
}

/// The own row, with when that was.
db::Hypervisor FleetLink::alive() const
{
    db::Hypervisor row = world_.ledger.self();
    row.seen = now_ns();
    return row;
}

void FleetLink::confirmed(LeaseGuard::Time sent)
{
    guard_.confirmed(sent);
    if (!own_leases().empty())
        keep_lease_note();
}

void FleetLink::keep_fenced(const std::set<std::string>& vms)
{
    if (std::exchange(lease_note_.fenced, vms) != vms)
        keep_lease_note();
}

void FleetLink::keep_lease_note()
{
    lease_note_.sent = guard_.sent();
    const auto kept = save_lease_note(rundir_ + "/lease.json", lease_note_);
    world_.problem("leases", kept ? "" : kept.error().message);
}

std::map<std::string, std::int64_t> FleetLink::own_leases() const
{
    std::map<std::string, std::int64_t> leases;
    const auto add = [&](const std::vector<db::Specification>& rows) {
        for (const db::Specification& row : rows) {
            if (row.hypervisor != world_.self() || row.lease == 0)
                continue;
            const auto known = leases.try_emplace(row.id, row.lease).first;
            known->second = std::min(known->second, row.lease);
        }
    };
    add(world_.ledger.specifications());
    if (snapshot_)
        add(snapshot_->specifications);
    return leases;
}

void FleetLink::read_heard(
    const std::string& hypervisor,
    std::function<void(std::optional<std::chrono::steady_clock::time_point>)> done)
{
    if (!connected()) {
        done(std::nullopt);
        return;
    }
    fleet_->read_hypervisors(
        [this, hypervisor, done](const Result<std::vector<db::Hypervisor>>& rows) {
            if (rows)
                note_seen(*rows);
            const db::Hypervisor* row = world_.ledger.hypervisor(hypervisor);
            done(rows && row ? life_.silence().heard(row->id) : std::nullopt);
        });
}

/// Says that this hypervisor lives.
void FleetLink::beat()
{
    if (connected()) {
        db::FleetChange change;
        change.put_hypervisors = {alive()};
        const auto sent = LeaseGuard::Clock::now();
        fleet_->transact(change, [this, sent](const Result<void>& done) {
            if (done)
                confirmed(sent);
            else
                spdlog::warn("fleet: heartbeat: {}", done.error().message);
        });
        // With each beat, but not as often as short leases have it beat.
        if (std::chrono::steady_clock::now() - seen_read_ >= beat_interval / 2)
            read_seen();
        push_soon(); // Moves that have become history go, whatever else happens.
    } else if (configured() && snapshot_ && snapshot_->connected && !joiner_) {
        try_join(); // What it was refused for may have passed.
    } else if (!note_.listen.empty() && !joiner_) {
        serve_again();
    }
    beat_later();
}

/// As often as the shortest lease of a VM here wants it.
void FleetLink::beat_later()
{
    auto interval = beat_interval;
    for (const auto& [vm, lease] : own_leases())
        interval = std::min(interval, LeaseGuard::beat_for(std::chrono::seconds{lease}));
    beat_timer_.expires_after(interval);
    beat_timer_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled)
            beat();
    });
}

/// Keeps when the others were last heard of, and says so if that is long ago.
void FleetLink::note_seen(const std::vector<db::Hypervisor>& rows)
{
    const auto now = std::chrono::steady_clock::now();
    const auto changed = life_.silence().look(rows, now);
    StoreChange change;
    for (const db::Hypervisor& row : rows) {
        const db::Hypervisor* known = world_.ledger.hypervisor(row.name);
        if (!known || (known->seen != 0 && !changed.contains(row.id)))
            continue; // One that is new here is given its minute.
        change.seen.push_back(*known);
        change.seen.back().seen = now_ns();
    }
    world_.commit(change);
    note_unheard();
}

/// What follows where others are not heard of, or are heard of again.
void FleetLink::note_unheard()
{
    const auto now = std::chrono::steady_clock::now();
    std::erase_if(world_.problems, [this](const auto& problem) {
        constexpr std::string_view subject = "hypervisor ";
        return problem.first.starts_with(subject) &&
               !world_.ledger.hypervisor(problem.first.substr(subject.size()));
    });
    // While no rows can be read nobody can be heard.
    Unheard unheard{connected() ? std::set<std::string>{} : unheard_.silent, life_.dead()};
    for (const db::Hypervisor& row : world_.ledger.hypervisors())
        if (connected() && !row.self && life_.silence().silent(row.id, now))
            unheard.silent.insert(row.name);
    for (const db::Hypervisor& row : world_.ledger.hypervisors())
        world_.problem("hypervisor " + row.name, trouble_with(row, unheard));
    note_lost();
    if (unheard == unheard_)
        return;
    std::swap(unheard, unheard_);
    note_dead(unheard.dead);
    if (connected())
        on_snapshot(snapshot_); // Its servers are others now.
}

/// The switch holds addresses of those that are lost (spec balancer.md, B14).
void FleetLink::note_lost()
{
    const auto now = std::chrono::steady_clock::now();
    StoreChange change;
    for (db::Hypervisor row : world_.ledger.hypervisors()) {
        const bool lost = life_.silence().lost(row.id, row.lost, connected(), now);
        const bool answers = life_.silence().answers(row.id);
        if (row.self || (lost == row.lost && answers == row.answers))
            continue;
        row.lost = lost;
        row.answers = answers;
        change.put_hypervisors.push_back(row);
    }
    world_.commit(change);
}

std::string FleetLink::trouble_with(const db::Hypervisor& row, const Unheard& unheard) const
{
    if (unheard.dead.contains(row.name))
        return "neither its holdfast-hookd nor its address " + row.vtep +
               " answers: its VMs are dead hops until it does: see whether the machine runs";
    const bool answers = row.vtep.empty() || row.self || life_.silence().answers(row.id);
    if (unheard.silent.contains(row.name))
        return "its holdfast-hookd was not heard of for more than a minute: see whether the "
               "machine and the daemon run" +
               (answers
                    ? ""
                    : "; its address " + row.vtep +
                          " does not answer ICMP echoes, nor did it before, so its VMs count as "
                          "running: let echo requests pass");
    if (life_.silence().stopped(row.id))
        return "its tunnel's address " + row.vtep +
               " does not answer any more, though its holdfast-hookd is heard of: see the network "
               "between the tunnels' ends, and let ICMP echo requests pass";
    return "";
}

/// The VMs of hypervisors that died do no work, whether the database can be reached or not.
void FleetLink::note_dead(const std::set<std::string>& before)
{
    StoreChange change;
    const auto& vms = world_.ledger.vms();
    const auto heard = heard_vms(vms, unheard_.dead);
    for (std::size_t i = 0; i < vms.size(); ++i)
        if (heard[i] != vms[i])
            change.put_vms.push_back(heard[i]);
    for (const db::Hypervisor& row : world_.ledger.hypervisors()) {
        const bool dead = unheard_.dead.contains(row.name);
        if (dead == before.contains(row.name))
            continue;
        change.events.push_back(world_.event(
            dead ? "node-dead" : "node-back",
            row.name + (dead ? " is dead: it neither writes nor answers" : " is heard of again"),
            now_ns()));
        spdlog::warn("{}", change.events.back().text);
    }
    world_.commit(change);
    if (world_.refresh_soon)
        world_.refresh_soon(); // What runs on a dead one, too, may be ours again.
}

void FleetLink::read_chains(std::function<void(const Result<db::Seen<db::Chain>>&)> done)
{
    if (!configured())
        done(db::Seen<db::Chain>{world_.ledger.chains(), {}});
    else if (!connected())
        done(away("chains"));
    else
        fleet_->read_chains(std::move(done));
}

void FleetLink::read_balancers(std::function<void(const Result<db::Seen<db::Balancer>>&)> done)
{
    if (!configured()) {
        done(db::Seen<db::Balancer>{world_.ledger.balancers(), {}});
        return;
    }
    if (!connected()) {
        done(away("balancers"));
        return;
    }
    fleet_->read_balancers([this, done](Result<db::Seen<db::Balancer>> seen) {
        if (seen)
            mend_balancers(seen->rows, world_.ledger.balancers(), damaged_);
        done(seen);
    });
}

void FleetLink::put_chain(const db::Chain& chain, const std::optional<std::string>& was,
                          const std::optional<std::string>& seen, Told done)
{
    StoreChange local;
    local.put_chains = {chain};
    db::FleetChange change;
    change.put_chains = {chain};
    if (was)
        change.chains_were = {{chain.name, *was}};
    if (seen && !seen->empty()) // Read before there was a fleet.
        change.chains_seen = seen;
    change_shared("chains", local, change, std::move(done));
}

void FleetLink::remove_chain(const std::string& name, const std::string& was, Told done)
{
    StoreChange local;
    local.remove_chains = {name};
    db::FleetChange change;
    change.remove_chains = {name};
    change.chains_were = {{name, was}};
    change_shared("chains", local, change, std::move(done));
}

void FleetLink::put_balancer(const db::Balancer& balancer, const std::optional<db::Balancer>& was,
                             const std::string& seen, Told done)
{
    if (is_damaged("Balancer", balancer.name)) {
        done(Error{Errc::damaged, "balancer " + balancer.name +
                                      ": its row in the fleet's database is damaged, see "
                                      "\"holdfast status\": delete it first, and add it anew"});
        return;
    }
    StoreChange local;
    local.put_balancers = {balancer};
    db::FleetChange change;
    change.put_balancers = {balancer};
    if (was)
        change.balancers_were = {{balancer.name, *was}};
    if (!seen.empty())
        change.balancers_seen = seen;
    change_shared("balancers", local, change, std::move(done));
}

void FleetLink::remove_balancer(const std::string& name, const std::optional<db::Balancer>& was,
                                Told done)
{
    StoreChange local;
    local.remove_balancers = {name};
    db::FleetChange change;
    change.remove_balancers = {name};
    if (was)
        change.balancers_were = {{name, *was}};
    change_shared("balancers", local, change, std::move(done));
}

void FleetLink::put_service(const db::Service& service, Told done)
{
    StoreChange local;
    local.put_services = {service};
    db::FleetChange change;
    change.put_services = {service};
    change_shared("names of services", local, change, std::move(done));
}

void FleetLink::put_recovery_policy(const db::RecoveryPolicy& policy,
                                    const std::optional<db::RecoveryPolicy>& was, Told done)
{
    StoreChange local;
    db::FleetChange change;
    if (policy.name != db::fleet_policy && recovery::says_nothing(policy)) {
        local.remove_recovery_policies = {policy.name};
        change.remove_recovery_policies = {policy.name};
    } else {
        local.put_recovery_policies = {policy};
        change.put_recovery_policies = {policy};
    }
    change.recovery_policies_were = {{policy.name, was}};
    change_shared("policies of recovery", local, change, std::move(done));
}

void FleetLink::put_recovery(const db::Recovery& recovery, const std::optional<db::Recovery>& was,
                             Told done)
{
    StoreChange local;
    local.put_recoveries = {recovery};
    db::FleetChange change;
    change.put_recoveries = {recovery};
    change.recoveries_were = {{recovery.id, was}};
    change_shared("recoveries", local, change, std::move(done));
}

void FleetLink::remove_recovery(const std::string& id, Told done)
{
    StoreChange local;
    local.remove_recoveries = {id};
    db::FleetChange change;
    change.remove_recoveries = {id};
    change_shared("recoveries", local, change, std::move(done));
}

void FleetLink::confirm_recovery(const db::Recovery& recovery, Told done)
{
    db::FleetChange change;
    change.recoveries_were = {{recovery.id, recovery}};
    change_shared("recoveries", {}, change, std::move(done));
}

void FleetLink::step_lease(const db::LeaseStep& step, const QuotaChange& quotas, Told done)
{
    const db::Lease* now = world_.ledger.lease(step.to.name);
    if (!configured() && !rests_on(step, now)) {
        done(Error{Errc::outdated, "the lease " + step.to.name + " has changed meanwhile"});
        return;
    }
    StoreChange local;
    local.put_leases = {stepped(step, now)};
    local.put_quotas = quotas.put;
    local.remove_quotas = quotas.remove;
    local.events = quotas.events;
    db::FleetChange change;
    change.steps = {step};
    change.put_quotas = quotas.put;
    change.remove_quotas = quotas.remove;
    change_shared("shares of users", local, change, std::move(done));
}

/// Why what belongs to the fleet cannot be changed: `what` that is, for people.
Error FleetLink::away(const char* what) const
{
    return {Errc::unavailable, std::string{what} +
                                   " belong to the whole fleet, which cannot be reached (" +
                                   state() + "): try again when it is back"};
}

/// Rows that belong to the fleet; `what` they are, for people.
void FleetLink::change_shared(const char* what, const StoreChange& local,
                              const db::FleetChange& change, Told done)
{
    if (!configured()) {
        done(world_.commit(local));
        return;
    }
    if (!connected()) {
        done(away(what));
        return;
    }
    fleet_->transact(change, [this, local, done](const Result<void>& result) {
        // Not waiting for the snapshot: who asked finds the row in the store.
        done(result ? world_.commit(local) : result);
    });
}

void FleetLink::share_self(std::function<void()> done)
{
    if (!connected()) {
        done();
        return;
    }
    db::FleetChange change;
    change.put_hypervisors = {alive()};
    fleet_->transact(change, [done](const Result<void>&) { done(); });
}

void FleetLink::ask(const std::string& hypervisor, const std::string& verb, const Json& arguments,
                    std::chrono::seconds limit, Done done)
{
    if (!connected()) {
        done(Error{Errc::unavailable,
                   hypervisor + " cannot be asked: the fleet database is away: try again later"});
        return;
    }
    db::Task task;
    task.id = new_uuid();
    task.hypervisor = hypervisor;
    task.asked_by = world_.self();
    task.verb = verb;
    task.arguments = to_text(arguments);
    task.state = "asked";
    task.deadline = now_ns() + std::chrono::nanoseconds{limit}.count();
    Question& question = questions_[task.id];
    question.done = std::move(done);
    question.limit = std::make_unique<asio::steady_timer>(io_, limit);
    question.limit->async_wait(
        [this, id = task.id, hypervisor](boost::system::error_code cancelled) {
            auto asked = questions_.extract(id);
            if (cancelled || asked.empty())
                return;
            db::FleetChange change;
            change.remove_tasks = {id};
            fleet_->transact(change, [](const Result<void>&) {}); // Else the one asked removes it.
            asked.mapped().done(Error{Errc::unavailable, hypervisor +
                                                             " did not answer: see "
                                                             "whether its holdfast-hookd runs"});
        });
    db::FleetChange change;
    change.put_tasks = {task};
    fleet_->transact(change, [this, id = task.id](const Result<void>& sent) {
        if (sent)
            return;
        if (auto asked = questions_.extract(id); !asked.empty())
            asked.mapped().done(sent.error());
    });
}

void FleetLink::do_tasks()
{
    const bool fresh = std::exchange(tasks_known_, true);
    std::set<std::string> there;
    for (const db::Task& task : snapshot_->tasks) {
        there.insert(task.id);
        bool answered = task.state == "done" || task.state == "failed";
        if (task.asked_by == world_.self() && answered) {
            db::FleetChange change;
            change.remove_tasks = {task.id};
            fleet_->transact(change, [](const Result<void>&) {}); // Tried again at the next look.
            auto asked = questions_.extract(task.id);
            if (asked.empty())
                continue;
            Json reply = Json::parse(task.reply, nullptr, false);
            if (task.state == "failed")
                asked.mapped().done(Error{Errc::invalid, task.reply});
            else if (!reply.is_object())
                asked.mapped().done(Error{Errc::damaged, task.hypervisor +
                                                             " answers what is no JSON object: is "
                                                             "it of another version?"});
            else
                asked.mapped().done(reply);
        } else if (task.hypervisor == world_.self() && task.state == "asked") {
            do_task(task, fresh);
        }
    }
    std::erase_if(tasks_begun_, [&](const std::string& id) { return !there.contains(id); });
}

/// `fresh`: it came while we looked.  How old another is only the clock of who asked can tell.
void FleetLink::do_task(const db::Task& task, bool fresh)
{
    if (!tasks_begun_.insert(task.id).second)
        return;
    if (!fresh && task.deadline < now_ns()) {
        finish_task(task, Error{Errc::unavailable, "it was not begun in time"});
        return;
    }
    Json arguments = Json::parse(task.arguments, nullptr, false);
    if (!worker_ || !arguments.is_object()) {
        finish_task(task, Error{Errc::invalid, "its arguments are no JSON object"});
        return;
    }
    // What is asked each minute is no news.
    spdlog::log(task.verb == "node-loads" ? spdlog::level::debug : spdlog::level::info,
                "fleet: {} asks for {}", task.asked_by, task.verb);
    worker_(task.verb, arguments,
            [this, task](const Result<Json>& result) { finish_task(task, result); });
}

void FleetLink::finish_task(db::Task task, const Result<Json>& result)
{
    task.state = result ? "done" : "failed";
    task.reply = result ? to_text(*result) : result.error().message;
    db::FleetChange change;
    change.put_tasks = {task};
    fleet_->transact(change, [verb = task.verb](const Result<void>& done) {
        if (!done)
            spdlog::warn("fleet: the answer to {} cannot be sent: {}", verb, done.error().message);
    });
}

} // namespace holdfast::hookd
