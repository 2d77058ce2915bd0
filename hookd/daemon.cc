// SPDX-License-Identifier: Apache-2.0
//
// hookd/daemon: see daemon.h.
#include <config.h>

#include "hookd/daemon.h"

#include <libvirt/libvirt.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <spdlog/spdlog.h>

#include "common/json-text.h"
#include "common/text.h"
#include "hookd/balancer.h"
#include "hookd/feature-file.h"
#include "hookd/service-place.h"
#include "hookd/share-rules.h"
#include "hookd/specifications.h"
#include "hookd/tunnel-port.h"

namespace asio = boost::asio;

namespace holdfast::hookd {
namespace {

// Of this hypervisor, at once; more wait for their turn.
constexpr std::size_t most_migrations = 16;
// Until a store's file that went is missed, if nothing is written meanwhile.
constexpr auto store_interval = std::chrono::seconds{2};

/// A task that was under way when the daemon ended: nobody knows how it goes on.
db::Task given_up(db::Task task)
{
    task.state = "failed";
    task.reply = task.verb == "drain"
                     ? "holdfast-hookd was restarted meanwhile: ask again, and the drain goes on"
                     : "holdfast-hookd was restarted meanwhile: see where the VM is now";
    return task;
}

} // namespace

Daemon::Daemon(asio::io_context& io, World world)
    : io_{io}, world_{std::move(world)}, link_{io, *this}, mover_{io, world_, link_},
      prober_{io, world_, link_}, loads_{io, world_}, caps_{io, world_}, tools_{io, 4},
      migrations_{io, most_migrations}, store_timer_{io}
{
    world_.on_change = [this](const StoreChange& change) {
        if (change.concerns_flows())
            link_.sync_soon();
        if (fleet_)
            fleet_->push_soon();
        if (recovery_rows_ && !(change.put_recoveries.empty() && change.put_hypervisors.empty() &&
                                change.put_recovery_policies.empty()))
            recovery_rows_();
        if (recovery_watch_ && !change.put_recoveries.empty())
            refresh_soon(); // What was recovered elsewhere must not run here.
        prober_.store_changed(change);
        if (environments_ && !(change.put_quotas.empty() && change.remove_quotas.empty()))
            environments_->look();
        if (services_ && !change.put_services.empty())
            services_->take_up();
        if (service_mover_ && !change.put_services.empty())
            service_mover_->yield(change.put_services);
    };
    world_.refresh_soon = [this] { refresh_soon(); };
    world_.arrived = [this](const std::string& vm) { libvirt_->read_downtime(vm); };
    world_.leaving = [this](const std::string& vm) {
        if (service_mover_)
            service_mover_->leaving(vm);
    };
    world_.find_ring = [this](const std::string& vm, const std::string& mac) {
        libvirt_->read_ring(vm, mac);
    };
    world_.ask_whether_it_runs = [this](const std::string& vm) {
        libvirt_->ask_whether_it_runs(vm);
    };
    world_.read_loads = [this](std::vector<std::string> vms) {
        libvirt_->read_loads(std::move(vms));
    };
}

Result<void> Daemon::start(OvsLoop& loop, const std::string& rundir)
{
    if (auto done = make_identity(); !done)
        return done;
    auto hooks = HookServer::start(io_, rundir + "/hook.sock",
                                   [this](const HookCall& call) { return hook(call); });
    if (!hooks)
        return hooks.error();
    hooks_ = std::move(*hooks);
    auto features = load_features(feature_file(world_.config.file));
    world_.features = std::move(features.table);
    world_.problem("features", features.problem);
    mover_.take_up();
    fleet_ = std::make_unique<FleetLink>(io_, world_, mover_, tools_, loop, rundir);
    services_ = std::make_unique<Services>(io_, world_, *fleet_, tools_, rundir);
    services_->take_up();
    service_mover_ =
        std::make_unique<ServiceMover>(io_, world_, mover_, *services_, tools_, rundir);
    service_mover_->start();
    recovery_watch_ = std::make_unique<RecoveryWatch>(io_, world_, *fleet_, mover_);
    fleet_->start();
    resources_ = std::make_unique<ResourceWatch>(io_, world_);
    environments_ =
        std::make_unique<Environments>(io_, world_, tools_, rundir, [this] { resources_->look(); });
    make_tunnel();
    forget_old_tasks();
    watch_store();
    link_.start();
    libvirt_ = std::make_unique<LibvirtWatch>(io_, world_.config.libvirt_uri, *this);
    recovery_watch_->ask_agents = [this](std::vector<std::string> vms) {
        libvirt_->ask_agents(std::move(vms));
    };
    recovery_watch_->start();
    return {};
}

void Daemon::stop()
{
    hooks_.reset();
    environments_.reset();
    resources_.reset();
    service_mover_.reset();
    services_.reset(); // What runs goes on.
    recovery_watch_.reset();
    fleet_.reset();
    Ledger closed{std::move(world_.ledger)};
}

/// The row of this machine, made at the first start; what the operator configured wins.
Result<void> Daemon::make_identity()
{
    db::Hypervisor row = world_.ledger.self();
    db::Hypervisor before = row;
    if (row.id.empty()) {
        row.id = new_uuid();
        row.number = 1;
        row.self = true;
    }
    row.name = world_.config.hypervisor;
    row.bridge = world_.config.bridge;
    row.vtep = world_.config.vtep;
    row.capacity = world_.config.capacity * db::TimeNs{1000};
    if (row == before)
        return {};
    if (const auto* other = world_.ledger.hypervisor(row.name); other && other->id != row.id)
        return Error{Errc::exists, "there is another hypervisor " + row.name +
                                       " in the fleet: set another `hypervisor` in holdfast.conf"};
    StoreChange change;
    change.put_hypervisors = {row};
    if (!before.name.empty() && before.name != row.name) {
        spdlog::info("this hypervisor, {} until now, is called {}", before.name, row.name);
        change.remove_hypervisors = {before.name};
        for (db::Vm vm : world_.ledger.vms()) {
            if (vm.hypervisor == before.name) {
                vm.hypervisor = row.name;
                ++vm.epoch; // Or the fleet's row of it, with the old name, would win.
                change.put_vms.push_back(vm);
            }
        }
        for (db::Service service : world_.ledger.services()) {
            if (service.hypervisor == before.name) {
                service.hypervisor = row.name;
                ++service.epoch;
                change.put_services.push_back(service);
            }
        }
    }
    return world_.commit(change);
}

/// Asked for at each start, and when the bridge is there without it.
void Daemon::make_tunnel()
{
    if (world_.config.vtep.empty() || std::exchange(tunnel_runs_, true))
        return;
    tools_.run(make_tunnel_port(world_.config), std::chrono::seconds{15},
               [this](const Result<std::string>& done) {
                   tunnel_runs_ = false;
                   world_.problem("tunnel",
                                  done ? ""
                                       : "port holdfast0 on " + world_.config.bridge +
                                             " could not be made (" + done.error().message +
                                             "): mend that; it is tried again when holdfast-hookd "
                                             "starts, or a port of the bridge changes");
                   if (std::exchange(tunnel_missed_, false))
                       look_for_tunnel();
               });
}

/// A bridge that was made anew has no tunnel.
void Daemon::look_for_tunnel()
{
    world_.problem("bridge", bridge_problem(world_.config, world_.ports));
    if (!lacks_tunnel_port(world_.config, world_.ports))
        return;
    tunnel_missed_ = tunnel_runs_; // One that went while it was being made.
    make_tunnel();
}

/// Services of this network that run in another are reached by ports of ours (spec S8).
void Daemon::look_for_entries()
{
    world_.problem("apart",
                   not_entered(world_.ledger.vms(), world_.ledger.hypervisors(), world_.self()));
    if (!world_.switch_here || entries_run_)
        return;
    auto command =
        change_entries(world_.config, world_.ledger.vms(), world_.ledger.services(), world_.ports);
    if (command.empty())
        return;
    entries_run_ = true;
    tools_.run(std::move(command), std::chrono::seconds{15},
               [this](const Result<std::string>& done) {
                   entries_run_ = false; // Its ports are told of, and looked at again then.
                   world_.problem("entries", done ? ""
                                                  : "services of this network that run in another "
                                                    "cannot be reached: " +
                                                        done.error().message);
               });
}

/// Tasks of operators are kept for a day after their end, so that they can be looked up.
void Daemon::forget_old_tasks()
{
    auto tasks = world_.ledger.tasks();
    if (!tasks)
        return;
    StoreChange change;
    constexpr db::TimeNs day = 86'400'000'000'000;
    for (const db::Task& task : *tasks) {
        if (task.deadline < now_ns() - day)
            change.remove_tasks.push_back(task.id);
        else if (task.state == "running")
            change.put_tasks.push_back(given_up(task));
    }
    world_.commit(change);
}

/// The switch and the fleet go by a file that anybody may remove.
void Daemon::watch_store()
{
    if (auto kept = world_.keep_store(); !kept)
        spdlog::debug("store: {}", kept.error().message); // A problem is noted already.
    store_timer_.expires_after(store_interval);
    store_timer_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled)
            watch_store();
    });
}

