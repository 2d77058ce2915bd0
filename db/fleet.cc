// SPDX-License-Identifier: Apache-2.0
//
// db/fleet: see fleet.h.  All state is the loop's thread's; the daemon's thread posts work
// to it, and it posts callbacks back.
#include <config.h>

#include "db/fleet.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <tuple>

#include <boost/asio/post.hpp>

#include "db/fleet-idl.h"
#include "db/fleet-ops.h"
#include "db/fleet-session.h"

namespace holdfast::db {
namespace {

using nlohmann::json;

constexpr std::int64_t answer_ms = 5000; // A transaction without an answer by then has failed.
constexpr std::int64_t retry_ms = 100;   // Between two tries while the database cannot decide.

Error not_connected()
{
    return {Errc::unavailable, "fleet: not connected to the fleet database: flows go on as they "
                               "are; see that its server runs and can be reached"};
}

Error no_answer()
{
    return {Errc::unavailable, "fleet: the database gave no answer, it may have done what was "
                               "asked: ask again"};
}

std::vector<std::string> strings(const fleet_list& list)
{
    return {list.values, list.values + list.n};
}

std::map<std::string, std::int64_t> numbers(const fleet_numbers& from)
{
    std::map<std::string, std::int64_t> all;
    for (std::size_t i = 0; i < from.n; ++i)
        all.emplace(from.names[i], from.values[i]);
    return all;
}

/// A VM of the replica, decoded: that costs more than to look whether it changed.
struct KnownVm {
    std::array<std::uint32_t, 4> uuid{};
    unsigned seqno = 0;
    unsigned round = 0; // When it was last there.
    Vm row;
    std::string wrong; // Empty if nothing is.
};

/// Where a visit of the replica's rows goes.
struct Taking {
    FleetSnapshot all;
    std::map<std::string, KnownVm, std::less<>>& vms;
    unsigned round;
};

FleetSnapshot& snapshot(void* aux)
{
    return static_cast<Taking*>(aux)->all;
}

/// Notes what is wrong with a row, if anything is.
void note_damage(void* aux, const char* table, const std::string& key, const std::string& what)
{
    if (!what.empty())
        snapshot(aux).damaged.push_back({table, key, what});
}

void take_hypervisor(void* aux, const fleet_hypervisor* from)
{
    auto& row = snapshot(aux).hypervisors.emplace_back();
    row.number = narrowed(from->number);
    row.name = from->name;
    row.id = from->id;
    row.vtep = from->vtep;
    row.bridge = from->bridge;
    row.drained = from->drained;
    row.capacity = from->capacity;
    row.load = narrowed(from->load);
    row.period_load = narrowed(from->period_load);
    row.resources = from->resources;
}

KnownVm decode(const fleet_vm* from)
{
    KnownVm known;
    Vm& row = known.row;
    row.id = from->id;
    row.name = from->name;
    row.label = static_cast<std::uint32_t>(from->label);
    row.kind = from->kind;
    row.service = from->service;
    row.hypervisor = from->hypervisor;
    row.state = from->state;
    row.ips = strings(from->ips);
    row.epoch = from->epoch;
    row.protect = from->protect;
    row.health = from->health;
    std::tie(row.ports, known.wrong) = read_each(strings(from->ports), port_from_text);
    return known;
}

void take_vm(void* aux, const fleet_vm* from)
{
    auto& taking = *static_cast<Taking*>(aux);
    auto at = taking.vms.find(std::string_view{from->id});
    const auto uuid = std::to_array(from->uuid);
    if (at == taking.vms.end() || at->second.uuid != uuid || at->second.seqno != from->seqno) {
        at = taking.vms.insert_or_assign(from->id, decode(from)).first;
        at->second.uuid = uuid;
        at->second.seqno = from->seqno;
    }
    at->second.round = taking.round;
    note_damage(aux, "VM", from->id, at->second.wrong);
}

void take_chain(void* aux, const fleet_chain* from)
{
    auto& row = snapshot(aux).chains.emplace_back();
    row.name = from->name;
    row.spi = static_cast<std::uint32_t>(from->spi);
    row.rspi = static_cast<std::uint32_t>(from->rspi);
    row.match = from->match;
    row.match_reverse = from->match_reverse;
    row.priority = narrowed(from->priority);
    row.symmetric = from->symmetric;
    row.dead = from->dead;
    row.probe = from->probe;
    row.open = from->open;
    row.change = from->change;
    std::string wrong;
    std::tie(row.hops, wrong) = read_hops(strings(from->hops));
    note_damage(aux, "Chain", row.name, wrong);
}

void take_check(Balancer& row, const fleet_balancer* from)
{
    row.check = from->check;
    row.check_target = from->check_target;
    row.check_expect = narrowed(from->check_expect);
    row.interval_ms = narrowed(from->interval_ms);
    row.timeout_ms = narrowed(from->timeout_ms);
    row.rise = narrowed(from->rise);
    row.fall = narrowed(from->fall);
}

void take_balancer(void* aux, const fleet_balancer* from)
{
    auto& row = snapshot(aux).balancers.emplace_back();
    row.name = from->name;
    row.vip = from->vip;
    row.port = narrowed(from->port);
    row.protocol = from->protocol;
    row.director = from->director;
    row.directors = strings(from->directors);
    row.policy = from->policy;
    row.gateway = from->gateway;
    row.number = narrowed(from->number);
    row.mac_prefix = from->mac_prefix;
    row.mac_layout = from->mac_layout;
    row.vip_mac = from->vip_mac;
    row.persistence = narrowed(from->persistence);
    row.slow_start = narrowed(from->slow_start);
    row.sorry = from->sorry;
    row.sorry_port = narrowed(from->sorry_port);
    row.sorry_mac = from->sorry_mac;
    if (*from->check) // A row of an older program, without it, has no check.
        take_check(row, from);
    std::string wrong;
    std::tie(row.servers, wrong) = read_each(strings(from->servers), server_from_text);
    note_damage(aux, "Balancer", row.name, wrong);
}

void take_health(void* aux, const fleet_health* from)
{
    auto& row = snapshot(aux).health.emplace_back();
    row.balancer = from->balancer;
    row.address = from->address;
    row.hypervisor = from->hypervisor;
    row.state = from->state;
    row.since = from->since;
    row.text = from->text;
    row.cpu = narrowed(from->cpu);
    row.memory = narrowed(from->memory);
    row.answer_us = narrowed(from->answer_us);
}

void take_service(void* aux, const fleet_service* from)
{
    auto& row = snapshot(aux).services.emplace_back();
    row.id = from->id;
    row.name = from->name;
    row.user = from->user;
    row.ips = strings(from->ips);
    row.mac = from->mac;
    row.vlan = narrowed(from->vlan);
    row.gateway = from->gateway;
    row.command = strings(from->command);
    row.directory = from->directory;
    row.environment = strings(from->environment);
    row.hypervisor = from->hypervisor;
    row.state = from->state;
    row.pinned = from->pinned;
    row.mode = from->mode;
    row.pid = narrowed(from->pid);
    row.exit = from->exit;
    row.epoch = from->epoch;
}

void take_specification(void* aux, const fleet_specification* from)
{
    auto& row = snapshot(aux).specifications.emplace_back();
    row.id = from->id;
    row.hypervisor = from->hypervisor;
    row.epoch = from->epoch;
    row.cpus = from->cpus;
    row.memory = from->memory;
    row.disk = from->disk;
    row.shared_disks = from->shared_disks;
    std::string wrong;
    std::tie(row.elements, wrong) = read_each(strings(from->elements), element_from_text);
    row.lease = from->lease;
    row.xml = from->xml;
    note_damage(aux, "Specification", row.id, wrong);
}

void take_recovery_policy(void* aux, const fleet_recovery_policy* from)
{
    auto& row = snapshot(aux).recovery_policies.emplace_back();
    row.name = from->name;
    row.ways = from->ways;
    row.weights = numbers(from->weights);
    row.threshold = from->threshold;
    row.measure = from->measure;
    row.versions = from->versions;
    row.required = from->required;
    row.pinned = from->pinned;
    row.forbidden = from->forbidden;
    row.automatic = from->automatic;
}

void take_recovery(void* aux, const fleet_recovery* from)
{
    auto& row = snapshot(aux).recoveries.emplace_back();
    row.id = from->id;
    row.vm = from->vm;
    row.hypervisor = from->hypervisor;
    row.failure = from->failure;
    row.state = from->state;
    row.way = from->way;
    row.replacement = from->replacement;
    row.target = from->target;
    row.by = from->by;
    row.text = from->text;
    row.attempts = from->attempts;
    row.since = from->since;
    row.changed = from->changed;
}

void take_lease(void* aux, const fleet_lease* from)
{
    auto& row = snapshot(aux).leases.emplace_back();
    row.name = from->name;
    row.holder = from->holder;
    row.term = from->term;
    row.beat = from->beat;
    row.decided = from->decided;
    row.spare = from->spare;
    row.reviewed = from->reviewed;
    row.accounted = from->accounted;
    row.balance = from->balance;
}

void take_quota(void* aux, const fleet_quota* from)
{
    auto& row = snapshot(aux).quotas.emplace_back();
    row.name = from->name;
    row.amount = from->amount;
    row.administrator = from->administrator;
    row.share = numbers(from->share);
    row.given = numbers(from->given);
    row.borrowed = strings(from->borrowed);
    row.in_use = strings(from->in_use);
    row.low_reviews = narrowed(from->low_reviews);
    row.accounted = from->accounted;
    row.used = numbers(from->used);
}

void take_move(void* aux, const fleet_move* from)
{
    auto& row = snapshot(aux).moves.emplace_back();
    row.id = from->id;
    row.role = from->role;
    row.vm = from->vm;
    row.hypervisor = from->hypervisor;
    row.peer = from->peer;
    row.state = from->state;
    row.times = numbers(from->times);
    row.figures = numbers(from->figures);
}

void take_task(void* aux, const fleet_task* from)
{
    auto& row = snapshot(aux).tasks.emplace_back();
    row.id = from->id;
    row.hypervisor = from->hypervisor;
    row.asked_by = from->asked_by;
    row.verb = from->verb;
    row.arguments = from->arguments;
    row.state = from->state;
    row.reply = from->reply;
    row.deadline = from->deadline;
}

/// But for VMs, of which damaged ones are known, and chains.
void leave_damaged_out(FleetSnapshot& all)
{
    leave_out_damaged(all.hypervisors, "Hypervisor", all.damaged);
    leave_out_damaged(all.balancers, "Balancer", all.damaged);
    leave_out_damaged(all.health, "Server_Health", all.damaged);
    leave_out_damaged(all.services, "Service", all.damaged);
    leave_out_damaged(all.specifications, "Specification", all.damaged);
    leave_out_damaged(all.recovery_policies, "Recovery_Policy", all.damaged);
    leave_out_damaged(all.recoveries, "Recovery", all.damaged);
    leave_out_damaged(all.leases, "Lease", all.damaged);
    leave_out_damaged(all.quotas, "Quota", all.damaged);
    leave_out_damaged(all.moves, "Move", all.damaged);
}

/// The replica's order is the rows' UUIDs'.
void sort(FleetSnapshot& all)
{
    std::ranges::sort(all.hypervisors, {}, &Hypervisor::name);
    std::ranges::sort(all.chains, {}, &Chain::name);
    std::ranges::sort(all.balancers, {}, &Balancer::name);
    std::ranges::sort(all.health, {}, &HealthKey::of);
    std::ranges::sort(all.services, {}, &Service::name);
    std::ranges::sort(all.specifications, {}, &Specification::id);
    std::ranges::sort(all.recovery_policies, {}, &RecoveryPolicy::name);
    std::ranges::sort(all.recoveries, {}, &Recovery::id);
    std::ranges::sort(all.leases, {}, &Lease::name);
    std::ranges::sort(all.quotas, {}, &Quota::name);
    std::ranges::sort(all.moves, [](const Move& a, const Move& b) {
        return std::tie(a.id, a.role) < std::tie(b.id, b.role);
    });
    std::ranges::sort(all.tasks, {}, &Task::id);
}

Result<void> check_readable(const std::string& file, const char* what)
{
    if (file.empty())
        return Error{Errc::invalid,
                     std::string{"fleet address ssl: needs a "} + what + ": name its PEM file"};
    if (::access(file.c_str(), R_OK) != 0)
        return Error{Errc::invalid, file + ": the " + what + " cannot be read: " +
                                        std::strerror(errno) + ": check its path, owner and mode"};
    return {};
}

/// The daemon's side: a callback that is asked for after ~Fleet is not called.
struct Caller {
    std::atomic<bool> alive{true};
    boost::asio::any_io_executor executor;
    Fleet::OnSnapshot on_snapshot;
};

template <class T>
void call(const std::shared_ptr<Caller>& caller, std::function<void(Result<T>)> done,
          Result<T> result)
{
    boost::asio::post(caller->executor, [caller, done = std::move(done), result] {
        if (caller->alive)
            done(result);
    });
}

} // namespace

class Fleet::Impl : public OvsLoop::Runner {
public:
    Impl(OvsLoop& loop, OnSnapshot on_snapshot) : loop_{loop}
    {
        caller->executor = loop.executor();
        caller->on_snapshot = std::move(on_snapshot);
    }

