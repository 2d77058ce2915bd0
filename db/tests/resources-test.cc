// SPDX-License-Identifier: Apache-2.0
//
// What a hypervisor has, as its row says it.
#include <config.h>

#include "db/resources.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::db;

TEST_GROUP(Resources)
{
    Resources all{.cpus = 2,
                  .model = "A CPU @ 2 GHz",
                  .mhz = 2000,
                  .user = 500,
                  .system = 100,
                  .iowait = 1,
                  .load = {5, 10, 15},
                  .running = 1,
                  .tasks = 100,
                  .booted = 1'700'000'000,
                  .memory = {{"MemTotal", 1024}, {"MemFree", 512}},
                  .environments = {{"ann", "10.0.0.9"}}};
};

TEST(Resources, AreReadAsTheyWereWritten)
{
    CHECK_TRUE(resources_from(resources_text(all)) == all);
}

TEST(Resources, AreNotKnownWhereTheTextIsAnotherOrCannotBe)
{
    CHECK_FALSE(resources_from("").has_value());
    CHECK_FALSE(resources_from("{}").has_value());
    CHECK_FALSE(resources_from("[1]").has_value());
    all.cpus = 0;
    CHECK_FALSE(resources_from(resources_text(all)).has_value());
    all.cpus = 2;
    all.system = 501;
    CHECK_FALSE(resources_from(resources_text(all)).has_value());
    all.system = 100;
    all.memory["MemFree"] = -1;
    CHECK_FALSE(resources_from(resources_text(all)).has_value());
}
