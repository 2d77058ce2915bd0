// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/lease-note: spec R9.
#include <config.h>

#include "hookd/lease-note.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::hookd;
using Seconds = LeaseGuard::Seconds;

TEST_GROUP(R9LeaseNote){};

TEST(R9LeaseNote, ARestartDoesNotLengthenALease)
{
    const LeaseGuard::Time now{Seconds{1000}};
    const LeaseNote note{now - Seconds{20}, {"v"}};
    CHECK_TRUE(parse_lease_note(text_of(note, "b"), "b", now) == note);
    CHECK_TRUE(LeaseGuard{note.sent}.expired(Seconds{24}, now));
}

TEST(R9LeaseNote, WhatIsNotOfThisStartOfTheMachineIsNone)
{
    const LeaseGuard::Time now{Seconds{1000}};
    const LeaseNote none{now, {}};
    CHECK_TRUE(parse_lease_note(text_of({now - Seconds{20}, {"v"}}, "b"), "c", now) == none);
    CHECK_TRUE(parse_lease_note("", "b", now) == none);
    CHECK_TRUE(parse_lease_note("{\"boot\":\"b\",\"sent\":\"x\"}", "b", now) == none);
    CHECK_TRUE(parse_lease_note(text_of({now + Seconds{20}, {}}, "b"), "b", now) == none);
}
