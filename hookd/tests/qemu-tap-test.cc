// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/qemu-tap: whether a domain has a QEMU, by libvirt's pid file and the process.
#include <config.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "db/tests/folder.h"
#include "hookd/libvirt-watch.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

TEST_GROUP(QemuTap)
{
    tests::Folder folder;

    std::set<int> children;

    void teardown() override
    {
        for (const int child : children) {
            kill(child, SIGKILL);
            waitpid(child, nullptr, 0);
        }
    }
    void pid_is(const char* domain, int pid)
    {
        std::ofstream{folder / (std::string{domain} + ".pid")} << pid << '\n';
    }
    /// A process with this argument, which runs until the test has ended.
    int process(const char* argument)
    {
        int ready[2];
        CHECK_EQUAL(0, pipe2(ready, O_CLOEXEC));
        const int child = fork();
        if (child == 0) {
            execlp("sleep", argument, "1000", nullptr);
            _exit(1);
        }
        close(ready[1]);
        char nothing = 0;
        CHECK_EQUAL(0, read(ready[0], &nothing, 1)); // It is another program now.
        close(ready[0]);
        children.insert(child);
        return child;
    }
};

TEST(QemuTap, LivesAsLongAsItsProcess)
{
    CHECK_FALSE(qemu_lives("never", folder / ""));
    const int child = process("guest=here,debug-threads=on");
    pid_is("here", child);
    CHECK_TRUE(qemu_lives("here", folder / ""));
    CHECK_TRUE(bool(kill_qemu("here", folder / "")));
    siginfo_t ended{};
    waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);
    CHECK_EQUAL(SIGKILL, ended.si_status);
    CHECK_FALSE(qemu_lives("here", folder / "")); // It waits for its parent.
    waitpid(child, nullptr, 0);
    children.clear();
    CHECK_FALSE(qemu_lives("here", folder / ""));
}

TEST(QemuTap, R9AnotherProcessOfThatNumberIsLeftAlone)
{
    const int child = process("guest=other,debug-threads=on");
    pid_is("here", child);
    CHECK_FALSE(qemu_lives("here", folder / ""));
    CHECK_TRUE(bool(kill_qemu("here", folder / "")));
    CHECK_EQUAL(0, waitpid(child, nullptr, WNOHANG));
    pid_is("other", child);
    CHECK_TRUE(qemu_lives("other", folder / ""));
}

TEST(QemuTap, ADomainsNameIsWholeAndItsCommasAreDoubled)
{
    using namespace std::string_view_literals;
    CHECK_TRUE(is_qemu_of("qemu\0-name\0guest=a,debug-threads=on\0"sv, "a"));
    CHECK_TRUE(is_qemu_of("qemu\0-name\0guest=a"sv, "a"));
    CHECK_FALSE(is_qemu_of("qemu\0-name\0guest=ab,debug-threads=on\0"sv, "a"));
    CHECK_FALSE(is_qemu_of("qemu\0-name\0guest=a,,b,debug-threads=on\0"sv, "a"));
    CHECK_TRUE(is_qemu_of("qemu\0-name\0guest=a,,b,debug-threads=on\0"sv, "a,b"));
    CHECK_FALSE(is_qemu_of(""sv, "a"));
}
