// SPDX-License-Identifier: Apache-2.0
//
// Tests of what the command shows: tables, VMs, chains, moves, events.
#include <config.h>

#include "ctl/view.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "ctl/service.h"
#include "ctl/tests/rows.h"
#include "db/find.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::ctl;

namespace {

constexpr db::TimeNs start = 1'700'000'000'000'000'000;
constexpr db::TimeNs ms = 1'000'000;

/// fw on hv1 port 3, ids on hv2 port 5, a symmetric chain through both.
World small_world()
{
    World world;
    world.vms = {vm("fw", "hv1", 3), vm("ids", "hv2", 5)};
    world.chains = {{"web",
                     4097,
                     4098,
                     "tcp,tp_dst=80",
                     "tcp,tp_src=80",
                     1000,
                     true,
                     "drop",
                     "",
                     true,
                     "",
                     {{{"id-fw"}}, {{"id-ids"}}}}};
    world.paths = {{4097, 255, "web", "id-fw", "hv1", "br0", 3, 3},
                   {4097, 254, "web", "id-ids", "hv2", "br0", 5, 5},
                   {4098, 255, "web", "id-ids", "hv2", "br0", 5, 5},
                   {4098, 254, "web", "id-fw", "hv1", "br0", 3, 3}};
    return world;
}

std::vector<db::Move> both_sides(const std::string& source_state,
                                 const std::string& destination_state)
{
    db::Move source{"m", "source", "id-fw", "hv1", "hv2", source_state, {}, {{"held", 4}}};
    source.times = {{"suspended", start + 10 * ms}, {"turned", start + 12 * ms + 340000}};
    db::Move destination{"m", "destination", "id-fw", "hv2", "", destination_state, {}, {}};
    destination.times = {{"staged", start}, {"first_frame", start + 60 * ms}};
    return {source, destination};
}

} // namespace

TEST_GROUP(View)
{
    void setup() override
    {
        ::setenv("TZ", "UTC", 1);
        ::tzset();
    }
    Style style;
};

TEST(View, ColumnsAreAsWideAsTheirWidestCell)
{
    Table table{{"NAME", ">N"}};
    table.add({"a", "100"});
    table.add({"long", "2"});
    CHECK_EQUAL(std::string("  NAME    N\n  a     100\n  long    2\n"), table.text(style, 2));
}

TEST(View, WidthCountsCharactersNotBytes)
{
    CHECK_EQUAL(5u, width("a → b"));
    Table table{{"A", "B"}};
    table.add({"→→", "x"});
    CHECK_EQUAL(std::string("A   B\n→→  x\n"), table.text(style));
}

TEST(View, ColourIsThereOnlyWhenAskedForAndDoesNotCountAsWidth)
{
    Table table{{"A", "B"}};
    table.add({{"good", Tone::good}, "x"});
    CHECK_EQUAL(std::string("A     B\ngood  x\n"), table.text(Style{false}));
    STRCMP_CONTAINS("\033[32mgood\033[0m  x", table.text(Style{true}).c_str());
}

TEST(View, CellsCannotCarryControlCharacters)
{
    Table table{{"A"}};
    table.add({"x\033[2J\ny"});
    CHECK_EQUAL(std::string::npos, table.text(style).find('\033'));
}

TEST(View, ChainPathIsDrawnFromIngressToOwnDestination)
{
    auto world = small_world();
    auto page = chain_page(world.chains[0], world, style);
    STRCMP_CONTAINS("path        ingress → fw@hv1:3 → ids@hv2:5 → own destination\n", page.c_str());
    STRCMP_CONTAINS("path back   ingress → ids@hv2:5 → fw@hv1:3 → own destination\n", page.c_str());
    STRCMP_CONTAINS("web  ready\n", page.c_str());
}

TEST(View, PendingHopIsNamedInTextAndJson)
{
    auto world = small_world();
    world.paths[1].in_port = world.paths[2].in_port = 0;
    CHECK_TRUE((pending(world.chains[0], world) == std::vector<std::string>{"ids"}));
    auto page = chain_page(world.chains[0], world, style);
    STRCMP_CONTAINS("fw@hv1:3 → ids (pending) → own", page.c_str());
    auto json = chain_json(world.chains[0], world);
    CHECK_EQUAL(std::string("pending"), json["state"].get<std::string>());
    CHECK_TRUE(json["paths"][0]["hops"][1]["pending"].get<bool>());
}

