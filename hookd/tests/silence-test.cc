// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/silence: a hypervisor lives as long as its row changes, whatever its clock says.
#include <config.h>

#include "hookd/silence.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;
using namespace std::chrono_literals;

namespace {

std::vector<db::Hypervisor> hv2(db::TimeNs seen)
{
    db::Hypervisor row;
    row.name = "hv2";
    row.id = "id";
    row.seen = seen;
    return {row};
}

} // namespace

TEST_GROUP(Silence)
{
    Silence silence;
    Silence::Time start{};
};

TEST(Silence, ARowThatChangesIsLifeWhateverTheClockInIt)
{
    db::TimeNs seen = 1; // An hour behind, or more.
    for (auto time = 0s; time < 300s; time += 15s) {
        const auto changed = silence.look(hv2(seen++), start + time);
        CHECK_EQUAL(time > 0s, changed.contains("id"));
        CHECK_FALSE(silence.silent("id", start + time));
    }
}

TEST(Silence, ARowThatStaysAsItIsForAMinuteIsSilence)
{
    const db::TimeNs ahead = 4'000'000'000'000'000'000;
    silence.look(hv2(ahead), start);
    silence.look(hv2(ahead), start + 60s);
    CHECK_FALSE(silence.silent("id", start + 60s));
    CHECK_TRUE(silence.silent("id", start + 61s));
    CHECK_TRUE(silence.look(hv2(ahead + 1), start + 75s).contains("id"));
    CHECK_FALSE(silence.silent("id", start + 75s));
}

TEST(Silence, WhileNobodyCouldBeHeardNobodyWasSilent)
{
    silence.look(hv2(1), start);
    silence.listen_anew(start + 300s);
    CHECK_FALSE(silence.silent("id", start + 360s));
    CHECK_TRUE(silence.silent("id", start + 361s));
}

TEST(Silence, NothingIsSaidOfThoseThatAreNotThere)
{
    silence.look(hv2(1), start);
    silence.look({}, start + 1s);
    CHECK_FALSE(silence.silent("id", start + 100s));
}

/// Asked every two seconds from `from` on, before `to`, as the shell does.
struct Asking {
    Silence& silence;
    Silence::Time start;

    void ask(std::chrono::seconds from, std::chrono::seconds to, bool readable = true)
    {
        for (auto time = from; time < to; time += 2s)
            if (silence.wants_echo("id", start + time))
                silence.asked("id", readable, start + time);
    }
    void ask_and_answer(std::chrono::seconds time)
    {
        silence.asked("id", true, start + time);
        silence.answered("id", start + time);
    }
};

TEST(Silence, OneThatIsLateAndAnswersNoEchoIsDeadIfItEverDid_C10)
{
    Asking asking{silence, start};
    silence.look(hv2(1), start);
    CHECK_TRUE(silence.wants_echo("id", start + 1s)); // Whether it answers at all is to be known.
    asking.ask_and_answer(1s);
    CHECK_TRUE(silence.answers("id"));
    CHECK_FALSE(silence.wants_echo("id", start + 18s));
    CHECK_TRUE(silence.wants_echo("id", start + 19s));
    asking.ask(19s, 29s);
    CHECK_TRUE(silence.wants_look("id", start + 27s));
    silence.look(hv2(1), start + 28s);
    CHECK_FALSE(silence.wants_look("id", start + 28s));
    CHECK_TRUE(silence.dead().empty());
    asking.ask(29s, 31s); // Five had no answer.
    CHECK_TRUE(silence.dead().contains("id"));
    silence.listen_anew(start + 40s);  // The database was away: that is no life,
    silence.look(hv2(0), start + 41s); // nor that a new server knows nothing yet.
    CHECK_TRUE(silence.dead().contains("id"));
    CHECK_TRUE(silence.wants_echo("id", start + 41s));
    CHECK_TRUE(silence.answered("id", start + 42s));
    CHECK_TRUE(silence.dead().empty());
    CHECK_FALSE(silence.answered("id", start + 43s)); // That is no news.
}

TEST(Silence, OneThatIsDeadIsSoWhenTheDatabaseComesBack)
{
    Asking asking{silence, start};
    silence.look(hv2(1), start);
    silence.look(hv2(2), start + 1s);
    asking.ask_and_answer(1s);
    asking.ask(20s, 300s, false);
    CHECK_TRUE(silence.dead().contains("id"));
    silence.listen_anew(start + 300s);
    asking.ask(300s, 340s);
    CHECK_TRUE(silence.dead().contains("id"));
    CHECK_TRUE(silence.lost("id", true, true, start + 340s));
    CHECK_FALSE(silence.wants_look("id", start + 340s)); // Nothing is to be found out.
}

TEST(Silence, OneThatDiesAroundARestartOfTheDatabaseIsDeadOnceItHadTimeToWrite)
{
    Asking asking{silence, start};
    silence.look(hv2(1), start);
    asking.ask_and_answer(1s);
    silence.listen_anew(start + 10s);
    for (auto time = 10s; time < 70s; time += 15s) {
        silence.look(hv2(0), start + time);
        asking.ask(time, time + 15s);
        CHECK_TRUE(silence.dead().empty());
    }
    silence.look(hv2(0), start + 71s);
    asking.ask(71s, 75s);
    CHECK_TRUE(silence.dead().contains("id"));
}