void Daemon::ask_switch(std::string method, std::vector<std::string> args, Tools::Done done)
{
    auto ask = [](SwitchLink& link, std::string name, std::vector<std::string> words,
                  Tools::Done then) -> asio::awaitable<void> {
        then(co_await link.call(std::move(name), std::move(words)));
    };
    asio::co_spawn(io_, ask(link_, std::move(method), std::move(args), std::move(done)),
                   asio::detached);
}

void Daemon::in_place(std::function<void(Result<void>)> done)
{
    settling_.push_back(std::move(done));
    if (!std::exchange(settle_runs_, true))
        settle();
}

/// Once for all who wait when it begins.
void Daemon::settle()
{
    auto all = std::exchange(settling_, {});
    ask_switch("holdfast/settle", {}, [this, all](const Result<std::string>& answer) {
        const bool well = answer || !world_.switch_here;
        settle_runs_ = !settling_.empty();
        if (settle_runs_)
            settle();
        for (const auto& done : all)
            done(well ? Result<void>{} : Result<void>{answer.error()});
    });
}

void Daemon::refresh_soon()
{
    if (std::exchange(refresh_wanted_, true))
        return;
    asio::post(io_, [this] {
        refresh_wanted_ = false;
        refresh();
    });
}

void Daemon::refresh()
{
    Seen seen;
    db::Hypervisor self = world_.ledger.self();
    seen.self = self.name;
    seen.number = self.number;
    seen.fabric = world_.config.fabric;
    seen.ports_known = world_.switch_here;
    seen.domains_known = world_.libvirt_here;
    seen.ports = world_.ports;
    for (const auto& [uuid, domain] : world_.domains)
        seen.domains.push_back(domain);
    seen.services = world_.ledger.services();
    seen.moving = mover_.under_way();
    seen.silent = world_.silent;
    for (const db::Chain& chain : world_.ledger.chains()) {
        for (const db::Hop& hop : chain.hops)
            seen.chained.insert(hop.vms.begin(), hop.vms.end());
    }
    seen.chained.merge(vms_needed(world_.ledger.balancers(), world_.ledger.vms()));
    seen.yielded = world_.yielded;
    RecordChange records = compute_records(seen, world_.ledger.vms());
    world_.yielded = records.yielded;
    std::string problems;
    for (const std::string& problem : records.problems)
        problems += (problems.empty() ? "" : "; ") + problem;
    world_.problem("records", problems);
    StoreChange change;
    for (const db::Vm& vm : records.put) {
        const db::Vm* old = world_.ledger.vm(vm.id);
        change.put_vms.push_back(vm);
        if (old && old->hypervisor != vm.hypervisor) {
            db::Event event = world_.event(
                "taken-over", vm.name + " came up here; it was on " + old->hypervisor, now_ns());
            event.vm = vm.id;
            spdlog::info("{}", event.text);
            change.events.push_back(event);
        }
    }
    change.remove_vms = records.remove;
    world_.commit(change);
    describe_vms();
    look_for_entries();
    if (recovery_watch_)
        recovery_watch_->look();
}

