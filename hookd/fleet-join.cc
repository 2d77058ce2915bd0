// SPDX-License-Identifier: Apache-2.0
//
// hookd/fleet-join: how a hypervisor comes into a fleet, stays in it over restarts, leaves.
#include <config.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include <spdlog/spdlog.h>

#include "hookd/balancer.h"
#include "hookd/fleet-leave.h"
#include "hookd/fleet-link.h"

namespace holdfast::hookd {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const World& world)
{
    return fs::path{world.config.store}.parent_path();
}

std::string note_file(const World& world)
{
    return folder_of(world) / "fleet.json";
}

/// The schema, carried in the program so that no file can be missing or of another version.
constexpr const char* fleet_schema =
#include "hookd/fleet-schema.inc"
    ;

/// The tools of OVSDB want the schema as a file.
Result<void> write_schema(const std::string& file)
{
    std::ofstream out{file};
    out << fleet_schema;
    if (!out.flush())
        return Error{Errc::io, file + ": cannot be written: check the folder"};
    return {};
}

} // namespace

void FleetLink::load_note()
{
    auto note = load_fleet_note(note_file(world_));
    world_.problem("fleet note", note ? "" : note.error().message);
    if (note)
        note_ = *note;
    const std::string& configured = world_.config.fleet_address;
    if (!configured.empty() && configured != note_.address)
        note_ = {configured, "", false};
}

Result<void> FleetLink::save_note() const
{
    return save_fleet_note(note_file(world_), note_);
}

db::FleetServer FleetLink::server() const
{
    db::FleetServer server;
    server.database = folder_of(world_) / "fleet.db";
    server.schema = rundir_ + "/fleet.ovsschema";
    server.rundir = rundir_;
    std::string logs = HOLDFAST_LOCALSTATEDIR "/log/holdfast";
    server.log_file = (fs::is_directory(logs) ? logs : rundir_) + "/fleet.log";
    if (auto listen = parse_listen(note_.listen)) {
        server.listen = listen->address;
        server.port = listen->port;
    }
    return server;
}

void FleetLink::start()
{
    load_note();
    life_.start();
    unheard_.dead = life_.dead();
    if (configured())
        serve_and_connect([this](const Result<void>& done) {
            Result<void> connecting = done;
            if (!done && !note_.listen.empty()) {
                // Each heartbeat tries to start the server again.
                world_.problem("fleet database", done.error().message);
                connecting = connect();
            }
            trouble_ = connecting ? "" : connecting.error().message;
            world_.problem("fleet", trouble_);
        });
    beat();
}

/// Starts our own database first, where it is ours.
void FleetLink::serve_and_connect(std::function<void(Result<void>)> then)
{
    if (note_.listen.empty()) {
        then(connect());
        return;
    }
    serving_ = true;
    tools_.run(
        [server = server()]() -> Result<std::string> {
            if (auto written = write_schema(server.schema); !written)
                return written.error();
            auto started = db::start_fleet_server(server);
            if (!started)
                return started.error();
            return std::string{};
        },
        [this, then](const Result<std::string>& started) {
            serving_ = false;
            if (started)
                then(connect());
            else
                then(started.error());
        });
}

/// The database is ours and away: if its server ended, it is started again.
void FleetLink::serve_again()
{
    if (std::exchange(serving_, true))
        return; // Of two starts at once one fails, and says so.
    auto work = [server = server()]() -> Result<std::string> {
        if (db::fleet_server_runs(server))
            return std::string{};
        auto started = db::start_fleet_server(server);
        return started ? Result<std::string>{std::string{"started"}} : started.error();
    };
    tools_.run(work, [this](const Result<std::string>& done) {
        serving_ = false;
        world_.problem("fleet database", done ? "" : done.error().message);
        if (done && !done->empty())
            spdlog::warn("fleet: the database's server was not running: started again");
    });
}

Result<void> FleetLink::connect()
{
    fleet_->set_interest(world_.self(), true);
    db::FleetRemote remote;
    remote.address = note_.address;
    return fleet_->connect(remote);
}

