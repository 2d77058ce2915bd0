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

TEST(Silence, OneThatIsLateAndAnswersNoEchoIsDeadIfItEverDid_C10)
{
    silence.look(hv2(1), start);
    CHECK_TRUE(silence.wants_echo("id", start + 1s)); // Whether it answers at all is to be known.
    silence.asked("id", start + 1s);
    silence.answered("id");
    CHECK_TRUE(silence.answers("id"));
    CHECK_FALSE(silence.wants_echo("id", start + 18s));
    CHECK_TRUE(silence.wants_echo("id", start + 19s));
    for (auto time = 19s; time < 29s; time += 2s) {
        silence.asked("id", start + time);
        CHECK_TRUE(silence.dead().empty());
    }
    silence.asked("id", start + 29s); // Five had no answer.
    CHECK_TRUE(silence.dead().contains("id"));
    silence.listen_anew(start + 40s); // The database was away: that is no life.
    CHECK_TRUE(silence.dead().contains("id"));
    CHECK_TRUE(silence.wants_echo("id", start + 41s));
    silence.answered("id");
    CHECK_TRUE(silence.dead().empty());
}

TEST(Silence, OneThatAnswersLivesWhateverItsDaemonDoes_C13)
{
    silence.look(hv2(1), start);
    for (auto time = 1s; time < 300s; time += 2s) {
        silence.asked("id", start + time);
        silence.answered("id");
        CHECK_TRUE(silence.dead().empty());
    }
    CHECK_TRUE(silence.silent("id", start + 300s));
}

TEST(Silence, OneThatNeverAnsweredMayBeBehindAFirewall)
{
    silence.look(hv2(1), start);
    for (auto time = 1s; time < 300s; time += 2s)
        silence.asked("id", start + time);
    CHECK_TRUE(silence.dead().empty());
    CHECK_FALSE(silence.answers("id"));
}

TEST(Silence, OneThatWritesLivesWhateverBecomesOfEchoes)
{
    for (auto time = 0s; time < 300s; time += 2s) {
        silence.look(hv2(1 + time / 15s), start + time);
        silence.asked("id", start + time);
        if (time == 0s)
            silence.answered("id");
        CHECK_TRUE(silence.dead().empty());
    }
}

TEST(Silence, OneThatDiesBeforeItsRowWasLookedAtIsDeadToo)
{
    CHECK_TRUE(silence.wants_echo("id", start));
    silence.asked("id", start);
    silence.answered("id");
    for (auto time = 19s; time < 31s; time += 2s)
        silence.asked("id", start + time);
    CHECK_TRUE(silence.dead().contains("id"));
}

TEST(Silence, WhoNeverAnsweredIsLostOnceItIsSilent_B14)
{
    CHECK_TRUE(silence.lost("id", true, true, start)); // Nothing was heard since a restart.
    silence.look(hv2(1), start);
    CHECK_TRUE(silence.lost("id", true, true, start));
    silence.look(hv2(2), start + 15s);
    CHECK_FALSE(silence.lost("id", true, true, start + 15s));
    CHECK_FALSE(silence.lost("id", false, true, start + 75s));
    CHECK_TRUE(silence.lost("id", false, true, start + 76s));
    CHECK_FALSE(silence.lost("id", false, false, start + 76s)); // Nobody could be heard.
}

TEST(Silence, WhoAnswersIsLostOnceItIsDead_B14)
{
    silence.look(hv2(1), start);
    silence.asked("id", start);
    silence.answered("id");
    CHECK_FALSE(silence.lost("id", true, false, start + 300s));
    for (auto time = 19s; time < 31s; time += 2s)
        silence.asked("id", start + time);
    CHECK_TRUE(silence.lost("id", false, false, start + 31s));
}

TEST(Silence, OneThatWasDeadBeforeARestartIsUntilItIsHeardOf)
{
    silence.were_dead({"id"}, start);
    silence.look(hv2(7), start + 1s);
    CHECK_TRUE(silence.dead().contains("id"));
    silence.look(hv2(8), start + 16s);
    CHECK_TRUE(silence.dead().empty());
}