/// Of the records as they are now.
void Daemon::describe_vms()
{
    auto rows = compute_specifications(
        world_.self(), world_.domains, world_.ledger.vms(), world_.ledger.specifications(),
        world_.features, {&world_.ledger.recovery_policies(), world_.config.recovery_lease_s});
    StoreChange change;
    change.put_specifications = std::move(rows.put);
    change.remove_specifications = std::move(rows.remove);
    world_.commit(change);
}

/// What the share of its owner does not allow (spec Q6), or its recovery (spec recovery.md, R9).
Result<void> Daemon::refuse(const DomainXml& domain, const std::string& why)
{
    StoreChange change;
    change.events = {world_.event("refused", domain.name + ": " + why, now_ns())};
    change.events[0].vm = domain.uuid;
    spdlog::warn("VM {} is refused: {}", domain.name, why);
    world_.commit(change);
    return Error{Errc::invalid, domain.name + ": " + why};
}

Result<void> Daemon::hook(const HookCall& call)
{
    auto xml = parse_domain_xml(call.xml);
    if (!xml) {
        spdlog::warn("hook {} {}: {}: nothing was changed", one_line(call.name, 60),
                     one_line(call.operation, 20), xml.error().message);
        return {};
    }
    const bool begins =
        call.operation == "migrate" || call.operation == "prepare" || call.operation == "restore";
    if (begins)
        if (auto may = may_use(world_.ledger.quotas(), xml->owner, Owner::named, world_.self());
            !may)
            return refuse(*xml, may.error().message);
    if (begins)
        if (auto may = may_hold_here(world_, *xml); !may)
            return refuse(*xml, may.error().message);
    // Of a migration the first of these calls has begun a move.
    const bool coming = call.operation == "migrate" || mover_.under_way().contains(xml->uuid);
    if (begins)
        if (auto may = may_start_here(world_.self(), xml->uuid, coming, world_.ledger.recoveries(),
                                      world_.ledger.vms());
            !may)
            return refuse(*xml, may.error().message);
    if (begins && !coming)
        if (auto may = recovery_watch_->may_begin(xml->uuid); !may)
            return refuse(*xml, may.error().message);
    spdlog::debug("hook {} {}", call.name, call.operation);
    bool starts = call.operation == "migrate" || call.operation == "prepare" ||
                  call.operation == "start" || call.operation == "started";
    if (starts) {
        // Kept, since libvirtd itself answers late while a VM migrates.
        Domain& domain = world_.domains[xml->uuid];
        domain.xml = *xml;
        world_.starting.insert(xml->uuid);
    }
    if (call.operation == "migrate")
        mover_.incoming(xml->uuid);
    if (call.operation == "stopped" || call.operation == "release") {
        if (auto found = world_.domains.find(xml->uuid); found != world_.domains.end())
            found->second.state = Reality::absent;
        world_.starting.erase(xml->uuid);
    }
    if (auto signal = signal_of_hook(call.operation))
        mover_.signal(xml->uuid, *signal, now_ns());
    refresh_soon();
    return {};
}

