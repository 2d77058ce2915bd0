// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/schedule: least connections and its kin, fo, ovf, and what holds for each
// policy (spec B9, B11).
#include "ovs-plugin/schedule.h"

#include <algorithm>

#include "common/policies.h"
#include "ovs-plugin/tests/schedule-pool.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::plugin;

namespace {

constexpr std::int64_t day_ms = 24 * 60 * 60 * 1000;

/// The name of who gets a connection; '-' for none.
char choice(std::string_view policy, std::vector<Server> servers)
{
    Balancer balancer{policy};
    balancer.use(std::move(servers));
    return balancer.sequence(1)[0];
}

std::vector<Server> at_random(Random& random, unsigned n)
{
    std::vector<Server> servers;
    for (unsigned i = 0; i < n; ++i) {
        servers.push_back(
            server(i, random_below(random, 6), random_below(random, 12), random_below(random, 12)));
        servers.back().takes = random() % 4 != 0;
        servers.back().limit = random() % 2 == 0 ? random_below(random, 20) : 0;
    }
    return servers;
}

} // namespace

TEST_GROUP(Policies){};

TEST(Policies, EachThatIsNamedIsKnown)
{
    CHECK_TRUE(policies[0].name == "mh");
    CHECK_EQUAL(14u, policies.size());
    for (const auto& policy : policies) {
        CHECK_TRUE(is_policy(policy.name));
        CHECK_TRUE(make_scheduler(policy.name) != nullptr);
    }
    CHECK_FALSE(is_policy("best"));
    CHECK_TRUE(make_scheduler("best") == nullptr);
    CHECK_TRUE(make_scheduler("") == nullptr);
}

TEST(Policies, NoServersNoWeightsAndFullServersGiveNone)
{
    for (const auto& policy : policies) {
        CHECK_EQUAL('-', choice(policy.name, {}));
        CHECK_EQUAL('-', choice(policy.name, {server('B', 0), server('A', 0)}));
        std::vector<Server> full{server('B', 9, 3, 4), server('A', 9, 7, 0)};
        full[0].limit = full[1].limit = 7;
        CHECK_EQUAL('-', choice(policy.name, full));
        std::vector<Server> down{server('B'), server('A')};
        down[0].takes = down[1].takes = false;
        CHECK_EQUAL('-', choice(policy.name, down));
    }
}

TEST(Policies, TheOneServerThereIsGetsAll)
{
    for (const auto& policy : policies) {
        Balancer balancer{policy.name};
        balancer.use({server('A', 7)});
        STRCMP_EQUAL("AAAAA", balancer.sequence(5).c_str());
    }
}

// Whatever comes, goes and changes between two choices.
TEST(Policies, WhoIsChosenIsAlwaysUsable)
{
    Random random{11};
    for (const auto& policy : policies) {
        // These have no second choice, or count a server out that has more than its weight.
        const bool may_refuse = policy.name == "dh" || policy.name == "sh" || policy.name == "ovf";
        Balancer balancer{policy.name};
        for (int change = 0; change < 40; ++change) {
            balancer.use(at_random(random, random_below(random, 12)));
            for (int i = 0; i < 20; ++i) {
                auto connection = arrival_of(random);
                connection.now_ms = (change * 20 + i) * (day_ms / 50);
                const auto chosen = balancer.choose(connection);
                CHECK_TRUE(!chosen || *chosen < balancer.servers.size());
                CHECK_TRUE(!chosen || usable(balancer.servers[*chosen]));
                if (!may_refuse)
                    CHECK_EQUAL(std::ranges::any_of(balancer.servers, usable), chosen.has_value());
                if (chosen)
                    ++balancer.servers[*chosen].active;
            }
        }
    }
}

// B11.
TEST(Policies, NobodyGetsMoreThanItsLimit)
{
    Random random{12};
    for (const auto& policy : policies) {
        Balancer balancer{policy.name};
        std::vector<Server> servers;
        for (unsigned i = 0; i < 10; ++i) {
            servers.push_back(server(i, 1000 + i));
            servers.back().limit = 1 + i;
        }
        balancer.use(servers);
        int n_placed = 0;
        for (int i = 0; i < 1000; ++i) {
            if (const auto chosen = balancer.choose(arrival_of(random))) {
                ++balancer.servers[*chosen].inactive;
                ++n_placed;
            }
        }
        for (const auto& server : balancer.servers)
            CHECK_TRUE(server.inactive <= server.limit);
        if (policy.name != "dh" && policy.name != "sh") // No second choice.
            CHECK_EQUAL(55, n_placed);
    }
}

