// SPDX-License-Identifier: Apache-2.0
//
// Where control groups are.
#include <config.h>

#include "env/groups.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::env;
using Folders = std::vector<std::string>;

TEST_GROUP(Groups){};

TEST(Groups, OfVersionOneAreWhereEachIsMounted)
{
    const std::string mounts =
        "30 20 0:26 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
        "31 20 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
        "32 20 0:28 / /proc rw - proc proc rw\n";
    CHECK_TRUE(group_folders("4:cpu,cpuacct:/a/b\n1:name=systemd:/c\n9:pids:/d\n0::/e\n", mounts) ==
               (Folders{"/sys/fs/cgroup/cpu,cpuacct/a/b", "/sys/fs/cgroup/systemd/c"}));
}

TEST(Groups, OfVersionTwoAreInOnePlace)
{
    CHECK_TRUE(
        group_folders("0::/machine/x\n", "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n") ==
        Folders{"/sys/fs/cgroup/machine/x"});
}

TEST(Groups, FolderThatIsMountedAloneIsSeenFromThere)
{
    const std::string mounts = "30 20 0:26 / /cpu rw - cgroup cgroup rw,cpu\n"
                               "31 30 0:26 /mine /cpu rw - cgroup cgroup rw,cpu\n";
    CHECK_TRUE(group_folders("4:cpu:/mine/b\n", mounts) == Folders{"/cpu/b"});
    CHECK_TRUE(group_folders("4:cpu:/mine\n", mounts) == Folders{"/cpu"});
    CHECK_TRUE(group_folders("4:cpu:/mineral\n", mounts) == Folders{"/cpu/mineral"});
}
