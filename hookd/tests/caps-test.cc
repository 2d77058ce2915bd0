// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/caps: spec Q6.
#include <config.h>

#include "hookd/caps.h"

#include "common/memory-limit.h"

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
    const auto users = capped_users({ann}, {row, second, stopped, elsewhere, others}, {}, room);
    CHECK_EQUAL(1u, users.size());
    CHECK_TRUE(users[0].pids == (std::vector<int>{7, 8}));
    CHECK_EQUAL(2000, users[0].services->cpu);
    CHECK_FALSE(users[0].container.has_value());
}

TEST(Q6Caps, WhatHeMayTakeIsDividedAmongServicesContainerAndVms)
{
    db::Service row;
    row.user = "ann";
    row.hypervisor = "hv1";
    row.state = "running";
    row.pid = 7;
    const OwnedVm small{"a", "a", "ann", 1, 500'000'000}, big{"b", "b", "ann", 3, 1'500'000'000};
    const auto users = capped_users({ann}, {row}, {{small, big}, {"ann"}}, room);
    CHECK_EQUAL(1u, users.size());
    // Of 2000, with weights of 2, 2, 1 and 3.
    CHECK_EQUAL(500, users[0].services->cpu);
    CHECK_EQUAL(500, users[0].container->cpu);
    CHECK_EQUAL(250, users[0].vms.at("a"));
    CHECK_EQUAL(750, users[0].vms.at("b"));
    CHECK_EQUAL(1'000'000'000u, users[0].services->memory);
    CHECK_EQUAL(1'000'000'000u, users[0].container->memory);
}

TEST(Q6Caps, VmsAloneHaveAllOfIt)
{
    const auto users = capped_users({ann}, {}, {{{"a", "a", "ann", 0, 0}}, {}}, room);
    CHECK_EQUAL(2000, users[0].vms.at("a"));
    CHECK_FALSE(users[0].services.has_value());
}

TEST(Q6Caps, VmsOfNobodyAndOfAnAdministratorAreNotHeld)
{
    ann.administrator = true;
    const std::vector<OwnedVm> vms{{"a", "a", "ann", 2, 0}, {"b", "b", "bob", 2, 0}};
    const auto users = capped_users({ann}, {}, {vms, {}}, room);
    CHECK_EQUAL(1u, users.size());
    CHECK_EQUAL(0, users[0].vms.at("a")); // What was held before is let go.
}

TEST(Q6Caps, ItsPeriodTellsWhatIsOurs)
{
    const CpuQuota all, ours{198'000, 99'000}, less{50'000, 100'000}, more{500'000, 100'000};
    CHECK_TRUE(quota_to_write(all, 2000) == ours);
    CHECK_FALSE(quota_to_write(ours, 2000).has_value());
    CHECK_TRUE(quota_to_write(ours, 64'000) == (CpuQuota{6'336'000, 99'000}));
    CHECK_TRUE(quota_to_write(ours, 0) == all);
    CHECK_FALSE(quota_to_write(all, 0).has_value());
    // The operator's.
    CHECK_FALSE(quota_to_write(less, 2000).has_value());
    CHECK_FALSE(quota_to_write(less, 0).has_value());
    CHECK_TRUE(quota_to_write(more, 2000) == ours);
    CHECK_TRUE(quota_to_write(all, 1) == (CpuQuota{1000, 99'000}));
}

TEST(Q6Caps, VmStaysAsItWasHeldWhereItsOwnerHasLostHisShare)
{
    ann.share = {{"hv2", 15'000}};
    const auto users = capped_users({ann}, {}, {{{"a", "a", "ann", 2, 0}}, {}}, room);
    CHECK_FALSE(users[0].vms.contains("a"));
}

TEST(Q6Caps, GroupOfADomainIsAboveThoseOfItsParts)
{
    STRCMP_EQUAL("/g/machine/qemu-1-a.libvirt-qemu",
                 group_of_domain("/g/machine/qemu-1-a.libvirt-qemu/emulator").c_str());
    STRCMP_EQUAL("/g/x.scope/libvirt", group_of_domain("/g/x.scope/libvirt/vcpu3").c_str());
    STRCMP_EQUAL("", group_of_domain("/g/system.slice").c_str());
    STRCMP_EQUAL("", group_of_domain("").c_str());
}

TEST(Q6Caps, WhoHasMoreMemoryThanHeMayKeepsItAndGetsNoMore)
{
    CHECK_EQUAL(100u, memory_limit(100, 0, 8));
    CHECK_EQUAL(100u, memory_limit(100, 100, 99)); // Near the limit it is not raised.
    CHECK_EQUAL(90u, memory_limit(50, 100, 80));   // It was made smaller.
    CHECK_EQUAL(90u, memory_limit(50, 90, 89));
    CHECK_EQUAL(50u, memory_limit(50, 90, 40));
    CHECK_EQUAL(180u, memory_limit(50, 0, 160));
}

TEST(Q6Caps, VmWithMoreMemoryThanIsLeftIsRefused)
{
    constexpr std::uint64_t gib = 1 << 30;
    const NodeRoom even{"hv1", 60'000, 8, 16 * gib, 30'000};
    const OwnedVm other{"b", "b", "ann", 1, 2 * gib}, others{"c", "c", "bob", 1, 8 * gib};
    const OwnedVm coming{"a", "a", "ann", 1, 2 * gib};
    CHECK_TRUE(!!may_hold(ann, coming, {other, others, coming}, 0, even));
    const auto refused = may_hold(ann, coming, {other}, 1 << 20, even);
    CHECK_FALSE(!!refused);
    STRCMP_EQUAL(
        "it has 2048 MiB of memory, and user ann may have 4096 MiB on hv1, of which 2049 MiB "
        "are taken: give it less, or see 'holdfast quota request'",
        refused.error().message.c_str());
    ann.administrator = true;
    CHECK_TRUE(!!may_hold(ann, coming, {other}, 1 << 20, even));
}
