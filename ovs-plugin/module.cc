// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/module: see the header.
#include <config.h>

#include "ovs-plugin/module.h"

#include <time.h>
#include <unistd.h>

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/json-text.h"
#include "common/text.h"
#include "ovs-plugin/answers.h"
#include "ovs-plugin/translate.h"

namespace holdfast::plugin {

namespace {

// The longest that flows are put in one go; then the loop turns once (spec: 10 ms).
constexpr std::int64_t slice_ms = 2;
// A hop through which no probe came so often is dead.  The switch counts a frame up to a second
// after it came.
constexpr int missed_max = 3;
// For so long connections go on by a balancer or to a server that was deleted: somewhat longer than
// a TCP keepalive takes to notice that the other end is gone.
constexpr std::int64_t leaving_tcp_ms = 8'100'000;
constexpr std::int64_t leaving_udp_ms = 300'000;
// What a VM sends under others' names is said once in so long (spec C11).
// A network that forgets who is silent (300 s with Linux and Open vSwitch) is told before, and so
// is one that has learned another place meanwhile.
constexpr std::int64_t announce_again_ms = 60'000;
constexpr std::int64_t tell_forged_again_ms = 60'000;
// How long after a move or a change what it held up may still be on its way through slow hops.
constexpr std::int64_t queues_long_ms = 30'000;
// Flows put before the clock is looked at again.
constexpr std::size_t flows_a_look = 256;
// Events remembered for a watcher that comes back.
constexpr std::size_t events_max = 1024;

/// A port whose frames the datapath's threads judge; belongs to the switch.
struct JudgedPort {
    Origin origin;
    std::shared_ptr<OriginCount> count;
    std::shared_ptr<Translator> translator; // Of a balancer's server; else null.
    std::shared_ptr<Director> director;     // The switch's.
    std::shared_ptr<Router> router;         // The switch's.
    bool each_frame;                        // Is shown; the kernel's datapath shows one of a kind.

