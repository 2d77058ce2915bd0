// SPDX-License-Identifier: Apache-2.0
//
// Tests of db/fleet and db/fleet-server against a real ovsdb-server in a folder of its own.
#include <config.h>

#include "db/fleet.h"

#include <array>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "db/fleet-ops.h"
#include "db/fleet-server.h"
#include "db/resources.h"
#include "db/tests/folder.h"
#include "db/tests/share-rows.h"

#include <CppUTest/CommandLineTestRunner.h>
#include <CppUTest/MemoryLeakWarningPlugin.h>
#include <CppUTest/TestHarness.h>

using namespace holdfast::db;
using namespace std::chrono_literals;
using holdfast::Errc;
using holdfast::OvsLoop;
using holdfast::Result;
using holdfast::tests::Folder;
using holdfast::tests::lease;
using holdfast::tests::quota;
using holdfast::tests::shell;

namespace {

const char* schema_file = FLEET_SCHEMA;

Hypervisor hypervisor(const std::string& name)
{
    return {.number = 0,
            .name = name,
            .id = "id-of-" + name,
            .vtep = "10.91.0.1",
            .bridge = "br0",
            .self = false,
            .seen = 5,
            .drained = true,
            .capacity = 600'000,
            .load = 250,
            .period_load = -1,
            .resources = resources_text({.cpus = 2})};
}

Vm vm(const std::string& id, const std::string& owner, std::int64_t epoch, std::uint32_t label = 7)
{
    Vm row;
    row.id = id;
    row.name = "name-" + id;
    row.label = label;
    row.hypervisor = owner;
    row.state = "running";
    row.ips = {"10.0.0.9", "10.0.0.1", "fd00::1"};
    row.epoch = epoch;
    row.ports = {{"52:54:00:00:00:02", "if-b", "br0", "vnet3", 4, "south", "hv2"},
                 {"52:54:00:00:00:01", "if-a", "", "", 0}};
    return row;
}

Chain chain(const std::string& name, std::uint32_t spi, const std::string& match)
{
    Chain row;
    row.name = name;
    row.spi = spi;
    row.match = match;
    row.probe = "icmp,nw_dst=192.0.2.1";
    row.open = false;
    row.change = "set hv1";
    row.hops = {{{"z"}}, {{"a", "b"}, "pass", false}, {{"m"}, "tap", true}};
    return row;
}

Balancer balancer(const std::string& name, int port)
{
    Balancer row;
    row.name = name;
    row.vip = "10.0.0.80";
    row.port = port;
    row.directors = {"id-a", "id-b"};
    row.gateway = "10.0.0.1";
    row.mac_layout = "split";
    row.servers = {{"10.0.20.12", 8080, 0, "draining", "0a:00:ae:14:0c:48"},
                   {"10.0.20.11", 80, 65535, "active", "0a:00:ae:14:0b:48", 1000}};
    row.vip_mac = "0a:00:ae:00:50:48";
    row.policy = "wlc";
    row.persistence = 86400;
    row.slow_start = 30;
    row.sorry = "10.0.30.1";
    row.number = 7;
    row.servers[0].way = "routed";
    row.sorry_port = 81;
    row.sorry_mac = "0a:00:ae:1e:01:48";
    row.check = "http";
    row.check_target = "/healthz";
    row.check_expect = 204;
    row.interval_ms = 3'600'000;
    row.timeout_ms = 250;
    row.rise = 7;
    row.fall = 8;
    return row;
}

ServerHealth health(const std::string& balancer, const std::string& address,
                    const std::string& owner)
{
    return {balancer, address, owner, "up", 1'700'000'000'000'000'001, "connected", 250, -1, 1234};
}

Service service(const std::string& id, const std::string& owner, std::int64_t epoch)
{
    Service row;
    row.id = id;
    row.name = "name-" + id;
    row.user = "www-data";
    row.ips = {"10.0.10.9/24", "10.0.10.1/24", "fd00::1/64"};
    row.mac = "02:11:22:33:44:55";
    row.vlan = 4094;
    row.gateway = "10.0.10.254";
    row.command = {"/usr/bin/env", "", "two words", "\"quoted\""};
    row.directory = "/srv/a b";
    row.environment = {"A=1", "B="};
    row.hypervisor = owner;
    row.state = "moving";
    row.pinned = true;
    row.mode = "handoff";
    row.pid = 4'194'304;
    row.exit = "ended with status 1";
    row.epoch = epoch;
    return row;
}

Move move(const std::string& id, const std::string& owner, const std::string& peer)
{
    Move row;
    row.id = id;
    row.role = "destination";
    row.vm = "vm";
    row.hypervisor = owner;
    row.peer = peer;
    row.state = "staged";
    row.times = {{"staged", 1'700'000'000'000'000'001}};
    row.figures = {{"held", 3}};
    return row;
}

Task task(const std::string& id, const std::string& owner, const std::string& asker)
{
    Task row;
    row.id = id;
    row.hypervisor = owner;
    row.asked_by = asker;
    row.verb = "check";
    row.arguments = "{}";
    row.state = "asked";
    row.deadline = 9;
    return row;
}

/// A member of the fleet: its view, and its changes awaited.
class Member {
public:
    Member(OvsLoop& loop, const std::string& own, bool all_vms, const FleetRemote& remote)
        : fleet_{std::make_unique<Fleet>(loop, [this](auto snapshot) {
              const std::lock_guard lock{mutex_};
              last_ = *snapshot;
              changed_.notify_all();
          })}
    {
        fleet_->set_interest(own, all_vms);
        if (auto connected = fleet_->connect(remote); !connected)
            FAIL(connected.error().message.c_str());
    }

    /// Waits until the newest snapshot is as asked.
    template <class Is>
    bool sees(Is is)
    {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, 15s, [&] { return is(last_); });
    }
    bool sees_connection(bool connected)
    {
        return sees([&](auto& all) { return all.connected == connected; });
    }
    Result<void> transact(const FleetChange& change)
    {
        std::promise<Result<void>> done;
        fleet_->transact(change, [&](auto result) { done.set_value(result); });
        return done.get_future().get();
    }
    Result<Hypervisor> join(const Hypervisor& row)
    {
        std::promise<Result<Hypervisor>> done;
        fleet_->join(row, [&](auto result) { done.set_value(result); });
        return done.get_future().get();
    }
    Result<std::vector<Hypervisor>> hypervisors()
    {
        std::promise<Result<std::vector<Hypervisor>>> done;
        fleet_->read_hypervisors([&](auto rows) { done.set_value(rows); });
        return done.get_future().get();
    }
    /// All chains, or balancers, read from the server.
    Seen<Chain> chains()
    {
        std::promise<Result<Seen<Chain>>> done;
        fleet_->read_chains([&](auto rows) { done.set_value(rows); });
        const auto rows = done.get_future().get();
        CHECK_TRUE(bool(rows));
        return *rows;
    }
    Seen<Balancer> balancers()
    {
        std::promise<Result<Seen<Balancer>>> done;
        fleet_->read_balancers([&](auto rows) { done.set_value(rows); });
        const auto rows = done.get_future().get();
        CHECK_TRUE(bool(rows));
        return *rows;
    }
    Fleet& operator*() { return *fleet_; }
    Fleet* operator->() { return fleet_.get(); }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    FleetSnapshot last_;
    std::unique_ptr<Fleet> fleet_;
};

