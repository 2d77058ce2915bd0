// SPDX-License-Identifier: Apache-2.0
//
// What a service shares with its hypervisor (S5).
#include <config.h>

#include "service/outside.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::service;

namespace {

constexpr const char* hypervisor_mounts = "24 29 0:5 / /dev rw - devtmpfs dev rw\n"
                                          "29 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                                          "32 29 0:21 / /sys rw shared:7 - sysfs sysfs rw\n"
                                          "36 29 0:32 / /srv/two\\040words rw - tmpfs tmpfs rw\n"
                                          "31 29 0:28 / /proc rw - proc proc rw\n";
constexpr const char* service_mounts = "46 41 8:1 / / rw - ext4 /dev/sda1 rw\n"
                                       "49 46 0:21 / /sys rw - sysfs sysfs rw\n"
                                       "58 46 0:32 / /srv/two\\040words rw - tmpfs tmpfs rw\n"
                                       "48 46 0:34 / /proc rw - proc proc rw\n"
                                       "60 46 0:38 / /tmp rw - tmpfs tmpfs rw\n";

} // namespace

TEST_GROUP(Outside){};

TEST(Outside, AMountOfTheHypervisorIsSharedAndOneOfItsOwnIsNot)
{
    const auto points =
        shared_mounts(parse_mounts(service_mounts), parse_mounts(hypervisor_mounts));
    CHECK_TRUE((points == std::vector<std::string>{"/sys", "/srv/two words"}));
}

TEST(Outside, FilesOfItsOwnMemoryAreCarriedUnlessItHasCoveredThem)
{
    const auto hypervisor = parse_mounts(hypervisor_mounts);
    const auto carried = [&](const std::string& more) {
        return carried_mounts(parse_mounts(service_mounts + more), hypervisor);
    };
    CHECK_TRUE((carried("") == std::vector<std::string>{"/tmp"}));
    CHECK_TRUE((carried("61 46 0:39 / /dev rw,nosuid shared:3 - tmpfs tmpfs rw\n"
                        "62 61 0:40 / /dev/shm rw - tmpfs tmpfs rw\n"
                        "63 46 0:41 / /srv rw - tmpfs tmpfs rw\n") ==
                std::vector<std::string>{"/dev", "/dev/shm", "/tmp"}));
    CHECK_TRUE(carried("61 60 0:39 / /tmp rw - ramfs none rw\n").empty());
    CHECK_TRUE((carried("61 46 0:32 / /run rw - tmpfs tmpfs rw\n") ==
                std::vector<std::string>{"/tmp"})); // The hypervisor's.
    CHECK_TRUE((carried("61 46 8:1 /x /run rw - ext4 /dev/sda1 rw\n") ==
                std::vector<std::string>{"/tmp"}));
}

TEST(Outside, LinesThatAreNoneAreLeftOut)
{
    CHECK_TRUE(parse_mounts("").empty());
    CHECK_TRUE(parse_mounts("what\n\n46 41 8:1\n").empty());
    CHECK_TRUE(
        (parse_mounts("46 41 8:1 / /a\\0 rw\n") == std::vector<Mount>{{46, "8:1", "/a\\0", ""}}));
}

TEST(Outside, IsReadAsItWasWritten)
{
    const Outside outside{{"/sys", "/srv/two words\n"}, {"file[17:2a]"}, {"/run"}};
    const auto read = decode_outside(encode(outside));
    CHECK_TRUE(bool(read));
    CHECK_TRUE(*read == outside);
}

TEST(Outside, DamagedIsAnError)
{
    for (const char* text : {"", "{}", "[]", R"({"mounts": [1], "logs": []})",
                             R"({"mounts": ["/a"])", R"({"mounts": [], "logs": []})"})
        CHECK_FALSE(bool(decode_outside(text)));
}
