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