/// A server, a loop and a daemon's thread.
struct Bench {
    Folder folder;
    FleetServer server{.database = folder / "fleet.db",
                       .schema = schema_file,
                       .rundir = folder / "run",
                       .log_file = folder / "fleet.log",
                       .listen = "",
                       .port = 0,
                       .cluster_local = "",
                       .cluster_join = "",
                       .private_key = "",
                       .certificate = "",
                       .ca_certificate = ""};
    FleetRemote remote{"unix:" + (folder / "run/fleet.sock"), "", "", ""};
    boost::asio::io_context io;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        io.get_executor()};
    std::thread thread{[this] { io.run(); }};
    std::unique_ptr<OvsLoop> loop;

    Bench()
    {
        auto started = OvsLoop::start({.name = "fleet-test",
                                       .version = "0",
                                       .socket = folder / "loop.ctl",
                                       .pidfile = folder / "loop.pid",
                                       .ovs_rundir = folder / "none",
                                       .log_file = folder / "loop.log"},
                                      io.get_executor());
        CHECK_TRUE(bool(started));
        loop = std::move(*started);
        start();
    }
    ~Bench()
    {
        stop_fleet_server(server);
        loop.reset();
        work.reset();
        thread.join();
    }
    void start()
    {
        if (auto started = start_fleet_server(server); !started)
            FAIL(started.error().message.c_str());
    }
};

/// Checks an error's kind and a part of its line.
void check_error(Errc code, const char* part, const Result<void>& result)
{
    CHECK_FALSE(bool(result));
    STRCMP_CONTAINS(part, result.error().message.c_str());
    CHECK_TRUE(code == result.error().code);
}

void check_ok(const Result<void>& result)
{
    if (!result)
        FAIL(result.error().message.c_str());
}

} // namespace

TEST_GROUP(Fleet){};

