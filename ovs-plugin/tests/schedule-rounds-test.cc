// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/schedule-rounds: rr and wrr, in IPVS's sequence (spec B9).
//
// IPVS puts a server that is added in front of its list, and goes through the list from there.
#include "ovs-plugin/schedule.h"

#include <algorithm>
#include <numeric>

#include "ovs-plugin/tests/schedule-pool.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::plugin;

namespace {

/// IPVS's wrr as its source describes it: pass by pass, none left out.
struct Passes {
    void change(const std::vector<Server>& servers)
    {
        long divisor = 0, heaviest = 0;
        for (const auto& server : servers) {
            divisor = std::gcd(divisor, long{server.weight});
            heaviest = std::max(heaviest, long{server.weight});
        }
        step = std::max(divisor, 1L);
        highest = heaviest - (step - 1);
        if (required > highest || required == 0)
            required = highest;
        else if (step > 1)
            required = required / step * step + 1;
        next = 0;
    }

    /// Only if one of them is usable.
    std::size_t choose(const std::vector<Server>& servers)
    {
        for (;;) {
            for (std::size_t i = next; i < servers.size(); ++i) {
                if (usable(servers[i]) && servers[i].weight >= required) {
                    next = i + 1;
                    return i;
                }
            }
            next = 0;
            required -= step;
            if (required <= 0)
                required = highest;
        }
    }

    long step = 1, highest = 0, required = 0;
    std::size_t next = 0;
};

} // namespace

TEST_GROUP(RoundRobin)
{
    Balancer rr{"rr"};

    void setup() override
    {
        rr.use({server('C'), server('B'), server('A')});
    }
};

TEST(RoundRobin, GoesThroughTheListFromTheNewest)
{
    STRCMP_EQUAL("CBACBACB", rr.sequence(8).c_str());
}

TEST(RoundRobin, NoServersGiveNone)
{
    rr.use({});
    STRCMP_EQUAL("--", rr.sequence(2).c_str());
    rr.use({server('A')});
    STRCMP_EQUAL("AA", rr.sequence(2).c_str());
}

TEST(RoundRobin, WeightsDoNotMatterButForZero)
{
    rr.use({server('C', 5), server('B', 0), server('A', 1)});
    STRCMP_EQUAL("CACA", rr.sequence(4).c_str());
    rr.use({server('C', 0), server('B', 0), server('A', 0)});
    STRCMP_EQUAL("--", rr.sequence(2).c_str());
}

TEST(RoundRobin, WhoDoesNotTakeOrIsAtItsLimitIsPassedBy)
{
    rr.servers[1].takes = false;
    STRCMP_EQUAL("CAC", rr.sequence(3).c_str());
    rr.servers[1].takes = true;
    rr.servers[2].limit = 5;
    rr.servers[2].active = 2;
    rr.servers[2].inactive = 3;
    STRCMP_EQUAL("BCB", rr.sequence(3).c_str());
    rr.servers[2].inactive = 2;
    STRCMP_EQUAL("ACB", rr.sequence(3).c_str());
}

TEST(RoundRobin, AfterNoneItGoesOnWhereItWas)
{
    STRCMP_EQUAL("C", rr.sequence(1).c_str());
    for (auto& server : rr.servers)
        server.takes = false;
    STRCMP_EQUAL("--", rr.sequence(2).c_str());
    for (auto& server : rr.servers)
        server.takes = true;
    STRCMP_EQUAL("BA", rr.sequence(2).c_str());
}

TEST(RoundRobin, ANewServerWaitsForTheEndOfTheRound)
{
    STRCMP_EQUAL("CB", rr.sequence(2).c_str());
    rr.use({server('D'), server('C'), server('B'), server('A')});
    STRCMP_EQUAL("ADCBAD", rr.sequence(6).c_str());
}

TEST(RoundRobin, WhoGoesTakesNoTurnFromTheOthers)
{
    STRCMP_EQUAL("CB", rr.sequence(2).c_str());
    rr.use({server('C'), server('A')});
    STRCMP_EQUAL("ACA", rr.sequence(3).c_str());
}

TEST(RoundRobin, WhenTheFirstGoesTheSecondIsNext)
{
    STRCMP_EQUAL("C", rr.sequence(1).c_str());
    rr.use({server('B'), server('A')});
    STRCMP_EQUAL("BA", rr.sequence(2).c_str());
}

TEST(RoundRobin, WhenAllGoTheNewListIsBegun)
{
    STRCMP_EQUAL("CB", rr.sequence(2).c_str());
    rr.use({server('F'), server('E')});
    STRCMP_EQUAL("FEF", rr.sequence(3).c_str());
}

