// SPDX-License-Identifier: Apache-2.0
//
// CRIU's command line, and what it prints (S5).
#include <config.h>

#include "service/criu.h"

#include <algorithm>

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::service;

namespace {

const Images images{"/run/x/2", "../1"};
const Places places{"/run/x/root", "/run/x/own"};

/// Whether the words stand in a row.
bool have(const std::vector<std::string>& words, const std::vector<std::string>& row)
{
    return !std::ranges::search(words, row).empty();
}

bool have(const std::vector<std::string>& words, const char* word)
{
    return std::ranges::find(words, word) != words.end();
}

} // namespace

TEST_GROUP(Criu){};

TEST(Criu, RunsInTheServicesNetworkSoThatConnectionsAreLeftToUs)
{
    for (const auto& words : {pre_dump_words(images, 42), dump_words(images, 42, {})}) {
        STRCMP_EQUAL("criu", words.front().c_str()); // In its caller's network.
        CHECK_TRUE(have(words, "--tcp-close"));
        CHECK_TRUE(have(words, {"--tree", "42"}));
    }
    STRCMP_EQUAL("criu", restore_words(images, places, {}, 9).front().c_str());
    CHECK_TRUE(have(restore_words(images, places, {}, 9), "--tcp-close"));
}

TEST(Criu, RoundsBuildOnTheOneBefore)
{
    const auto words = pre_dump_words(images, 42);
    CHECK_TRUE(have(words, {"--prev-images-dir", "../1"}));
    CHECK_FALSE(have(pre_dump_words({"/run/x/1", ""}, 42), "--prev-images-dir"));
}

TEST(Criu, ProcessesStandAfterADumpAndAfterARestore)
{
    CHECK_FALSE(have(pre_dump_words(images, 42), "--leave-stopped"));
    CHECK_TRUE(have(dump_words(images, 42, {}), "--leave-stopped"));
    CHECK_TRUE(have(restore_words(images, places, {}, 9), "--leave-stopped"));
}

TEST(Criu, WhatIsOutsideIsNamedOnBothSides)
{
    const Outside outside{{"/sys"}, {"file[17:2a]"}, {"/dev/shm"}};
    const auto dumped = dump_words(images, 42, outside);
    CHECK_TRUE(have(dumped, {"--external", "mnt[/sys]:/sys"}));
    CHECK_TRUE(have(dumped, {"--external", "file[17:2a]"}));
    CHECK_TRUE(have(dumped, {"--external", "mnt[/dev/shm]:/dev/shm"}));
    const auto restored = restore_words(images, places, outside, 9);
    CHECK_TRUE(have(restored, {"--external", "mnt[/dev/shm]:/run/x/own/-dev-shm"}));
    CHECK_TRUE(have(restored, {"--external", "mnt[/sys]:/sys"}));
    CHECK_TRUE(have(restored, {"--inherit-fd", "fd[9]:file[17:2a]"}));
}

TEST(Criu, FiguresAreRead)
{
    const auto figures = parse_figures("Displaying dump stats:\n"
                                       "Freezing time: 65238 us\n"
                                       "Frozen time: 6134010 us\n"
                                       "Memory pages scanned: 6142 (0x17fe)\n"
                                       "Memory pages skipped from parent: 558 (0x22e)\n"
                                       "Memory pages written: 15 (0xf)\n");
    CHECK_TRUE(bool(figures));
    CHECK_TRUE((*figures == Figures{6142, 558, 15, 6134010}));
    CHECK_FALSE(bool(parse_figures("Memory pages scanned: 6142 (0x17fe)\n")));
    CHECK_FALSE(bool(parse_figures("")));
}

TEST(Criu, ReasonIsTheFirstErrorThatIsOne)
{
    STRCMP_EQUAL("A session leader of 1911(1) is outside of its pid namespace",
                 parse_reason("(00.01) Warn  (criu/x.c:1): hm\n"
                              "(00.02) Error (criu/image.c:451): No parent image found\n"
                              "(03.18) Error (criu/cr-dump.c:1618): A session leader of 1911(1) is "
                              "outside of its pid namespace\n"
                              "(03.39) Error (criu/cr-dump.c:2053): Dumping FAILED.\n")
                     .c_str());
    STRCMP_EQUAL("", parse_reason("(00.01) all is well\n").c_str());
}

TEST(Criu, VersionIsRead)
{
    STRCMP_EQUAL("3.17.1", parse_version("Version: 3.17.1\n").c_str());
    STRCMP_EQUAL("", parse_version("?").c_str());
}
