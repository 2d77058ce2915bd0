// SPDX-License-Identifier: Apache-2.0
#include "ovs-plugin/ring.h"

#include <unistd.h>

#include <CppUTest/TestHarness.h>

using holdfast::plugin::FrameKind;
using holdfast::plugin::FrameKinds;
using holdfast::plugin::GuestRing;
using holdfast::plugin::RingCount;

namespace {

constexpr FrameKind to_web{0x52, 0x54, 0, 0, 0, 0x20}, to_group{0x33, 0x33, 0, 0, 0, 1};
const FrameKinds plain, web{true, {to_web}}, group{true, {to_group}},
    both{true, {to_web, to_group}};

} // namespace

TEST_GROUP(Ring)
{
    RingCount count;
    /// Ten frames came through, and were counted by both.
    void setup() override
    {
        count.quiet({100, 0, 65530}, plain);
        count.quiet({110, 0, 4}, plain);
    }
};

TEST(Ring, FramesThatTheGuestHasNotGotAreMissing)
{
    LONGS_EQUAL(0, *count.missing({115, 0, 9}, plain, 0));
    LONGS_EQUAL(2, *count.missing({115, 0, 7}, plain, 0));
    LONGS_EQUAL(5, *count.missing({115, 0, 4}, plain, 0));
}

TEST(Ring, NothingIsSureBeforeTheCountsWereComparedOnce)
{
    CHECK_FALSE(RingCount{}.missing({5, 0, 5}, plain, 0).has_value());
    RingCount once;
    once.quiet({0, 0, 7}, plain);
    CHECK_FALSE(once.missing({5, 0, 12}, plain, 0).has_value());
    once.quiet({0, 0, 7}, plain); // Nothing was sent: nothing was learned.
    CHECK_FALSE(once.missing({5, 0, 12}, plain, 0).has_value());
}

TEST(Ring, CountsThatDisagreeAreNotBelieved)
{
    count.quiet({120, 0, 20}, plain); // 16 buffers for 10 frames.
    CHECK_FALSE(count.missing({121, 0, 21}, plain, 0).has_value());
    count.quiet({130, 0, 30}, plain);
    LONGS_EQUAL(1, *count.missing({131, 0, 30}, plain, 0));
    CHECK_FALSE(count.missing({131, 0, 40}, plain, 0).has_value()); // More than was sent.
}

TEST(Ring, OfTheHypervisorsOwnFramesItIsLearnedWhetherTheGuestTakesThem)
{
    CHECK_FALSE(count.missing({120, 1, 13}, plain, 0).has_value());
    LONGS_EQUAL(1, *count.missing({120, 1, 13}, plain, 1)); // Taken out of the tap again.
    count.quiet({120, 1, 15}, plain);                       // It has.
    LONGS_EQUAL(1, *count.missing({130, 3, 26}, plain, 0));
    LONGS_EQUAL(1, *count.missing({130, 3, 25}, plain, 1));
    count.quiet({130, 3, 25}, plain); // And not these two.
    LONGS_EQUAL(1, *count.missing({140, 4, 34}, plain, 0));
    count.quiet({140, 5, 36}, plain); // One of two: as any that disagree.
    CHECK_FALSE(count.missing({141, 5, 36}, plain, 0).has_value());
    count.quiet({150, 5, 46}, plain);
    LONGS_EQUAL(1, *count.missing({151, 5, 46}, plain, 0));
    // The strange one was dropped, or one of the others was and it was not.
    count.quiet({160, 6, 56}, web);
    CHECK_FALSE(count.missing({161, 7, 57}, plain, 0).has_value());
    CHECK_FALSE(count.missing({161, 6, 56}, web, 0).has_value());
    // Frames that the tap had no room for.
    CHECK_FALSE(count.missing({162, 5, 57}, plain, 0).has_value());
}

TEST(Ring, FramesForOthersAreBelievedOnlyWhereTheGuestTakesThem)
{
    CHECK_FALSE(count.missing({111, 0, 4}, web, 0).has_value());
    count.quiet({120, 0, 14}, web);
    LONGS_EQUAL(1, *count.missing({121, 0, 14}, web, 0));
    count.quiet({130, 0, 14}, group); // Its filter drops them.
    CHECK_FALSE(count.missing({131, 0, 14}, plain, 0).has_value());
    count.quiet({140, 0, 24}, plain);
    LONGS_EQUAL(1, *count.missing({141, 0, 24}, plain, 0));
    LONGS_EQUAL(
        1, *count.missing({141, 0, 24}, web, 0)); // They were not there when the counts disagreed.
    CHECK_FALSE(count.missing({141, 0, 24}, group, 0).has_value());
    CHECK_FALSE(count.missing({141, 0, 24}, both, 0).has_value());
    count.quiet({150, 0, 30}, both); // Whose fault it was is not known.
    count.quiet({160, 0, 40}, plain);
    CHECK_FALSE(count.missing({161, 0, 40}, web, 0).has_value());
    count.quiet({170, 0, 50}, web);
    LONGS_EQUAL(1, *count.missing({171, 0, 50}, web, 0));
}

TEST(Ring, FramesThatAreNotRememberedAreNoProof)
{
    const FrameKinds unknown{false, {}};
    count.quiet({120, 0, 14}, web);
    CHECK_FALSE(count.missing({121, 0, 14}, unknown, 0).has_value());
    count.quiet({130, 0, 20}, unknown);
    count.quiet({140, 0, 30}, plain);
    CHECK_FALSE(count.missing({141, 0, 30}, web, 0).has_value());
}

TEST(Ring, FewFramesThatAgreeAreNoProof)
{
    RingCount fresh;
    fresh.quiet({0, 0, 0}, plain);
    fresh.quiet({1, 0, 1}, plain);
    CHECK_FALSE(fresh.missing({2, 0, 1}, plain, 0).has_value());
    fresh.quiet({4, 0, 4}, plain);
    LONGS_EQUAL(1, *fresh.missing({5, 0, 4}, plain, 0));
}

TEST(Ring, CountThatMayHaveGoneRoundIsNotBelieved)
{
    CHECK_FALSE(count.missing({110 + 65536, 0, 4}, plain, 0).has_value());
}

TEST(Ring, UsedIndexIsReadFromAnotherProcessMemory)
{
    struct {
        std::uint16_t flags = 0xffff;
        std::uint16_t index = 0x1234;
    } ring;
    const GuestRing here{getpid(), reinterpret_cast<std::uint64_t>(&ring)};
    LONGS_EQUAL(0x1234, *here.used());
    CHECK_FALSE((GuestRing{getpid(), 0}.used().has_value()));
    CHECK_FALSE((GuestRing{getpid(), 8}.used().has_value()));
}