void FleetLink::try_join()
{
    if (joining_)
        return;
    joining_ = true;
    db::Hypervisor row = world_.ledger.self();
    row.seen = now_ns();
    if (!note_.joined && note_.listen.empty())
        row.number = 0; // The lowest that is free; who begins a fleet keeps its own.
    fleet_->read_hypervisors(
        [this, row](const Result<std::vector<db::Hypervisor>>& members) { join_as(row, members); });
}

/// Joins with `row`, or in the place that was this machine's before its store was lost.
void FleetLink::join_as(db::Hypervisor row, const Result<std::vector<db::Hypervisor>>& members)
{
    auto ended = [this](const Result<db::Hypervisor>& result) {
        joining_ = false;
        joined(result);
    };
    if (!members) {
        ended(members.error());
        return;
    }
    const auto now = std::chrono::steady_clock::now();
    life_.silence().look(*members, now);
    if (const db::Hypervisor* before = row_before(*members, row)) {
        if (!life_.silence().silent(before->id, now)) {
            ended(Error{Errc::exists,
                        "fleet: there is a hypervisor " + row.name +
                            " with this address already: "
                            "if it was this machine, and its store was lost, try again when it has "
                            "been silent for a minute; else set another `hypervisor` in "
                            "holdfast.conf"});
            return;
        }
        row.id = before->id;
        row.number = before->number;
        row.drained = before->drained;
    }
    // One that was taken out may have been given another's number since.
    if (std::ranges::any_of(*members, [&](const db::Hypervisor& other) {
            return other.number == row.number && other.id != row.id;
        }))
        row.number = 0;
    fleet_->join(row, ended);
}

void FleetLink::joined(const Result<db::Hypervisor>& row)
{
    if (!configured())
        return; // Given up meanwhile.
    Result<void> done;
    if (!row)
        done = row.error();
    else
        done = take_identity(*row);
    trouble_ = done ? "" : done.error().message;
    world_.problem("fleet", trouble_);
    if (!done) {
        // Lost on the way: the next snapshot tries again.  Refused: only a person can mend it.
        if (done.error().code != Errc::unavailable || joiner_)
            answer_joiner(done.error());
        return;
    }
    spdlog::info("fleet: in it as {}, number {}", row->name, row->number);
    if (!snapshot_->hypervisors.empty() ||
        (world_.ledger.chains().empty() && world_.ledger.balancers().empty() &&
         world_.ledger.recovery_policies().empty() && world_.ledger.recoveries().empty() &&
         world_.ledger.quotas().empty())) {
        finish_join({});
        return;
    }
    // A new database knows no chains, balancers, policies and quotas: it gets ours before it
    // decides them.
    db::FleetChange change;
    change.put_chains = world_.ledger.chains();
    change.put_balancers = world_.ledger.balancers();
    change.put_recovery_policies = world_.ledger.recovery_policies();
    change.put_recoveries = world_.ledger.recoveries();
    change.put_quotas = world_.ledger.quotas();
    awaits_ours_ = true;
    fleet_->transact(change, [this](const Result<void>& put) { finish_join(put); });
}

void FleetLink::finish_join(const Result<void>& done)
{
    if (!done) {
        answer_joiner(done.error());
        return;
    }
    joined_ = note_.joined = true;
    if (auto saved = save_note(); !saved)
        world_.problem("fleet", saved.error().message);
    beat();
    answer_joiner(Json{});
    on_snapshot(snapshot_);
}

/// The number that the fleet gave, so that VMs get labels of it; or all that it knew of this
/// hypervisor before the store was lost.
Result<void> FleetLink::take_identity(const db::Hypervisor& row)
{
    db::Hypervisor self = world_.ledger.self();
    const bool as_before = row.id != self.id;
    if (row.number == self.number && !as_before)
        return {};
    const auto& here = world_.ledger.vms();
    auto vms = as_before ? labelled_as_before(snapshot_->vms, here, row.number)
                         : renumbered(here, self.number, row.number);
    if (!vms)
        return vms.error();
    if (as_before)
        spdlog::warn("fleet: {} is in it with another store, and silent: taking its place",
                     row.name);
    StoreChange change;
    change.put_vms = *vms;
    self.number = row.number;
    self.id = row.id;
    self.drained = row.drained;
    change.put_hypervisors = {self};
    return world_.commit(change);
}

