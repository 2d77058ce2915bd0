// SPDX-License-Identifier: Apache-2.0
#include "ovs-plugin/ring.h"

#include <unistd.h>

#include <CppUTest/TestHarness.h>

using holdfast::plugin::GuestRing;
using holdfast::plugin::RingCount;

TEST_GROUP(Ring)
{
    RingCount count;
    /// Ten frames came through, and were counted by both.
    void setup() override
    {
        count.quiet(100, 65530, true);
        count.quiet(110, 4, true);
    }
};

TEST(Ring, FramesThatTheGuestHasNotGotAreMissing)
{
    LONGS_EQUAL(0, *count.missing(115, 9, true));
    LONGS_EQUAL(2, *count.missing(115, 7, true));
    LONGS_EQUAL(5, *count.missing(115, 4, true));
}

TEST(Ring, NothingIsSureBeforeTheCountsWereComparedOnce)
{
    CHECK_FALSE(RingCount{}.missing(5, 5, true).has_value());
    RingCount once;
    once.quiet(0, 7, true);
    CHECK_FALSE(once.missing(5, 12, true).has_value());
    once.quiet(0, 7, true); // Nothing was sent: nothing was learned.
    CHECK_FALSE(once.missing(5, 12, true).has_value());
}

TEST(Ring, CountsThatDisagreeAreNotBelieved)
{
    count.quiet(120, 20, true); // 16 buffers for 10 frames.
    CHECK_FALSE(count.missing(121, 21, true).has_value());
    count.quiet(130, 30, true);
    LONGS_EQUAL(1, *count.missing(131, 30, true));
    CHECK_FALSE(count.missing(131, 40, true).has_value()); // More than was sent.
}

TEST(Ring, FramesForOthersAreBelievedOnlyWhereTheGuestTakesThem)
{
    CHECK_FALSE(count.missing(111, 4, false).has_value());
    count.quiet(120, 14, false);
    LONGS_EQUAL(1, *count.missing(121, 14, false));
    count.quiet(130, 14, false); // Its filter drops them.
    CHECK_FALSE(count.missing(131, 14, true).has_value());
    count.quiet(140, 24, true);
    LONGS_EQUAL(1, *count.missing(141, 24, true));
    count.quiet(150, 34, false); // Others that it takes are no excuse.
    CHECK_FALSE(count.missing(151, 34, false).has_value());
}

TEST(Ring, FewFramesThatAgreeAreNoProof)
{
    RingCount fresh;
    fresh.quiet(0, 0, true);
    fresh.quiet(1, 1, true);
    CHECK_FALSE(fresh.missing(2, 1, true).has_value());
    fresh.quiet(4, 4, true);
    LONGS_EQUAL(1, *fresh.missing(5, 4, true));
}

TEST(Ring, CountThatMayHaveGoneRoundIsNotBelieved)
{
    CHECK_FALSE(count.missing(110 + 65536, 4, true).has_value());
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
