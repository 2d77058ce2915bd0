// SPDX-License-Identifier: Apache-2.0
//
// Tests of db/store on real files.
#include <config.h>

#include "db/store.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <sstream>
#include <vector>

#include <sqlite3.h>

#include "db/resources.h"
#include "db/tests/folder.h"
#include "db/tests/share-rows.h"

#include <CppUTest/CommandLineTestRunner.h>
#include <CppUTest/TestHarness.h>

using namespace holdfast::db;
using holdfast::Errc;
using holdfast::Error;
using holdfast::Result;
using holdfast::tests::Folder;
using holdfast::tests::lease;
using holdfast::tests::quota;

namespace {

Store open_store(const std::string& path)
{
    auto store = Store::open(path);
    if (!store)
        FAIL(store.error().message.c_str());
    return std::move(*store);
}

Store open_reader(const std::string& path)
{
    auto store = Store::open_read_only(path);
    if (!store)
        FAIL(store.error().message.c_str());
    return std::move(*store);
}

void check_ok(const Result<void>& result)
{
    if (!result)
        FAIL(result.error().message.c_str());
}

/// Checks an error's kind, and that its line names the file and the mend.
void check_error(Errc code, const std::string& path, const char* mend, const Error& error)
{
    CHECK_TRUE(code == error.code);
    STRCMP_CONTAINS(path.c_str(), error.message.c_str());
    STRCMP_CONTAINS(mend, error.message.c_str());
    CHECK_EQUAL(std::string::npos, error.message.find('\n'));
}

std::string content(const std::string& path)
{
    std::ostringstream all;
    all << std::ifstream{path, std::ios::binary}.rdbuf();
    return all.str();
}

/// Takes out of a store of now what came with users' shares.
const std::string without_shares =
    "DROP TABLE recovery; ALTER TABLE specification DROP COLUMN lease;"
    "ALTER TABLE specification DROP COLUMN xml;"
    "ALTER TABLE recovery_policy DROP COLUMN automatic;"
    "DROP TABLE lease; DROP TABLE quota; ALTER TABLE hypervisor DROP COLUMN capacity;"
    "ALTER TABLE hypervisor DROP COLUMN load; ALTER TABLE hypervisor DROP COLUMN period_load;"
    "ALTER TABLE vm_port DROP COLUMN fabric; ALTER TABLE vm_port DROP COLUMN entry;"
    "ALTER TABLE hypervisor DROP COLUMN resources;";

/// Runs SQL from outside, as an operator or another program would.
void sql(const std::string& path, const std::string& text)
{
    sqlite3* file = nullptr;
    CHECK_EQUAL(SQLITE_OK, sqlite3_open(path.c_str(), &file));
    CHECK_EQUAL(SQLITE_OK, sqlite3_exec(file, text.c_str(), nullptr, nullptr, nullptr));
    sqlite3_close(file);
}

Hypervisor hypervisor(const std::string& name, bool self = false)
{
    return {.number = 3,
            .name = name,
            .id = "an-id",
            .vtep = "10.91.0.1",
            .bridge = "br0",
            .self = self,
            .seen = 1'700'000'000'000'000'001,
            .drained = self,
            .capacity = 600'000,
            .load = 250,
            .period_load = self ? -1 : 100,
            .resources = self ? "" : resources_text({.cpus = 2}),
            .lost = !self,
            .answers = !self};
}

Vm vm(const std::string& id)
{
    Vm row;
    row.id = id;
    row.name = "name-" + id;
    row.label = (1u << 23) - 1;
    row.kind = "port";
    row.service = "web's \"own\"";
    row.hypervisor = "hv1";
    row.state = "running";
    row.ips = {"10.0.0.9", "10.0.0.1", "fd00::1"};
    row.epoch = 4;
    row.protect = true;
    row.health = "silent";
    row.ports = {{"52:54:00:00:00:02", "if-b", "br0", "vnet3", 4},
                 {"52:54:00:00:00:01", "if-a", "", "", 0}};
    return row;
}

Chain chain(const std::string& name)
{
    Chain row;
    row.name = name;
    row.spi = 4097;
    row.rspi = 4098;
    row.match = "ip,nw_dst=10.0.0.1";
    row.match_reverse = "ip,nw_src=10.0.0.1";
    row.priority = 65535;
    row.symmetric = true;
    row.dead = "bypass";
    row.probe = "icmp,nw_dst=192.0.2.1";
    row.open = false;
    row.change = "set hv1";
    row.hops = {{{"z"}}, {{"a", "b"}, "pass", false}, {{"m"}, "tap", true}};
    return row;
}

Balancer balancer(const std::string& name)
{
    Balancer row;
    row.name = name;
    row.vip = "10.0.0.80";
    row.port = 80;
    row.protocol = "udp";
    row.directors = {"id-a", "id-b"};
    row.policy = "wrr";
    row.gateway = "10.0.0.1";
    row.mac_prefix = "02:99";
    row.mac_layout = "split";
    row.servers = {{"10.0.20.12", 8080, 0, "draining", "0a:00:02:14:0c:99"},
                   {"10.0.20.11", 80, 65535, "active", "0a:00:02:14:0b:99", 1'000'000'000}};
    row.vip_mac = "0a:00:02:00:50:99";
    row.persistence = 86400;
    row.slow_start = 30;
    row.sorry = "10.0.30.1";
    row.number = 7;
    row.servers[0].way = "routed";
    row.sorry_port = 81;
    row.sorry_mac = "0a:00:02:1e:01:99";
    row.check = "http";
    row.check_target = "/healthz?a=b";
    row.check_expect = 204;
    row.interval_ms = 3'600'000;
    row.timeout_ms = 250;
    row.rise = 7;
    row.fall = 8;
    return row;
}

ServerHealth health(const std::string& balancer, const std::string& address,
                    const std::string& hypervisor)
{
    return {balancer,    address, hypervisor, "up", 1'700'000'000'000'000'001,
            "connected", 250,     -1,         1234};
}

Service service(const std::string& id)
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
    row.hypervisor = "hv1";
    row.state = "moving";
    row.pinned = true;
    row.mode = "handoff";
    row.pid = 4'194'304;
    row.exit = "ended with status 1";
    row.epoch = 7;
    return row;
}

Move move(const std::string& id, const std::string& role, const std::string& state)
{
    Move row;
    row.id = id;
    row.role = role;
    row.vm = "v";
    row.hypervisor = "hv1";
    row.peer = "hv2";
    row.state = state;
    row.times = {{"staged", 1'700'000'000'000'000'001}, {"armed", 2}};
    row.figures = {{"held", 3}};
    return row;
}

} // namespace

TEST_GROUP(Store)
{
    Folder folder;
    std::string path = folder / "lib/holdfast.db";
};

TEST(Store, EveryRowComesBackAsItWasPut)
{
    auto store = open_store(path);
    const PathHop hop{.spi = 4097,
                      .si = 254,
                      .chain = "c",
                      .vm = "v",
                      .hypervisor = "hv1",
                      .bridge = "br0",
                      .in_port = 2,
                      .out_port = 3};
    const Task task{.id = "t",
                    .hypervisor = "hv2",
                    .asked_by = "hv1",
                    .verb = "check",
                    .arguments = "{}",
                    .state = "asked",
                    .reply = "",
                    .deadline = 9};
    check_ok(store.put(hypervisor("hv1", true)));
    check_ok(store.put(vm("v")));
    check_ok(store.put(chain("c")));
    check_ok(store.put(balancer("b")));
    check_ok(store.put(balancer("a")));
    check_ok(store.put(health("b", "10.0.20.12", "hv1")));
    check_ok(store.put(health("b", "10.0.20.11", "hv1")));
    check_ok(store.put(service("z")));
    check_ok(store.put(service("y")));
    check_ok(store.put(lease("hv1", 7)));
    check_ok(store.put(quota("z")));
    check_ok(store.put(quota("y")));
    check_ok(store.put_paths({hop}));
    check_ok(store.put(move("m", "source", "armed")));
    check_ok(store.put(task));
    CHECK_TRUE(*store.hypervisors() == std::vector{hypervisor("hv1", true)});
    CHECK_TRUE(*store.self() == hypervisor("hv1", true));
    CHECK_TRUE(*store.vms() == std::vector{vm("v")});
    CHECK_TRUE(*store.find_vm("v") == vm("v"));
    CHECK_TRUE(*store.find_vm("name-v") == vm("v"));
    CHECK_FALSE(store.find_vm("nobody")->has_value());
    CHECK_TRUE(*store.chains() == std::vector{chain("c")});
    CHECK_TRUE((*store.balancers() == std::vector{balancer("a"), balancer("b")}));
    CHECK_TRUE(store.snapshot()->balancers == *store.balancers());
    CHECK_TRUE((*store.health() ==
                std::vector{health("b", "10.0.20.11", "hv1"), health("b", "10.0.20.12", "hv1")}));
    CHECK_TRUE(store.snapshot()->health == *store.health());
    CHECK_TRUE((*store.services() == std::vector{service("y"), service("z")}));
    CHECK_TRUE(*store.leases() == std::vector{lease("hv1", 7)});
    CHECK_TRUE((*store.quotas() == std::vector{quota("y"), quota("z")}));
    CHECK_TRUE(*store.paths() == std::vector{hop});
    CHECK_TRUE(*store.moves() == std::vector{move("m", "source", "armed")});
    CHECK_TRUE(*store.tasks() == std::vector{task});
}

TEST(Store, PutReplacesWhatWasThereWhole)
{
    auto store = open_store(path);
    check_ok(store.put(vm("v")));
    check_ok(store.put(chain("c")));
    auto changed_vm = vm("v");
    changed_vm.ports.resize(1);
    changed_vm.epoch = 5;
    auto changed_chain = chain("c");
    changed_chain.hops = {{{"m"}}};
    check_ok(store.put(changed_vm));
    check_ok(store.put(changed_chain));
    check_ok(store.put(balancer("b")));
    auto changed_balancer = balancer("b");
    changed_balancer.servers.resize(1);
    check_ok(store.put(changed_balancer));
    CHECK_TRUE(*store.balancers() == std::vector{changed_balancer});
    check_ok(store.put(service("s")));
    auto changed_service = service("s");
    changed_service.ips.resize(1);
    changed_service.state = "running";
    check_ok(store.put(changed_service));
    CHECK_TRUE(*store.services() == std::vector{changed_service});
    check_ok(store.remove_service("s"));
    CHECK_TRUE(store.services()->empty());
    CHECK_TRUE(*store.vms() == std::vector{changed_vm});
    CHECK_TRUE(*store.chains() == std::vector{changed_chain});
}

TEST(Store, SpecificationsAndPoliciesOfRecoveryAreKept)
{
    auto store = open_store(path);
    Specification made_of{"v", "hv1", 4, 2, 1024, 1 << 20, true, {{"database", "My\"SQL\"", "8"}},
                          0,   ""};
    check_ok(store.put(made_of));
    made_of.elements.push_back({"os", "Ubuntu", ""});
    made_of.cpus = 8;
    made_of.lease = 30;
    made_of.xml = "<domain/>";
    check_ok(store.put(made_of));
    CHECK_TRUE(*store.specifications() == std::vector{made_of});
    const RecoveryPolicy policy{fleet_policy, "adopt,clone", {{"cpu", 5}}, 600'000, "coverage",
                                "major",      "cpu",         "",           false,   "on"};
    const RecoveryPolicy of_vm{"v", "", {}, 0, "", "", "", "w", true, "off"};
    check_ok(store.put(policy));
    check_ok(store.put(of_vm));
    CHECK_TRUE(*store.recovery_policies() == (std::vector{policy, of_vm}));
    check_ok(store.remove_specification("v"));
    check_ok(store.remove_recovery_policy("v"));
    CHECK_TRUE(store.specifications()->empty());
    CHECK_TRUE(*store.recovery_policies() == std::vector{policy});
}

TEST(Store, RecoveriesAreKeptAndDamagedOnesNamed)
{
    auto store = open_store(path);
    Recovery row{"r",     "v", "hv1", "crashed", "running",
                 "adopt", "w", "hv2", "hv3",     "it is asked whether it runs",
                 2,       5,   6};
    check_ok(store.put(row));
    row.state = "recovered";
    check_ok(store.put(row));
    auto other = row;
    other.id = "s";
    check_ok(store.put(other));
    CHECK_TRUE(*store.recoveries() == (std::vector{row, other}));
    sql(path, "UPDATE recovery SET state = 'lost' WHERE id = 'r'");
    std::vector<Damage> damaged;
    CHECK_TRUE(*store.recoveries(&damaged) == std::vector{other});
    CHECK_EQUAL(1u, damaged.size());
    STRCMP_CONTAINS("recovery r: state is lost", text_of(damaged[0]).c_str());
    check_ok(store.remove_recovery("s"));
    CHECK_TRUE(store.recoveries()->empty());
}

TEST(Store, DamagedSpecificationsAndPoliciesAreLeftOutAndNamed)
{
    auto store = open_store(path);
    const Specification made_of{"v", "hv1", 4, 2, 1024, 1, true, {{"database", "MySQL", "8"}},
                                0,   ""};
    const RecoveryPolicy of_vm{"v", "", {}, 0, "", "", "", "w", true, ""};
    check_ok(store.put(made_of));
    check_ok(store.put(of_vm));
    auto other = made_of;
    other.id = "w";
    check_ok(store.put(other));
    sql(path, "UPDATE specification SET elements = '[[1]]' WHERE id = 'v';"
              "UPDATE recovery_policy SET threshold = 1000001");
    std::vector<Damage> damaged;
    CHECK_TRUE(*store.specifications(&damaged) == std::vector{other});
    CHECK_TRUE(store.recovery_policies(&damaged)->empty());
    CHECK_EQUAL(2u, damaged.size());
    STRCMP_EQUAL("specification v: elements is [[1]]: it is to be JSON, [[feature, name, "
                 "version]..]",
                 text_of(damaged[0]).c_str());
    STRCMP_EQUAL("recovery_policy v: threshold is 1000001: it is to be 0 to 1000000",
                 text_of(damaged[1]).c_str());
}

TEST(Store, RemovedRowsLeaveNothing)
{
    auto store = open_store(path);
    check_ok(store.put(hypervisor("hv1")));
    check_ok(store.put(vm("v")));
    check_ok(store.put(chain("c")));
    check_ok(store.put(balancer("b")));
    check_ok(store.put(move("m", "source", "armed")));
    check_ok(store.remove_hypervisor("hv1"));
    check_ok(store.remove_vm("v"));
    check_ok(store.remove_chain("c"));
    check_ok(store.remove_balancer("b"));
    check_ok(store.remove_move("m", "destination"));
    CHECK_EQUAL(1u, store.moves()->size());
    check_ok(store.remove_move("m", "source"));
    check_ok(store.remove_task("never"));
    const auto all = store.snapshot();
    CHECK_TRUE(all->hypervisors.empty() && all->vms.empty() && all->chains.empty() &&
               all->balancers.empty() && all->moves.empty());
    auto without = balancer("b");
    without.servers.clear();
    check_ok(store.put(without)); // Its former servers do not come back.
    CHECK_TRUE(*store.balancers() == std::vector{without});
    auto bare = vm("v");
    bare.ports.clear();
    check_ok(store.put(bare)); // Its former ports do not come back.
    CHECK_TRUE(*store.find_vm("v") == bare);
}

TEST(Store, HealthGoesWithItsBalancerItsServerAndItsHypervisor)
{
    auto store = open_store(path);
    check_ok(store.put(balancer("a")));
    check_ok(store.put(balancer("b")));
    check_ok(store.put(hypervisor("hv2")));
    for (const char* name : {"a", "b"})
        for (const char* address : {"10.0.20.11", "10.0.20.12"})
            for (const char* owner : {"hv1", "hv2"})
                check_ok(store.put(health(name, address, owner)));
    check_ok(store.put(balancer("a"))); // Put again as it is: nothing goes.
    CHECK_EQUAL(8u, store.health()->size());
    auto without = balancer("a");
    without.servers.resize(1); // 10.0.20.12 stays.
    check_ok(store.put(without));
    CHECK_EQUAL(6u, store.health()->size());
    check_ok(store.remove_hypervisor("hv2"));
    CHECK_EQUAL(3u, store.health()->size());
    check_ok(store.remove_balancer("b"));
    CHECK_TRUE(*store.health() == std::vector{health("a", "10.0.20.12", "hv1")});
    check_ok(store.remove_health({"a", "10.0.20.12", "hv1"}));
    CHECK_TRUE(store.health()->empty());
}

TEST(Store, SnapshotHoldsMovesThatHaveNotEnded)
{
    auto store = open_store(path);
    check_ok(store.put(move("1", "source", "armed")));
    check_ok(store.put(move("2", "source", "turned")));
    check_ok(store.put(move("3", "destination", "staged")));
    check_ok(store.put(move("4", "destination", "active")));
    check_ok(store.put(move("5", "source", "back")));
    check_ok(store.put(move("6", "source", "cleaned")));
    check_ok(store.put(move("7", "destination", "failed")));
    const auto all = store.snapshot();
    CHECK_EQUAL(3u, all->moves.size());
    STRCMP_EQUAL("3", all->moves[2].id.c_str());
    const auto newest = store.moves(2);
    CHECK_EQUAL(2u, newest->size());
    STRCMP_EQUAL("7", newest->back().id.c_str());
}

TEST(Store, ThereIsOneSelf)
{
    auto store = open_store(path);
    check_ok(store.put(hypervisor("old", true)));
    check_ok(store.put(hypervisor("new", true)));
    STRCMP_EQUAL("new", (*store.self())->name.c_str());
}

TEST(Store, EventsAreNumberedInOrder)
{
    auto store = open_store(path);
    for (const char* kind : {"a", "b", "c"})
        check_ok(store.add(Event{0, 7, "hv1", kind, "v", "c", "text"}));
    const auto all = store.events_after(0);
    CHECK_EQUAL(3u, all->size());
    const auto rest = store.events_after(all->at(0).id, 1);
    CHECK_EQUAL(1u, rest->size());
    STRCMP_EQUAL("b", rest->at(0).kind.c_str());
}

TEST(Store, VersionRisesOnceACommit)
{
    auto store = open_store(path);
    const auto before = *store.version();
    check_ok(store.put(vm("v")));
    CHECK_EQUAL(before + 1, *store.version());
    {
        Store::Transaction both{store};
        check_ok(store.put(vm("w")));
        check_ok(store.put(chain("c")));
        check_ok(both.commit());
    }
    CHECK_EQUAL(before + 2, *store.version());
    CHECK_EQUAL(before + 2, store.snapshot()->version);
}

TEST(Store, TransactionWithoutCommitIsRolledBack)
{
    auto store = open_store(path);
    const auto before = *store.version();
    {
        Store::Transaction dropped{store};
        check_ok(store.put(vm("v")));
        CHECK_EQUAL(1u, store.vms()->size());
    }
    CHECK_TRUE(store.vms()->empty());
    CHECK_EQUAL(before, *store.version());
}

TEST(Store, TransactionWithAFailedPutCannotCommit)
{
    auto store = open_store(path);
    PathHop twice;
    {
        Store::Transaction both{store};
        check_ok(store.put(vm("v")));
        CHECK_FALSE(bool(store.put_paths({twice, twice})));
        CHECK_FALSE(bool(store.put(vm("w"))));
        CHECK_FALSE(bool(both.commit()));
    }
    CHECK_TRUE(store.vms()->empty());
    check_ok(store.put(vm("v"))); // And the store goes on.
}

TEST(Store, ReaderSeesWholeCommitsWhileAWriterWrites)
{
    auto store = open_store(path);
    check_ok(store.put(vm("v")));
    auto reader = open_reader(path);
    const auto before = reader.snapshot();
    {
        Store::Transaction half{store};
        check_ok(store.put(vm("w")));
        CHECK_EQUAL(1u, reader.vms()->size());
        CHECK_EQUAL(before->version, *reader.version());
        check_ok(half.commit());
    }
    CHECK_EQUAL(2u, reader.vms()->size());
    CHECK_EQUAL(before->version + 1, *reader.version());
    CHECK_FALSE(bool(reader.put(vm("x"))));
}

TEST(Store, ReaderWorksWhenTheWriterIsGone)
{
    {
        auto store = open_store(path);
        check_ok(store.put(vm("v")));
    }
    CHECK_EQUAL(1u, open_reader(path).vms()->size());
}

TEST(Store, ReaderWorksAfterTheWriterWasKilled)
{
    const auto child = ::fork();
    if (child == 0) {
        auto store = Store::open(path);
        const bool put = store && store->put(vm("v"));
        ::kill(::getpid(), put ? SIGKILL : SIGTERM);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK_EQUAL(SIGKILL, WTERMSIG(status));
    CHECK_EQUAL(1u, open_reader(path).vms()->size()); // From the log that it left.
    CHECK_EQUAL(1u, open_store(path).vms()->size());
}

TEST(Store, UserWhoMayOnlyReadTheFolderReads)
{
    if (::geteuid() != 0)
        return; // Only root can become another user.
    {
        auto store = open_store(path);
        check_ok(store.put(vm("v")));
    }
    std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
    const auto child = ::fork();
    if (child == 0) {
        if (::setuid(65534) != 0)
            ::_exit(2);
        auto reader = Store::open_read_only(path);
        const auto vms = reader ? reader->vms() : Result<std::vector<Vm>>{reader.error()};
        ::_exit(vms && vms->size() == 1 && !Store::open(path) ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK_EQUAL(0, WEXITSTATUS(status));
}

TEST(Store, TwoWritersTakeTurns)
{
    auto one = open_store(path);
    auto two = open_store(path);
    check_ok(one.put(vm("v")));
    check_ok(two.put(vm("w")));
    CHECK_EQUAL(2u, one.vms()->size());
    {
        Store::Transaction held{one};
        check_ok(one.put(vm("x")));
        Store::Transaction refused{two};
        CHECK_FALSE(bool(two.put(vm("y")))); // Not one by one outside a transaction.
        const auto failed = refused.commit();
        check_error(Errc::unavailable, path, "fuser", failed.error());
        check_ok(held.commit());
    }
    CHECK_EQUAL(3u, two.vms()->size());
    check_ok(two.put(vm("y")));
}

TEST(Store, MissingStoreIsNotFound)
{
    const auto refused = Store::open_read_only(path);
    CHECK_FALSE(bool(refused));
    check_error(Errc::not_found, path, "start holdfast-hookd", refused.error());
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST(Store, FolderInPlaceOfTheFileIsSaidToBeOne)
{
    for (const auto& opened : {Store::open(folder.path()), Store::open_read_only(folder.path())})
        check_error(Errc::invalid, folder.path(), "is a folder: name the store's file in it",
                    opened.error());
}

TEST(Store, FolderThatCannotBeMadeIsAnError)
{
    const auto refused = Store::open("/proc/none/holdfast.db");
    CHECK_FALSE(bool(refused));
    check_error(Errc::io, "/proc/none/holdfast.db", "who may write there", refused.error());
}

TEST(Store, NewerStoreIsRefusedAndKept)
{
    {
        open_store(path);
    }
    sql(path, "PRAGMA user_version = 99");
    const auto before = content(path);
    const auto refused = Store::open(path);
    CHECK_FALSE(bool(refused));
    check_error(Errc::too_new, path, "install that version", refused.error());
    check_error(Errc::too_new, path, "schema 99", Store::open_read_only(path).error());
    CHECK_TRUE(before == content(path));
}

TEST(Store, OlderStoreIsReadAsItIsUntilTheDaemonBringsItUpToDate)
{
    {
        auto store = open_store(path);
        check_ok(store.put(hypervisor("hv1", true)));
        check_ok(store.put(vm("v")));
    }
    sql(path, without_shares +
                  "DROP TABLE balancer; DROP TABLE balancer_server; DROP TABLE server_health;"
                  "DROP TABLE service; DROP TABLE specification; DROP TABLE recovery_policy; ALTER "
                  "TABLE hypervisor DROP COLUMN lost; ALTER TABLE hypervisor "
                  "DROP COLUMN answers;"
                  "ALTER TABLE hypervisor DROP COLUMN drained; PRAGMA user_version = 2");
    const auto before = content(path);
    auto reader = open_reader(path);
    auto seen = reader.snapshot();
    CHECK_TRUE(bool(seen));
    CHECK_EQUAL(1u, seen->vms.size());
    CHECK_FALSE(seen->hypervisors.at(0).drained);
    CHECK_FALSE(bool(reader.put(vm("x"))));
    CHECK_TRUE(before == content(path));
    auto store = open_store(path);
    check_ok(store.put(vm("w")));
    CHECK_EQUAL(2u, reader.vms()->size());
    CHECK_EQUAL(*store.version(), *reader.version());
}

TEST(Store, StoreWithoutBalancersKeepsItsRowsAndTakesThem)
{
    {
        auto store = open_store(path);
        check_ok(store.put(hypervisor("hv1", true)));
        check_ok(store.put(vm("v")));
        check_ok(store.put(chain("c")));
    }
    sql(path, without_shares +
                  "DROP TABLE balancer; DROP TABLE balancer_server; DROP TABLE server_health;"
                  "DROP TABLE service; DROP TABLE specification; DROP TABLE recovery_policy; ALTER "
                  "TABLE hypervisor DROP COLUMN lost; ALTER TABLE hypervisor "
                  "DROP COLUMN answers; PRAGMA user_version = 3");
    auto store = open_store(path);
    auto former = hypervisor("hv1", true);
    former.capacity = 0;
    former.load = former.period_load = -1;
    former.resources.clear();
    CHECK_TRUE(*store.hypervisors() == std::vector{former});
    CHECK_TRUE(*store.vms() == std::vector{vm("v")});
    CHECK_TRUE(*store.chains() == std::vector{chain("c")});
    CHECK_TRUE(store.balancers()->empty());
    check_ok(store.put(balancer("b")));
    CHECK_TRUE(*store.balancers() == std::vector{balancer("b")});
}

TEST(Store, PortOfAServiceSaysWhoStandsInForIt)
{
    auto apart = vm("v");
    apart.ports[0].fabric = "south";
    apart.ports[0].entry = "hv2";
    {
        auto store = open_store(path);
        check_ok(store.put(hypervisor("hv1", true)));
        check_ok(store.put(apart));
        CHECK_TRUE(*store.vms() == std::vector{apart});
        CHECK_TRUE(*store.find_vm("v") == apart);
    }
    sql(path, "ALTER TABLE vm_port DROP COLUMN fabric; ALTER TABLE vm_port DROP COLUMN entry;"
              "ALTER TABLE hypervisor DROP COLUMN resources; DROP TABLE recovery;"
              "ALTER TABLE specification DROP COLUMN lease;"
              "ALTER TABLE specification DROP COLUMN xml;"
              "ALTER TABLE recovery_policy DROP COLUMN automatic;"
              "ALTER TABLE lease DROP COLUMN balance; ALTER TABLE quota DROP COLUMN accounted;"
              "PRAGMA user_version = 10");
    auto store = open_store(path);
    CHECK_TRUE(*store.vms() == std::vector{vm("v")}); // An older store's needs nobody.
    check_ok(store.put(apart));
    CHECK_TRUE(*store.find_vm("v") == apart);
}

TEST(Store, BalancersOfAnOlderStoreHaveNoCheckAndNoLimit)
{
    Balancer former;
    former.name = "b";
    former.vip = "10.0.0.80";
    former.port = 80;
    former.servers = {{"10.0.20.11", 80, 5, "active", "ae:48:0a:00:14:0b"}};
    {
        auto store = open_store(path);
        check_ok(store.put(former));
    }
    std::string older =
        without_shares +
        "DROP TABLE server_health; DROP TABLE service; DROP TABLE specification; DROP TABLE "
        "recovery_policy;"
        "ALTER TABLE hypervisor DROP COLUMN lost; ALTER TABLE hypervisor DROP COLUMN answers;";
    for (const char* column :
         {"vip_mac", "persistence", "slow_start", "sorry", "sorry_port", "sorry_mac", "check_kind",
          "check_target", "check_expect", "interval_ms", "timeout_ms", "rise", "fall", "number"})
        older += std::string{"ALTER TABLE balancer DROP COLUMN "} + column + ";";
    sql(path, older + "ALTER TABLE balancer_server DROP COLUMN connections_max;"
                      "ALTER TABLE balancer_server DROP COLUMN way;"
                      "PRAGMA user_version = 4");
    auto store = open_store(path);
    CHECK_TRUE(*store.balancers() == std::vector{former});
    check_ok(store.put(health("b", "10.0.20.11", "hv1")));
    CHECK_EQUAL(1u, store.health()->size());
}

TEST(Store, OlderStoreGetsItsServices)
{
    {
        auto store = open_store(path);
        check_ok(store.put(vm("v")));
    }
    sql(path, without_shares +
                  "DROP TABLE service; DROP TABLE specification; DROP TABLE recovery_policy; ALTER "
                  "TABLE hypervisor DROP COLUMN lost; ALTER TABLE hypervisor "
                  "DROP COLUMN answers; PRAGMA user_version = 6");
    CHECK_TRUE(open_reader(path).specifications()->empty());
    CHECK_TRUE(open_reader(path).services()->empty()); // Who only reads has a copy of its own.
    auto store = open_store(path);
    CHECK_TRUE(*store.vms() == std::vector{vm("v")});
    CHECK_TRUE(store.services()->empty());
    check_ok(store.put(service("s")));
    CHECK_TRUE(*store.services() == std::vector{service("s")});
}

TEST(Store, OlderStoreGetsItsSharesAndItsHypervisorsGiveNothing)
{
    {
        auto store = open_store(path);
        check_ok(store.put(hypervisor("hv1", true)));
    }
    sql(path, without_shares + "PRAGMA user_version = 9");
    auto store = open_store(path);
    CHECK_EQUAL(0, store.hypervisors()->at(0).capacity);
    CHECK_EQUAL(-1, store.hypervisors()->at(0).load);
    CHECK_EQUAL(-1, store.hypervisors()->at(0).period_load);
    CHECK_EQUAL(std::string{}, store.hypervisors()->at(0).resources);
    CHECK_TRUE(store.quotas()->empty());
    check_ok(store.put(quota("ann")));
    CHECK_TRUE(*store.quotas() == std::vector{quota("ann")});
}

TEST(Store, SharesAreReadAtOneInstantAndDamagedOnesAreLeftOutAndTold)
{
    auto store = open_store(path);
    check_ok(store.put(hypervisor("hv1", true)));
    check_ok(store.put(lease("hv1", 2)));
    check_ok(store.put(quota("ann")));
    check_ok(store.put(quota("bob")));
    check_ok(store.put(service("s")));
    sql(path, "UPDATE quota SET share = '[]' WHERE name = 'bob'");
    auto rows = store.share_rows();
    CHECK_TRUE(rows->leases == std::vector{lease("hv1", 2)});
    CHECK_TRUE(rows->quotas == std::vector{quota("ann")});
    CHECK_TRUE(rows->hypervisors == std::vector{hypervisor("hv1", true)});
    CHECK_TRUE(rows->services == std::vector{service("s")});
    std::vector<Damage> damaged;
    CHECK_EQUAL(1u, store.quotas(&damaged)->size());
    CHECK_EQUAL(std::string("bob"), damaged.at(0).key);
    check_ok(store.remove_quota("ann"));
    check_ok(store.remove_lease("schedd"));
    CHECK_TRUE(store.quotas()->empty());
    CHECK_TRUE(store.leases()->empty());
}

TEST(Store, OtherProgramsDatabaseIsRefusedAndKept)
{
    std::filesystem::create_directories(folder / "lib");
    sql(path, "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
    const auto before = content(path);
    check_error(Errc::damaged, path, "kept as it is", Store::open(path).error());
    CHECK_TRUE(before == content(path));
}

TEST(Store, FileThatIsNoDatabaseIsRefusedAndKept)
{
    std::filesystem::create_directories(folder / "lib");
    std::ofstream{path} << std::string(5000, 'x');
    check_error(Errc::damaged, path, "move it away", Store::open(path).error());
    check_error(Errc::damaged, path, "move it away", Store::open_read_only(path).error());
    CHECK_TRUE(content(path) == std::string(5000, 'x'));
}

TEST(Store, DamagedPagesAreFoundAndKept)
{
    {
        auto store = open_store(path);
        for (int i = 0; i < 500; ++i)
            check_ok(store.put(vm("vm-" + std::to_string(i))));
    }
    auto bytes = content(path);
    CHECK_TRUE(bytes.size() > 3 * 4096);
    for (std::size_t at = 2 * 4096; at < bytes.size(); ++at)
        bytes[at] = '\x5a';
    std::ofstream{path, std::ios::binary} << bytes;
    const auto refused = Store::open(path);
    CHECK_FALSE(bool(refused));
    check_error(Errc::damaged, path, "move it away", refused.error());
    CHECK_TRUE(bytes == content(path));
    CHECK_FALSE(bool(Store::open_read_only(path)));
}

TEST(Store, RowWithNonsenseIsLeftOutAndNamedAndTheRestIsRead)
{
    auto store = open_store(path);
    for (const auto* name : {"a", "b", "c"}) {
        check_ok(store.put(vm(name)));
        check_ok(store.put(balancer(name)));
    }
    const auto told = [&](const std::string& statement) {
        sql(path, statement);
        const auto all = store.snapshot();
        CHECK_TRUE(bool(all));
        CHECK_EQUAL(1u, all->damaged.size());
        CHECK_EQUAL(5u, all->vms.size() + all->balancers.size());
        const auto text = text_of(all->damaged[0]);
        check_ok(store.put(vm("b")));
        check_ok(store.put(balancer("b")));
        CHECK_TRUE(store.snapshot()->damaged.empty());
        return text;
    };
    STRCMP_EQUAL("vm b: ips is nonsense: it is to be JSON of its kind",
                 told("UPDATE vm SET ips = 'nonsense' WHERE id = 'b'").c_str());
    STRCMP_EQUAL("vm b: ofport is many: it is to be a number",
                 told("UPDATE vm_port SET ofport = 'many' WHERE vm = 'b'").c_str());
    STRCMP_EQUAL("balancer b: interval_ms is 0: it is to be 100 to 3600000",
                 told("UPDATE balancer SET interval_ms = 0 WHERE name = 'b'").c_str());
    STRCMP_EQUAL("balancer b: rise is 4294967298: it is out of range",
                 told("UPDATE balancer SET rise = 4294967298 WHERE name = 'b'").c_str());
    STRCMP_EQUAL("balancer b: weight is 1.5: it is to be a number",
                 told("UPDATE balancer_server SET weight = 1.5 WHERE balancer = 'b'").c_str());
}

TEST(Store, HopThatIsDamagedIsNobodyAndDoesNotVanish)
{
    auto store = open_store(path);
    const auto whole = chain("c");
    check_ok(store.put(whole));
    sql(path, "UPDATE chain_hop SET led = 'yes' WHERE place = 1 AND member = 0");
    const auto all = store.snapshot();
    CHECK_TRUE(bool(all));
    CHECK_EQUAL(1u, all->damaged.size());
    CHECK_TRUE(all->chains[0].hops.size() >= whole.hops.size());
    STRCMP_EQUAL("?", all->chains[0].hops[1].vms[0].c_str());
}

TEST(Store, FileThatWentIsWrittenAnewWithAllThatItHeld)
{
    const auto under = folder / "under";
    const auto file = under + "/holdfast.db";
    auto store = open_store(file);
    check_ok(store.put(vm("v")));
    CHECK_FALSE(*store.keep_file());
    const std::vector<std::function<void()>> away{
        [&] { std::filesystem::remove(file); }, // Its log, which is not of the next, stays.
        [&] { std::filesystem::remove_all(under); },
    };
    for (const auto& go : away) {
        go();
        check_ok(store.put(vm("w"))); // Not lost, though no reader finds it now.
        const auto version = *store.version();
        CHECK_TRUE(*store.keep_file());
        CHECK_FALSE(*store.keep_file());
        auto reader = open_reader(file);
        CHECK_TRUE(*reader.vms() == *store.vms());
        CHECK_EQUAL(2u, reader.vms()->size());
        CHECK_EQUAL(version, *reader.version());
        check_ok(store.remove_vm("w"));
        CHECK_TRUE(*reader.vms() == std::vector{vm("v")});
    }
}

TEST(Store, FileInThePlaceOfTheOpenOneIsRefusedAndKept)
{
    auto store = open_store(path);
    check_ok(store.put(vm("v")));
    std::filesystem::rename(path, path + ".was");
    std::ofstream{path} << "of another";
    const auto kept = store.keep_file();
    CHECK_FALSE(bool(kept));
    check_error(Errc::exists, path, "restart", kept.error());
    STRCMP_EQUAL("of another", content(path).c_str());
    // The mend that it names.
    std::filesystem::remove(path);
    CHECK_TRUE(*store.keep_file());
    CHECK_TRUE(*open_reader(path).vms() == std::vector{vm("v")});
}

TEST(Store, FileThatCannotBeWrittenAnewIsSaidSoAndTriedAgain)
{
    auto store = open_store(path);
    check_ok(store.put(vm("v")));
    std::filesystem::remove(path);
    std::filesystem::create_directories(path + ".new/in-the-way");
    const auto kept = store.keep_file();
    CHECK_FALSE(bool(kept));
    check_error(Errc::io, path, "owner", kept.error());
    CHECK_TRUE(*store.vms() == std::vector{vm("v")});
    std::filesystem::remove_all(path + ".new");
    CHECK_TRUE(*store.keep_file());
}

TEST(Store, FullDiskChangesNothing)
{
    auto store = open_store(path);
    check_ok(store.put(vm("v")));
    std::signal(SIGXFSZ, SIG_IGN);
    const auto size = std::filesystem::file_size(path + "-wal");
    const rlimit small{size + 4096, RLIM_INFINITY};
    CHECK_EQUAL(0, ::setrlimit(RLIMIT_FSIZE, &small));
    auto big = vm("w");
    big.service = std::string(100'000, 'x');
    const auto refused = store.put(big);
    CHECK_FALSE(bool(refused));
    check_error(Errc::io, path, "disk", refused.error());
    CHECK_TRUE(*store.vms() == std::vector{vm("v")});
    const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &all);
    check_ok(store.put(big));
    CHECK_EQUAL(2u, store.vms()->size());
}

int main(int argc, char** argv)
{
    std::vector<const char*> args(argv, argv + argc);
    args.push_back("-p");
    return CommandLineTestRunner::RunAllTests(static_cast<int>(args.size()), args.data());
}
