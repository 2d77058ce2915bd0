// SPDX-License-Identifier: Apache-2.0
//
// Tests of ovs-plugin/spread (spec C9).
#include "ovs-plugin/spread.h"

#include <algorithm>

#include <CppUTest/TestHarness.h>

using namespace holdfast::plugin;

namespace {

/// How many slots member `i` has.
long share_of(const std::vector<std::size_t>& owners, std::size_t i)
{
    return std::count(owners.begin(), owners.end(), i);
}

} // namespace

TEST_GROUP(Spread)
{
    std::vector<std::string> ids{"3c1e0a52", "90f7d1b4", "e24bb6c8"};
};

TEST(Spread, NobodyHasNothing)
{
    CHECK_TRUE(spread({}).empty());
}

TEST(Spread, EachMemberHasItsShare)
{
    const auto owners = spread(ids);
    CHECK_EQUAL(spread_slots, owners.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        CHECK_TRUE(share_of(owners, i) > 85 - 30);
        CHECK_TRUE(share_of(owners, i) < 85 + 30);
    }
}

TEST(Spread, WhoLeavesTakesNoSlotOfAnother)
{
    const auto before = spread(ids);
    const auto after = spread({ids[0], ids[2]});
    for (std::size_t slot = 0; slot < spread_slots; ++slot)
        if (before[slot] != 1)
            CHECK_EQUAL(ids[before[slot]], (after[slot] == 0 ? ids[0] : ids[2]));
}

TEST(Spread, WhoComesTakesSlotsForItselfOnly)
{
    const auto before = spread(ids);
    ids.push_back("5577aa01");
    const auto after = spread(ids);
    for (std::size_t slot = 0; slot < spread_slots; ++slot)
        CHECK_TRUE(after[slot] == 3 || after[slot] == before[slot]);
}

TEST(Spread, TheOrderOfTheNamesDoesNotMatter)
{
    const auto one = spread(ids);
    std::vector<std::string> turned{ids[2], ids[1], ids[0]};
    const auto other = spread(turned);
    for (std::size_t slot = 0; slot < spread_slots; ++slot)
        CHECK_EQUAL(ids[one[slot]], turned[other[slot]]);
}