    const std::shared_ptr<Caller> caller = std::make_shared<Caller>();

    void run() override;
    void wait() override;

    // On the loop's thread, like all below.
    void open(const FleetRemote& remote);
    void close();
    void set_interest(std::string own, bool all_vms);
    void transact(const FleetChange& change, OnDone done, const std::string& owner);
    void join(Hypervisor row, std::int64_t deadline, std::function<void(Result<Hypervisor>)> done);
    /// Sends operations until they are decided; the answer has been judged.
    using OnAnswer = std::function<void(Result<json>)>;
    void ask(FleetOps ops, std::int64_t deadline, OnAnswer on_answer);

    template <class Row>
    void read_all(const char* table, Result<Seen<Row>> (*read)(const json& answer),
                  std::function<void(Result<Seen<Row>>)> done)
    {
        ask(compose_read_all(table), deadline(), [caller = caller, read, done](auto answer) {
            call<Seen<Row>>(caller, done, answer ? read(*answer) : answer.error());
        });
    }

    OvsLoop& loop() { return loop_; }
    static std::int64_t deadline() { return fleet_now_ms() + answer_ms; }

private:
    struct Request {
        FleetOps ops;
        std::int64_t deadline;
        OnAnswer on_answer;
    };

    bool session_up() const { return session_ && fleet_session_connected(session_); }
    void take_answers();
    void answer(Request request, bool refused, const char* text);
    void give_up_late();
    void fail_all();
    std::shared_ptr<FleetSnapshot> take_rows(bool connected);
    void publish(std::shared_ptr<FleetSnapshot> all);
    std::optional<SeenVm> seen(const std::string& id) const;

