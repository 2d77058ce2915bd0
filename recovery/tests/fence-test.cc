// SPDX-License-Identifier: Apache-2.0
//
// Tests of recovery/fence: spec R9.
#include <config.h>

#include "recovery/fence.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::recovery;
using namespace std::chrono_literals;

TEST_GROUP(R9Fence)
{
    const Instant now{1h};
    Holder holder;

    FenceStep step(Way way = Way::adopt) const
    {
        return next_step(holder, way, now);
    }
};

TEST(R9Fence, OneThatIsGoneIsInNobodysWay)
{
    holder.gone = true;
    for (Way way : all_ways)
        CHECK_TRUE(FenceStep::none == step(way));
}

TEST(R9Fence, ItsPortIsBlockedBeforeAnotherHasItsAddresses)
{
    holder.reachable = true;
    CHECK_TRUE(FenceStep::block_port == step());
    holder.port_blocked = true;
    CHECK_TRUE(FenceStep::none == step(Way::adopt));
    CHECK_TRUE(FenceStep::none == step(Way::clone));
}

TEST(R9Fence, ItIsDestroyedBeforeItsDisksAreUsedElsewhere)
{
    holder.reachable = true;
    CHECK_TRUE(FenceStep::block_port == step(Way::restart));
    holder.port_blocked = true;
    CHECK_TRUE(FenceStep::destroy == step(Way::restart));
    holder.reachable = false;
    CHECK_TRUE(FenceStep::ask == step(Way::restart));
}

TEST(R9Fence, OneThatCannotBeAskedIsStoppedByItsOwnWatchdogOnceItsLeaseIsOver)
{
    holder.watchdog = true;
    holder.lease_end = now + 1ns;
    CHECK_TRUE(FenceStep::wait == step());
    holder.lease_end = now;
    for (Way way : all_ways)
        CHECK_TRUE(FenceStep::none == step(way));
}

TEST(R9Fence, WithoutAWatchdogAPersonHasToSayThatItIsGone)
{
    holder.lease_end = now - 1h;
    CHECK_TRUE(FenceStep::ask == step());
}

TEST(R9Fence, NoOrderOfAnswersLetsTwoHaveOneIdentity)
{
    // Whatever is known: none but one that is gone, blocked (and not on its own disks), or stopped
    // by its watchdog lets the replacement begin.
    for (int bits = 0; bits < 32; ++bits)
        for (Way way : all_ways) {
            holder = {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0,
                      (bits & 16) != 0 ? now : now + 1s};
            const bool safe = holder.gone || (holder.port_blocked && way != Way::restart) ||
                              (!holder.reachable && holder.watchdog && holder.lease_end <= now);
            CHECK_EQUAL(safe, step(way) == FenceStep::none);
        }
}

TEST(R9Fence, OneThatComesBackDoesNotStartWhatWasReplaced)
{
    CHECK_TRUE(may_start(false, 3, 3));
    CHECK_FALSE(may_start(true, 3, 3));
    CHECK_FALSE(may_start(false, 3, 4));
}
