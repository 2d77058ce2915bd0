// SPDX-License-Identifier: Apache-2.0
//
// Tests of recovery/lateness: spec R8.
#include <config.h>

#include "recovery/lateness.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::recovery;

TEST_GROUP(R8Lateness)
{
    Lateness lateness;
    std::vector<db::Hypervisor> rows{1};
    Instant now{};

    void setup() override
    {
        rows[0].name = "hv2";
        rows[0].seen = 5;
    }
    bool late_after(int seconds)
    {
        now += Seconds{seconds};
        return lateness.look(rows, now).contains("hv2");
    }
};

TEST(R8Lateness, ItsRowIsToChangeWhateverTimeItSays)
{
    CHECK_FALSE(late_after(1000));
    CHECK_FALSE(late_after(60));
    CHECK_TRUE(late_after(1));
    rows[0].seen = 3; // The clock was set back.
    CHECK_FALSE(late_after(0));
    CHECK_FALSE(late_after(60));
    CHECK_TRUE(late_after(1));
}

TEST(R8Lateness, OneThatWasNeverSeenOrIsNewIsNotLate)
{
    rows[0].seen = 0;
    CHECK_FALSE(late_after(0));
    CHECK_FALSE(late_after(100));
    rows[0].seen = 7;
    CHECK_FALSE(late_after(0));
    rows.clear();
    CHECK_FALSE(late_after(100));
}
