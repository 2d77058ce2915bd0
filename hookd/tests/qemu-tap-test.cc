// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/qemu-tap: whether a domain has a QEMU, by libvirt's pid file and the process.
#include <config.h>

#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "db/tests/folder.h"
#include "hookd/libvirt-watch.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

TEST_GROUP(QemuTap)
{
    tests::Folder folder;

    void pid_is(const char* domain, int pid)
    {
        std::ofstream{folder / (std::string{domain} + ".pid")} << pid << '\n';
    }
};

TEST(QemuTap, LivesAsLongAsItsProcess)
{
    CHECK_FALSE(qemu_lives("never", folder / ""));
    pid_is("here", getpid());
    CHECK_TRUE(qemu_lives("here", folder / ""));
    const int child = fork();
    if (child == 0)
        _exit(0);
    siginfo_t ended{};
    waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);
    pid_is("ended", child);
    CHECK_FALSE(qemu_lives("ended", folder / "")); // It waits for its parent.
    waitpid(child, nullptr, 0);
    CHECK_FALSE(qemu_lives("ended", folder / ""));
}
