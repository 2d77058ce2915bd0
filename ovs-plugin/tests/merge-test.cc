// SPDX-License-Identifier: Apache-2.0
#include "ovs-plugin/merge.h"

#include <limits>

#include <CppUTest/TestHarness.h>

using holdfast::plugin::Merge;
using Step = Merge::Step;

namespace {

constexpr auto never = std::numeric_limits<std::int64_t>::max();

/// A port's merging, and what there is to see of the port.
struct Port {
    Merge merge;
    Merge::Seen seen{1000, 1000, false, false, 0};

    explicit Port(Merge::Of of) : merge{of} { merge.begin(seen.now_ms); }

    Step at(std::int64_t now_ms)
    {
        seen.now_ms = seen.read_ms = now_ms;
        return merge.step(seen);
    }
    /// The last look at the ports that took all there was is that long ago.
    Step late(std::int64_t now_ms, std::int64_t read_ms)
    {
        seen.now_ms = now_ms;
        seen.read_ms = read_ms;
        return merge.step(seen);
    }
    /// The barrier that is to be sent is on its way at `now_ms`.
    void ask(std::int64_t now_ms)
    {
        CHECK(at(now_ms) == Step::ask);
        merge.asked(now_ms, true);
        CHECK(at(now_ms) == Step::nothing);
    }
    /// It comes, and what was kept is gone with it.
    Step barrier(std::int64_t now_ms)
    {
        seen.barrier_came = true;
        const auto step = at(now_ms);
        seen.barrier_came = seen.keeps = false;
        return step;
    }
};

} // namespace

TEST_GROUP(Merge){};

TEST(Merge, IsOverWhenNothingComes)
{
    Port port{Merge::Of::vm};
    CHECK(port.at(1000) == Step::nothing);
    LONGS_EQUAL(1500, port.merge.next_wake());
    CHECK(port.at(1499) == Step::nothing);
    CHECK(port.at(1500) == Step::release);
    CHECK_FALSE(port.merge.active());
    CHECK(port.at(1501) == Step::nothing);
    CHECK(port.merge.next_wake() == never);
}

TEST(Merge, FirstFrameThatComesDirectlyWaitsForABarrier)
{
    Port port{Merge::Of::vm};
    port.seen.keeps = true;
    port.ask(1010);
    LONGS_EQUAL(1030, port.merge.next_wake());
    CHECK(port.barrier(1012) == Step::release);
    CHECK_FALSE(port.merge.active());
}

TEST(Merge, EachFrameThatComesDirectlyWaitsWhileOthersComeTheLongWay)
{
    Port port{Merge::Of::vm};
    port.seen.long_way_ms = 1009;
    port.seen.keeps = true;
    port.ask(1010);
    CHECK(port.barrier(1012) == Step::pass);
    CHECK(port.at(1012) == Step::nothing);
    LONGS_EQUAL(1509, port.merge.next_wake());
    // The former place is told later, and passes on until then.
    port.seen.long_way_ms = 1400;
    port.seen.keeps = true;
    port.ask(1450);
    CHECK(port.barrier(1452) == Step::pass);
    CHECK(port.at(1899) == Step::nothing);
    CHECK(port.at(1900) == Step::release);
}

TEST(Merge, IsNotOverBeforeTheFormerPlaceIsToldHoweverLateThatIs)
{
    Port port{Merge::Of::vm};
    port.seen.long_way_ms = 1495; // Flows here change late, too: nothing came directly yet.
    CHECK(port.at(1500) == Step::nothing);
    LONGS_EQUAL(1995, port.merge.next_wake());
    port.seen.long_way_ms = 1990;
    CHECK(port.at(1995) == Step::nothing);
    CHECK(port.at(2490) == Step::release);
}

TEST(Merge, BarrierThatDoesNotComeIsNotAwaitedForLong)
{
    Port port{Merge::Of::vm};
    port.seen.long_way_ms = 1005;
    port.seen.keeps = true;
    port.ask(1010);
    CHECK(port.at(1029) == Step::nothing);
    CHECK(port.at(1030) == Step::release);
    CHECK_FALSE(port.merge.active());
}