Asked Daemon::asked_for(const std::string& vm) const
{
    const db::Vm* record = world_.ledger.vm(vm);
    const auto domain = world_.domains.find(vm);
    Asked asked;
    asked.libvirt_here = world_.libvirt_here;
    asked.known = record;
    asked.own = record && record->hypervisor == world_.self();
    asked.runs = domain != world_.domains.end() && domain->second.state != Reality::absent;
    asked.starts = world_.starting.contains(vm);
    asked.moving = mover_.under_way().contains(vm);
    return asked;
}

void Daemon::libvirt_connected(std::vector<Domain> domains)
{
    spdlog::info("libvirt: connected, {} domains", domains.size());
    world_.libvirt_here = true;
    world_.libvirt_trouble.clear();
    const char* hook = "/etc/libvirt/hooks/qemu.d/holdfast";
    bool needed = world_.config.libvirt_uri.starts_with("qemu:") && access(hook, X_OK) != 0;
    world_.problem("hook", needed ? std::string{hook} + " is not there or cannot be run: moves are "
                                                        "prepared late; install it, then restart "
                                                        "libvirtd"
                                  : "");
    const auto before = std::exchange(world_.domains, {});
    for (Domain& domain : domains) {
        if (const auto known = before.find(domain.xml.uuid); known != before.end())
            domain.disk = known->second.disk; // Until it is measured anew.
        world_.domains[domain.xml.uuid] = domain;
        if (domain.state != Reality::absent)
            world_.starting.erase(domain.xml.uuid);
    }
    if (!std::exchange(resumed_, true))
        mover_.resume();
    else
        mover_.libvirt_back();
    refresh();
}

void Daemon::libvirt_lost(const std::string& why)
{
    if (world_.libvirt_here || world_.libvirt_trouble != why)
        spdlog::warn("libvirt: away ({}): trying again each second", why);
    if (std::exchange(world_.libvirt_here, false))
        world_.starting.clear(); // What libvirtd had begun has ended with it, or runs.
    world_.libvirt_trouble = why;
}

void Daemon::monitor_event(const std::string& uuid, const std::string& event, db::TimeNs time,
                           const std::string& details)
{
    // First of all: at STOP each tenth of a millisecond is frames.
    if (auto signal = signal_of_monitor(event, details))
        mover_.signal(uuid, *signal, time);
    auto domain = world_.domains.find(uuid);
    if (domain == world_.domains.end())
        return;
    if (event == "STOP" && domain->second.state == Reality::running)
        domain->second.state = Reality::paused;
    if (event == "RESUME") {
        domain->second.state = Reality::running;
        domain->second.halted = false;
    }
    spdlog::debug("QEMU event {} of {} {}", event, world_.name_of(uuid), details);
}