void FleetLink::answer_joiner(const Result<Json>& answer)
{
    Done joiner = std::exchange(joiner_, nullptr);
    retry_.cancel();
    if (!answer && joiner) {
        // As before: an attempt that failed leaves no fleet behind.
        fleet_->disconnect();
        snapshot_.reset();
        note_ = {};
        trouble_.clear();
        world_.problem("fleet", "");
        joiner(answer.error());
        return;
    }
    if (!joiner)
        return;
    db::Hypervisor self = world_.ledger.self();
    joiner(Json{{"hypervisor", self.name}, {"number", self.number}, {"address", note_.address}});
}

void FleetLink::init(const std::string& listen, Done done)
{
    if (configured()) {
        done(Error{Errc::exists, "this hypervisor is in the fleet at " + note_.address +
                                     " already: \"holdfast fleet leave\" first"});
        return;
    }
    std::string address = listen.empty() ? world_.config.vtep : listen;
    if (address.empty()) {
        done(Error{Errc::invalid, "no address to listen at: give --listen ADDRESS, or set vtep "
                                  "in the configuration"});
        return;
    }
    auto where = parse_listen(address);
    if (!where) {
        done(where.error());
        return;
    }
    note_.listen = address;
    note_.address = remote_of(address);
    joiner_ = std::move(done);
    serve_and_connect([this](const Result<void>& started) {
        if (!started)
            answer_joiner(started.error());
    });
}

void FleetLink::join(const std::string& address, Done done)
{
    if (configured()) {
        done(Error{Errc::exists, "this hypervisor is in the fleet at " + note_.address +
                                     " already: \"holdfast fleet leave\" first"});
        return;
    }
    if (!world_.ledger.chains().empty()) {
        done(Error{Errc::invalid, "there are chains here that the fleet does not know: delete "
                                  "them, and add them again in the fleet"});
        return;
    }
    if (!world_.ledger.balancers().empty()) {
        done(Error{Errc::invalid, "there are balancers here that the fleet does not know: delete "
                                  "them, and add them again in the fleet"});
        return;
    }
    if (!world_.ledger.quotas().empty()) {
        done(Error{Errc::invalid, "there are shares of users here that the fleet does not know: "
                                  "'holdfast quota del USER' takes each away"});
        return;
    }
    std::string full = remote_of(address);
    note_ = {full, "", false};
    if (auto connecting = connect(); !connecting) {
        note_ = {};
        done(connecting.error());
        return;
    }
    joiner_ = std::move(done);
    retry_.expires_after(std::chrono::seconds{10});
    retry_.async_wait([this, full](boost::system::error_code cancelled) {
        if (!cancelled && joiner_)
            answer_joiner(Error{Errc::unavailable, "no fleet database answers at " + full +
                                                       ": check the address and that it runs"});
    });
}

void FleetLink::leave(Done done)
{
    if (!configured()) {
        done(Error{Errc::not_found, "this hypervisor is in no fleet"});
        return;
    }
    bool holds = !note_.listen.empty();
    if (holds && snapshot_ && snapshot_->hypervisors.size() > 1) {
        done(Error{Errc::invalid, "this hypervisor holds the fleet database: the others leave "
                                  "first"});
        return;
    }
    if (auto may = is_no_entry(world_.self(), world_.ledger.vms()); !may) {
        done(may.error());
        return;
    }
    auto forget = [this, done, holds](const Result<void>&) {
        if (holds)
            end_server();
        fleet_->disconnect();
        snapshot_.reset();
        joined_ = pulled_ = was_member_ = false;
        note_ = {};
        trouble_.clear();
        world_.problem("fleet", "");
        forget_others();
        if (auto saved = save_note(); !saved)
            done(saved.error());
        else
            done(Json{{"hypervisor", world_.self()}});
    };
    if (!connected()) {
        forget({});
        return;
    }
    const auto& ledger = world_.ledger;
    fleet_->transact(departure(world_.self(), ledger.vms(), ledger.services(), ledger.moves()),
                     [done, forget](const Result<void>& removed) {
                         if (!removed)
                             done(removed.error());
                         else
                             forget(removed);
                     });
}

