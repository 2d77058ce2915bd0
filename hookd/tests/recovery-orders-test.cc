// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/recovery-orders: spec R9.
#include <config.h>

#include "hookd/recovery-orders.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;
using recovery::DomainState;
using recovery::Seconds;

TEST_GROUP(R9Gone)
{
    Asked asked;

    void setup() override
    {
        asked.libvirt_here = asked.known = asked.own = true;
    }
    const char* answer() const
    {
        switch (answer_for(asked)) {
        case Answer::gone:
            return "gone";
        case Answer::stays:
            return "stays";
        case Answer::unknown:
            return "unknown";
        case Answer::end:
            return "end";
        }
        return "";
    }
};

TEST(R9Gone, WhatRunsStaysUnlessItIsToBeEnded)
{
    STRCMP_EQUAL("gone", answer());
    asked.starts = true;
    STRCMP_EQUAL("stays", answer());
    asked.starts = false;
    asked.runs = true;
    STRCMP_EQUAL("stays", answer());
    asked.end = true;
    STRCMP_EQUAL("end", answer());
    asked.well = true;
    STRCMP_EQUAL("stays", answer());
}

TEST(R9Gone, WithoutLibvirtNothingIsBelieved)
{
    asked.libvirt_here = false;
    STRCMP_EQUAL("unknown", answer());
    asked.end = true;
    STRCMP_EQUAL("end", answer()); // That looks for its process.
    asked.known = asked.own = false;
    STRCMP_EQUAL("unknown", answer());
    asked.libvirt_here = true;
    STRCMP_EQUAL("gone", answer());
    asked.runs = true;
    STRCMP_EQUAL("end", answer());
}

TEST(R9Gone, WhatMovesIsNotEnded)
{
    asked.end = asked.runs = asked.moving = true;
    STRCMP_EQUAL("stays", answer());
    asked.moving = asked.own = false; // It has moved.
    STRCMP_EQUAL("stays", answer());
}

TEST(R9Gone, WhatAnEarlierAttemptStartsIsAskedFor)
{
    asked.former = true;
    asked.own = false; // Its record is of where it was lost.
    STRCMP_EQUAL("gone", answer());
    asked.recovering = asked.end = true; // Libvirt is still at it.
    STRCMP_EQUAL("stays", answer());
    asked.recovering = false;
    asked.runs = true;
    STRCMP_EQUAL("end", answer());
    asked.own = true; // It has come up, late.
    STRCMP_EQUAL("stays", answer());
}

TEST(R9Gone, AFailureThatHasPassedIsNoReasonToEndAVm)
{
    CHECK_TRUE(is_well("crashed", DomainState::runs, {}));
    CHECK_FALSE(is_well("crashed", DomainState::crashed, {}));
    CHECK_FALSE(is_well("halted", DomainState::halted, {}));
    CHECK_FALSE(is_well("", DomainState::runs, {}));
    CHECK_FALSE(is_well("hung", DomainState::runs, {}));
    CHECK_FALSE(is_well("hung", DomainState::runs, Seconds{30}));
    CHECK_TRUE(is_well("hung", DomainState::runs, Seconds{0}));
}

TEST_GROUP(R9Attempts)
{
    db::Recovery row;

    void setup() override
    {
        row.id = "r";
        row.vm = "v";
        row.hypervisor = "hv1";
        row.state = "failed";
        row.changed = 100;
    }
};

TEST(R9Attempts, AnOrderCountsForItsOwnAttemptAlone)
{
    const auto begun = claimed(row, "hv3", "it is asked", 200);
    const auto first = fenced(begun, recovery::Way::restart, "v", "hv2");
    const StartOrder order{"v", "r", first.changed};
    CHECK_TRUE(bool(row_of_order("hv2", order, {first})));
    CHECK_FALSE(bool(row_of_order("hv1", order, {first})));
    CHECK_FALSE(bool(row_of_order("hv2", order, {})));
    CHECK_FALSE(bool(row_of_order("hv2", order, {begun}))); // Before it was fenced.
    auto ended = first;
    ended.state = "failed";
    CHECK_FALSE(bool(row_of_order("hv2", order, {ended})));
    // The next is another one, and knows where the first may have begun.
    const auto second = claimed(ended, "hv3", "", 200);
    STRCMP_EQUAL("hv2", second.target.c_str());
    CHECK_FALSE(bool(row_of_order("hv2", order, {second})));
    CHECK_TRUE(second.changed > first.changed);
}

TEST(R9Attempts, OneThatIsRefusedIsAnAttempt)
{
    const auto to = refused(row, "no VM is similar enough", 200);
    STRCMP_EQUAL("failed", to.state.c_str());
    STRCMP_EQUAL("no VM is similar enough", to.text.c_str());
    CHECK_EQUAL(1, to.attempts);
    CHECK_EQUAL(200, to.changed);
}

TEST(R9Attempts, WhatWasSeenIsToldOnlyWhileItIsSo)
{
    db::Vm vm;
    vm.id = "v";
    vm.hypervisor = "hv1";
    CHECK_TRUE(is_to_be_told(row, "hv1", {vm}, {}));
    CHECK_FALSE(is_to_be_told(row, "hv1", {}, {}));
    CHECK_FALSE(is_to_be_told(row, "hv1", {vm}, {row}));
    auto recovered = fenced(row, recovery::Way::restart, "v", "hv2");
    recovered.state = "recovered";
    CHECK_FALSE(is_to_be_told(row, "hv1", {vm}, {recovered}));
    vm.hypervisor = "hv2";
    CHECK_FALSE(is_to_be_told(row, "hv1", {vm}, {}));
    CHECK_TRUE(is_to_be_told(row, "hv2", {vm}, {recovered})); // Lost where it was started.
}
