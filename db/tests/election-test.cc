// SPDX-License-Identifier: Apache-2.0
//
// Tests of db/election.
#include <config.h>

#include "db/election.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::db;
using namespace std::chrono_literals;
using Step = Election::Step;

TEST_GROUP(Election)
{
    Election one{"schedd", "hv1", 30s}, two{"schedd", "hv2", 30s};
    db::Lease row; // The fleet's.
    Election::Clock::time_point now{1h};

    const db::Lease* shown() const
    {
        return row.term == 0 ? nullptr : &row;
    }

    /// Asks for a step as the daemon does; the fleet grants it if the row is as it was.
    bool ask(Election & who, Step step)
    {
        const db::LeaseStep asked = who.asked_for(step, 1000);
        const bool free = asked.was.holder == row.holder && asked.was.term == row.term &&
                          asked.was.beat == row.beat;
        if (free) {
            row = asked.to;
            who.won(row, now);
        }
        return free;
    }

    void look(Election & who)
    {
        if (const Step step = who.look(shown(), now); step != Step::nothing)
            ask(who, step);
    }
};

TEST(Election, FirstThatAsksLeadsAndTheOtherFollows)
{
    CHECK_TRUE(one.look(nullptr, now) == Step::take);
    CHECK_TRUE(two.look(nullptr, now) == Step::take);
    CHECK_TRUE(ask(one, Step::take));
    CHECK_FALSE(ask(two, Step::take));
    CHECK_TRUE(one.leads(now));
    CHECK_FALSE(two.leads(now));
    CHECK_EQUAL(1, row.term);
    CHECK_EQUAL(1000, row.reviewed); // The first period begins.
    CHECK_TRUE(two.look(shown(), now) == Step::nothing);
}

TEST(Election, LeaderBeatsThreeTimesALeaseAndStaysLeader)
{
    look(one);
    int beats = 0;
    for (int second = 0; second < 300; ++second) {
        now += 1s;
        const auto before = row.beat;
        look(one);
        look(two);
        beats += row.beat != before;
        CHECK_TRUE(one.leads(now));
        CHECK_FALSE(two.leads(now));
    }
    CHECK_EQUAL(30, beats);
    CHECK_EQUAL(1, row.term);
}

TEST(Election, AnotherLeadsALeaseAfterTheLeaderWasKilled)
{
    look(one);
    look(two);
    now += 30s - 1ms;
    look(two);
    CHECK_FALSE(two.leads(now));
    now += 1ms;
    look(two);
    CHECK_TRUE(two.leads(now));
    CHECK_EQUAL(2, row.term);
    CHECK_EQUAL(std::string("hv2"), row.holder);
}

TEST(Election, LeaderThatIsCutOffGivesUpBeforeAnotherMayLead)
{
    look(one);
    look(two); // Sees the row at the same instant: the soonest that it can.
    for (int i = 0; i < 60; ++i) {
        now += 500ms;
        one.look(shown(), now); // Its beats do not arrive.
        look(two);
        CHECK_FALSE(one.leads(now) && two.leads(now));
    }
    CHECK_FALSE(one.leads(now));
    CHECK_TRUE(two.leads(now));
    CHECK_TRUE(one.look(shown(), now) == Step::nothing);
}

TEST(Election, LeaderOfAnOldTermFollowsWhenItSeesTheNext)
{
    look(one);
    row.holder = "hv2";
    row.term = 2;
    CHECK_TRUE(one.leads(now));
    CHECK_TRUE(one.look(shown(), now) == Step::nothing);
    CHECK_FALSE(one.leads(now));
}

TEST(Election, LeaseThatWasGivenBackIsTakenAtOnce)
{
    look(one);
    look(two);
    row = one.given_back().to;
    now += 1ms;
    look(two);
    CHECK_TRUE(two.leads(now));
    CHECK_EQUAL(2, row.term);
}

TEST(Election, DaemonThatWasKilledAndComesBackNeedNotWaitForItself)
{
    look(one);
    Election again{"schedd", "hv1", 30s};
    look(again);
    CHECK_TRUE(again.leads(now));
    CHECK_EQUAL(2, row.term);
}

TEST(Election, BeatWhoseAnswerWasLostIsFoundInTheRow)
{
    look(one);
    ++row.beat; // It was carried out, and nobody said so.
    now += 10s;
    CHECK_TRUE(one.look(shown(), now) == Step::renew);
    CHECK_TRUE(ask(one, Step::renew));
}

TEST(Election, StoreThatIsBehindIsNoOtherTerm)
{
    const db::Lease before{"schedd", "hv2", 1, 5, 0, "", 1, 1, ""};
    row = before;
    CHECK_TRUE(one.look(shown(), now) == Step::nothing);
    now += 30s;
    look(one);
    CHECK_TRUE(one.leads(now));
    CHECK_TRUE(one.look(&before, now) == Step::nothing);
    CHECK_TRUE(one.leads(now));
}