/// Its rows go as if it did that itself.  If it lives after all it joins again.
void FleetLink::take_out(const std::string& node, Done done)
{
    if (!configured()) {
        done(Error{Errc::not_found, "this hypervisor is in no fleet"});
        return;
    }
    if (!connected()) {
        done(away("hypervisors"));
        return;
    }
    if (auto may = may_take_out(node, shared(world_.ledger.self())); !may) {
        done(may.error());
        return;
    }
    fleet_->transact(
        departure(node, snapshot_->vms, snapshot_->services, snapshot_->moves),
        [done, node](const Result<void>& removed) {
            if (!removed)
                done(removed.error());
            else
                done(Json{{"hypervisor", node}});
        },
        node);
}

void FleetLink::end_server()
{
    auto work = [server = server()]() -> Result<std::string> {
        auto ended = db::stop_fleet_server(server);
        return ended ? Result<std::string>{std::string{}} : ended.error();
    };
    tools_.run(work, [this](const Result<std::string>& done) {
        world_.problem("fleet database", done ? "" : done.error().message);
    });
}

/// Without a fleet other hypervisors, their VMs and services, chains and balancers with them, and
/// shares of its hypervisors mean nothing.
void FleetLink::forget_others()
{
    StoreChange change;
    for (const db::Hypervisor& row : world_.ledger.hypervisors()) {
        if (!row.self)
            change.remove_hypervisors.push_back(row.name);
    }
    std::set<std::string> others;
    for (const db::Vm& vm : world_.ledger.vms()) {
        if (vm.hypervisor != world_.self()) {
            change.remove_vms.push_back(vm.id);
            others.insert(vm.id);
            for (const db::Balancer& balancer : world_.ledger.balancers()) {
                if (needs(balancer, vm))
                    change.remove_balancers.push_back(balancer.name);
            }
        }
    }
    for (const db::Service& service : world_.ledger.services()) {
        if (service.hypervisor != world_.self())
            change.remove_services.push_back(service.id);
    }
    for (const db::Specification& row : world_.ledger.specifications()) {
        if (row.hypervisor != world_.self())
            change.remove_specifications.push_back(row.id);
    }
    for (const db::Chain& chain : world_.ledger.chains()) {
        if (std::any_of(others.begin(), others.end(),
                        [&](const std::string& id) { return db::passes(chain, id); })) {
            change.remove_chains.push_back(chain.name);
        }
    }
    for (const db::Lease& lease : world_.ledger.leases())
        change.remove_leases.push_back(lease.name);
    for (const db::Quota& quota : world_.ledger.quotas())
        change.remove_quotas.push_back(quota.name);
    world_.commit(change);
    note_unheard();
}

void FleetLink::status(Done done)
{
    auto answer = [this, done](const std::vector<db::Hypervisor>& rows) {
        Json members = Json::array();
        for (const db::Hypervisor& row : rows) {
            const db::Hypervisor* heard = world_.ledger.hypervisor(row.name);
            members.push_back({{"hypervisor", row.name},
                               {"number", row.number},
                               {"vtep", row.vtep},
                               {"seen_ns", heard ? heard->seen : 0},
                               {"self", row.name == world_.self()}});
        }
        const char* state = !configured() ? "none" : connected() ? "connected" : "disconnected";
        done(Json{{"state", state},
                  {"address", note_.address},
                  {"trouble", trouble_},
                  {"serves", !note_.listen.empty()},
                  {"members", members}});
    };
    if (!connected()) {
        answer(world_.ledger.hypervisors());
        return;
    }
    fleet_->read_hypervisors([answer, this](const Result<std::vector<db::Hypervisor>>& rows) {
        answer(rows ? *rows : world_.ledger.hypervisors());
    });
}

} // namespace holdfast::hookd