TEST_GROUP(WeightedRoundRobin)
{
    Balancer wrr{"wrr"};
};

// The cycle is that of IPVS's documents for 4, 3, 2.  Before it comes a pass for weight 1, since
// the server that was added first was alone then, with 1 as the highest weight to ask for.
TEST(WeightedRoundRobin, HasIpvsOrder)
{
    wrr.use({server('A', 4), server('B', 3), server('C', 2)});
    STRCMP_EQUAL("ABC"
                 "AABABCABC"
                 "AABABCABC"
                 "AA",
                 wrr.sequence(23).c_str());
}

TEST(WeightedRoundRobin, CommonDivisorsCountForNothing)
{
    wrr.use({server('A', 4), server('B', 2)});
    STRCMP_EQUAL("ABAABAAB", wrr.sequence(8).c_str());
    Balancer large{"wrr"};
    large.use({server('A', 40000), server('B', 20000)});
    STRCMP_EQUAL("ABAABAAB", large.sequence(8).c_str());
}

TEST(WeightedRoundRobin, EqualWeightsAreRoundRobin)
{
    wrr.use({server('C', 7), server('B', 7), server('A', 7)});
    STRCMP_EQUAL("CBACBA", wrr.sequence(6).c_str());
}

TEST(WeightedRoundRobin, NoServersAndZeroWeightsGiveNone)
{
    wrr.use({});
    STRCMP_EQUAL("-", wrr.sequence(1).c_str());
    wrr.use({server('B', 0), server('A', 0)});
    STRCMP_EQUAL("--", wrr.sequence(2).c_str());
    wrr.use({server('B', 0), server('A', 2)});
    STRCMP_EQUAL("AA", wrr.sequence(2).c_str());
}

TEST(WeightedRoundRobin, AChangedWeightStartsThePassAnew)
{
    wrr.use({server('A', 4), server('B', 3), server('C', 2)});
    STRCMP_EQUAL("ABCAABA", wrr.sequence(7).c_str());
    wrr.use({server('A', 4), server('B', 3), server('C', 1)});
    STRCMP_EQUAL("ABABCAABABABC", wrr.sequence(13).c_str());
}

TEST(WeightedRoundRobin, WhoGoesChangesTheStep)
{
    wrr.use({server('A', 4), server('B', 3), server('C', 2)});
    STRCMP_EQUAL("ABCAABA", wrr.sequence(7).c_str());
    wrr.use({server('A', 4), server('C', 2)});
    STRCMP_EQUAL("AACAAC", wrr.sequence(6).c_str());
}

TEST(WeightedRoundRobin, WhoIsReplacedIsNoLongerTheLast)
{
    wrr.use({server('C', 5), server('B', 5), server('A', 5)});
    STRCMP_EQUAL("CB", wrr.sequence(2).c_str());
    wrr.use({server('C', 5), server('D', 5), server('A', 5)});
    STRCMP_EQUAL("CDACD", wrr.sequence(5).c_str());
}

TEST(WeightedRoundRobin, WhatIsNoMatterOfWeightsChangesNothing)
{
    wrr.use({server('A', 4), server('B', 3), server('C', 2)});
    STRCMP_EQUAL("ABCAABA", wrr.sequence(7).c_str());
    auto same = wrr.servers;
    same[1].limit = 1000;
    wrr.use(same);
    STRCMP_EQUAL("BCABC", wrr.sequence(5).c_str());
}

TEST(WeightedRoundRobin, WhoDoesNotTakeIsPassedBy)
{
    wrr.use({server('A', 4), server('B', 3), server('C', 2)});
    wrr.servers[0].takes = false;
    STRCMP_EQUAL("BCBBCBCBBCBC", wrr.sequence(12).c_str());
}

TEST(WeightedRoundRobin, AfterNoneItStartsAnew)
{
    wrr.use({server('A', 4), server('B', 3), server('C', 2)});
    STRCMP_EQUAL("ABCAAB", wrr.sequence(6).c_str());
    for (auto& server : wrr.servers)
        server.takes = false;
    STRCMP_EQUAL("--", wrr.sequence(2).c_str());
    for (auto& server : wrr.servers)
        server.takes = true;
    STRCMP_EQUAL("AABABCABC", wrr.sequence(9).c_str());
}

TEST(WeightedRoundRobin, AfterNoneAtFirstItStartsWithTheHighestWeight)
{
    wrr.use({server('A', 4), server('B', 3), server('C', 2)});
    wrr.servers[0].takes = wrr.servers[1].takes = wrr.servers[2].takes = false;
    STRCMP_EQUAL("--", wrr.sequence(2).c_str());
    wrr.servers[0].takes = wrr.servers[1].takes = wrr.servers[2].takes = true;
    STRCMP_EQUAL("AABABCABC", wrr.sequence(9).c_str());
}