TEST_GROUP(Least){};

TEST(Least, LcCountsAnActiveConnectionAs256Others)
{
    CHECK_EQUAL('A', choice("lc", {server('B', 1, 2, 0), server('A', 1, 1, 255)}));
    CHECK_EQUAL('B', choice("lc", {server('B', 1, 2, 0), server('A', 1, 1, 257)}));
}

TEST(Least, OfEqualsTheFirstOfTheListIsChosen)
{
    for (const char* policy : {"lc", "wlc", "lblc", "lblcr", "sed", "nq", "fo", "ovf", "dynamic"})
        CHECK_EQUAL('C', choice(policy, {server('C', 2, 1), server('B', 2, 1), server('A', 2, 1)}));
}

TEST(Least, LcDoesNotGoByWeightsAndWlcDoes)
{
    const std::vector<Server> servers{server('B', 10, 5), server('A', 1, 1)};
    CHECK_EQUAL('A', choice("lc", servers));
    CHECK_EQUAL('B', choice("wlc", servers));
    CHECK_EQUAL('B', choice("dynamic", servers));
}

TEST(Least, WlcComparesExactly)
{
    CHECK_EQUAL('B', choice("wlc", {server('B', 3, 1), server('A', 6, 2)}));
    CHECK_EQUAL('A', choice("wlc", {server('B', 3, 1, 1), server('A', 6, 2, 1)}));
    CHECK_EQUAL('A', choice("wlc", {server('B', 65534, 900000), server('A', 65535, 900000)}));
}

// With nothing to do, wlc takes the first, whatever its weight; sed the fastest.
TEST(Least, SedCountsTheConnectionThatBegins)
{
    const std::vector<Server> idle{server('C', 1), server('B', 3), server('A', 2)};
    CHECK_EQUAL('C', choice("wlc", idle));
    CHECK_EQUAL('B', choice("sed", idle));
    CHECK_EQUAL('A', choice("sed", {server('C', 1), server('B', 3, 2), server('A', 2)}));
    CHECK_EQUAL('B', choice("sed", {server('B', 1, 0, 1000), server('A', 1, 1, 0)}));
}

TEST(Least, NqTakesAnIdleServerBeforeAFasterOne)
{
    CHECK_EQUAL('A', choice("nq", {server('B', 100, 1), server('A', 1, 0, 500)}));
    CHECK_EQUAL('B', choice("nq", {server('B', 100, 1), server('A', 1, 1)}));
    CHECK_EQUAL('B', choice("nq", {server('B', 100, 1), server('A', 0, 0)}));
}

TEST(Least, LcSpreadsConnectionsEvenlyAndWlcByWeight)
{
    for (const char* policy : {"lc", "wlc", "sed"}) {
        Balancer balancer{policy};
        balancer.use({server('C', 1), server('B', 2), server('A', 3)});
        for (int i = 0; i < 600; ++i)
            ++balancer.servers[*balancer.choose()].active;
        const bool by_weight = std::string{policy} != "lc";
        for (const auto& server : balancer.servers)
            CHECK_EQUAL(by_weight ? 100 * server.weight : 200, server.active);
    }
}

TEST_GROUP(Heaviest){};

TEST(Heaviest, FoTakesTheNextOnlyWhereTheFirstIsNotToBeHad)
{
    std::vector<Server> servers{server('C', 1), server('B', 3, 1000), server('A', 2)};
    CHECK_EQUAL('B', choice("fo", servers));
    servers[1].takes = false;
    CHECK_EQUAL('A', choice("fo", servers));
    servers[2].weight = 0;
    CHECK_EQUAL('C', choice("fo", servers));
}

// IPVS compares with "more than", so each takes one more than its weight.
TEST(Heaviest, OvfOverflowsToTheNextAndThenRefuses)
{
    Balancer ovf{"ovf"};
    ovf.use({server('C', 1), server('B', 3), server('A', 2)});
    std::string names;
    for (int i = 0; i < 11; ++i) {
        const auto chosen = ovf.choose();
        names += chosen ? static_cast<char>(ovf.servers[*chosen].id[15]) : '-';
        if (chosen)
            ++ovf.servers[*chosen].active;
    }
    STRCMP_EQUAL("BBBBAAACC--", names.c_str());
}