TEST(View, ADeadHopIsNamedWithWhatBecomesOfItsTraffic)
{
    auto world = small_world();
    const auto ids = std::ranges::find(world.vms, "ids", &db::Vm::name);
    ids->health = "no answer to the probe";
    STRCMP_CONTAINS("degraded ids", chain_table(world, style).c_str());
    auto page = chain_page(world.chains[0], world, style);
    STRCMP_CONTAINS("web  degraded\n", page.c_str());
    STRCMP_CONTAINS("no work     ids: no answer to the probe; its traffic is dropped\n",
                    page.c_str());
    world.chains[0].dead = "bypass";
    auto json = chain_json(world.chains[0], world);
    CHECK_EQUAL(std::string("degraded"), json["state"].get<std::string>());
    CHECK_EQUAL(std::string("its traffic passes it by"),
                json["dead_hops"][0]["meanwhile"].get<std::string>());
    world.chains[0].hops[1].vms.push_back("id-fw");
    STRCMP_CONTAINS("the others of its group",
                    dead_hops(world.chains[0], world)[0].meanwhile.c_str());
}

TEST(View, AChainWithoutPathsYetIsPending)
{
    auto world = small_world();
    world.paths.clear();
    CHECK_EQUAL(2u, pending(world.chains[0], world).size());
}

TEST(View, APathOfAnOlderChainIsNotTakenForThisOne)
{
    auto world = small_world();
    world.paths[1].vm = "id-other";
    STRCMP_CONTAINS("ids (pending)", chain_page(world.chains[0], world, style).c_str());
}

TEST(View, AVmThatIsGoneIsShownByItsId)
{
    auto world = small_world();
    world.vms.pop_back();
    STRCMP_CONTAINS("id-ids@hv2:5", chain_page(world.chains[0], world, style).c_str());
}

TEST(View, VmKnowsItsChains)
{
    auto world = small_world();
    CHECK_EQUAL(std::string("web"), vm_json(world.vms[0], world)["chains"][0].get<std::string>());
    STRCMP_CONTAINS("vnet0 on br0, port 3", vm_page(world.vms[0], world, style).c_str());
}

TEST(View, EmptyTablesSayWhatToDo)
{
    STRCMP_CONTAINS("holdfast chain add", chain_table(World{}, style).c_str());
    STRCMP_CONTAINS("No VM is known", vm_table(World{}, style).c_str());
}

TEST(View, SidesOfAMoveBecomeOneTimeLine)
{
    auto lines = move_lines(both_sides("turned", "staged"));
    CHECK_EQUAL(1u, lines.size());
    CHECK_EQUAL(std::string("hv1"), lines[0].from);
    CHECK_EQUAL(std::string("hv2"), lines[0].to);
    std::string order;
    for (const auto& mark : lines[0].marks)
        order += mark.what + "@" + mark.hypervisor + " ";
    CHECK_EQUAL(std::string("staged@hv2 suspended@hv1 turned@hv1 first frame@hv2 "), order);
}

TEST(View, OutcomeIsThatOfTheFurthestSide)
{
    auto outcome = [](const char* source, const char* destination) {
        return std::string{to_string(move_lines(both_sides(source, destination))[0].outcome)};
    };
    CHECK_EQUAL(std::string("under way"), outcome("armed", "staged"));
    CHECK_EQUAL(std::string("under way"), outcome("turned", "active"));
    CHECK_EQUAL(std::string("done"), outcome("cleaned", "active"));
    CHECK_EQUAL(std::string("back"), outcome("back", "staged"));
    CHECK_EQUAL(std::string("back"), outcome("armed", "failed"));
}

TEST(View, AVmThatCameUpElsewhereHasNoSource)
{
    auto rows = both_sides("", "active");
    rows.erase(rows.begin());
    auto lines = move_lines(rows);
    CHECK_TRUE(lines[0].outcome == Outcome::done);
    STRCMP_CONTAINS("fw  ? → hv2  done", move_page(lines[0], small_world(), style).c_str());
}

