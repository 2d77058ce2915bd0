// SPDX-License-Identifier: Apache-2.0
//
// Rows with something in them that no program of ours writes.
#include <config.h>

#include <functional>
#include <string>
#include <vector>

#include "db/row-check.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::db;

namespace {

Balancer balancer()
{
    Balancer row;
    row.name = "web";
    row.vip = "10.0.10.100";
    row.port = 80;
    row.director = "builtin";
    row.policy = "wlc";
    row.servers = {{"10.0.20.11", 80, 1, "active", "ae:48:0a:00:14:0b"},
                   {"10.0.20.12", 81, 0, "draining", "ae:48:0a:00:14:0c"}};
    row.vip_mac = "ae:48:0a:00:0a:64";
    row.sorry = "10.0.30.1";
    row.sorry_port = 80;
    row.sorry_mac = "ae:48:0a:00:1e:01";
    row.check = "http";
    row.check_target = "/healthz";
    return row;
}

Service service()
{
    Service row;
    row.id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    row.name = "count";
    row.ips = {"10.0.0.50/24", "fd00::50/64"};
    row.mac = "02:70:86:77:28:95";
    row.command = {"/bin/true"};
    return row;
}

template <class Row>
using Damaging = std::vector<std::pair<const char*, std::function<void(Row&)>>>;

/// Each damage is said, and begins with its column.
template <class Row>
void check_told(const Row& right, const Damaging<Row>& damages)
{
    STRCMP_EQUAL("", fault(right).c_str());
    for (const auto& [column, damage] : damages) {
        Row row = right;
        damage(row);
        const auto text = fault(row);
        CHECK_TRUE_TEXT(text.starts_with(column), (std::string{column} + ": " + text).c_str());
        CHECK_TRUE_TEXT(text.find('\n') == std::string::npos, text.c_str());
    }
}

} // namespace

TEST_GROUP(RowCheck){};

