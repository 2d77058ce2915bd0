// SPDX-License-Identifier: Apache-2.0
//
// Tests of sockets/flush: when the way from the peers is empty (spec S2).
#include <config.h>

#include "sockets/flush.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::sockets;
using namespace std::chrono_literals;

TEST_GROUP(FlushState)
{
    const FlushClock::time_point start{};
    FlushState state{{2000us, 1000ms, 50ms}, start};

    /// In the second wait, begun at `start`.
    void shut_window()
    {
        LONGS_EQUAL(int(FlushStep::window), int(state.see({}, start)));
    }
    FlushStep see(std::uint64_t received, FlushClock::duration later)
    {
        FlushReading reading;
        reading.received = received;
        return state.see(reading, start + later);
    }
};

TEST(FlushState, EntryWaitsForHandshakesBacklogAndOrphans)
{
    FlushReading reading;
    for (auto* n : {&reading.handshakes, &reading.backlog}) {
        *n = 1;
        LONGS_EQUAL(int(FlushStep::entry), int(state.see(reading, start + 999ms)));
        *n = 0;
    }
    reading.orphaned = 1;
    LONGS_EQUAL(int(FlushStep::entry), int(state.see(reading, start + 999ms)));
    STRCMP_EQUAL("1 octets of connections that the service has closed", state.why().c_str());
    reading.orphaned = 0;
    LONGS_EQUAL(int(FlushStep::window), int(state.see(reading, start + 999ms)));
    STRCMP_EQUAL("", state.why().c_str());
}

TEST(FlushState, EntryEndsAtItsLimitAndSaysWhy)
{
    FlushReading reading;
    reading.handshakes = 3;
    LONGS_EQUAL(int(FlushStep::window), int(state.see(reading, start + 1000ms)));
    STRCMP_EQUAL("3 connections being made", state.why().c_str());
}

TEST(FlushState, EmptyWhenNoByteCameForTheQuietTime)
{
    shut_window();
    LONGS_EQUAL(int(FlushStep::window), int(see(100, 1000us)));
    LONGS_EQUAL(int(FlushStep::window), int(see(100, 2999us)));
    LONGS_EQUAL(int(FlushStep::empty), int(see(100, 3000us)));
}

TEST(FlushState, QuietTimeIsNoShorterThanARoundTrip)
{
    shut_window();
    state.set_longest_rtt(7000us);
    LONGS_EQUAL(int(FlushStep::window), int(see(0, 6999us)));
    LONGS_EQUAL(int(FlushStep::empty), int(see(0, 7000us)));
}

TEST(FlushState, CappedWhileSomethingIsUnderWay)
{
    shut_window();
    for (int i = 1; i < 50; ++i)
        LONGS_EQUAL(int(FlushStep::window), int(see(std::uint64_t(i), i * 1ms)));
    LONGS_EQUAL(int(FlushStep::capped), int(see(50, 50ms)));
    STRCMP_EQUAL("data that goes on arriving", state.why().c_str());
}
