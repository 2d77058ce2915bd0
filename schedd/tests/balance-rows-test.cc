// SPDX-License-Identifier: Apache-2.0
//
// Tests of schedd/balance-rows and schedd/balance-memory: spec Q10 to Q17, by rows.
#include <config.h>

#include "schedd/balance-rows.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::schedd;
using nlohmann::json;

namespace {

db::Hypervisor hypervisor(const std::string& name)
{
    db::Hypervisor row;
    row.name = name;
    row.capacity = 60 * unit;
    return row;
}

db::Service service(const std::string& name, const std::string& on, const std::string& user = "ann")
{
    db::Service row;
    row.id = "id-" + name;
    row.name = name;
    row.user = user;
    row.hypervisor = on;
    row.state = "running";
    return row;
}

db::Quota ann()
{
    db::Quota row;
    row.name = "ann";
    row.amount = 90 * unit;
    row.share = {{"hv1", 30 * unit}, {"hv2", 30 * unit}, {"hv3", 30 * unit}};
    row.in_use = {"hv1", "hv2", "hv3"};
    return row;
}

constexpr Time start{Seconds{1'700'000'000}};

} // namespace

TEST_GROUP(BalanceRows)
{
    Settings settings;
    db::ShareRows rows{{{"schedd", "hv1", 7, 1, 0, "", 100, 100, ""}},
                       {ann()},
                       {hypervisor("hv1"), hypervisor("hv2"), hypervisor("hv3")},
                       {}};
    Reports reports{{"hv1", {1, 50, {}}}, {"hv2", {1, 50, {}}}, {"hv3", {1, 50, {}}}};
    BalanceMemory memory;
    RoundCounts counts;
    Time now = start;

    /// Runs there, and takes so much, of which a lot was seen.
    void run(const std::string& name, const std::string& on, Cpu cpu)
    {
        std::erase_if(rows.services, [&](const auto& row) { return row.name == name; });
        for (auto& [node, report] : reports)
            report.services.erase("id-" + name);
        rows.services.push_back(service(name, on));
        reports[on].services["id-" + name] = {cpu, Seconds{1000}};
    }

    RoundInput input()
    {
        return {rows, reports, memory, counts, settings, "hv1", now};
    }
    Environment environment()
    {
        return environment_of(input());
    }
    const db::Service& row(const std::string& name)
    {
        return *std::ranges::find(rows.services, name, &db::Service::name);
    }

    /// One round as the leader's daemon does it; what moves is there at once.
    std::vector<std::string> round()
    {
        memory = looked_back(input(), environment());
        const Environment all = environment();
        const Round decided = balance(all, settings.balance);
        counts = counted(all, decided);
        memory = memory_from(memory_text(remembered(memory, all, decided, now)));
        std::vector<std::string> moved;
        const json told = round_json(all, decided);
        for (const auto& move : told["moves"]) {
            const std::string name = move["service"], to = move["to"];
            const Cpu cpu = reports[row(name).hypervisor].services["id-" + name].cpu;
            run(name, to, cpu);
            moved.push_back(name + " to " + to);
        }
        now += settings.round;
        return moved;
    }
};

TEST(BalanceRows, Q10ServicesOfUsersWithAShareAreProcessesAndAllElseStays)
{
    run("a", "hv1", 200);
    rows.services.push_back(service("b", "hv1", "root"));
    reports["hv1"].services["id-b"] = {300, Seconds{1000}};
    rows.services.push_back(service("c", "hv1"));
    rows.services.back().state = "stopped";
    const Environment all = environment();
    CHECK_EQUAL(1u, all.processes.size());
    CHECK_EQUAL(200, all.processes[0].cpu);
    CHECK_EQUAL(350, all.nodes[0].system);
    CHECK_EQUAL(7, all.term);
    CHECK_TRUE(all.leader == NodeId{0});
}

TEST(BalanceRows, Q10HypervisorThatGivesNothingIsNoNodeAndOneOfUnknownLoadGivesAndTakesNothing)
{
    rows.hypervisors.push_back(hypervisor("hv4"));
    rows.hypervisors.back().capacity = 0;
    reports.erase("hv2");
    const Environment all = environment();
    CHECK_EQUAL(3u, all.nodes.size());
    CHECK_TRUE(all.nodes[1].role == Role::drained);
    CHECK_TRUE(all.nodes[2].role == Role::active);
    reports["hv3"].seen = Seconds{1}; // Its schedd has just been started.
    CHECK_TRUE(environment().nodes[2].role == Role::drained);
}

TEST(BalanceRows, Q11CrowdedServicesSpreadUntilEvenAndThenStayStill)
{
    settings.balance.rest = Seconds{0};
    for (const char* name : {"a", "b", "c", "d", "e", "f"})
        run(name, "hv1", 100);
    int n_moves = 0;
    for (int i = 0; i < 10; ++i)
        n_moves += static_cast<int>(round().size());
    CHECK_EQUAL(4, n_moves);
    for (const auto& [name, report] : reports)
        CHECK_EQUAL(2u, report.services.size());
    for (int i = 0; i < 10; ++i)
        CHECK_EQUAL(0u, round().size());
}

TEST(BalanceRows, Q17ImbalanceMustLastForSeveralRoundsAlsoForALeaderThatIsNew)
{
    for (const char* name : {"a", "b", "c", "d", "e", "f"})
        run(name, "hv1", 100);
    CHECK_EQUAL(0u, round().size());
    CHECK_EQUAL(0u, round().size());
    counts = {}; // Another leads.
    CHECK_EQUAL(0u, round().size());
    CHECK_EQUAL(0u, round().size());
    CHECK_EQUAL(4u, round().size());
}

TEST(BalanceRows, Q11NothingMovesOutOfWhatItsUserUses)
{
    rows.quotas[0].in_use = {"hv1", "hv3"};
    for (const char* name : {"a", "b", "c", "d", "e", "f"})
        run(name, "hv1", 100);
    for (int i = 0; i < 8; ++i)
        for (const std::string& move : round())
            STRCMP_CONTAINS("to hv3", move.c_str());
    CHECK_EQUAL(3u, reports["hv3"].services.size());
    rows.quotas[0].borrowed = {"hv2"};
    CHECK_TRUE(contains(environment().shares[0], NodeId{1}));
}

TEST(BalanceRows, Q11PinnedServiceStays)
{
    run("a", "hv1", 400);
    run("b", "hv1", 200);
    rows.services[0].pinned = true;
    std::vector<std::string> moved;
    for (int i = 0; i < 6; ++i)
        for (const std::string& move : round())
            moved.push_back(move);
    CHECK_EQUAL(1u, moved.size());
    STRCMP_CONTAINS("b to", moved[0].c_str());
}

TEST(BalanceRows, Q17MoveThatWasOrderedCountsAtItsTargetUntilItIsSeen)
{
    run("a", "hv1", 300);
    memory.moved["id-a"] = {"hv1", "hv2", now, 300, 350, 50, Time{}, false, 0, Time{}};
    CHECK_TRUE(environment().processes[0].to == NodeId{1});
    now += Seconds{61}; // It has not begun.
    CHECK_TRUE(environment().processes[0].to == no_node);
    rows.services[0].state = "moving"; // It takes its time, and comes there.
    CHECK_TRUE(environment().processes[0].to == NodeId{1});
    memory = {}; // Somebody else's: where it goes is not known.
    CHECK_TRUE(environment().processes[0].to == NodeId{0});
}

TEST(BalanceRows, Q17ServiceThatHasJustComeTakesWhatItTookBefore)
{
    run("a", "hv2", 20);
    reports["hv2"].services["id-a"].seen = Seconds{1};
    memory.moved["id-a"] = {"hv1", "hv2", now, 300, 350, 50, Time{}, false, 0, Time{}};
    CHECK_EQUAL(300, environment().processes[0].cpu);
    reports["hv2"].services["id-a"].seen = settings.average;
    CHECK_EQUAL(20, environment().processes[0].cpu);
}

TEST(BalanceRows, Q17MoveThatCameToNothingIsUselessAndTheServiceRests)
{
    run("a", "hv1", 300);
    memory.moved["id-a"] = {"hv1", "hv2", now, 300, 350, 50, Time{}, false, 0, Time{}};
    now += Seconds{61};
    memory = looked_back(input(), environment());
    CHECK_TRUE(memory.moved["id-a"].judged);
    CHECK_EQUAL(1, memory.moved["id-a"].useless);
    CHECK_TRUE(environment().processes[0].rests_until == now + settings.balance.rest);
}

TEST(BalanceRows, Q17MoveThatHelpedIsForgottenAfterItsRest)
{
    run("a", "hv2", 300);
    run("b", "hv1", 300);
    memory.moved["id-a"] = {"hv1", "hv2", now, 300, 650, 50, Time{}, false, 2, Time{}};
    memory = looked_back(input(), environment());
    CHECK_TRUE(memory.moved["id-a"].landed == now);
    CHECK_FALSE(memory.moved["id-a"].judged);
    now += settings.round * settings.balance.hold;
    memory = looked_back(input(), environment());
    CHECK_TRUE(memory.moved["id-a"].judged);
    CHECK_EQUAL(0, memory.moved["id-a"].useless);
    now += settings.balance.rest + Seconds{1};
    CHECK_TRUE(looked_back(input(), environment()).moved.empty());
    rows.services.clear();
    CHECK_TRUE(looked_back(input(), environment()).moved.empty());
}

TEST(BalanceRows, Q13SpareThatNobodyUsesIsEmptied)
{
    rows.leases[0].spare = "hv3";
    CHECK_TRUE(environment().nodes[2].role == Role::active); // Ann pays for it.
    rows.quotas[0].in_use = {"hv1", "hv2"};
    CHECK_TRUE(environment().nodes[2].role == Role::spare);
    rows.quotas[0].borrowed = {"hv3"};
    CHECK_TRUE(environment().nodes[2].role == Role::active);
}

TEST(BalanceRows, Q13NodeAtTheMaximumBecomesASpareAndIsRememberedAsOne)
{
    for (const char* name : {"a", "b", "c", "d"})
        run(name, "hv2", 230);
    settings.balance.maximum = 900;
    for (int i = 0; i < 8; ++i)
        round();
    CHECK_TRUE(memory.nodes.at("hv2").role == Role::spare);
    CHECK_TRUE(environment().nodes[1].role == Role::spare);
    CHECK_EQUAL(0u, reports["hv2"].services.size());
}

TEST(BalanceRows, Q14NodeThatIsNewToARunningLeaderJoinsAndTakesItsPart)
{
    run("a", "hv1", 200);
    run("b", "hv1", 200);
    rows.hypervisors.pop_back();
    reports.erase("hv3");
    round();
    rows.hypervisors.push_back(hypervisor("hv3"));
    reports["hv3"] = {1, 0, {}};
    CHECK_TRUE(environment().nodes[2].role == Role::joining);
    CHECK_EQUAL(std::string("a to hv3"), round().at(0));
    CHECK_TRUE(environment().nodes[2].role == Role::active);
}

TEST(BalanceRows, Q15LostHypervisorHasFailedAndReturns)
{
    run("a", "hv3", 100);
    rows.hypervisors[2].lost = true;
    CHECK_EQUAL(0u, round().size()); // It cannot be moved from there.
    CHECK_TRUE(memory.nodes.at("hv3").role == Role::failed);
    rows.hypervisors[2].lost = false;
    CHECK_TRUE(environment().nodes[2].role == Role::returned);
    round();
    CHECK_FALSE(memory.nodes.contains("hv3"));
}

TEST(BalanceRows, Q15SpareThatTakesARoleHasItsPlaceInSharesUntilItGivesItBack)
{
    rows.quotas[0].share = {{"hv1", 30 * unit}, {"hv2", 20 * unit}};
    rows.quotas[0].in_use = {"hv1", "hv2"};
    rows.leases[0].spare = "hv3";
    run("a", "hv2", 100);
    rows.hypervisors[1].lost = true;
    memory = looked_back(input(), environment());
    Environment all = environment();
    Round decided = balance(all, settings.balance);
    rows.quotas = shares_after(rows, memory, all, decided);
    CHECK_EQUAL(20 * unit, rows.quotas.at(0).share.at("hv3"));
    CHECK_FALSE(rows.quotas[0].share.contains("hv2"));
    CHECK_TRUE(rows.quotas[0].in_use == (std::vector<std::string>{"hv1", "hv3"}));
    memory = remembered(memory, all, decided, now);
    rows.hypervisors[1].lost = false;
    rows.services.clear();
    reports["hv2"].services.clear();
    all = environment();
    CHECK_TRUE(all.nodes[1].role == Role::returned);
    decided = balance(all, settings.balance);
    rows.quotas = shares_after(rows, memory, all, decided);
    CHECK_EQUAL(20 * unit, rows.quotas.at(0).share.at("hv2"));
    CHECK_TRUE(shares_after(rows, remembered(memory, all, decided, now), all, Round{}).empty());
}

TEST(BalanceRows, Q15PeriodEndsOnceForEachReview)
{
    CHECK_FALSE(period_ended(memory, rows.leases[0]));
    memory = looked_back(input(), environment());
    CHECK_EQUAL(100, memory.consolidated);
    CHECK_FALSE(period_ended(memory, rows.leases[0]));
    rows.leases[0].reviewed = 200;
    CHECK_TRUE(period_ended(memory, rows.leases[0]));
}

TEST(BalanceRows, MemoryComesBackFromItsTextAndDamagedOneIsNone)
{
    memory.nodes["hv2"] = {Role::freeing, "", "hv3"};
    memory.moved["id-a"] = {"hv1", "hv2", now, 300, 350, 50, now + Seconds{3}, true, 2, now};
    memory.consolidated = 5;
    CHECK_TRUE(memory_from(memory_text(memory)) == memory);
    for (const char* text : {"", "{", "[]", "{\"nodes\":{\"a\":1},\"moved\":{}}"})
        CHECK_TRUE(memory_from(text) == BalanceMemory{});
}

TEST(BalanceRows, ReportThatIsNoneIsLeftOut)
{
    const Reports read = reports_from(json::parse(
        R"({"hv1":{"cpus":2,"system":100,"seconds":9,"services":{"s":{"cpu":5,"seconds":7}}},)"
        R"("hv2":{"error":"away"},"hv3":{"cpus":0,"system":0,"services":{}}})"));
    CHECK_EQUAL(1u, read.size());
    CHECK_EQUAL(2, read.at("hv1").cpus);
    CHECK_EQUAL(7, read.at("hv1").services.at("s").seen.count());
}