    OvsLoop& loop_;
    ovsdb_idl* idl_ = nullptr;
    jsonrpc_session* session_ = nullptr;
    std::string own_;
    bool all_vms_ = false;
    unsigned idl_seqno_ = 0;
    unsigned session_seqno_ = 0;
    bool connected_ = false;
    std::map<std::string, KnownVm, std::less<>> vms_; // Of this replica, by id.
    unsigned round_ = 0;
    bool told_own_ = true;                      // The last snapshot knows who we are.
    std::shared_ptr<const FleetSnapshot> last_; // As published; null at first.
    std::map<std::int64_t, Request> asked_;
    std::vector<std::pair<std::int64_t, Request>> again_; // From when on.
};

void Fleet::Impl::open(const FleetRemote& remote)
{
    close();
    if (remote.address.find("ssl:") != std::string::npos)
        fleet_set_ssl(remote.private_key.c_str(), remote.certificate.c_str(),
                      remote.ca_certificate.c_str());
    vms_.clear();
    idl_ = fleet_idl_open(remote.address.c_str());
    fleet_idl_set_interest(idl_, own_.c_str(), all_vms_);
    idl_seqno_ = fleet_idl_seqno(idl_);
    session_ = fleet_session_open(remote.address.c_str());
    session_seqno_ = fleet_session_seqno(session_);
}

void Fleet::Impl::close()
{
    if (!idl_)
        return;
    fail_all();
    fleet_session_close(std::exchange(session_, nullptr));
    fleet_idl_close(std::exchange(idl_, nullptr));
    if (std::exchange(connected_, false)) {
        auto all = std::make_shared<FleetSnapshot>(*last_);
        all->connected = false;
        publish(std::move(all));
    }
}

void Fleet::Impl::set_interest(std::string own, bool all_vms)
{
    told_own_ = told_own_ && own == own_;
    own_ = std::move(own);
    all_vms_ = all_vms;
    if (idl_)
        fleet_idl_set_interest(idl_, own_.c_str(), all_vms_);
}

void Fleet::Impl::run()
{
    if (!idl_)
        return;
    fleet_session_run(session_);
    if (const auto seqno = fleet_session_seqno(session_); seqno != session_seqno_) {
        session_seqno_ = seqno;
        fail_all(); // Answers of the former connection do not come any more.
    }
    take_answers();
    give_up_late();

    fleet_idl_run(idl_);
    if (!fleet_idl_complete(idl_))
        return;
    const bool connected = fleet_idl_connected(idl_) && session_up();
    const auto seqno = fleet_idl_seqno(idl_);
    if (seqno == idl_seqno_ && connected == connected_ && told_own_)
        return;
    idl_seqno_ = seqno;
    connected_ = connected;
    told_own_ = true;
    publish(take_rows(connected));
}

std::shared_ptr<FleetSnapshot> Fleet::Impl::take_rows(bool connected)
{
    Taking taking{{}, vms_, ++round_};
    const fleet_visitor visitor{
        take_hypervisor, take_vm,      take_chain,         take_balancer,
        take_health,     take_service, take_specification, take_recovery_policy,
        take_recovery,   take_lease,   take_quota,         take_move,
        take_task,       &taking};
    fleet_idl_visit(idl_, &visitor);
    std::erase_if(vms_, [this](auto& item) { return item.second.round != round_; });
    auto all = std::make_shared<FleetSnapshot>(std::move(taking.all));
    all->connected = connected;
    all->vms.reserve(vms_.size());
    for (const auto& [id, known] : vms_)
        if (known.wrong.empty())
            all->vms.push_back(known.row);
    leave_damaged_out(*all);
    sort(*all);
    for (auto& row : all->hypervisors)
        row.self = row.name == own_;
    return all;
}

std::optional<SeenVm> Fleet::Impl::seen(const std::string& id) const
{
    const auto at = vms_.find(id);
    if (at == vms_.end())
        return std::nullopt;
    std::array<char, 40> uuid{};
    const auto& part = at->second.uuid;
    std::snprintf(uuid.data(), uuid.size(), "%08x-%04x-%04x-%04x-%04x%08x", part[0], part[1] >> 16,
                  part[1] & 0xffff, part[2] >> 16, part[2] & 0xffff, part[3]);
    return SeenVm{uuid.data(), at->second.row.hypervisor, at->second.row.epoch};
}

void Fleet::Impl::wait()
{
    if (!idl_)
        return;
    fleet_session_wait(session_);
    fleet_idl_wait(idl_);
    for (const auto& [id, request] : asked_)
        fleet_wake_at(request.deadline);
    for (const auto& [at, request] : again_)
        fleet_wake_at(at);
}

void Fleet::Impl::publish(std::shared_ptr<FleetSnapshot> all)
{
    last_ = std::move(all);
    boost::asio::post(caller->executor, [caller = caller, all = last_] {
        if (caller->alive)
            caller->on_snapshot(all);
    });
}

void Fleet::Impl::ask(FleetOps ops, std::int64_t deadline, OnAnswer on_answer)
{
    // What a snapshot has called disconnected is refused until one says otherwise.
    if (!connected_ || !session_up())
        return on_answer(not_connected());
    if (!fleet_idl_has_loads(idl_))
        leave_out(ops, load_columns);
    if (!fleet_idl_has_resources(idl_))
        leave_out(ops, resource_columns);
    // Text of libvirt's or an operator's may hold bytes that are not UTF-8.
    const auto text = ops.params.dump(-1, ' ', false, json::error_handler_t::replace);
    const auto id = fleet_session_send(session_, text.c_str());
    if (id < 0)
        return on_answer(not_connected());
    asked_.emplace(id, Request{std::move(ops), deadline, std::move(on_answer)});
}

void Fleet::Impl::take_answers()
{
    fleet_answer one;
    while (fleet_session_receive(session_, &one)) {
        if (auto request = asked_.extract(one.id))
            answer(std::move(request.mapped()), one.refused, one.text);
        fleet_answer_free(&one);
    }
}

void Fleet::Impl::answer(Request request, bool refused, const char* text)
{
    auto value = json::parse(text, nullptr, false);
    if (refused)
        return request.on_answer(
            Error{Errc::invalid, "fleet: the server refused: " + std::string{text} +
                                     ": is it a Holdfast database of this version?"});
    auto verdict = judge(request.ops, value);
    if (verdict)
        return request.on_answer(std::move(value));
    // What a wait of ours refused is decided: asked again, it could replace the other's change.
    const bool decided = std::ranges::any_of(request.ops.meanings, [&](const auto& meaning) {
        return meaning.second == verdict.error();
    });
    const auto at = fleet_now_ms() + retry_ms;
    if (verdict.error().code == Errc::unavailable && !decided && at < request.deadline)
        again_.emplace_back(at, std::move(request));
    else
        request.on_answer(verdict.error());
}

void Fleet::Impl::give_up_late()
{
    const auto now = fleet_now_ms();
    std::vector<Request> due;
    std::erase_if(again_, [&](auto& item) {
        if (item.first > now)
            return false;
        due.push_back(std::move(item.second));
        return true;
    });
    for (auto& request : due)
        ask(std::move(request.ops), request.deadline, std::move(request.on_answer));

    std::vector<Request> late;
    std::erase_if(asked_, [&](auto& item) {
        if (item.second.deadline > now)
            return false;
        late.push_back(std::move(item.second));
        return true;
    });
    for (auto& request : late)
        request.on_answer(no_answer());
}

void Fleet::Impl::fail_all()
{
    auto asked = std::exchange(asked_, {});
    auto again = std::exchange(again_, {});
    for (auto& [id, request] : asked)
        request.on_answer(no_answer());
    for (auto& [at, request] : again)
        request.on_answer(not_connected());
}

void Fleet::Impl::transact(const FleetChange& change, OnDone done, const std::string& owner)
{
    const auto own = owner.empty() ? own_ : owner;
    auto ops = compose(change, own, [this](const auto& id) { return seen(id); });
    if (!ops)
        return call<void>(caller, std::move(done), ops.error());
    const bool hasty = ops->hasty;
    const auto until = deadline();
    ask(std::move(*ops), until, [=, this](Result<json> answer) {
        // The replica was behind, or the change is to be refused: the server looks itself.
        if (!answer && hasty && answer.error().code != Errc::unavailable)
            return ask(*compose(change, own), until, [=, this](Result<json> decided) {
                call<void>(caller, done, decided ? Result<void>{} : decided.error());
            });
        call<void>(caller, done, answer ? Result<void>{} : answer.error());
    });
}

/// Reads the numbers, then claims one; begins again if another was quicker.
void Fleet::Impl::join(Hypervisor row, std::int64_t deadline,
                       std::function<void(Result<Hypervisor>)> done)
{
    auto claim = [this, row, deadline, done](Result<json> numbers) {
        auto number = numbers ? number_for(row, *numbers) : numbers.error();
        if (!number)
            return call<Hypervisor>(caller, done, number.error());
        auto claimed = row;
        claimed.number = *number;
        ask(compose_join(claimed), deadline, [=, this](Result<json> answer) {
            const bool outrun = !answer && answer.error().code == Errc::exists && !row.number &&
                                answer.error().message.find("number") != std::string::npos;
            if (outrun && fleet_now_ms() < deadline)
                return join(row, deadline, done);
            call<Hypervisor>(caller, done, answer ? Result<Hypervisor>{claimed} : answer.error());
        });
    };
    ask(compose_read_numbers(), deadline, claim);
}

Fleet::Fleet(OvsLoop& loop, OnSnapshot on_snapshot)
    : impl_{std::make_unique<Impl>(loop, std::move(on_snapshot))}
{
    loop.add(impl_.get());
}

Fleet::~Fleet()
{
    impl_->caller->alive = false;
    impl_->loop().remove(impl_.get(), [this] { impl_->close(); });
}

Result<void> Fleet::connect(const FleetRemote& remote)
{
    if (auto checked = check_remote(remote.address); !checked)
        return checked;
    if (remote.address.find("ssl:") != std::string::npos) {
        for (const auto& [file, what] : {std::pair{remote.private_key, "private key"},
                                         std::pair{remote.certificate, "certificate"},
                                         std::pair{remote.ca_certificate, "CA certificate"}})
            if (auto checked = check_readable(file, what); !checked)
                return checked;
    }
    impl_->loop().post([this, remote] { impl_->open(remote); });
    return {};
}

void Fleet::disconnect()
{
    impl_->loop().post([this] { impl_->close(); });
}

void Fleet::set_interest(const std::string& own, bool all_vms)
{
    impl_->loop().post([this, own, all_vms] { impl_->set_interest(own, all_vms); });
}

void Fleet::transact(FleetChange change, OnDone done, const std::string& owner)
{
    impl_->loop().post([this, change = std::move(change), done = std::move(done), owner] {
        impl_->transact(change, done, owner);
    });
}

void Fleet::join(Hypervisor row, std::function<void(Result<Hypervisor>)> done)
{
    impl_->loop().post([this, row = std::move(row), done = std::move(done)] {
        impl_->join(row, Impl::deadline(), done);
    });
}

void Fleet::read_hypervisors(std::function<void(Result<std::vector<Hypervisor>>)> done)
{
    impl_->loop().post([this, done = std::move(done)] {
        impl_->ask(compose_read_hypervisors(), Impl::deadline(),
                   [caller = impl_->caller, done](auto answer) {
                       call<std::vector<Hypervisor>>(
                           caller, done, answer ? db::read_hypervisors(*answer) : answer.error());
                   });
    });
}

void Fleet::read_chains(std::function<void(Result<Seen<Chain>>)> done)
{
    impl_->loop().post(
        [this, done = std::move(done)] { impl_->read_all<Chain>("Chain", db::read_chains, done); });
}

void Fleet::read_balancers(std::function<void(Result<Seen<Balancer>>)> done)
{
    impl_->loop().post([this, done = std::move(done)] {
        impl_->read_all<Balancer>("Balancer", db::read_balancers, done);
    });
}

void Fleet::read_vm(const std::string& id, std::function<void(Result<std::optional<Vm>>)> done)
{
    impl_->loop().post([this, id, done = std::move(done)] {
        impl_->ask(compose_read_vm(id), Impl::deadline(),
                   [caller = impl_->caller, done](auto answer) {
                       call<std::optional<Vm>>(caller, done,
                                               answer ? db::read_vm(*answer) : answer.error());
                   });
    });
}

} // namespace holdfast::db
