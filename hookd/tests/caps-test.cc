// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/caps: spec Q6.
#include <config.h>

#include "hookd/caps.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

TEST_GROUP(Q6Caps)
{
    const NodeRoom room{"hv1", 60'000, 8, 16'000'000'000, 30'000};
    db::Quota ann;

    void setup() override
    {
        ann.name = "ann";
        ann.share = {{"hv1", 15'000}};
    }
};

TEST(Q6Caps, PartOfProcessorsAndMemoryIsThatOfTheUnits)
{
    const auto cap = cap_of(ann, room);
    CHECK_EQUAL(2000, cap->cpu);
    CHECK_EQUAL(4'000'000'000u, cap->memory);
}

TEST(Q6Caps, SpareThatIsLentGivesWhatAHypervisorGives)
{
    ann.share = {};
    CHECK_FALSE(cap_of(ann, room).has_value());
    ann.borrowed = {"hv1"};
    CHECK_EQUAL(4000, cap_of(ann, room)->cpu);
}

TEST(Q6Caps, NobodyHasMoreThanAllNorNothingAtAll)
{
    ann.share["hv1"] = 90'000;
    CHECK_EQUAL(8000, cap_of(ann, room)->cpu);
    ann.share["hv1"] = 1;
    CHECK_EQUAL(1, cap_of(ann, room)->cpu);
}

TEST(Q6Caps, AdministratorAndHypervisorThatGivesNothingHaveNone)
{
    ann.administrator = true;
    CHECK_FALSE(cap_of(ann, room).has_value());
    ann.administrator = false;
    NodeRoom closed = room;
    closed.capacity = 0;
    CHECK_FALSE(cap_of(ann, closed).has_value());
}

TEST(Q6Caps, UsersWithAShareAreHeldByTheServicesThatRunHere)
{
    db::Service row;
    row.user = "ann";
    row.hypervisor = "hv1";
    row.state = "running";
    row.pid = 7;
    db::Service second = row, stopped = row, elsewhere = row, others = row;
    second.pid = 8;
    stopped.state = "stopped";
    elsewhere.hypervisor = "hv2";
    others.user = "root";
    const auto users = capped_users({ann}, {row, second, stopped, elsewhere, others}, room);
    CHECK_EQUAL(1u, users.size());
    CHECK_TRUE(users[0].pids == (std::vector<int>{7, 8}));
    CHECK_EQUAL(2000, users[0].cap->cpu);
}
