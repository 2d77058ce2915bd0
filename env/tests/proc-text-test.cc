// SPDX-License-Identifier: Apache-2.0
//
// What several nodes look like as one machine (spec Q8).
#include <config.h>

#include "env/proc-text.h"
#include "env/tests/values.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::env;
using holdfast::tests::node;

TEST_GROUP(ProcText)
{
    Nodes nodes{node("a", 2, 4), node("b", 1, 8)};
    Ticks ticks;

    static std::size_t count(const std::string& text, const std::string& what)
    {
        std::size_t n = 0;
        for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
            ++n;
        return n;
    }
};

TEST(ProcText, EachProcessorHasItsBlockAndEachNodeIsASocket)
{
    const auto text = cpuinfo_text(nodes);
    CHECK_EQUAL(3u, count(text, "processor\t: "));
    STRCMP_CONTAINS("processor\t: 2\nmodel name\t: CPU of b\n", text.c_str());
    STRCMP_CONTAINS("physical id\t: 1\nsiblings\t: 1\n", text.c_str());
    CHECK_EQUAL(2u, count(text, "node\t\t: a\n"));
}

TEST(ProcText, MemoryIsTheSum)
{
    const auto text = meminfo_text(nodes);
    STRCMP_CONTAINS("MemTotal:       12582912 kB\n", text.c_str());
    STRCMP_CONTAINS("MemFree:         6291456 kB\n", text.c_str());
    STRCMP_CONTAINS("SwapTotal:             0 kB\n", text.c_str());
}

TEST(ProcText, LoadIsTheSum)
{
    STRCMP_EQUAL("2.50 1.00 0.10 4/200 200\n", loadavg_text(nodes).c_str());
    STRCMP_EQUAL("0.00 0.00 0.00 0/0 0\n", loadavg_text({}).c_str());
}

TEST(ProcText, ProcessorsAreNumberedThrough)
{
    STRCMP_EQUAL("0-2\n", cpus_text(nodes).c_str());
    STRCMP_EQUAL("0\n", cpus_text({nodes[1]}).c_str());
    STRCMP_EQUAL("\n", cpus_text({}).c_str());
}

TEST(ProcText, TimesBeginWithTheNodesStart)
{
    ticks.advance(nodes, 1010);
    const auto text = stat_text(nodes, ticks);
    STRCMP_CONTAINS("cpu  1200 0 300 1500 0 0 0 0 0 0\n", text.c_str());
    STRCMP_CONTAINS("cpu1 400 0 100 500 0 0 0 0 0 0\n", text.c_str());
    STRCMP_CONTAINS("cpu2 400 0 100 500 0 0 0 0 0 0\n", text.c_str());
    STRCMP_CONTAINS("btime 1000\n", text.c_str());
    STRCMP_CONTAINS("procs_running 4\n", text.c_str());
    STRCMP_EQUAL("10.00 15.00\n", uptime_text(nodes, ticks, 1010).c_str());
}

TEST(ProcText, TimeGoesByAsItWasLastSpentAndNeverBack)
{
    ticks.advance(nodes, 1010);
    nodes[0].resources->user = 0;
    nodes[0].resources->system = 0;
    ticks.advance(nodes, 1020);
    CHECK_EQUAL(800, ticks.of("a").user);
    CHECK_EQUAL(3000, ticks.of("a").idle);
    const auto before = ticks.of("a");
    ticks.advance(nodes, 1015); // The clock was set.
    CHECK_TRUE(ticks.of("a") == before);
    ticks.advance(nodes, 1021);
    CHECK_EQUAL(3200, ticks.of("a").idle);
}
