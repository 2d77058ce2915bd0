// SPDX-License-Identifier: Apache-2.0
//
// What a hypervisor has, from the texts of its /proc.
#include <config.h>

#include "env/figures.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::env;

TEST_GROUP(Figures)
{
    ProcTexts texts{
        "processor\t: 0\nmodel name\t: A CPU @ 2 GHz\ncpu MHz\t\t: 1999.6\n\nprocessor\t: 1\n",
        "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 50 0 25 400 25 0 0 0 0 0\ncpu1 50 0 25 400 25 0 0 0 "
        "0 "
        "0\nintr 1\nbtime 1700000000\n",
        "MemTotal:       1000 kB\nMemFree:         400 kB\nHugePages_Total:  0\nSwapFree:  7 kB\n",
        "0.05 0.10 12.15 3/120 4711\n"};

    void check_refused(const char* file)
    {
        const auto found = read_figures(texts, "");
        CHECK_FALSE(bool(found));
        CHECK_TRUE(found.error().code == Errc::damaged);
        CHECK_EQUAL(0u, found.error().message.find(file));
    }
};

TEST(Figures, AreThoseOfTheFiles)
{
    const auto found = read_figures(texts, "");
    CHECK_TRUE(bool(found));
    CHECK_EQUAL(2, found->cpus);
    STRCMP_EQUAL("A CPU @ 2 GHz", found->model.c_str());
    CHECK_EQUAL(2000, found->mhz);
    CHECK_EQUAL(1'700'000'000, found->booted);
    CHECK_EQUAL(1000, found->memory.at("MemTotal"));
    CHECK_EQUAL(7, found->memory.at("SwapFree"));
    CHECK_EQUAL(3u, found->memory.size());
    CHECK_EQUAL(5, found->load[0]);
    CHECK_EQUAL(1215, found->load[2]);
    CHECK_EQUAL(3, found->running);
    CHECK_EQUAL(120, found->tasks);
}

TEST(Figures, PartsOfTimeAreSinceTheLastLook)
{
    CHECK_EQUAL(100, read_figures(texts, "")->user);
    const auto found = read_figures(texts, "cpu  50 0 0 750 50 0 0 0 0 0\n");
    CHECK_EQUAL(333, found->user);
    CHECK_EQUAL(333, found->system);
    CHECK_EQUAL(0, found->iowait);
}

TEST(Figures, CountsThatWentBackAreNoTime)
{
    const auto found = read_figures(texts, "cpu  200 0 0 750 60 0 0 0 0 0\n");
    CHECK_EQUAL(0, found->user);
    CHECK_EQUAL(500, found->system);
    CHECK_EQUAL(0, read_figures(texts, texts.stat)->system);
}

TEST(Figures, FileThatSaysNothingIsNamed)
{
    const auto good = texts;
    texts.stat = "cpu";
    check_refused("stat");
    texts = good;
    texts.meminfo.clear();
    check_refused("meminfo");
    texts = good;
    texts.loadavg = "0.1 0.2";
    check_refused("loadavg");
}
