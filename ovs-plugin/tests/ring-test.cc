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
        count.quiet(100, 65530, plain);
        count.quiet(110, 4, plain);
    }
};

TEST(Ring, FramesThatTheGuestHasNotGotAreMissing)
{
    LONGS_EQUAL(0, *count.missing(115, 9, plain));
    LONGS_EQUAL(2, *count.missing(115, 7, plain));
    LONGS_EQUAL(5, *count.missing(115, 4, plain));
}

TEST(Ring, NothingIsSureBeforeTheCountsWereComparedOnce)
{
    CHECK_FALSE(RingCount{}.missing(5, 5, plain).has_value());
    RingCount once;
    once.quiet(0, 7, plain);
    CHECK_FALSE(once.missing(5, 12, plain).has_value());
    once.quiet(0, 7, plain); // Nothing was sent: nothing was learned.
    CHECK_FALSE(once.missing(5, 12, plain).has_value());
}

TEST(Ring, CountsThatDisagreeAreNotBelieved)
{
    count.quiet(120, 20, plain); // 16 buffers for 10 frames.
    CHECK_FALSE(count.missing(121, 21, plain).has_value());
    count.quiet(130, 30, plain);
    LONGS_EQUAL(1, *count.missing(131, 30, plain));
    CHECK_FALSE(count.missing(131, 40, plain).has_value()); // More than was sent.
}

TEST(Ring, FramesForOthersAreBelievedOnlyWhereTheGuestTakesThem)
{
    CHECK_FALSE(count.missing(111, 4, web).has_value());
    count.quiet(120, 14, web);
    LONGS_EQUAL(1, *count.missing(121, 14, web));
    count.quiet(130, 14, group); // Its filter drops them.
    CHECK_FALSE(count.missing(131, 14, plain).has_value());
    count.quiet(140, 24, plain);
    LONGS_EQUAL(1, *count.missing(141, 24, plain));
    LONGS_EQUAL(1, *count.missing(141, 24, web)); // They were not there when the counts disagreed.
    CHECK_FALSE(count.missing(141, 24, group).has_value());
    CHECK_FALSE(count.missing(141, 24, both).has_value());
    count.quiet(150, 30, both); // Whose fault it was is not known.
    count.quiet(160, 40, plain);
    CHECK_FALSE(count.missing(161, 40, web).has_value());
    count.quiet(170, 50, web);
    LONGS_EQUAL(1, *count.missing(171, 50, web));
}

TEST(Ring, FramesThatAreNotRememberedAreNoProof)
{
    const FrameKinds unknown{false, {}};
    count.quiet(120, 14, web);
    CHECK_FALSE(count.missing(121, 14, unknown).has_value());
    count.quiet(130, 20, unknown);
    count.quiet(140, 30, plain);
    CHECK_FALSE(count.missing(141, 30, web).has_value());
}

TEST(Ring, FewFramesThatAgreeAreNoProof)
{
    RingCount fresh;
    fresh.quiet(0, 0, plain);
    fresh.quiet(1, 1, plain);
    CHECK_FALSE(fresh.missing(2, 1, plain).has_value());
    fresh.quiet(4, 4, plain);
    LONGS_EQUAL(1, *fresh.missing(5, 4, plain));
}

TEST(Ring, CountThatMayHaveGoneRoundIsNotBelieved)
{
    CHECK_FALSE(count.missing(110 + 65536, 4, plain).has_value());
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