    /// Whether the VM is a director, of which each frame is seen: a prober is none.
    bool is_director() const { return each_frame && origin.director && !origin.vm.empty(); }
    /// Shape:   where there are routed VIPs.
    CameBy came_by() const
    {
        return {origin.interface, origin.tag, origin.vm.empty(), origin.director,
                *origin.routed_vips};
    }
};

std::int64_t wall_ns()
{
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

std::string kept_path(const std::string& what)
{
    return std::string{hf_rundir()} + "/holdfast-" + what;
}

/// `what` goes on with the connections that it had before a restart.
template <class Keeper>
void keep(Keeper& what, const std::string& path)
{
    auto file = Kept::open(path, what.room());
    if (file)
        what.keep_in(std::move(*file), hf_now_ms());
    else
        hf_log(HF_WARN, file.error().message.c_str());
}

} // namespace

Module::Module(std::string store_path) : reader_{std::move(store_path)}
{
    register_commands();
    // The one read on this thread: nothing is forwarded yet, and a frame that came before
    // the flows would pass a chain by.
    snapshot_ = reader_.first_look();
    hf_flow* parsed = nullptr;
    if (char* error = hf_flow_parse(0, 179999, "", "drop", &parsed)) {
        hf_log(HF_ERROR, error);
        std::free(error);
    } else {
        guard_ = std::make_shared<const ParsedFlow>(Flow{0, 179999, "", "drop"}, parsed);
        guarded_ = snapshot_ && !(snapshot_->chains.empty() && snapshot_->balancers.empty());
    }
    if (snapshot_)
        for (const auto& hypervisor : snapshot_->hypervisors)
            if (hypervisor.self)
                bridge_ = hypervisor.bridge;
    reader_.start();
}

void Module::run()
{
    if (config_seqno_ != hf_config_seqno()) {
        config_seqno_ = hf_config_seqno();
        ports_stale_ = true;
    }
    if (ports_stale_)
        refresh_ports();
    run_departures();
    run_arrivals();
    if (inputs_stale_)
        push_inputs();
    take_work();
    apply_slice();
    // Of a move between others, too: what the guest sends in one go comes through our hops.
    if (!departures_.empty() || !arrivals_.empty() || (snapshot_ && !snapshot_->moves.empty()))
        lengthen_queues();
    hf_queues_long(hf_now_ms() < queues_long_until_ms_);
    tunnel_.run();
    announce();
    if (hf_now_ms() >= each_second_ms_) {
        each_second_ms_ = hf_now_ms() + 1'000;
        look_at_tunnel();
        tell_forged();
        probe_hops();
        director_->weigh(wall_ns());
        look_at_leaving();
        ask_gateways();
        if (hf_now_ms() >= announce_again_ms_) {
            announce_again_ms_ = hf_now_ms() + announce_again_ms;
            announcer_.again();
        }
        announcer_.tick(places_to_announce());
    } else if (router_->hurries()) {
        ask_gateways();
    }
    if (hf_now_ms() >= each_tenth_ms_) {
        each_tenth_ms_ = hf_now_ms() + 100;
        for (auto& [interface, translator] : translators_)
            translator->tidy(hf_now_ms());
        director_->tidy(hf_now_ms());
    }
    if (!settling_.empty())
        run_settling();
    run_audits();
}

/// Of servers that are plugged in here, or of the built-in director.
bool Module::has_connections() const
{
    return director_->size() || std::ranges::any_of(translators_, [](const auto& one) {
               return one.second->size() > 0;
           });
}

void Module::wait()
{
    hf_wait_for_wake();
    for (const auto& one : settling_)
        hf_wait_for_look(bridge_.c_str(), one.seen);
    auto until = has_connections() ? std::min(each_second_ms_, each_tenth_ms_) : each_second_ms_;
    if (!todo_.empty() || inputs_stale_ || tunnel_.has_more() || !audits_.empty() ||
        announcer_.has_more())
        until = 0;
    for (const auto& [vm, departure] : departures_) {
        until = std::min(until, departure->next_wake());
        departure->wait();
    }
    for (const auto& [vm, arrival] : arrivals_) {
        until = std::min(until, arrival->next_wake());
        arrival->wait();
    }
    hf_wait_until_ms(until);
}

// --- Keeping the switch as the reader wants it. ---

void Module::refresh_ports()
{
    ports_stale_ = false;
    std::vector<Port> ports;
    struct Aux {
        std::vector<Port>* ports;
        const std::string* bridge;
    } aux{&ports, &bridge_};
    hf_ports(
        bridge_.c_str(),
        [](const hf_port* port, void* to) {
            auto* into = static_cast<Aux*>(to);
            into->ports->push_back({*into->bridge, port->interface, static_cast<int>(port->ofport),
                                    port->iface_id, lower(port->mac), port->vm_id, port->tag,
                                    kind_of(*port), port->up});
        },
        &aux);
    std::sort(ports.begin(), ports.end(),
              [](const Port& a, const Port& b) { return a.ofport < b.ofport; });
    if (ports == ports_)
        return;
    const auto tell = [this](const char* kind, const Port& port) {
        emit("\"kind\":" + to_text(kind) + ",\"interface\":" + to_text(port.interface) +
             ",\"ofport\":" + std::to_string(port.ofport) + ",\"vm\":" + to_text(port.vm_id) +
             ",\"iface_id\":" + to_text(port.iface_id) + ",\"mac\":" + to_text(port.mac));
    };
    const auto had = std::exchange(ports_, std::move(ports));
    tunnel_.use(bridge_, ports_);
    for (const auto& port : had)
        if (std::find(ports_.begin(), ports_.end(), port) == ports_.end())
            tell("port-removed", port);
    for (const auto& port : ports_)
        if (std::find(had.begin(), had.end(), port) == had.end())
            tell("port-added", port);
    inputs_stale_ = true;
    for (const auto& [vm, arrival] : arrivals_)
        arrival->watch(ports_of(vm)); // A VM's ports come one after the other.
}

void Module::push_inputs()
{
    inputs_stale_ = false;
    reader_.set_inputs(ports_, overrides_, ended_, ++inputs_pushed_);
}

void Module::lengthen_queues()
{
    queues_long_until_ms_ = hf_now_ms() + queues_long_ms;
    hf_queues_long(true);
}

void Module::take_work()
{
    for (auto& work : reader_.take()) {
        if (!work.puts.empty() || !work.removes.empty()) {
            lengthen_queues(); // Putting flows takes the loop's time, slice by slice.
            std::erase_if(audits_, [](Audit& audit) { return !audit.begin_again(); });
        }
        todo_.push_back(std::move(work));
    }
}

/// Puts flows for a few milliseconds at most; the rest waits for the loop's next turn.
void Module::apply_slice()
{
    const auto deadline = hf_now_ms() + slice_ms;
    std::size_t since_look = 0;
    while (!todo_.empty()) {
        auto& work = todo_.front();
        if (work.bridge != bridge_)
            leave_bridge(work.bridge);
        const auto n_puts = work.puts.size();
        const auto n = n_puts + work.removes.size();
        for (; todo_at_ < n; ++todo_at_) {
            if (++since_look > flows_a_look) {
                if (hf_now_ms() >= deadline)
                    return;
                since_look = 0;
            }
            if (todo_at_ < n_puts) {
                const auto& flow = work.puts[todo_at_];
                if (hf_flow_put(bridge_.c_str(), flow->parsed) == EINVAL)
                    ++n_refused_;
                auto [at, added] = installed_.insert(flow);
                if (!added)
                    installed_.insert(installed_.erase(at), flow);
            } else {
                const auto& flow = work.removes[todo_at_ - n_puts];
                hf_flow_remove(bridge_.c_str(), flow->parsed);
                installed_.erase(flow);
            }
        }
        if (!work.ahead)
            finish_work(work);
        todo_.pop_front();
        todo_at_ = 0;
    }
}

void Module::finish_work(Work& work)
{
    generation_ = work.generation;
    if (work.store != store_)
        emit("\"kind\":\"store\",\"ok\":" + std::string{work.store == "ok" ? "true" : "false"});
    store_ = work.store;
    problems_ = work.problems;
    snapshot_ = work.snapshot;
    look_at_tunnel();
    if (snapshot_) {
        drop_settled_overrides(*snapshot_);
        leave_where_moved(*snapshot_);
    }
    leaving_ = std::move(work.leaving);
    direct(std::move(work.directed));
    router_->use(snapshot_ ? routes_of(*snapshot_, ports_) : nullptr, hf_now_ms());
    watch_origins(std::move(work.origins));
    look_at_leaving();
    probes_ = std::move(work.probes);
    std::vector<hf_guard> guards;
    for (const auto& port : work.guarded)
        guards.push_back({port.interface.c_str(), port.mac.c_str(), port.wire,
                          static_cast<std::uint16_t>(port.tag)});
    hf_guard_ports(bridge_.c_str(), guards.data(), guards.size(), delivered_mark);
    if (ports_stale_ || inputs_stale_ || work.inputs != inputs_pushed_) {
        refresh_ports(); // This work was made without knowing them.
        if (inputs_stale_)
            push_inputs();
        for (auto sync : work.syncs)
            reader_.request(sync);
        return;
    }
    // Not before: with flows of fewer ports, a hop would be taken for any other port.
    if (guarded_ && !ports_.empty()) {
        hf_flow_remove(bridge_.c_str(), guard_->parsed);
        guarded_ = false;
    }
    for (auto sync : work.syncs) {
        if (auto waiting = syncs_.extract(sync))
            answer_sync(waiting.mapped());
    }
}

void Module::answer_sync(const Sync& sync)
{
    if (store_ != "ok") {
        // Who asked would take the flows of what was read before for those of what it wrote.
        hf_reply(sync.conn, false,
                 ("store: " + store_ + "; the switch goes on with what it has").c_str());
        return;
    }
    if (sync.settle) {
        settling_.push_back({sync.conn, hf_looks(bridge_.c_str()), 0});
        hf_revalidate(bridge_.c_str());
        return;
    }
    hf_reply(sync.conn, true, ("{\"generation\":" + std::to_string(generation_) + "}").c_str());
}

void Module::run_audits()
{
    if (todo_.empty())
        std::erase_if(audits_, [this](Audit& audit) {
            return audit.run(installed_, bridge_, guarded_ ? 1 : 0);
        });
}

/// Answers those whose two looks have ended (see shim.h).
void Module::run_settling()
{
    constexpr int enough = 2;
    const auto looks = hf_looks(bridge_.c_str());
    for (auto& one : settling_) {
        if (looks == UINT64_MAX)
            one.looks = enough - 1;
        else if (one.seen == looks)
            continue;
        one.seen = looks;
        if (++one.looks < enough)
            hf_revalidate(bridge_.c_str());
        else
            answer_sync({one.conn, false});
    }
    std::erase_if(settling_, [](const Settling& one) { return one.looks >= enough; });
}

/// The store names another bridge: take our flows away from the old one.
void Module::leave_bridge(const std::string& bridge)
{
    for (const auto& flow : installed_)
        hf_flow_remove(bridge_.c_str(), flow->parsed);
    installed_.clear();
    bridge_ = bridge;
    ports_stale_ = true;
}

/// Once the store says what we knew before it, the store is enough.
void Module::drop_settled_overrides(const db::Snapshot& snapshot)
{
    if (overrides_.empty())
        return;
    std::string self;
    for (const auto& hypervisor : snapshot.hypervisors)
        if (hypervisor.self)
            self = hypervisor.name;
    for (const auto& vm : snapshot.vms) {
        auto at = overrides_.find(vm.id);
        if (at != overrides_.end() && at->second.place == Override::Place::here &&
            vm.hypervisor == self) {
            overrides_.erase(at);
            inputs_stale_ = true;
        }
    }
}

/// A VM that runs elsewhere, by the store's word, is reached through the uplink; with several, only
/// what it sends itself can tell through which.
void Module::leave_where_moved(const db::Snapshot& snapshot)
{
    const Port* uplink = nullptr;
    std::size_t n_uplinks = 0;
    for (const auto& port : ports_)
        if (port.kind == "uplink") {
            uplink = &port;
            ++n_uplinks;
        }
    if (n_uplinks != 1 || departures_.empty())
        return;
    for (const auto& vm : snapshot.vms) {
        auto departure = departures_.find(vm.id);
        if (departure == departures_.end())
            continue;
        const bool elsewhere = std::any_of(
            snapshot.hypervisors.begin(), snapshot.hypervisors.end(), [&](const auto& hypervisor) {
                return !hypervisor.self && hypervisor.name == vm.hypervisor;
            });
        if (elsewhere)
            departure->second->leave_by(uplink->interface, hf_now_ms());
    }
}

/// Without flows this is nobody's tunnel, but for a move: arm and pin see to that.
void Module::look_at_tunnel()
{
    if (!snapshot_)
        return;
    tunnel_.look_at_underlay(*snapshot_);
    if (!installed_.empty())
        tunnel_.keep_warm(*snapshot_);
}

/// Frames of these ports are judged from now on (spec C11).
void Module::watch_origins(std::vector<Origin> origins)
{
    if (!std::exchange(origins_stale_, false) && origins == origins_)
        return;
    origins_ = std::move(origins);
    std::map<std::string, std::shared_ptr<OriginCount>> counts;
    std::map<std::string, std::shared_ptr<Translator>> translators;
    std::vector<hf_origin> ports;
    const bool in_kernel = hf_kernel_datapath(bridge_.c_str());
    for (const auto& origin : origins_) {
        if (in_kernel && origin.vm.empty())
            continue; // Nobody directs there, and it has nothing to be judged by.
        auto& count = counts[origin.interface];
        auto before = forged_.find(origin.interface);
        count = before != forged_.end() && before->second->vm == origin.vm
                    ? before->second
                    : std::make_shared<OriginCount>();
        count->vm = origin.vm;
        auto translator = translator_for(origin, translators);
        const bool translates = translator != nullptr;
        ports.push_back(
            {origin.interface.c_str(),
             new JudgedPort{origin, count, std::move(translator), director_, router_, !in_kernel},
             origin.answers || origin.routed_vips, translates,
             origin.directs != Directs::no || origin.routed_vips});
    }
    // A server that went took its connections along.
    for (const auto& [interface, translator] : translators_)
        if (const auto at = forged_.find(interface);
            at != forged_.end() &&
            std::none_of(origins_.begin(), origins_.end(), [&](const Origin& one) {
                return one.vm == at->second->vm && translators.contains(one.interface);
            }))
            (void)unlink(kept_path("translated-" + at->second->vm).c_str());
    forged_ = std::move(counts);
    translators_ = std::move(translators);
    hf_origins(bridge_.c_str(), ports.data(), ports.size());
}

/// The server's translator goes on as long as its port is there: it knows the connections.  Of a
/// machine that is no server any more, until they have ended: they have answers to give still.
std::shared_ptr<Translator>
Module::translator_for(const Origin& origin,
                       std::map<std::string, std::shared_ptr<Translator>>& translators) const
{
    const auto before = translators_.find(origin.interface);
    const auto vm = forged_.find(origin.interface);
    const bool same = before != translators_.end() && vm != forged_.end() &&
                      vm->second->vm == origin.vm; // Another VM may have got its interface.
    if (!origin.balanced && !(same && before->second->size()))
        return nullptr;
    auto& translator = translators[origin.interface];
    translator = same ? before->second : std::make_shared<Translator>();
    if (origin.balanced)
        translator->use(*origin.balanced);
    else
        translator->serve_nothing();
    if (!same) {
        const auto path = kept_path("translated-" + origin.vm);
        if (arrivals_.contains(origin.vm))
            (void)unlink(path.c_str()); // Of when it was here before; its connections come along.
        keep(*translator, path);
    }
    return translator;
}

/// The built-in director, which goes on with the connections that it had before a restart.
void Module::direct(std::shared_ptr<const Directed> directed)
{
    const bool none = !directed;
    use_held(directed.get());
    director_->use(std::move(directed), wall_ns());
    if (none || std::exchange(director_keeps_, true))
        return;
    keep(*director_, kept_path("placed"));
}

/// Of which deleted balancers and servers this switch has no connection any more, as director or at
/// a server's port.
void Module::look_at_leaving()
{
    Held held;
    if (!leaving_.empty())
        for (const auto& [interface, translator] : translators_)
            translator->add_held(held);
    const auto is_held = [&](const LeavingKey& key) {
        return director_->holds(key.at, key.server) || holds(held, key.at, key.server);
    };
    std::set<std::uint64_t> ended;
    const auto before = std::exchange(leaving_since_ms_, {});
    for (const auto& key : leaving_) {
        const auto known = before.find(key.number);
        const auto since = known == before.end() ? hf_now_ms() : known->second;
        leaving_since_ms_[key.number] = since;
        const auto most = key.at.protocol == IPPROTO_UDP ? leaving_udp_ms : leaving_tcp_ms;
        if (!is_held(key) || hf_now_ms() - since > most)
            ended.insert(key.number);
    }
    if (!ended.empty() && ended != ended_)
        inputs_stale_ = true;
    ended_ = std::move(ended);
}

/// Asks for the next hops of routed servers (spec B4).
void Module::ask_gateways()
{
    Mac own;
    const auto due = router_->due(hf_now_ms());
    if (due.empty() || !hf_bridge_mac(bridge_.c_str(), own.data()))
        return;
    for (const auto& gateway : due) {
        const auto probe = probe_of(gateway, own);
        (void)hf_bridge_send(bridge_.c_str(), "NORMAL", probe.data(), probe.size());
    }
}

/// VIPs that this switch holds, but for those of deleted balancers alone.  All are announced again
/// when a hypervisor is lost or found: those that it held, too, may say so.
void Module::use_held(const Directed* directed)
{
    std::vector<Announcer::Held> held;
    std::set<VipPort> leaving;
    for (const auto& key : leaving_)
        if (!key.server)
            leaving.insert(key.at);
    if (directed)
        for (const auto& one : directed->services) {
            const bool leaves = leaving.contains({one.vip, one.port, one.protocol});
            if (!leaves && std::ranges::binary_search(directed->held_macs, one.mac))
                held.emplace_back(one.vip, one.mac);
        }
    announcer_.use(held);
    std::set<std::string> lost;
    if (snapshot_)
        for (const auto& hypervisor : snapshot_->hypervisors)
            if (hypervisor.lost)
                lost.insert(hypervisor.name);
    if (lost != std::exchange(lost_, lost))
        announcer_.again();
}

/// Where VIPs are announced: at each port to a network without a tag, and in each VLAN in which
/// somebody there has asked for one.
std::vector<Announcer::Place> Module::places_to_announce() const
{
    std::vector<Announcer::Place> places;
    for (const auto& port : ports_) {
        const auto seen = forged_.find(port.interface);
        if (port.kind != "uplink" || seen == forged_.end())
            continue;
        places.push_back({port.ofport, 0});
        for (const int vlan : seen->second->vips_asked.all())
            if (vlan != 0)
                places.push_back({port.ofport, vlan});
    }
    return places;
}

/// Says which VIPs are to be found here from now on (spec B14): some 10 us a frame.
void Module::announce()
{
    constexpr std::size_t frames_a_run = 20; // The loop forwards between two runs.
    for (const auto& [held, place] : announcer_.next(frames_a_run)) {
        const auto frame = announcement_of(held.first, held.second, place.vlan);
        (void)hf_bridge_send(bridge_.c_str(), ("output:" + std::to_string(place.ofport)).c_str(),
                             frame.data(), frame.size());
    }
}

/// Of directors that have sent astray within the last minute (spec B8).
std::vector<std::string> Module::stray_problems() const
{
    constexpr std::int64_t lately_ms = 60'000;
    std::vector<std::string> problems;
    const auto now_ms = hf_now_ms();
    for (const auto& [interface, count] : forged_)
        for (const auto& stray : count->director.strays())
            for (const auto& balancer : snapshot_->balancers) {
                const auto* vm = vm_of(count->vm);
                if (Ip vip;
                    !vm || now_ms - stray.last_ms > lately_ms || !read_ip(balancer.vip, vip) ||
                    vip != stray.vip ||
                    std::ranges::find(balancer.directors, vm->id) == balancer.directors.end())
                    continue;
                problems.push_back(
                    stray_problem(balancer, vm->name, stray, count->director.used(), now_ms));
            }
    return problems;
}

void Module::tell_forged()
{
    for (const auto& [interface, count] : forged_) {
        const auto mac = count->mac.load(), ip = count->ip.load();
        if (mac + ip == count->told || hf_now_ms() < count->quiet_until_ms)
            continue;
        count->told = mac + ip;
        count->quiet_until_ms = hf_now_ms() + tell_forged_again_ms;
        emit("\"kind\":\"forged\",\"vm\":" + to_text(count->vm) +
             ",\"interface\":" + to_text(interface) + ",\"mac\":" + std::to_string(mac) +
             ",\"ip\":" + std::to_string(ip) +
             ",\"dropped\":" + std::to_string(count->dropped.load()));
        hf_log(HF_WARN, (interface + " sends with the address of another VM: " +
                         std::to_string(mac) + " frames by MAC, " + std::to_string(ip) +
                         " by IP, " + std::to_string(count->dropped.load()) + " dropped")
                            .c_str());
    }
}

/// Sends each hop its probe, and says which hops let none through any more, or again (spec C10).
void Module::probe_hops()
{
    std::map<HopProbe, Probed> before = std::exchange(probed_, {});
    std::set<std::string> silent;
    for (const auto& ready : probes_) {
        auto& probed = probed_[ready.probe];
        if (auto at = before.find(ready.probe); at != before.end())
            probed = at->second;
        // A guest that moves stands still for a while, and is no dead hop for that.
        if (departures_.contains(ready.probe.vm) || arrivals_.contains(ready.probe.vm))
            probed.missed = -1;
        const auto n = hf_flow_packets(bridge_.c_str(), ready.catcher->parsed);
        const bool came = n != probed.came_back && n != 0;
        probed.came_back = n;
        probed.missed = came ? 0 : probed.missed + 1;
        if (probed.missed > missed_max || (silent_.contains(ready.probe.vm) && !came))
            silent.insert(ready.probe.vm);
        (void)hf_port_send(bridge_.c_str(), ready.probe.interface.c_str(), delivered_mark,
                           ready.frame.data(), ready.frame.size());
    }
    for (const auto& vm : silent)
        if (!silent_.contains(vm))
            emit("\"kind\":\"hop-silent\",\"vm\":" + to_text(vm));
    for (const auto& vm : silent_)
        if (!silent.contains(vm))
            emit("\"kind\":\"hop-answers\",\"vm\":" + to_text(vm));
    silent_ = std::move(silent);
}

void Module::flushed(const std::string& bridge)
{
    if (bridge == bridge_)
        emit("\"kind\":\"flushed\",\"flows\":" + std::to_string(installed_.size()));
}

void Module::ports_changed()
{
    ports_stale_ = inputs_stale_ = origins_stale_ = true;
    if (!guarded_ && installed_.empty())
        return;
    // A bridge that was just made, as at the switch's start, has none of our flows.  It is told of
    // its first port before a thread of the datapath can ask it for anything.
    const auto& one = guarded_ ? guard_ : *installed_.begin();
    if (hf_flow_check(bridge_.c_str(), one->parsed) == ENOENT)
        put_all_back();
}

/// The bridge may have given their ports' numbers to others: nothing passes until flows are made
/// anew.
void Module::put_all_back()
{
    if (guard_)
        guarded_ = hf_flow_put(bridge_.c_str(), guard_->parsed) == 0;
    for (auto at = installed_.rbegin(); at != installed_.rend(); ++at)
        hf_flow_put(bridge_.c_str(), (*at)->parsed);
}

// --- Moves. ---

/// Its ports on this switch, the one that the store names first in front.
std::vector<const Port*> Module::ports_of(const std::string& vm) const
{
    const auto* record = vm_of(vm);
    std::vector<const Port*> found;
    for (const auto& port : ports_)
        if ((port.kind == "vm" && port.vm_id == vm) || (port.kind == "port" && port.iface_id == vm))
            found.push_back(&port);
    if (record && !record->ports.empty())
        std::stable_partition(found.begin(), found.end(), [&](const Port* port) {
            return port->mac == record->ports.front().mac;
        });
    return found;
}

const db::Vm* Module::vm_of(const std::string& vm) const
{
    if (snapshot_)
        for (const auto& record : snapshot_->vms)
            if (record.id == vm)
                return &record;
    return nullptr;
}

bool Module::is_wire(const std::string& vm) const
{
    return snapshot_ && std::any_of(snapshot_->chains.begin(), snapshot_->chains.end(),
                                    [&](const db::Chain& chain) {
                                        return std::any_of(chain.hops.begin(), chain.hops.end(),
                                                           [&](const db::Hop& hop) {
                                                               return hop.kind == "wire" &&
                                                                      hop.vms.front() == vm;
                                                           });
                                    });
}

void Module::run_departures()
{
    for (auto& [vm, departure] : departures_) {
        const bool cleared = departure->run(hf_now_ms());
        const Override elsewhere{Override::Place::elsewhere, departure->vtep()};
        if (departure->may_leave() && !departure->left() && overrides_[vm] != elsewhere) {
            // The source's QEMU has ended, and nothing can go back: flows lead there directly.
            overrides_[vm] = elsewhere;
            inputs_stale_ = true;
        }
        if (cleared)
            tell_turned(vm, *departure);
    }
}

void Module::tell_turned(const std::string& vm, const Departure& departure)
{
    const auto figures = departure.figures();
    emit("\"kind\":\"turned\",\"vm\":" + to_text(vm) + ",\"drained\":" +
         std::to_string(figures.taken) + ",\"swallowed\":" + std::to_string(figures.swallowed) +
         ",\"held\":" + std::to_string(figures.held) + ",\"lost\":" + std::to_string(figures.lost));
}

void Module::run_arrivals()
{
    for (auto at = arrivals_.begin(); at != arrivals_.end();) {
        const auto& vm = at->first;
        auto& arrival = *at->second;
        const auto seen = arrival.run(hf_now_ms(), [&](const Frame& frame) {
            const auto* record = vm_of(vm);
            return record && tunnel_.send(record->label, former_place(vm), frame);
        });
        if (seen.first_frame_ns) {
            emit("\"kind\":\"first-frame\",\"vm\":" + to_text(vm) +
                 ",\"frame_ns\":" + std::to_string(seen.first_frame_ns));
            activate(vm, "first frame");
        }
        if (seen.first_guest_frame_ns)
            emit("\"kind\":\"first-guest-frame\",\"vm\":" + to_text(vm) +
                 ",\"frame_ns\":" + std::to_string(seen.first_guest_frame_ns));
        if (arrival.never_came() && overrides_.erase(vm))
            inputs_stale_ = true; // Its traffic goes where the store says.
        at = arrival.over(hf_now_ms()) ? arrivals_.erase(at) : std::next(at);
    }
}

/// `came`: the guest runs here; else its MAC addresses are elsewhere.
void Module::stop_awaiting(const std::string& vm, bool came)
{
    if (auto arrival = arrivals_.extract(vm); arrival && !came)
        arrival.mapped()->forget();
}

/// NORMAL finds it at its port here from now on (spec C14).
void Module::pin(const std::string& vm)
{
    if (auto arrival = arrivals_.find(vm); arrival != arrivals_.end() && arrival->second->pin())
        tunnel_.warm_up(former_place(vm)); // The barrier goes there.
}

/// Where the VM's frames went until now: the VTEP of its former hypervisor; empty if not known.
std::string Module::former_place(const std::string& vm) const
{
    if (!snapshot_)
        return {};
    const auto* record = vm_of(vm);
    std::string name = record ? record->hypervisor : std::string{};
    for (const auto& move : snapshot_->moves)
        if (move.vm == vm && move.role == "destination")
            name = move.peer;
    for (const auto& hypervisor : snapshot_->hypervisors)
        if (hypervisor.name == name && !hypervisor.self)
            return hypervisor.vtep;
    return {};
}

void Module::activate(const std::string& vm, const char* why)
{
    const Override here{Override::Place::here, {}};
    if (auto at = overrides_.find(vm); at == overrides_.end() || at->second != here) {
        overrides_[vm] = here;
        inputs_stale_ = true;
        pin(vm); // Even if the announcement comes late or never.
        if (auto arrival = arrivals_.find(vm); arrival != arrivals_.end())
            arrival->second->came(hf_now_ms());
        emit("\"kind\":\"activated\",\"vm\":" + to_text(vm) + ",\"by\":" + to_text(why));
    }
}

// --- Events. ---

void Module::emit(std::string fields)
{
    events_.push_back({++last_event_, wall_ns(), std::move(fields)});
    if (events_.size() > events_max)
        events_.pop_front();
    answer_watchers();
}

std::string Module::events_after(std::uint64_t seq) const
{
    std::string list;
    for (const auto& event : events_)
        if (event.seq > seq)
            list += (list.empty() ? "" : ",") + ("{\"seq\":" + std::to_string(event.seq)) +
                    ",\"time_ns\":" + std::to_string(event.time_ns) + "," + event.fields + "}";
    return "{\"seq\":" + std::to_string(last_event_) + ",\"events\":[" + list +
           "],\"silent\":" + to_text(silent_) + "}";
}

void Module::answer_watchers()
{
    for (const auto& watcher : std::exchange(watchers_, {}))
        hf_reply(watcher.conn, true, events_after(watcher.after).c_str());
}

} // namespace holdfast::plugin

// --- The module's entry points, called by the shim. ---

namespace {
std::unique_ptr<holdfast::plugin::Module> module;
}

extern "C" {

bool hf_module_may_send(void* judged, const std::uint8_t* frame, std::size_t size, bool count)
{
    using namespace holdfast::plugin;
    auto& port = *static_cast<JudgedPort*>(judged);
    const auto verdict = judge(port.origin, frame, size);
    if (verdict == Verdict::ours)
        return false;
    const bool forged = verdict != Verdict::true_;
    const bool dropped = forged && port.origin.protect;
    if (forged && count)
        (verdict == Verdict::forged_mac ? port.count->mac : port.count->ip)
            .fetch_add(1, std::memory_order_relaxed);
    if (dropped && count)
        port.count->dropped.fetch_add(1, std::memory_order_relaxed);
    if (dropped || !count || !port.is_director())
        return !dropped;
    return port.count->director.goes_on(port.origin, {frame, size}, hf_now_ms());
}

std::size_t hf_module_answer(void* judged, const std::uint8_t* frame, std::size_t size,
                             std::uint8_t answer[HF_ANSWER_SIZE])
{
    using namespace holdfast::plugin;
    const auto& port = *static_cast<JudgedPort*>(judged);
    const auto may_be = [&](const Ip& gateway) { return may_be_gateway(port.origin, gateway); };
    if (port.origin.routed_vips &&
        port.router->hear({frame, size}, port.came_by(), hf_now_ms(), may_be))
        hf_wake();
    if (!port.origin.answers)
        return 0;
    static_assert(std::tuple_size_v<Answer> == HF_ANSWER_SIZE);
    Answer made;
    const auto made_size = answer_to(*port.origin.answers, {frame, size}, made);
    if (port.origin.vips && (made_size || answer_to(*port.origin.vips, {frame, size}, made)))
        port.count->vips_asked.add(vlan_of({frame, size}));
    std::copy_n(made.begin(), made_size, answer);
    if (made_size) {
        port.count->answered.fetch_add(1, std::memory_order_relaxed);
        if (port.is_director())
            port.count->director.answered(mac_at(made, 6), hf_now_ms());
    }
    return made_size;
}

bool hf_module_to_server(void* judged, std::uint8_t* frame, std::size_t size, bool passed_on)
{
    using namespace holdfast::plugin;
    return static_cast<JudgedPort*>(judged)->translator->to_server(
               {frame, size}, passed_on, hf_now_ms()) == Translator::Fate::pass;
}

bool hf_module_from_server(void* judged, std::uint8_t* frame, std::size_t size)
{
    using namespace holdfast::plugin;
    return static_cast<JudgedPort*>(judged)->translator->from_server({frame, size}, hf_now_ms()) ==
           Translator::Fate::pass;
}

hf_fate hf_module_direct(void* judged, std::uint8_t* frame, std::size_t* size)
{
    using namespace holdfast::plugin;
    const auto& port = *static_cast<JudgedPort*>(judged);
    if (*size < ethernet_size)
        return HF_ON;
    const auto sent_to = mac_at({frame, *size}, 0);
    auto fate = Director::Fate::pass;
    if (port.origin.directs != Directs::no)
        fate = port.director->direct({frame, *size}, *size, port.origin.directs == Directs::held,
                                     port.origin.director || port.origin.hop, hf_now_ms());
    if (fate != Director::Fate::pass)
        return fate == Director::Fate::back ? HF_BACK : HF_DROP;
    if (!port.origin.routed_vips)
        return HF_ON;
    const auto routed = port.router->route({frame, *size}, sent_to, port.came_by(), hf_now_ms());
    if (port.router->hurries())
        hf_wake();
    return routed == Router::Fate::back ? HF_BACK : routed == Router::Fate::drop ? HF_DROP : HF_ON;
}

bool hf_module_looks_inside(void* judged, const std::uint8_t mac[6])
{
    using namespace holdfast::plugin;
    Mac source;
    std::copy(mac, mac + source.size(), source.begin());
    return looks_inside(static_cast<JudgedPort*>(judged)->origin, source);
}

void hf_module_origin_free(void* judged)
{
    delete static_cast<holdfast::plugin::JudgedPort*>(judged);
}

void hf_module_init(void)
{
    const char* path = std::getenv("HOLDFAST_DB");
    module = std::make_unique<holdfast::plugin::Module>(
        path ? path : HOLDFAST_LOCALSTATEDIR "/lib/holdfast/holdfast.db");
}

void hf_module_run(void)
{
    module->run();
}

void hf_module_wait(void)
{
    module->wait();
}

void hf_module_exit(void)
{
    // The reader's thread lives as long as the process, which ends now.
    (void)module.release();
}

void hf_module_flushed(const char* bridge)
{
    if (module)
        module->flushed(bridge);
}

void hf_module_ports_changed(void)
{
    if (module)
        module->ports_changed();
}

void hf_module_command(struct unixctl_conn* conn, int argc, const char* argv[])
{
    module->command(conn, std::vector<std::string>(argv, argv + argc));
}
}