TEST(WeightedRoundRobin, AfterNoneInTheLastPassItGoesOnThere)
{
    wrr.use({server('A', 4), server('B', 3), server('C', 2)});
    STRCMP_EQUAL("A", wrr.sequence(1).c_str());
    for (auto& server : wrr.servers)
        server.takes = false;
    STRCMP_EQUAL("--", wrr.sequence(2).c_str());
    for (auto& server : wrr.servers)
        server.takes = true;
    STRCMP_EQUAL("BCAABABCABC", wrr.sequence(11).c_str());
}

TEST(WeightedRoundRobin, FrequenciesInOnePeriodAreTheWeights)
{
    Random random{1};
    for (int run = 0; run < 50; ++run) {
        std::vector<Server> servers;
        std::uint32_t sum = 0, divisor = 0;
        for (unsigned i = 0; i < 1 + random_below(random, 20); ++i) {
            servers.push_back(server(i, random_below(random, 9) * 6));
            sum += servers.back().weight;
            divisor = std::gcd(divisor, servers.back().weight);
        }
        if (sum == 0)
            continue;
        Balancer balancer{"wrr"};
        balancer.use(servers);
        for (unsigned i = 0; i < random_below(random, 100); ++i)
            balancer.choose();
        std::vector<std::uint32_t> counts(servers.size());
        for (std::uint32_t i = 0; i < sum / divisor; ++i)
            ++counts[*balancer.choose()];
        for (std::size_t i = 0; i < servers.size(); ++i)
            CHECK_EQUAL(servers[i].weight / divisor, counts[i]);
    }
}

TEST(WeightedRoundRobin, AllAtOnceIsAsOneAfterTheOther)
{
    Random random{2};
    for (int run = 0; run < 100; ++run) {
        Balancer balancer{"wrr"};
        Passes passes;
        std::vector<Server> servers;
        for (unsigned i = 0; i < 8; ++i) {
            servers.insert(servers.begin(), server(i, random_below(random, 13)));
            passes.change(servers);
        }
        balancer.use(servers);
        if (std::ranges::none_of(servers, usable))
            continue;
        for (int i = 0; i < 60; ++i)
            CHECK_EQUAL(passes.choose(servers), *balancer.choose());
    }
}

TEST(WeightedRoundRobin, ManyChangesAtOnceAreAsOneAfterTheOtherIfTheLeaversAreTheFirst)
{
    Random random{4};
    for (int run = 0; run < 300; ++run) {
        Balancer balancer{"wrr"};
        Passes passes;
        std::vector<Server> servers;
        for (unsigned i = 0; i < 8; ++i) {
            servers.insert(servers.begin(), server(i, (1 + random_below(random, 9)) * 4));
            passes.change(servers);
        }
        balancer.use(servers);
        for (unsigned i = 0; i < random_below(random, 60); ++i)
            CHECK_EQUAL(passes.choose(servers), *balancer.choose());
        for (int i = 0; i < 4; ++i) {
            servers.erase(servers.begin() + random_below(random, 8 - static_cast<unsigned>(i)));
            passes.change(servers);
        }
        for (unsigned i = 8; i < 12; ++i) {
            servers.insert(servers.begin(), server(i, random_below(random, 50)));
            passes.change(servers);
        }
        balancer.use(servers);
        for (int i = 0; i < 60; ++i)
            CHECK_EQUAL(passes.choose(servers), *balancer.choose());
    }
}

// Servers come, go, change their weights and are at their limits, at random.
TEST(WeightedRoundRobin, GoesAsTheDescribedPassesDo)
{
    Random random{3};
    for (int run = 0; run < 100; ++run) {
        Balancer balancer{"wrr"};
        Passes passes;
        std::vector<Server> servers;
        for (int change = 0; change < 30; ++change) {
            const auto i = random_below(random, static_cast<unsigned>(servers.size()) + 1);
            const auto weight = random_below(random, 20) * (1 + random_below(random, 3));
            if (i == servers.size())
                servers.insert(servers.begin(), server(static_cast<unsigned>(change), weight));
            else if (random() % 3 == 0)
                servers.erase(servers.begin() + i);
            else if (servers[i].weight == weight)
                continue;
            else
                servers[i].weight = weight;
            balancer.use(servers);
            passes.change(servers);
            for (int arrivals = 0; arrivals < 20; ++arrivals) {
                for (auto& server : balancer.servers)
                    server.takes = random() % 4 != 0;
                if (std::ranges::any_of(balancer.servers, usable))
                    CHECK_EQUAL(passes.choose(balancer.servers), *balancer.choose());
            }
        }
    }
}