TEST(RowCheck, EachColumnOfABalancerThatCannotBeSoIsSaid)
{
    check_told<Balancer>(
        balancer(), {{"name", [](auto& row) { row.name = "a b\n"; }},
                     {"vip", [](auto& row) { row.vip = "nonsense"; }},
                     {"vip", [](auto& row) { row.vip = "10.0.10.300"; }},
                     {"vip", [](auto& row) { row.vip = ""; }},
                     {"vip", [](auto& row) { row.vip = "224.0.0.1"; }},
                     {"vip", [](auto& row) { row.vip = "FD00::1"; }},
                     {"port", [](auto& row) { row.port = 0; }},
                     {"port", [](auto& row) { row.port = 65536; }},
                     {"protocol", [](auto& row) { row.protocol = "sctp"; }},
                     {"director", [](auto& row) { row.director = "nobody"; }},
                     {"gateway", [](auto& row) { row.gateway = "10.0.0"; }},
                     {"gateway", [](auto& row) { row.gateway = "fd00::1"; }},
                     {"number", [](auto& row) { row.number = 64; }},
                     {"number", [](auto& row) { row.servers[0].way = "routed"; }},
                     {"mac_prefix", [](auto& row) { row.mac_prefix = "zz:zz"; }},
                     {"mac_prefix", [](auto& row) { row.mac_prefix = "00:48"; }},
                     {"mac_layout", [](auto& row) { row.mac_layout = "upside down"; }},
                     {"mac_layout",
                      [](auto& row) {
                          row.vip = "fd00::80";
                          row.servers.clear();
                          row.sorry.clear();
                      }},
                     {"persistence", [](auto& row) { row.persistence = -1; }},
                     {"slow_start", [](auto& row) { row.slow_start = 86'401; }},
                     {"servers", [](auto& row) { row.servers[0].address = "x"; }},
                     {"servers", [](auto& row) { row.servers[0].address = "fd00::1"; }},
                     {"servers", [](auto& row) { row.servers[0].address = row.vip; }},
                     {"servers", [](auto& row) { row.servers[1] = row.servers[0]; }},
                     {"servers", [](auto& row) { row.servers[0].port = -80; }},
                     {"servers", [](auto& row) { row.servers[0].weight = 65536; }},
                     {"servers", [](auto& row) { row.servers[0].limit = -1; }},
                     {"servers", [](auto& row) { row.servers[0].state = "asleep"; }},
                     {"servers", [](auto& row) { row.servers[0].way = "by air"; }},
                     {"servers", [](auto& row) { row.servers[0].mac = ""; }},
                     {"servers", [](auto& row) { row.servers[0].mac = "zz:zz:zz:zz:zz:zz"; }},
                     {"servers", [](auto& row) { row.servers[0].mac = row.servers[1].mac; }},
                     {"sorry", [](auto& row) { row.sorry = "nowhere"; }},
                     {"sorry", [](auto& row) { row.sorry_port = 0; }},
                     {"sorry_port", [](auto& row) { row.sorry.clear(); }},
                     {"vip_mac", [](auto& row) { row.vip_mac = "ae:48"; }},
                     {"check", [](auto& row) { row.check = "prayer"; }},
                     {"check_target", [](auto& row) { row.check_target = "healthz"; }},
                     {"check_target", [](auto& row) { row.check_target = "/ HTTP/1.0\r\nX: y"; }},
                     {"check_expect", [](auto& row) { row.check_expect = 20; }},
                     {"interval_ms", [](auto& row) { row.interval_ms = 0; }},
                     {"interval_ms", [](auto& row) { row.interval_ms = -2000; }},
                     {"timeout_ms", [](auto& row) { row.timeout_ms = 0; }},
                     {"timeout_ms", [](auto& row) { row.timeout_ms = row.interval_ms + 1; }},
                     {"rise", [](auto& row) { row.rise = 0; }},
                     {"fall", [](auto& row) { row.fall = -1; }}});
}

TEST(RowCheck, ServersOfTheLayoutTableHaveThePrefixAndAnyNumber)
{
    auto row = balancer();
    row.vip = "fd00::80";
    row.mac_layout = "table";
    row.servers = {{"fd00::11", 80, 1, "active", "ae:48:00:00:00:01"}};
    row.sorry.clear();
    row.sorry_port = 0;
    row.sorry_mac.clear();
    row.vip_mac = "ae:48:00:00:00:02";
    STRCMP_EQUAL("", fault(row).c_str());
    row.servers[0].mac = "ae:49:00:00:00:01";
    CHECK_TRUE(fault(row).starts_with("servers"));
}

TEST(RowCheck, PolicyOfANewerProgramIsNoDamage)
{
    auto row = balancer();
    row.policy = "astrology";
    STRCMP_EQUAL("", fault(row).c_str());
}

TEST(RowCheck, LeaseAndQuotaThatCannotBeSoAreSaid)
{
    check_told<Lease>({"schedd", "hv1", 1, 2, 3, "", 4, 5, ""},
                      {{"term", [](auto& row) { row.term = 0; }},
                       {"beat", [](auto& row) { row.beat = -1; }},
                       {"decided", [](auto& row) { row.decided = -1; }},
                       {"reviewed", [](auto& row) { row.reviewed = -1; }},
                       {"accounted", [](auto& row) { row.accounted = -1; }}});
    Quota right;
    right.name = "ann";
    right.amount = 90'000;
    right.share = {{"hv1", 30'000}};
    right.given = {{"hv1", 7}};
    right.used = {{"hv1", 7}};
    check_told<Quota>(right,
                      {{"amount", [](auto& row) { row.amount = -1; }},
                       {"low_reviews", [](auto& row) { row.low_reviews = -1; }},
                       {"share of hv1", [](auto& row) { row.share["hv1"] = amount_max + 1; }},
                       {"given of hv1", [](auto& row) { row.given["hv1"] = -1; }},
                       {"used of hv1", [](auto& row) { row.used["hv1"] = -1; }},
                       {"accounted", [](auto& row) { row.accounted = -1; }}});
}

TEST(RowCheck, HealthThatCannotBeSoIsSaid)
{
    check_told<ServerHealth>({"web", "10.0.20.11", "hv1", "up", 1, "connected", 1000, -1, 12},
                             {{"address", [](auto& row) { row.address = "s1"; }},
                              {"state", [](auto& row) { row.state = "so-so"; }},
                              {"since", [](auto& row) { row.since = -5; }},
                              {"cpu", [](auto& row) { row.cpu = 1001; }},
                              {"memory", [](auto& row) { row.memory = -2; }},
                              {"answer_us", [](auto& row) { row.answer_us = -2; }}});
}

TEST(RowCheck, ServiceThatCannotBeSoIsSaid)
{
    check_told<Service>(service(), {{"name", [](auto& row) { row.name = "../etc"; }},
                                    {"name", [](auto& row) { row.name = ".."; }},
                                    {"ips", [](auto& row) { row.ips[0] = "10.0.0.50"; }},
                                    {"ips", [](auto& row) { row.ips[1] = "fd00::50/129"; }},
                                    {"mac", [](auto& row) { row.mac = "02"; }},
                                    {"vlan", [](auto& row) { row.vlan = 4095; }},
                                    {"gateway", [](auto& row) { row.gateway = "there"; }},
                                    {"command", [](auto& row) { row.command.clear(); }},
                                    {"directory", [](auto& row) { row.directory = ""; }},
                                    {"state", [](auto& row) { row.state = "dancing"; }},
                                    {"mode", [](auto& row) { row.mode = "magic"; }},
                                    {"pid", [](auto& row) { row.pid = -1; }}});
}

TEST(RowCheck, SpecificationThatCannotBeSoIsSaid)
{
    const Specification right{"v", "hv1", 1, 2, 1024, 2048, false, {{"os", "Ubuntu", ""}}, 30, ""};
    check_told<Specification>(right,
                              {{"cpus", [](auto& row) { row.cpus = -1; }},
                               {"memory", [](auto& row) { row.memory = quantity_max + 1; }},
                               {"disk", [](auto& row) { row.disk = -5; }},
                               {"lease", [](auto& row) { row.lease = recovery_lease_max + 1; }},
                               {"elements", [](auto& row) { row.elements[0].name = ""; }},
                               {"elements", [](auto& row) { row.elements[0].feature = ""; }}});
}

TEST(RowCheck, PolicyOfRecoveryThatCannotBeSoIsSaid)
{
    const RecoveryPolicy right{fleet_policy, "adopt", {{"cpu", 1}}, 500'000, "jaccard",
                               "ignore",     "",      "",           false,   ""};
    check_told<RecoveryPolicy>(
        right,
        {{"threshold", [](auto& row) { row.threshold = -1; }},
         {"weight of cpu", [](auto& row) { row.weights["cpu"] = 0; }},
         {"weight of cpu", [](auto& row) { row.weights["cpu"] = similarity_weight_max + 1; }},
         {"weights", [](auto& row) { row.weights.clear(); }},
         {"ways", [](auto& row) { row.ways = ""; }},
         {"automatic", [](auto& row) { row.automatic = "perhaps"; }},
         {"measure", [](auto& row) { row.measure = "cosine"; }},
         {"versions", [](auto& row) { row.versions = ""; }}});
    STRCMP_EQUAL("", fault(RecoveryPolicy{"v", "", {}, 0, "", "", "", "", true, ""}).c_str());
}

TEST(RowCheck, RecoveryThatCannotBeSoIsSaid)
{
    const Recovery right{"r", "v", "hv1", "hung", "failed", "", "", "", "", "", 0, 5, 5};
    check_told<Recovery>(right, {{"vm", [](auto& row) { row.vm = ""; }},
                                 {"state", [](auto& row) { row.state = "lost"; }},
                                 {"attempts", [](auto& row) { row.attempts = -1; }},
                                 {"since", [](auto& row) { row.since = -1; }},
                                 {"changed", [](auto& row) { row.changed = -1; }}});
}

TEST(RowCheck, MoveThatCannotBeSoIsSaid)
{
    const Move source{"m", "source", "vm", "hv1", "hv2", "turned", {{"armed", 5}}, {{"held", 0}}};
    check_told<Move>(source, {{"role", [](auto& row) { row.role = "bystander"; }},
                              {"state", [](auto& row) { row.state = "nonsense"; }},
                              {"state", [](auto& row) { row.state = "staged"; }},
                              {"vm", [](auto& row) { row.vm = ""; }},
                              {"times of armed", [](auto& row) { row.times["armed"] = -1; }},
                              {"figures of held", [](auto& row) { row.figures["held"] = -1; }}});
    const Move destination{"m", "destination", "vm", "hv2", "hv1", "active", {}, {}};
    check_told<Move>(destination, {{"state", [](auto& row) { row.state = "armed"; }}});
}

TEST(RowCheck, DamagedRowIsLeftOutAndTheRestStays)
{
    std::vector<Balancer> rows{balancer(), balancer(), balancer()};
    rows[1].name = "api";
    rows[1].interval_ms = 0;
    rows[2].name = "dns";
    std::vector<Damage> damaged{{"balancer", "dns", "servers: an element is no server: {"}};
    leave_out_damaged(rows, "balancer", damaged);
    CHECK_EQUAL(1u, rows.size());
    STRCMP_EQUAL("web", rows[0].name.c_str());
    CHECK_EQUAL(2u, damaged.size());
    STRCMP_EQUAL("balancer api: interval_ms is 0: it is to be 100 to 3600000",
                 text_of(damaged[1]).c_str());
}