TEST(Silence, ItsRowIsReadAnewBeforeItIsDead)
{
    Asking asking{silence, start};
    asking.ask_and_answer(0s);
    silence.look(hv2(1), start);
    asking.ask(19s, 60s); // One look was missed, and answers are filtered.
    CHECK_TRUE(silence.dead().empty());
    silence.look(hv2(2), start + 60s); // It writes.
    asking.ask(60s, 70s);
    CHECK_TRUE(silence.dead().empty());
    asking.ask(80s, 90s, false); // Nothing can be read: echoes alone tell.
    CHECK_TRUE(silence.dead().contains("id"));
}

TEST(Silence, OneThatAnswersLivesWhateverItsDaemonDoes_C13)
{
    Asking asking{silence, start};
    silence.look(hv2(1), start);
    for (auto time = 1s; time < 300s; time += 2s) {
        asking.ask_and_answer(time);
        silence.look(hv2(1), start + time);
        CHECK_TRUE(silence.dead().empty());
    }
    CHECK_TRUE(silence.silent("id", start + 300s));
}

TEST(Silence, OneThatNeverAnsweredMayBeBehindAFirewall)
{
    Asking asking{silence, start};
    silence.look(hv2(1), start);
    for (auto time = 1s; time < 300s; time += 15s) {
        silence.look(hv2(1), start + time);
        asking.ask(time, time + 15s);
    }
    CHECK_TRUE(silence.dead().empty());
    CHECK_FALSE(silence.answers("id"));
}

TEST(Silence, OneThatWritesAndDoesNotAnswerAnyMoreIsNotJudgedByEchoes)
{
    Asking asking{silence, start};
    asking.ask_and_answer(0s);
    for (auto time = 1s; time < 200s; time += 15s) {
        silence.look(hv2(2 + time / 15s), start + time);
        asking.ask(time, time + 15s);
        CHECK_TRUE(silence.dead().empty());
    }
    CHECK_FALSE(silence.answers("id"));
    CHECK_TRUE(silence.stopped("id"));
    asking.ask(200s, 300s);
    silence.look(hv2(15), start + 290s);
    asking.ask(300s, 310s);
    CHECK_TRUE(silence.dead().empty());
}

TEST(Silence, WhetherAnotherAddressAnswersIsToBeSeen)
{
    Asking asking{silence, start};
    asking.ask_and_answer(0s);
    silence.moved("id");
    CHECK_FALSE(silence.answers("id"));
    CHECK_TRUE(silence.wants_echo("id", start + 1s));
}

TEST(Silence, WhoNeverAnsweredIsLostOnceItIsSilent_B14)
{
    CHECK_TRUE(silence.lost("id", true, true, start)); // Nothing was heard since a restart.
    silence.look(hv2(1), start);
    CHECK_TRUE(silence.lost("id", true, true, start));
    CHECK_FALSE(silence.lost("id", false, true, start));
    CHECK_TRUE(silence.lost("id", false, true, start + 61s)); // Of what was before nobody knows.
    silence.look(hv2(2), start + 75s);
    CHECK_FALSE(silence.lost("id", true, true, start + 75s));
    CHECK_TRUE(silence.lost("id", false, true, start + 136s));
    CHECK_FALSE(silence.lost("id", false, false, start + 136s)); // Nobody could be heard.
}

TEST(Silence, WhoAnswersIsLostOnceItIsDead_B14)
{
    Asking asking{silence, start};
    silence.look(hv2(1), start);
    asking.ask_and_answer(0s);
    CHECK_FALSE(silence.lost("id", true, false, start + 300s));
    asking.ask(19s, 31s, false);
    CHECK_TRUE(silence.lost("id", false, false, start + 31s));
}

TEST(Silence, OneThatDiesBeforeItsRowWasLookedAtIsDeadToo)
{
    Asking asking{silence, start};
    CHECK_TRUE(silence.wants_echo("id", start));
    asking.ask_and_answer(0s);
    asking.ask(19s, 23s);
    silence.look(hv2(0), start + 23s);
    asking.ask(23s, 33s, false);
    CHECK_TRUE(silence.dead().contains("id"));
}

TEST(Silence, WhatWasKnownBeforeARestartIsUntilItIsHeardOf)
{
    Asking asking{silence, start};
    silence.remember("id", true, start);
    silence.look(hv2(7), start + 1s);
    CHECK_TRUE(silence.dead().contains("id"));
    silence.look(hv2(8), start + 16s);
    CHECK_TRUE(silence.dead().empty());
    // One that died while nobody looked had answered before.
    silence.remember("id", false, start + 20s);
    asking.ask(40s, 50s);
    silence.look(hv2(8), start + 49s);
    asking.ask(50s, 52s);
    CHECK_TRUE(silence.dead().contains("id"));
}
