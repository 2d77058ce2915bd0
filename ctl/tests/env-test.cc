// SPDX-License-Identifier: Apache-2.0
//
// Tests of ctl/env: spec Q8.
#include <config.h>

#include "ctl/env.h"
#include "env/tests/values.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::ctl;
using holdfast::tests::node;
using holdfast::tests::row;

TEST_GROUP(EnvText)
{
    db::ShareRows rows;
    Style style;

    void setup() override
    {
        auto hv1 = node("hv1", 2, 4), hv2 = node("hv2", 4, 8);
        hv1.resources->environments = {{"ann", "10.9.0.5"}};
        hv1.resources->memory["MemAvailable"] = 1 << 20;
        db::Quota ann, idle;
        ann.name = "ann";
        ann.in_use = {"hv1", "hv2"};
        idle.name = "idle";
        rows = {{}, {ann, idle}, {row(hv1), row(hv2)}, {}};
    }
};

TEST(EnvText, TableHasTheSumsOfEachUserOfNodes)
{
    STRCMP_EQUAL("USER  LEADER  ADDRESS   NODES  CPUS     MEMORY  LOAD\n"
                 "ann   hv1     10.9.0.5      2     6  12288 MiB   2.5\n",
                 env_table(rows, style).c_str());
    rows.quotas.clear();
    STRCMP_CONTAINS("No user uses a node.", env_table(rows, style).c_str());
}

TEST(EnvText, PageHasEachNode)
{
    STRCMP_EQUAL("ann  6 processors, 12288 MiB (1024 MiB available), load 2.5 1 0.1\n"
                 "\n"
                 "NODE          CPUS  BUSY    MEMORY  AVAILABLE  ADDRESS\n"
                 "hv1   leader     2  50 %  4096 MiB   1024 MiB  10.9.0.5\n"
                 "hv2              4  50 %  8192 MiB      0 MiB  -\n",
                 env_page(rows.quotas[0], rows, style).c_str());
}

TEST(EnvText, NodeOfWhichNothingIsKnownIsNoPartOfTheSum)
{
    rows.hypervisors[0].lost = true;
    rows.hypervisors.push_back({});
    rows.hypervisors.back().name = "hv3";
    rows.quotas[0].in_use.push_back("hv3");
    const auto view = env_view(rows.quotas[0], rows);
    CHECK_EQUAL(4, view["cpus"].get<int>());
    CHECK_EQUAL(std::string("hv2"), view["leader"].get<std::string>());
    CHECK_EQUAL(std::string("lost"), view["nodes"][1]["state"].get<std::string>());
    CHECK_EQUAL(std::string("unknown"), view["nodes"][2]["state"].get<std::string>());
}
