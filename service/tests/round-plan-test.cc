// SPDX-License-Identifier: Apache-2.0
//
// When memory has been sent ahead often enough (S5).
#include <config.h>

#include "service/round-plan.h"

#include <array>

#include <CppUTest/TestHarness.h>

using namespace holdfast::service;

namespace {

template <std::size_t n>
bool another(const std::array<std::uint64_t, n>& pages)
{
    return another_round(pages);
}

} // namespace

TEST_GROUP(RoundPlan){};

TEST(RoundPlan, FirstRoundIsAlwaysWorthIt)
{
    CHECK_TRUE(another_round({}));
}

TEST(RoundPlan, GoesOnWhileRoundsShrink)
{
    CHECK_TRUE(another(std::array<std::uint64_t, 1>{100000}));
    CHECK_TRUE(another(std::array<std::uint64_t, 3>{100000, 9000, 800}));
}

TEST(RoundPlan, EndsBelow64Pages)
{
    CHECK_TRUE(another(std::array<std::uint64_t, 2>{100000, 64}));
    CHECK_FALSE(another(std::array<std::uint64_t, 2>{100000, 63}));
    CHECK_FALSE(another(std::array<std::uint64_t, 1>{0}));
}

TEST(RoundPlan, EndsWhenARoundIsNotATenthSmallerThanTheOneBefore)
{
    CHECK_TRUE(another(std::array<std::uint64_t, 3>{100000, 1070, 963}));
    CHECK_FALSE(another(std::array<std::uint64_t, 3>{100000, 1070, 964}));
}

TEST(RoundPlan, EndsAfterEightRounds)
{
    CHECK_TRUE(another(std::array<std::uint64_t, 7>{900, 800, 700, 600, 500, 400, 300}));
    CHECK_FALSE(another(std::array<std::uint64_t, 8>{900, 800, 700, 600, 500, 400, 300, 200}));
}