TEST(View, MovePageHasMillisecondsSinceFirstAndSinceLast)
{
    auto page = move_page(move_lines(both_sides("turned", "staged"))[0], small_world(), style);
    STRCMP_CONTAINS("fw  hv1 → hv2  under way (turned)  2023-11-14 22:13:20.000\n", page.c_str());
    STRCMP_CONTAINS("turned       hv1    12.3        +2.3\n", page.c_str());
    STRCMP_CONTAINS("held 4", page.c_str());
    auto json = move_json(move_lines(both_sides("turned", "staged"))[0], small_world());
    DOUBLES_EQUAL(12.34, json["marks"][2]["since_first_ms"].get<double>(), 1e-9);
}

TEST(View, AServicesMoveSaysHowFarItsMemoryIs)
{
    MoveLine line;
    line.state = "armed";
    STRCMP_EQUAL("armed", progress_text(line).c_str());
    line.figures = {{"connections", 1}};
    STRCMP_EQUAL("armed, 1 connection", progress_text(line).c_str());
    line.figures = {{"connections", 32},
                    {"round", 2},
                    {"bytes", 123'456'789},
                    {"rate", 40'050'000},
                    {"left_ms", 2'990}};
    STRCMP_EQUAL("armed, round 2, 123.4 MB, 40.0 MB/s, 32 connections, 2.9 s left",
                 progress_text(line).c_str());
}

TEST(View, EventIsOneLineWhateverItHolds)
{
    db::Event event{1, start + 7 * ms, "hv1", "staged", "id-fw", "", "two\nlines"};
    CHECK_EQUAL(std::string("2023-11-14 22:13:20.007  hv1       staged             fw          two "
                            "lines\n"),
                event_line(event, small_world(), style));
}

TEST(View, ATimeThatIsNoneIsADash)
{
    CHECK_EQUAL(std::string("-"), time_text(-1));
    CHECK_EQUAL(std::string("1970-01-01 00:00:00.999"), time_text(999'999'999));
}

TEST(View, UnknownNamesGetTheNearestOne)
{
    auto world = small_world();
    CHECK_EQUAL(std::string("there is no VM \"idss\": did you mean ids?"),
                db::find_vm(world.vms, "idss").error().message);
    CHECK_EQUAL(std::string("there is no chain \"zebra\": see 'holdfast chain list'"),
                db::find_chain(world.chains, "zebra").error().message);
    CHECK_TRUE(bool(db::find_vm(world.vms, "id-fw")));
    world.vms[1].name = "fw";
    STRCMP_CONTAINS("give the id, id-fw or id-ids",
                    db::find_vm(world.vms, "fw").error().message.c_str());
}

namespace {

db::Service web_service()
{
    db::Service row;
    row.id = "id-web";
    row.name = "web";
    row.user = "www-data";
    row.ips = {"10.0.10.5/24", "fd00::5/64"};
    row.mac = "02:11:22:33:44:55";
    row.vlan = 10;
    row.command = {"/usr/bin/server", "-p", "80"};
    row.hypervisor = "hv1";
    row.state = "running";
    row.pinned = true;
    row.pid = 4711;
    return row;
}

} // namespace

TEST(View, ServiceListSaysWhereEachRuns)
{
    World world;
    STRCMP_CONTAINS("There is no service", service_table(world, {}).c_str());
    world.services = {web_service()};
    STRCMP_EQUAL(
        "NAME  STATE            HYPERVISOR   PID  ADDRESS                  USER      MODE        "
        "COMMAND\n"
        "web   running, pinned  hv1         4711  10.0.10.5/24,fd00::5/64  www-data  checkpoint  "
        "/usr/bin/server -p 80\n",
        service_table(world, {}).c_str());
}

TEST(View, ServicePageHasItsPortOrWhyItIsStopped)
{
    World world;
    world.services = {web_service()};
    world.vms = {vm("web", "hv1", 9)};
    auto page = service_page(world.services[0], world, {});
    STRCMP_CONTAINS("web  running, pinned on hv1\n", page.c_str());
    STRCMP_CONTAINS("02:11:22:33:44:55  vnet0 on br0, port 9", page.c_str());
    CHECK_EQUAL(9, service_json(world.services[0], world).at("ofport").get<int>());
    world.services[0].state = "stopped";
    world.services[0].exit = "ended with status 1\nX";
    world.vms.clear();
    page = service_page(world.services[0], world, {});
    STRCMP_CONTAINS("why          ended with status 1 X\n", page.c_str());
    STRCMP_CONTAINS("not plugged in", page.c_str());
    CHECK_EQUAL(0, service_json(world.services[0], world).at("ofport").get<int>());
}