TEST(Merge, BarrierIsAwaitedLongerWhileFramesComeFromThere)
{
    Port port{Merge::Of::vm};
    port.seen.keeps = true;
    port.ask(1010);
    port.seen.long_way_ms = 1025;
    CHECK(port.at(1040) == Step::nothing);
    LONGS_EQUAL(1045, port.merge.next_wake());
    CHECK(port.barrier(1044) == Step::pass);
    // One that is lost holds nobody up for ever.
    port.seen.keeps = true;
    port.ask(1100);
    for (auto now = 1101; now < 1600; ++now) {
        port.seen.long_way_ms = now;
        CHECK(port.at(now) == Step::nothing);
    }
    port.seen.long_way_ms = 1620;
    CHECK(port.at(1620) == Step::release);
}

TEST(Merge, SwitchThatHadNoProcessorReadsWhatCameBeforeItGivesUp)
{
    Port port{Merge::Of::vm};
    port.seen.long_way_ms = 1005;
    port.seen.keeps = true;
    port.ask(1010);
    CHECK(port.late(1900, 1011) == Step::nothing);
    CHECK(port.merge.next_wake() <= 1900);
    port.seen.long_way_ms = 1901;
    CHECK(port.barrier(1901) == Step::pass);
    // Nor does it take what it has not read yet for nothing.
    CHECK(port.late(2800, 1902) == Step::nothing);
    port.seen.long_way_ms = 2801;
    CHECK(port.at(2801) == Step::nothing);
    port.seen.keeps = true;
    port.ask(2802);
    port.seen.barrier_came = true;
    CHECK(port.late(3700, 2802) == Step::pass);
}

TEST(Merge, FramesWithoutEndHoldNobodyUpForEver)
{
    Port port{Merge::Of::vm};
    port.seen.keeps = true;
    port.ask(1010);
    int n_looks = 0;
    while (port.late(1030, 1011) == Step::nothing)
        ++n_looks;
    LONGS_EQUAL(1280, n_looks);
    CHECK_FALSE(port.merge.active());
}

TEST(Merge, BarrierThatCannotBeSentIsNotAwaited)
{
    Port port{Merge::Of::vm};
    port.seen.keeps = true;
    CHECK(port.at(1010) == Step::ask);
    port.merge.asked(1010, false);
    CHECK(port.at(1010) == Step::release);
}

TEST(Merge, BusySwitchDoesNotAwaitABarrierThatCannotBeSentEither)
{
    Port port{Merge::Of::vm};
    port.seen.keeps = true;
    port.seen.long_way_ms = 1012;
    CHECK(port.late(1010, 1001) == Step::ask);
    port.merge.asked(1010, false);
    CHECK(port.late(1013, 1001) == Step::release);
}

TEST(Merge, ServicesFormerPlaceIsAskedAtOnceAndAgainWhenFramesComeDirectly)
{
    Port port{Merge::Of::service};
    port.ask(1000);
    LONGS_EQUAL(1500, port.merge.next_wake());
    port.seen.keeps = true;
    CHECK(port.at(1400) == Step::nothing);
    // What goes the long way since is before a barrier of its own.
    port.seen.barrier_came = true;
    CHECK(port.at(1401) == Step::ask);
    port.seen.barrier_came = false;
    port.merge.asked(1401, true);
    LONGS_EQUAL(1501, port.merge.next_wake());
    CHECK(port.barrier(1402) == Step::release);
}

TEST(Merge, BeginsAnewWhileABarrierIsOnItsWay)
{
    Port port{Merge::Of::vm}; // At the pin, and then when the guest runs.
    port.seen.keeps = true;
    port.ask(1010);
    port.merge.begin(1015);
    CHECK(port.merge.awaits());
    CHECK(port.at(1015) == Step::nothing);
    CHECK(port.barrier(1016) == Step::release);
    port.merge.begin(1020);
    CHECK(port.merge.active());
    CHECK(port.at(1020) == Step::nothing);
}
