// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/weights (spec B9: dynamic; B10: slow start).
#include "ovs-plugin/weights.h"

#include <limits>

#include "ovs-plugin/tests/schedule-pool.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::plugin;

namespace {

using Weights = std::vector<std::uint32_t>;

Load cpu(double value)
{
    Load load;
    load.cpu = value;
    return load;
}

/// The weights after so many calls with the same loads.
Weights after(int calls, const Weights& base, const std::vector<Load>& loads, Weights weights = {})
{
    for (int i = 0; i < calls; ++i)
        weights = dynamic_weights(base, weights, loads);
    return weights;
}

} // namespace

TEST_GROUP(SlowStart){};

TEST(SlowStart, RisesEvenlyFromOneToTheWeight)
{
    CHECK_EQUAL(1u, started_weight(101, 5000, 5000, 10000));
    CHECK_EQUAL(11u, started_weight(101, 5000, 6000, 10000));
    CHECK_EQUAL(51u, started_weight(101, 5000, 10000, 10000));
    CHECK_EQUAL(100u, started_weight(101, 5000, 14999, 10000));
    CHECK_EQUAL(101u, started_weight(101, 5000, 15000, 10000));
    CHECK_EQUAL(101u, started_weight(101, 5000, 1000000, 10000));
}

TEST(SlowStart, ZeroStaysZeroAndNoSlowStartIsTheWeightAtOnce)
{
    CHECK_EQUAL(0u, started_weight(0, 0, 5, 10));
    CHECK_EQUAL(7u, started_weight(7, 100, 100, 0));
    CHECK_EQUAL(65535u, started_weight(65535, 0, 10, 10));
}

TEST(SlowStart, BeforeItBeganItIsOne)
{
    CHECK_EQUAL(1u, started_weight(50, 1000, 0, 10000));
}

TEST_GROUP(Dynamic){};

TEST(Dynamic, EqualLoadsLeaveTheConfiguredWeights)
{
    CHECK_TRUE((Weights{100, 300, 0} == after(5, {1, 3, 0}, {cpu(0.7), cpu(0.7), cpu(0.7)})));
}

TEST(Dynamic, AnOverloadedServerGetsLessAndTheOthersMore)
{
    const auto weights = after(50, {10, 10, 10}, {cpu(1), cpu(0.3), cpu(0.3)});
    CHECK_TRUE(weights[0] < 500);
    CHECK_TRUE(weights[1] > 1000);
    CHECK_EQUAL(weights[1], weights[2]);
}

TEST(Dynamic, ACallChangesATenthAtMost)
{
    std::vector<Load> loads(20, cpu(1));
    loads[0] = cpu(0);
    CHECK_EQUAL(1100u, after(1, Weights(20, 10), loads)[0]);
    CHECK_EQUAL(1200u, after(2, Weights(20, 10), loads)[0]);
    CHECK_EQUAL(1900u,
                after(1, Weights(20, 10), std::vector<Load>(20, cpu(1)), Weights(20, 2000))[0]);
}

TEST(Dynamic, NeverBelowTheFloorNorAboveTheCeiling)
{
    std::vector<Load> loads(200, cpu(0));
    loads[0] = cpu(1);
    auto weights = after(200, Weights(200, 1), loads);
    CHECK_EQUAL(10u, weights[0]);
    for (auto& load : loads)
        load = cpu(1);
    loads[0] = cpu(0);
    weights = after(200, Weights(200, 1), loads);
    CHECK_EQUAL(200u, weights[0]);
}

TEST(Dynamic, EqualLoadsBringTheWeightsBack)
{
    const Weights base{10, 1, 65535};
    const auto apart = after(50, base, {cpu(1), cpu(0.1), cpu(0.9)});
    CHECK_TRUE((Weights{1000, 100, 6553500}) ==
               after(200, base, {cpu(0.5), cpu(0.5), cpu(0.5)}, apart));
}

TEST(Dynamic, AnUnknownLoadLeavesItsWeight)
{
    CHECK_TRUE((Weights{123, 100}) == after(9, {1, 1}, {Load{}, cpu(0.9)}, {123, 100}));
    CHECK_TRUE((Weights{100, 200}) == after(9, {1, 2}, {Load{}, Load{}}));
}

TEST(Dynamic, WhatIsScarcestDecides)
{
    Load busy = cpu(0.1), slow = cpu(0.1), full = cpu(0.1), swapping = cpu(0.1);
    busy.cpu = slow.answer_time = full.connections = swapping.memory = 0.9;
    const auto weights = after(30, {5, 5, 5, 5, 5}, {busy, slow, full, swapping, cpu(0.1)});
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK_EQUAL(weights[0], weights[i]);
        CHECK_TRUE(weights[i] < 500);
    }
    CHECK_TRUE(weights[4] > 500);
}

TEST(Dynamic, ValuesOutOfRangeDoNoHarm)
{
    const auto nan = std::numeric_limits<double>::quiet_NaN();
    const Weights base{5, 5, 5};
    CHECK_TRUE(after(30, base, {cpu(17), cpu(-3), Load{}}) ==
               after(30, base, {cpu(1), cpu(0), Load{}}));
    CHECK_TRUE(after(30, base, {cpu(0.2), cpu(0.4), cpu(nan)}) ==
               after(30, base, {cpu(0.2), cpu(0.4), Load{}}));
}

// The loop closed: each server's load is its share of the connections for its strength.
TEST(Dynamic, AWeakServerSettlesAtLessLoadHoweverBusyAllAre)
{
    const Weights base{10, 10, 10};
    for (const double demand : {0.3, 1.0, 1.5, 2.0, 2.2}) {
        const auto loads_of = [&](const Weights& weights) {
            const double sum = weights[0] + weights[1] + weights[2];
            return std::vector<Load>{cpu(demand * weights[0] / sum / 0.5),
                                     cpu(demand * weights[1] / sum),
                                     cpu(demand * weights[2] / sum)};
        };
        Weights weights{1000, 1000, 1000};
        const double before = *loads_of(weights)[0].cpu;
        for (int i = 0; i < 200; ++i)
            weights = dynamic_weights(base, weights, loads_of(weights));
        CHECK_TRUE(*loads_of(weights)[0].cpu < before);
        for (int i = 0; i < 20; ++i) {
            const auto settled = weights;
            weights = dynamic_weights(base, weights, loads_of(weights));
            for (std::size_t k = 0; k < 3; ++k)
                CHECK_TRUE(weights[k] + 2 >= settled[k] && weights[k] <= settled[k] + 2);
        }
    }
}

TEST(Dynamic, RandomLoadsKeepEachWeightWithinItsBounds)
{
    Random random{3};
    Weights base, weights;
    for (int i = 0; i < 50; ++i)
        base.push_back(random_below(random, 65536));
    for (int call = 0; call < 300; ++call) {
        std::vector<Load> loads;
        for (std::size_t i = 0; i < base.size(); ++i)
            loads.push_back(random() % 5 ? cpu(random() % 100 / 99.0) : Load{});
        const auto before = weights.empty() ? after(1, base, std::vector<Load>(50)) : weights;
        weights = dynamic_weights(base, weights, loads);
        for (std::size_t i = 0; i < base.size(); ++i) {
            CHECK_TRUE(weights[i] >= base[i] * 10 && weights[i] <= base[i] * 200);
            const double change = static_cast<double>(weights[i]) - before[i];
            CHECK_TRUE(change <= base[i] * 10 + 1 && -change <= base[i] * 10 + 1);
        }
    }
}