void Daemon::domain_event(const std::string& uuid, const std::string& name, int event, int detail)
{
    if (event == VIR_DOMAIN_EVENT_STARTED && detail == VIR_DOMAIN_EVENT_STARTED_MIGRATED)
        mover_.incoming(uuid);
    mover_.lifecycle(uuid, event, detail);
    recovery_watch_->event(uuid, event, detail);
    spdlog::debug("libvirt event {} detail {} of {}", event, detail, name);
    libvirt_->read(uuid);
}

void Daemon::domain_read(Domain domain, bool exists)
{
    if (exists) {
        auto& known = world_.domains[domain.xml.uuid];
        domain.disk = known.disk; // Until it is measured anew.
        known = domain;
        if (domain.state != Reality::absent)
            world_.starting.erase(domain.xml.uuid);
    } else {
        world_.domains.erase(domain.xml.uuid);
    }
    refresh_soon();
}

void Daemon::disks_measured(const std::string& uuid, std::int64_t size)
{
    const auto domain = world_.domains.find(uuid);
    if (domain == world_.domains.end() || std::exchange(domain->second.disk, size) == size)
        return;
    refresh_soon();
}

void Daemon::downtime_read(const std::string& uuid, std::int64_t downtime_ms)
{
    mover_.figure(uuid, "downtime_ms", downtime_ms);
}

void Daemon::ring_read(const std::string& uuid, const std::string& mac, std::uint64_t address)
{
    mover_.ring(uuid, mac, address);
}

void Daemon::agent_asked(const std::string& uuid, AgentSign sign)
{
    recovery_watch_->agent_asked(uuid, sign);
}

void Daemon::loads_read(const LoadSamples& samples)
{
    loads_.take(samples);
}

void Daemon::switch_connected(std::set<std::string> silent)
{
    spdlog::info("switch: connected");
    world_.silent = std::move(silent);
    world_.switch_trouble.clear();
    mover_.switch_restarted();
    prober_.switch_connected();
    link_.sync_soon();
}

void Daemon::switch_lost(const std::string& why)
{
    spdlog::warn("switch: away ({}): trying again", why);
    prober_.switch_lost();
    world_.switch_here = false;
    world_.switch_trouble = why;
}

void Daemon::switch_ports(std::vector<SwitchPort> ports)
{
    world_.ports = std::move(ports);
    world_.switch_here = true;
    mover_.ports_changed();
    look_for_tunnel();
    refresh();
}

/// The switch tells it at most once a minute for each port (spec C11).
void Daemon::note_forged(const nlohmann::json& event)
{
    const std::string vm = event.at("vm");
    StoreChange change;
    change.events = {world_.event(
        "forged",
        world_.name_of(vm) + " has sent " + std::to_string(event.at("mac").get<std::uint64_t>()) +
            " frames with another MAC address, " +
            std::to_string(event.at("ip").get<std::uint64_t>()) + " with another IP address; " +
            std::to_string(event.at("dropped").get<std::uint64_t>()) + " of them were dropped" +
            (event.at("dropped") == 0 ? ": see \"holdfast vm protect\"" : ""),
        now_ns())};
    change.events[0].vm = vm;
    spdlog::warn("{}", change.events[0].text);
    world_.commit(change);
}

void Daemon::note_health(const std::string& vm, bool silent)
{
    if (silent)
        world_.silent.insert(vm);
    else
        world_.silent.erase(vm);
    StoreChange change;
    change.events = {world_.event(silent ? "hop-silent" : "hop-answers",
                                  world_.name_of(vm) + (silent ? " lets no probe through any more"
                                                               : " lets the probe through again"),
                                  now_ns())};
    change.events[0].vm = vm;
    spdlog::warn("{}", change.events[0].text);
    world_.commit(change);
    refresh_soon();
}

void Daemon::switch_event(const nlohmann::json& event)
try {
    mover_.switch_event(event);
    std::string kind = event.value("kind", "");
    if (kind == "flushed" || kind == "store")
        spdlog::info("switch event: {}", one_line(to_text(event)));
    if (kind == "forged")
        note_forged(event);
    if (kind == "hop-silent" || kind == "hop-answers")
        note_health(event.at("vm"), kind == "hop-silent");
} catch (const nlohmann::json::exception& wrong) {
    spdlog::warn("switch event of an unknown shape: {}: are switch and daemon of one version?",
                 wrong.what());
}

} // namespace holdfast::hookd