TEST(Fleet, RowsComeThroughAsTheyWerePut)
{
    Bench bench;
    Member a{*bench.loop, "a", true, bench.remote};
    Member b{*bench.loop, "b", true, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    CHECK_TRUE(b.sees_connection(true));
    CHECK_TRUE(bool(a.join(hypervisor("a"))));
    FleetChange change;
    change.put_vms = {vm("v1", "a", 3)};
    change.put_chains = {chain("c", 4097, "ip")};
    change.put_balancers = {balancer("b1", 80), balancer("b2", 443)};
    change.put_health = {health("b1", "10.0.20.11", "a"), health("b1", "10.0.20.12", "a")};
    change.put_services = {service("s", "a", 1), service("t", "a", 2)};
    change.put_quotas = {quota("ann"), quota("bob")};
    change.put_moves = {move("m", "a", "b")};
    change.put_tasks = {task("t", "b", "a")};
    check_ok(a.transact(change));
    CHECK_TRUE(b.sees([&](auto& all) {
        return all.vms == change.put_vms && all.chains == change.put_chains &&
               all.balancers == change.put_balancers && all.health == change.put_health &&
               all.services == change.put_services && all.quotas == change.put_quotas &&
               all.moves == change.put_moves && all.tasks == change.put_tasks &&
               all.hypervisors.size() == 1 && all.hypervisors[0].name == "a" &&
               !all.hypervisors[0].self;
    }));
    CHECK_TRUE(a.sees([](auto& all) { return all.hypervisors[0].self; }));
    check_ok(a.transact(change)); // Carried out twice: the same.

    FleetChange back;
    back.remove_vms = {"v1"};
    back.remove_chains = {"c"};
    back.remove_balancers = {"b1", "b2"};
    back.remove_quotas = {"ann", "bob"};
    back.remove_moves = {{"m", "destination"}};
    back.remove_tasks = {"t"};
    back.remove_hypervisors = {"a"};
    check_ok(a.transact(back));
    check_ok(a.transact(back));
    CHECK_TRUE(b.sees([](auto& all) {
        return all.vms.empty() && all.chains.empty() && all.balancers.empty() &&
               all.health.empty() && all.quotas.empty() && all.moves.empty() && all.tasks.empty() &&
               all.hypervisors.empty();
    }));
}

TEST(Fleet, Q7LeaseIsTakenByOneAndWhatRestsOnAnOldOneIsRefusedWhole)
{
    Bench bench;
    Member a{*bench.loop, "a", true, bench.remote};
    Member b{*bench.loop, "b", true, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    CHECK_TRUE(b.sees_connection(true));
    FleetChange take;
    Lease none;
    none.name = "schedd";
    take.steps = {{none, lease("a", 1)}};
    check_ok(a.transact(take));
    take.steps[0].to.holder = "b"; // It was quicker.
    check_error(Errc::exists, "", b.transact(take));

    // Decisions and beats of one term do not undo each other.
    FleetChange decision;
    decision.steps = {{lease("a", 1), lease("a", 1)}};
    ++decision.steps[0].to.decided;
    decision.put_quotas = {quota("ann")};
    FleetChange beat;
    beat.steps = {{lease("a", 1), lease("a", 1)}};
    ++beat.steps[0].to.beat;
    check_ok(a.transact(decision));
    check_ok(a.transact(beat));
    CHECK_TRUE(b.sees([](auto& all) {
        return all.quotas.size() == 1 && all.leases.at(0).beat == 6 &&
               all.leases.at(0).decided == 10;
    }));

    // A second one that rests on the same rows is refused whole, and so is one of an old term.
    decision.put_quotas = {quota("bob")};
    check_error(Errc::outdated, "changed meanwhile", a.transact(decision));
    FleetChange next;
    next.steps = {{lease("a", 1), lease("b", 2)}};
    next.steps[0].was.beat = 6;
    check_ok(b.transact(next));
    decision.steps[0].was.decided = 10;
    decision.steps[0].to.decided = 11;
    check_error(Errc::outdated, "changed meanwhile", a.transact(decision));
    CHECK_TRUE(b.sees([](auto& all) {
        return all.quotas.size() == 1 && all.leases.at(0).term == 2 &&
               all.leases.at(0).decided == 10;
    }));
}

TEST(Fleet, NumbersAreTheLowestFreeAndUnique)
{
    Bench bench;
    Member a{*bench.loop, "a", false, bench.remote};
    Member b{*bench.loop, "b", false, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    CHECK_TRUE(b.sees_connection(true));
    std::promise<int> first, second; // Both at once: one is outrun and takes the next.
    a->join(hypervisor("a"), [&](auto row) { first.set_value(row ? row->number : -1); });
    b->join(hypervisor("b"), [&](auto row) { second.set_value(row ? row->number : -1); });
    CHECK_EQUAL(3, first.get_future().get() + second.get_future().get());
    const auto again = a.join(hypervisor("a"));
    CHECK_TRUE(bool(again));
    CHECK_TRUE(again->number == 1 || again->number == 2);

    auto impostor = hypervisor("a");
    impostor.id = "another";
    auto refused = b.join(impostor);
    CHECK_FALSE(bool(refused));
    CHECK_TRUE(refused.error().code == Errc::exists);
    STRCMP_CONTAINS("there is a hypervisor a already", refused.error().message.c_str());

    auto third = hypervisor("c");
    third.number = 2;
    CHECK_FALSE(bool(b.join(third)));
}

TEST(Fleet, NumberWhoseLabelsLiveOnIsNotGivenAgain)
{
    Bench bench;
    Member a{*bench.loop, "a", true, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    FleetChange change;
    change.put_vms = {vm("v", "a", 1, 1u << 12 | 5)};
    change.put_chains = {chain("c", 2u << 12 | 1, "ip")};
    check_ok(a.transact(change));
    const auto joined = a.join(hypervisor("n"));
    CHECK_TRUE(bool(joined));
    CHECK_EQUAL(3, joined->number);
}

TEST(Fleet, StaleEpochIsRefused)
{
    Bench bench;
    Member a{*bench.loop, "a", true, bench.remote};
    Member b{*bench.loop, "b", true, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    CHECK_TRUE(b.sees_connection(true));
    FleetChange change;
    change.put_vms = {vm("v", "a", 1)};
    check_ok(a.transact(change));
    change.put_vms = {vm("v", "b", 1)};
    check_error(Errc::invalid, "another hypervisor's at epoch 1", b.transact(change));
    change.put_vms = {vm("v", "b", 2)};
    check_ok(b.transact(change));
    change.put_vms = {vm("v", "a", 1), vm("other", "a", 0, 8)};
    check_error(Errc::invalid, "taken over since epoch 1", a.transact(change));
    change.put_vms = {vm("x", "b", 1)};
    check_error(Errc::invalid, "is another hypervisor's", a.transact(change));
    CHECK_TRUE(a.sees([](auto& all) { // Nothing of a refused change is there.
        return all.vms.size() == 1 && all.vms[0].hypervisor == "b";
    }));
    FleetChange removal;
    removal.remove_vms = {"v"};
    check_error(Errc::invalid, "VM v is another hypervisor's", a.transact(removal));
    check_ok(b.transact(removal));
}

TEST(Fleet, VmOutOfSightIsTakenOverByTheServersOwnLook)
{
    Bench bench;
    Member a{*bench.loop, "a", false, bench.remote};
    Member b{*bench.loop, "b", false, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    CHECK_TRUE(b.sees_connection(true));
    FleetChange change;
    change.put_vms = {vm("v", "a", 4)};
    check_ok(a.transact(change));
    change.put_vms = {vm("v", "b", 3)};
    check_error(Errc::invalid, "taken over since epoch 3", b.transact(change));
    change.put_vms = {vm("v", "b", 5)};
    check_ok(b.transact(change));
    CHECK_TRUE(a.sees([](auto& all) { return all.vms.empty(); }));
    CHECK_TRUE(b.sees([&](auto& all) { return all.vms == change.put_vms; }));
    change.put_vms = {vm("w", "b", 1)}; // The label is v's.
    check_error(Errc::exists, "label", b.transact(change));
}

TEST(Fleet, HypervisorKnowsItselfAsSoonAsItIsNamed)
{
    Bench bench;
    Member a{*bench.loop, "", false, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    CHECK_TRUE(bool(a.join(hypervisor("a"))));
    CHECK_TRUE(a.sees([](auto& all) { return all.hypervisors.size() == 1; }));
    CHECK_TRUE(a.sees([](auto& all) { return all.hypervisors[0].drained; }));
    a->set_interest("a", false);
    CHECK_TRUE(a.sees([](auto& all) { return all.hypervisors[0].self; }));
}

TEST(Fleet, ChainsAreUniqueByNameSpiAndMatch)
{
    Bench bench;
    Member a{*bench.loop, "a", false, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    FleetChange change;
    change.put_chains = {chain("one", 1, "ip")};
    check_ok(a.transact(change));
    change.put_chains = {chain("one", 2, "tcp")};
    check_error(Errc::exists, "a chain one already", a.transact(change));
    change.put_chains = {chain("two", 2, "ip")};
    check_error(Errc::exists, "this match and priority 1000", a.transact(change));
    change.put_chains = {chain("two", 1, "tcp")};
    check_error(Errc::exists, "SPI", a.transact(change));
    change.put_chains = {chain("one", 1, "udp")};
    check_ok(a.transact(change));
}

TEST(Fleet, AChainIsChangedByTheHypervisorThatWasFirst)
{
    Bench bench;
    Member a{*bench.loop, "a", false, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    FleetChange change;
    change.put_chains = {chain("one", 1, "ip")};
    change.put_chains[0].change.clear();
    check_ok(a.transact(change));
    // Both saw that nobody changes it.
    change.chains_were = {{"one", ""}};
    change.put_chains[0].change = "set a";
    check_ok(a.transact(change));
    change.put_chains[0].change = "set b";
    check_error(Errc::unavailable, "chain one: another hypervisor", a.transact(change));
    FleetChange removal;
    removal.remove_chains = {"one"};
    removal.chains_were = {{"one", ""}};
    check_error(Errc::unavailable, "chain one: another hypervisor", a.transact(removal));
    removal.chains_were = {{"one", "set a"}};
    check_ok(a.transact(removal));
    change.chains_were = {{"one", "set a"}};
    check_error(Errc::not_found, "chain one: another hypervisor", a.transact(change));
}

TEST(Fleet, AChainIsChangedBesideTheChainsThatWereSeen)
{
    Bench bench;
    Member a{*bench.loop, "a", false, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    auto lower = chain("lower", 1, "ip"), higher = chain("higher", 2, "tcp"),
         beside = chain("beside", 3, "udp");
    lower.change.clear();
    higher.priority = 2000;
    FleetChange first;
    first.put_chains = {lower, beside};
    check_ok(a.transact(first));
    const auto seen = a.chains();
    CHECK_TRUE(seen.rows == std::vector({beside, lower}));
    // Both begin by what they saw.
    FleetChange comes, changes;
    comes.put_chains = {higher};
    changes.put_chains = {lower};
    changes.put_chains[0].change = "set b";
    comes.chains_seen = changes.chains_seen = seen.versions;
    check_ok(a.transact(comes));
    check_error(Errc::outdated, "chain lower: other chains", a.transact(changes));
    const auto before = a.chains();
    CHECK_TRUE(before.rows == std::vector({beside, higher, lower}));
    changes.chains_seen = before.versions;
    check_ok(a.transact(changes));
    // The other way round, and for a chain that has gone.
    FleetChange goes;
    goes.put_chains = {higher};
    goes.put_chains[0].change = "del a";
    goes.chains_seen = before.versions;
    check_error(Errc::outdated, "chain higher: other chains", a.transact(goes));
    FleetChange removal;
    removal.remove_chains = {"lower"};
    check_ok(a.transact(removal));
    check_error(Errc::outdated, "chain higher: other chains", a.transact(goes));
    goes.chains_seen = a.chains().versions;
    check_ok(a.transact(goes));
    // Also beside those of the same priority, one of which is over the other (db/chain-order.h).
    changes.put_chains = {beside};
    changes.chains_seen = a.chains().versions;
    first.put_chains = {lower};
    check_ok(a.transact(first));
    check_error(Errc::outdated, "chain beside: other chains", a.transact(changes));
    changes.chains_seen = a.chains().versions;
    check_ok(a.transact(changes));
}

TEST(Fleet, BalancersAreUniqueByNameAndByVipPortAndProtocol)
{
    Bench bench;
    Member a{*bench.loop, "a", false, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    FleetChange change;
    change.put_balancers = {balancer("one", 80)};
    check_ok(a.transact(change));
    change.put_balancers = {balancer("one", 443)};
    check_error(Errc::exists, "a balancer one already", a.transact(change));
    change.put_balancers = {balancer("two", 80)};
    check_error(Errc::exists, "10.0.0.80:80/tcp: choose another --vip", a.transact(change));
    change.put_balancers[0].protocol = "udp";
    check_ok(a.transact(change));
    CHECK_TRUE(a.sees([](auto& all) { return all.balancers.size() == 2; }));
}

TEST(Fleet, ABalancerIsChangedByTheHypervisorThatWasFirst)
{
    Bench bench;
    Member a{*bench.loop, "a", false, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    const auto was = balancer("one", 80);
    FleetChange change;
    change.put_balancers = {was};
    check_ok(a.transact(change));
    // Both saw the same row.
    change.balancers_were = {{"one", was}};
    change.put_balancers[0].servers[0].weight = 5;
    const auto now = change.put_balancers[0];
    check_ok(a.transact(change));
    change.put_balancers[0].servers[0].weight = 6;
    check_error(Errc::unavailable, "balancer one: another hypervisor", a.transact(change));
    FleetChange removal;
    removal.remove_balancers = {"one"};
    removal.balancers_were = {{"one", was}};
    check_error(Errc::unavailable, "balancer one: another hypervisor", a.transact(removal));
    removal.balancers_were = {{"one", now}};
    check_ok(a.transact(removal));
    change.balancers_were = {{"one", now}};
    check_error(Errc::unavailable, "balancer one: another hypervisor", a.transact(change));
    CHECK_TRUE(a.sees([](auto& all) { return all.balancers.empty(); }));
}

TEST(Fleet, ABalancerIsPutBesideTheBalancersThatWereSeen)
{
    Bench bench;
    Member a{*bench.loop, "a", false, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    auto one = balancer("one", 80), two = balancer("two", 443), three = balancer("three", 8080);
    two.directors = {"id-a"};
    two.mac_layout = three.mac_layout = "table";
    for (auto* row : {&two, &three}) {
        row->servers = {{"10.0.20.11", 80, 1, "active", "ae:48:00:00:00:01"}};
        row->sorry.clear();
        row->sorry_mac.clear();
        row->sorry_port = row->number = 0;
    }
    three.directors.clear();
    three.check = "none";
    three.check_target.clear();
    three.check_expect = 0;
    three.interval_ms = 2000;
    three.timeout_ms = 1000;
    three.rise = 2;
    three.fall = 3;
    FleetChange first;
    first.put_balancers = {one};
    check_ok(a.transact(first));
    const auto seen = a.balancers();
    CHECK_TRUE(seen.rows == std::vector({one}));
    // Both begin by what they saw, and give an address the same number.
    FleetChange add, another;
    add.put_balancers = {two};
    another.put_balancers = {three};
    add.balancers_seen = another.balancers_seen = seen.versions;
    check_ok(a.transact(add));
    check_error(Errc::outdated, "balancer three: other balancers", a.transact(another));
    another.balancers_seen = a.balancers().versions;
    check_ok(a.transact(another));
    CHECK_TRUE(a.balancers().rows == std::vector({one, three, two}));
    // One whose row is damaged is left out, and counts all the same.
    FleetChange damage;
    damage.put_balancers = {one};
    damage.put_balancers[0].interval_ms = -7;
    damage.balancers_were = {{"one", one}};
    check_ok(a.transact(damage));
    CHECK_TRUE(a.balancers().rows == std::vector({three, two}));
    FleetChange change;
    change.put_balancers = {two};
    change.put_balancers[0].servers[0].weight = 9;
    change.balancers_were = {{"two", two}};
    change.balancers_seen = a.balancers().versions;
    FleetChange removal;
    removal.remove_balancers = {"one"};
    check_ok(a.transact(removal));
    check_error(Errc::outdated, "balancer two: other balancers", a.transact(change));
    change.balancers_seen = a.balancers().versions;
    check_ok(a.transact(change));
}

TEST(Fleet, HealthGoesWithItsBalancerItsServerAndItsHypervisor)
{
    Bench bench;
    Member a{*bench.loop, "a", false, bench.remote};
    Member b{*bench.loop, "b", false, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    CHECK_TRUE(b.sees_connection(true));
    auto of = [](const std::string& owner) {
        FleetChange change;
        for (const char* name : {"one", "two"})
            for (const char* address : {"10.0.20.11", "10.0.20.12"})
                change.put_health.push_back(health(name, address, owner));
        return change;
    };
    FleetChange change;
    change.put_balancers = {balancer("one", 80), balancer("two", 443)};
    check_ok(a.transact(change));
    check_error(Errc::invalid, "is another hypervisor's", a.transact(of("b")));
    check_ok(a.transact(of("a")));
    check_ok(b.transact(of("b")));
    CHECK_TRUE(a.sees([](auto& all) { return all.health.size() == 8; }));
    change.balancers_were = {{"one", change.put_balancers[0]}};
    change.put_balancers.resize(1);
    change.put_balancers[0].servers.resize(1);
    check_ok(a.transact(change));
    CHECK_TRUE(b.sees([](auto& all) { return all.health.size() == 6; }));
    FleetChange removal;
    removal.remove_hypervisors = {"b"};
    check_ok(b.transact(removal));
    CHECK_TRUE(a.sees([](auto& all) { return all.health.size() == 3; }));
    removal = {};
    removal.remove_balancers = {"two"};
    check_ok(b.transact(removal));
    CHECK_TRUE(a.sees(
        [](auto& all) { return all.health == std::vector{health("one", "10.0.20.12", "a")}; }));
    removal = {};
    removal.remove_health = {{"one", "10.0.20.12", "a"}};
    check_error(Errc::invalid, "is another hypervisor's", b.transact(removal));
    check_ok(a.transact(removal));
    CHECK_TRUE(b.sees([](auto& all) { return all.health.empty(); }));
}

TEST(Fleet, ServicesAreUniqueByNameAndTakenOverByEpoch)
{
    Bench bench;
    Member a{*bench.loop, "a", false, bench.remote};
    Member b{*bench.loop, "b", false, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    CHECK_TRUE(b.sees_connection(true));
    auto put = [](const Service& row) {
        FleetChange change;
        change.put_services = {row};
        return change;
    };
    check_ok(a.transact(put(service("s", "a", 1))));
    CHECK_TRUE(b.sees([](auto& all) { return all.services == std::vector{service("s", "a", 1)}; }));
    auto of_this_name = service("t", "b", 1);
    of_this_name.name = "name-s";
    check_error(Errc::exists, "there is a service name-s already", b.transact(put(of_this_name)));
    check_error(Errc::invalid, "another hypervisor's", b.transact(put(service("s", "a", 2))));
    check_error(Errc::invalid, "another hypervisor's at epoch 1",
                b.transact(put(service("s", "b", 1))));
    check_ok(b.transact(put(service("s", "b", 2))));
    check_error(Errc::invalid, "taken over since epoch 1", a.transact(put(service("s", "a", 1))));
    CHECK_TRUE(a.sees([](auto& all) { return all.services == std::vector{service("s", "b", 2)}; }));
    FleetChange removal;
    removal.remove_services = {"s"};
    check_error(Errc::invalid, "is another hypervisor's", a.transact(removal));
    check_ok(b.transact(removal));
    CHECK_TRUE(a.sees([](auto& all) { return all.services.empty(); }));
}

TEST(Fleet, SpecificationsAreTheirVmsHypervisorsAndGoWithIt)
{
    Bench bench;
    Member a{*bench.loop, "a", false, bench.remote};
    Member b{*bench.loop, "b", false, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    CHECK_TRUE(b.sees_connection(true));
    CHECK_TRUE(bool(a.join(hypervisor("a"))));
    const auto put = [](const std::string& owner, std::int64_t epoch) {
        FleetChange change;
        change.put_specifications = {{"v",
                                      owner,
                                      epoch,
                                      2,
                                      1024,
                                      4096,
                                      true,
                                      {{"database", "My\"SQL\"", "8.0"}, {"os", "Ubuntu", ""}},
                                      epoch == 1 ? 30 : 0,
                                      epoch == 1 ? "<domain/>" : ""}};
        return change;
    };
    check_ok(a.transact(put("a", 1)));
    CHECK_TRUE(
        b.sees([&](auto& all) { return all.specifications == put("a", 1).put_specifications; }));
    check_error(Errc::invalid, "another hypervisor's", b.transact(put("a", 1)));
    check_error(Errc::invalid, "another hypervisor's at epoch 1", b.transact(put("b", 1)));
    check_ok(b.transact(put("b", 2)));
    check_error(Errc::invalid, "taken over since epoch 1", a.transact(put("a", 1)));
    FleetChange removal;
    removal.remove_specifications = {"v"};
    check_error(Errc::invalid, "is another hypervisor's", a.transact(removal));
    check_ok(b.transact(removal));
    check_ok(a.transact(put("a", 1)));
    FleetChange gone;
    gone.remove_hypervisors = {"a"};
    check_ok(a.transact(gone));
    CHECK_TRUE(b.sees([](auto& all) { return all.specifications.empty(); }));
}

TEST(Fleet, PolicyOfRecoveryIsChangedOnlyAsItWasSeen)
{
    Bench bench;
    Member a{*bench.loop, "a", false, bench.remote};
    Member b{*bench.loop, "b", false, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    CHECK_TRUE(b.sees_connection(true));
    const RecoveryPolicy first{
        fleet_policy, "adopt", {{"cpu", 5}, {"os", 7}}, 1, "jaccard", "ignore", "cpu", "",
        false,        "on"};
    auto second = first;
    second.threshold = 2;
    second.weights.erase("cpu");
    second.automatic.clear();
    const auto put = [](const RecoveryPolicy& row, const std::optional<RecoveryPolicy>& was) {
        FleetChange change;
        change.put_recovery_policies = {row};
        change.recovery_policies_were = {{row.name, was}};
        return change;
    };
    check_ok(a.transact(put(first, std::nullopt)));
    CHECK_TRUE(b.sees([&](auto& all) { return all.recovery_policies == std::vector{first}; }));
    check_error(Errc::unavailable, "holdfast recovery policy",
                b.transact(put(second, std::nullopt)));
    check_ok(b.transact(put(second, first)));
    check_error(Errc::unavailable, "holdfast recovery policy", a.transact(put(first, first)));
    FleetChange removal;
    removal.remove_recovery_policies = {fleet_policy};
    removal.recovery_policies_were = {{fleet_policy, first}};
    check_error(Errc::unavailable, "has changed", a.transact(removal));
    removal.recovery_policies_were = {{fleet_policy, second}};
    check_ok(a.transact(removal));
    CHECK_TRUE(b.sees([](auto& all) { return all.recovery_policies.empty(); }));
}

TEST(Fleet, RecoveryIsChangedOnlyAsItWasSeen)
{
    Bench bench;
    Member a{*bench.loop, "a", false, bench.remote};
    Member b{*bench.loop, "b", false, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    CHECK_TRUE(b.sees_connection(true));
    const Recovery failed{"r", "v", "hv1", "crashed", "failed", "", "", "", "", "", 0, 5, 5};
    auto running = failed;
    running.state = "running";
    running.by = "a";
    const auto put = [](const Recovery& row, const std::optional<Recovery>& was) {
        FleetChange change;
        change.put_recoveries = {row};
        change.recoveries_were = {{row.id, was}};
        return change;
    };
    check_ok(a.transact(put(failed, std::nullopt)));
    CHECK_TRUE(b.sees([&](auto& all) { return all.recoveries == std::vector{failed}; }));
    check_error(Errc::outdated, "has changed", b.transact(put(failed, std::nullopt)));
    check_ok(a.transact(put(running, failed)));
    check_error(Errc::outdated, "has changed", b.transact(put(running, failed)));
    FleetChange look;
    look.recoveries_were = {{"r", failed}};
    check_error(Errc::outdated, "has changed", b.transact(look));
    look.recoveries_were = {{"r", running}};
    check_ok(b.transact(look));
    auto second = failed;
    second.id = "s";
    check_error(Errc::outdated, "another recovery of this VM", b.transact(put(second, {})));
    auto over = running;
    over.state = "over";
    check_ok(a.transact(put(over, running)));
    check_ok(b.transact(put(second, {})));
    check_error(Errc::outdated, "has changed", b.transact(look));
    FleetChange removal;
    removal.remove_recoveries = {"r", "s"};
    check_ok(b.transact(removal));
    CHECK_TRUE(a.sees([](auto& all) { return all.recoveries.empty(); }));
}

TEST(Fleet, TasksAreBegunOnceAndMayBeWithdrawn)
{
    Bench bench;
    Member a{*bench.loop, "a", false, bench.remote};
    Member b{*bench.loop, "b", false, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    CHECK_TRUE(b.sees_connection(true));
    FleetChange ask;
    ask.put_tasks = {task("t", "b", "a")};
    check_ok(a.transact(ask));
    CHECK_TRUE(b.sees([](auto& all) { return all.tasks.size() == 1; }));
    auto answer = ask;
    answer.put_tasks[0].state = "done";
    answer.put_tasks[0].reply = "{}";
    check_ok(b.transact(answer));
    CHECK_TRUE(
        a.sees([](auto& all) { return all.tasks.size() == 1 && all.tasks[0].state == "done"; }));
    check_error(Errc::exists, "begun already", a.transact(ask));
    FleetChange withdraw;
    withdraw.remove_tasks = {"t"};
    check_ok(a.transact(withdraw));
    check_error(Errc::not_found, "was withdrawn", b.transact(answer));
}

TEST(Fleet, InterestIsWhatConcernsTheHypervisor)
{
    Bench bench;
    Member a{*bench.loop, "a", false, bench.remote};
    Member b{*bench.loop, "b", false, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    CHECK_TRUE(b.sees_connection(true));
    FleetChange change;
    change.put_vms = {vm("v", "a", 1)};
    change.put_moves = {move("far", "a", "c"), move("near", "a", "b")};
    change.put_tasks = {task("t", "c", "a")};
    check_ok(a.transact(change));
    CHECK_TRUE(
        b.sees([](auto& all) { return all.moves.size() == 1 && all.moves[0].id == "near"; }));
    CHECK_TRUE(b.sees([](auto& all) { return all.vms.empty() && all.tasks.empty(); }));
    b->set_interest("b", true);
    CHECK_TRUE(b.sees([](auto& all) { return all.vms.size() == 1 && all.moves.size() == 2; }));
    b->set_interest("b", false);
    CHECK_TRUE(b.sees([](auto& all) { return all.vms.empty() && all.moves.size() == 1; }));

    std::promise<Result<std::optional<Vm>>> read;
    b->read_vm("v", [&](auto row) { read.set_value(row); });
    const auto row = read.get_future().get();
    CHECK_TRUE(row && *row && **row == change.put_vms[0]);
}

TEST(Fleet, HeartbeatWakesNobodyAndCanBeRead)
{
    Bench bench;
    Member a{*bench.loop, "a", false, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    auto row = a.join(hypervisor("a"));
    CHECK_TRUE(bool(row));
    row->seen = 77;
    FleetChange beat;
    beat.put_hypervisors = {*row};
    check_ok(a.transact(beat));
    std::promise<Result<std::vector<Hypervisor>>> read;
    a->read_hypervisors([&](auto rows) { read.set_value(rows); });
    const auto rows = read.get_future().get();
    CHECK_TRUE(bool(rows));
    CHECK_EQUAL(77, rows->at(0).seen);
    CHECK_TRUE(rows->at(0).drained);
    CHECK_TRUE(a.sees(
        [](auto& all) { return all.hypervisors.size() == 1 && all.hypervisors[0].seen == 0; }));
    row->id = "never-joined";
    beat.put_hypervisors = {*row};
    check_error(Errc::not_found, "join the fleet again", a.transact(beat));
}

TEST(Fleet, ServerThatDiesAndComesBackIsFoundAgain)
{
    Bench bench;
    Member a{*bench.loop, "a", true, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    FleetChange change;
    change.put_vms = {vm("v", "a", 1)};
    check_ok(a.transact(change));
    CHECK_TRUE(a.sees([](auto& all) { return all.vms.size() == 1; }));
    shell("kill -9 $(cat " + (bench.folder / "run/fleet.pid") + ")");
    CHECK_TRUE(a.sees_connection(false));
    CHECK_TRUE(a.sees([](auto& all) { return all.vms.size() == 1; })); // What was known stays.
    check_error(Errc::unavailable, "not connected", a.transact(change));
    CHECK_FALSE(fleet_server_runs(bench.server));
    bench.start();
    CHECK_TRUE(a.sees_connection(true));
    change.put_vms = {vm("w", "a", 1, 9)};
    check_ok(a.transact(change));
    CHECK_TRUE(a.sees([](auto& all) { return all.vms.size() == 2; }));
}

TEST(Fleet, DisconnectKeepsWhatWasKnown)
{
    Bench bench;
    Member a{*bench.loop, "a", true, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    FleetChange change;
    change.put_chains = {chain("c", 1, "ip")};
    check_ok(a.transact(change));
    CHECK_TRUE(a.sees([](auto& all) { return all.chains.size() == 1; }));
    a->disconnect();
    CHECK_TRUE(a.sees([](auto& all) { return !all.connected && all.chains.size() == 1; }));
    check_error(Errc::unavailable, "not connected", a.transact(change));
    CHECK_TRUE(bool(a->connect(bench.remote)));
    CHECK_TRUE(a.sees([](auto& all) { return all.connected && all.chains.size() == 1; }));
}

TEST(Fleet, AddressThatIsNoneIsRefused)
{
    check_error(Errc::invalid, "fleet address \"10.0.0.1:6650\"", check_remote("10.0.0.1:6650"));
    check_error(Errc::invalid, "\"tcp:10.0.0.2\"", check_remote("tcp:10.0.0.1:6650,tcp:10.0.0.2"));
    check_error(Errc::invalid, "tcp:h:70000", check_remote("tcp:h:70000"));
    check_error(Errc::invalid, "\"\"", check_remote(""));
    check_ok(check_remote("ssl:[fd00::1]:6650,unix:/run/x,tcp:hv1:1"));
    Bench bench;
    Fleet fleet{*bench.loop, [](auto) {}};
    check_error(Errc::invalid, "private key", fleet.connect({"ssl:10.0.0.1:6650", "", "", ""}));
    check_error(Errc::invalid, "/none/key.pem",
                fleet.connect({"ssl:10.0.0.1:6650", "/none/key.pem", "/none/c", "/none/ca"}));
}

TEST_GROUP(FleetServer){};

TEST(FleetServer, StartingTwiceAdoptsTheOneThatRuns)
{
    Bench bench;
    const auto pid = shell("cat " + (bench.folder / "run/fleet.pid"));
    bench.start();
    STRCMP_EQUAL(pid.c_str(), shell("cat " + (bench.folder / "run/fleet.pid")).c_str());
    CHECK_TRUE(fleet_server_runs(bench.server));
    check_ok(stop_fleet_server(bench.server));
    CHECK_FALSE(fleet_server_runs(bench.server));
    check_ok(stop_fleet_server(bench.server));
}

/// The schema without what came with version 1.4.
std::string schema_before_health()
{
    std::ifstream file{schema_file};
    auto schema = nlohmann::json::parse(file);
    schema["version"] = "1.3.0";
    schema["tables"].erase("Server_Health");
    schema["tables"].erase("Service");
    schema["tables"].erase("Specification");
    schema["tables"].erase("Recovery_Policy");
    schema["tables"].erase("Recovery");
    schema["tables"].erase("Lease");
    schema["tables"].erase("Quota");
    for (const char* column : {"capacity", "load", "period_load", "resources"})
        schema["tables"]["Hypervisor"]["columns"].erase(column);
    schema["tables"]["VM"]["columns"]["kind"]["type"]["key"]["enum"][1] = {"domain", "port"};
    for (const char* column :
         {"vip_mac", "persistence", "slow_start", "sorry", "sorry_port", "sorry_mac", "check",
          "check_target", "check_expect", "interval_ms", "timeout_ms", "rise", "fall", "number"})
        schema["tables"]["Balancer"]["columns"].erase(column);
    return schema.dump();
}

TEST(FleetServer, DatabaseOfAnOlderProgramIsBroughtUpToDateAndItsBalancersCanBeChanged)
{
    Bench bench;
    check_ok(stop_fleet_server(bench.server));
    shell("rm " + bench.server.database);
    bench.server.schema = bench.folder / "older.ovsschema";
    std::ofstream{bench.server.schema} << schema_before_health();
    bench.start();
    const std::string row =
        R"({"name":"web","vip":"10.0.0.80","port":80,"protocol":"tcp","director":"external",)"
        R"("mac_prefix":"ae:48","mac_layout":"prefix",)"
        R"("servers":["map",[[0,"{\"address\":\"10.0.20.11\",\"mac\":\"ae:48:0a:00:14:0b\",\"port\":80,)"
        R"(\"state\":\"active\",\"weight\":1}"]]]})";
    STRCMP_CONTAINS("[0]",
                    shell("ovsdb-client transact " + bench.remote.address +
                          R"( '["Holdfast",{"op":"insert","table":"Balancer","row":)" + row + "}]'")
                        .c_str());
    bench.server.schema = schema_file;
    bench.start();

    Member a{*bench.loop, "a", true, bench.remote};
    Balancer seen;
    CHECK_TRUE(a.sees([&](auto& all) {
        if (all.connected && !all.balancers.empty())
            seen = all.balancers[0];
        return !seen.name.empty();
    }));
    STRCMP_EQUAL("none", seen.check.c_str());
    CHECK_EQUAL(Balancer{}.interval_ms, seen.interval_ms);
    CHECK_EQUAL(0, seen.servers.at(0).limit);
    CHECK_EQUAL(std::string("tunnel"), seen.servers.at(0).way);
    FleetChange change;
    change.balancers_were = {{"web", seen}};
    change.put_balancers = {seen};
    change.put_balancers[0].servers[0].weight = 7;
    check_ok(a.transact(change));
}

TEST(FleetServer, HypervisorIsWrittenToAndReadFromTheDatabaseOfAnOlderProgram)
{
    Bench bench;
    check_ok(stop_fleet_server(bench.server));
    shell("rm " + bench.server.database);
    bench.server.schema = bench.folder / "older.ovsschema";
    std::ofstream{bench.server.schema} << schema_before_health();
    bench.start();
    FleetChange change;
    {
        Member a{*bench.loop, "a", true, bench.remote};
        CHECK_TRUE(a.sees_connection(true));
        const auto joined = a.join(hypervisor("a"));
        CHECK_TRUE(bool(joined));
        change.put_hypervisors = {*joined};
        check_ok(a.transact(change));
        CHECK_TRUE(a.sees([](auto& all) {
            return all.hypervisors.size() == 1 && all.hypervisors[0].drained &&
                   all.hypervisors[0].capacity == 0 && all.hypervisors[0].load == -1 &&
                   all.hypervisors[0].period_load == -1 && all.hypervisors[0].resources.empty();
        }));
        const auto read = a.hypervisors();
        CHECK_TRUE(bool(read));
        CHECK_EQUAL(5, read->at(0).seen);
        CHECK_EQUAL(-1, read->at(0).load);
    }
    bench.server.schema = schema_file;
    bench.start();
    Member a{*bench.loop, "a", true, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    // What was left out comes with the next beat.
    check_ok(a.transact(change));
    CHECK_TRUE(a.sees([](auto& all) {
        return all.hypervisors.size() == 1 && all.hypervisors[0].capacity == 600'000 &&
               all.hypervisors[0].load == 250 && !all.hypervisors[0].resources.empty();
    }));
}

TEST(FleetServer, FileThatIsNoDatabaseIsKept)
{
    Bench bench;
    check_ok(stop_fleet_server(bench.server));
    shell("echo nonsense >" + bench.server.database);
    check_error(Errc::damaged, "is not a fleet database", start_fleet_server(bench.server));
    STRCMP_EQUAL("nonsense\n[0]", shell("cat " + bench.server.database).c_str());
}

TEST(FleetServer, ClusterOfOneElectsItselfAndServes)
{
    Bench bench;
    check_ok(stop_fleet_server(bench.server));
    bench.server.database = bench.folder / "raft.db";
    bench.server.cluster_local = "unix:" + (bench.folder / "raft.sock");
    bench.start();
    Member a{*bench.loop, "a", true, bench.remote};
    CHECK_TRUE(a.sees_connection(true));
    FleetChange change;
    change.put_vms = {vm("v", "a", 1)};
    check_ok(a.transact(change));
    CHECK_TRUE(a.sees([](auto& all) { return all.vms.size() == 1; }));
}

TEST(FleetServer, ClusterOfThreeOutlivesItsLeader)
{
    Bench bench;
    check_ok(stop_fleet_server(bench.server));
    std::array<FleetServer, 3> servers;
    FleetRemote remote;
    for (int i = 0; i < 3; ++i) {
        const auto name = bench.folder / ("s" + std::to_string(i));
        servers[i] = bench.server;
        servers[i].database = name + "/fleet.db";
        servers[i].rundir = name;
        servers[i].log_file = name + "/fleet.log";
        servers[i].cluster_local = "unix:" + name + ".raft";
        if (i > 0)
            servers[i].cluster_join = servers[0].cluster_local;
        remote.address += (i ? ",unix:" : "unix:") + name + "/fleet.sock";
        check_ok(start_fleet_server(servers[i]));
    }
    for (const auto& server : servers)
        shell("ovsdb-client -t 15 wait unix:" + server.rundir + "/fleet.sock Holdfast connected");
    Member a{*bench.loop, "a", true, remote};
    CHECK_TRUE(a.sees_connection(true));
    FleetChange change;
    change.put_vms = {vm("v", "a", 1)};
    check_ok(a.transact(change));

    for (const auto& server : servers) // The leader dies, whoever it is.
        if (shell("ovs-appctl -t " + server.rundir + "/fleet.ctl cluster/status Holdfast")
                .find("Role: leader") != std::string::npos)
            shell("kill -9 $(cat " + server.rundir + "/fleet.pid)");
    change.put_vms = {vm("w", "a", 1, 8)};
    auto done = a.transact(change);
    for (int i = 0; !done && done.error().code == Errc::unavailable && i < 20; ++i) {
        CHECK_TRUE(a.sees_connection(true));
        done = a.transact(change);
    }
    check_ok(done);
    CHECK_TRUE(a.sees([](auto& all) { return all.vms.size() == 2; }));
    for (const auto& server : servers)
        check_ok(stop_fleet_server(server));
}

TEST(FleetServer, DatabaseMadeAClusterByHandKeepsItsRowsAndIsServed)
{
    Bench bench;
    FleetChange change;
    change.put_vms = {vm("v", "a", 1)};
    {
        Member a{*bench.loop, "a", true, bench.remote};
        CHECK_TRUE(a.sees_connection(true));
        check_ok(a.transact(change));
    }
    check_ok(stop_fleet_server(bench.server));
    const auto made = shell("cd " + bench.folder.path() +
                            " && mv fleet.db alone.db && ovsdb-tool create-cluster fleet.db "
                            "alone.db unix:" +
                            (bench.folder / "raft.sock"));
    STRCMP_CONTAINS("[0]", made.c_str()); // It warns that `seen` goes to disk from now on.
    bench.start();
    Member a{*bench.loop, "a", true, bench.remote};
    CHECK_TRUE(a.sees([&](auto& all) { return all.connected && all.vms == change.put_vms; }));
}

TEST(FleetServer, TlsAdmitsWhoHasACertificateOfTheFleets)
{
    Bench bench;
    check_ok(stop_fleet_server(bench.server));
    const auto made =
        shell("(cd " + bench.folder.path() +
              " && openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=ca -keyout ca.key "
              "-out ca.pem && openssl req -newkey rsa:2048 -nodes -subj /CN=hv1 -keyout hv1.key "
              "-out hv1.csr && openssl x509 -req -in hv1.csr -CA ca.pem -CAkey ca.key "
              "-CAcreateserial -days 1 -out hv1.pem)");
    STRCMP_CONTAINS("[0]", made.c_str());
    bench.server.listen = "127.0.0.1";
    bench.server.private_key = bench.folder / "hv1.key";
    bench.server.certificate = bench.folder / "hv1.pem";
    bench.server.ca_certificate = bench.folder / "ca.pem";
    bench.start();
    auto port = shell("sed -n 's/.*listening on port \\([0-9]*\\).*/\\1/p' " +
                      bench.server.log_file + " | tail -n 1 | tr -d '\\n'");
    port.resize(port.find('['));
    Member a{*bench.loop,
             "a",
             true,
             {"ssl:127.0.0.1:" + port, bench.server.private_key, bench.server.certificate,
              bench.server.ca_certificate}};
    CHECK_TRUE(a.sees_connection(true));
    FleetChange change;
    change.put_vms = {vm("v", "a", 1)};
    check_ok(a.transact(change));
    STRCMP_CONTAINS("[1]", shell("ovsdb-client -t 3 list-dbs tcp:127.0.0.1:" + port).c_str());
}

int main(int argc, char** argv)
{
    std::vector<const char*> args(argv, argv + argc);
    args.push_back("-p");
    // Its bookkeeping knows neither threads nor what lives as long as the process.
    MemoryLeakWarningPlugin::turnOffNewDeleteOverloads();
    return CommandLineTestRunner::RunAllTests(static_cast<int>(args.size()), args.data());
}
