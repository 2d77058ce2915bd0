// SPDX-License-Identifier: Apache-2.0
//
// Tests of service/folder, space and spawn, with real namespaces; they need root.
#include <config.h>

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "db/tests/folder.h"
#include "service/folder.h"
#include "service/image-files.h"
#include "service/processes.h"
#include "service/space.h"
#include "service/spawn.h"

#include <CppUTest/CommandLineTestRunner.h>
#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::service;

namespace {

void check_ok(const Result<void>& result)
{
    if (!result)
        FAIL(result.error().message.c_str());
}

Definition definition(const std::string& script)
{
    Definition one;
    one.name = "web";
    one.interface = "hfstest";
    one.mac = "02:11:22:33:44:55";
    one.ips = {"10.0.10.5/24", "fd00::5/64"};
    one.gateway = "10.0.10.1";
    one.user = "nobody";
    one.command = {"/bin/sh", "-c", script, "sh", "two words"};
    one.directory = "/usr";
    one.environment = {"GREETING=good day", "HOME=/x"};
    return one;
}

/// The status with which it ended.
int wait_for(int pid)
{
    int status = 0;
    CHECK_EQUAL(pid, waitpid(pid, &status, 0));
    return status;
}

} // namespace

TEST_GROUP(Service)
{
    tests::Folder files;
    Folder folder{files / "run", "web"};

    void setup() override
    {
        check_ok(folder.make());
    }
    void teardown() override
    {
        remove_space("hfstest", folder);
        umount2(folder.root().c_str(), MNT_DETACH);
    }
    int start(const Definition& one, std::span<const Passed> sockets = {})
    {
        check_ok(make_network(one, folder));
        auto pid = spawn(one, folder, sockets);
        if (!pid)
            FAIL(pid.error().message.c_str());
        return *pid;
    }
};

TEST(Service, FolderIsMadeOnceAndItsFilesAreReplacedWhole)
{
    check_ok(folder.make());
    check_ok(folder.write("exit", "one\n"));
    check_ok(folder.write("exit", "two\n"));
    CHECK_EQUAL(std::string("two"), folder.read("exit"));
    CHECK_EQUAL(std::string(""), folder.read("nothing"));
    auto lock = folder.lock(false);
    CHECK_TRUE(bool(lock));
    CHECK_TRUE(folder.lock(false).error().code == Errc::unavailable);
    lock->reset(-1);
    CHECK_TRUE(bool(folder.lock(false)));
    folder.remove();
    CHECK_FALSE(folder.exists());
}

TEST(Service, ProcessIsKnownByItsStartToo)
{
    const auto own = process_of(getpid());
    CHECK_TRUE(own && own->start > 0);
    check_ok(folder.write("init", std::to_string(own->pid) + " " + std::to_string(own->start)));
    CHECK_TRUE(folder.init() == own);
    check_ok(folder.write("init", std::to_string(own->pid) + " " + std::to_string(own->start + 1)));
    CHECK_FALSE(folder.init().has_value()); // Another process, with this one's number.
    check_ok(folder.write("init", "nonsense"));
    CHECK_FALSE(folder.init().has_value());
}

TEST(Service, CommandHasItsUserFolderEnvironmentAndNamespaces)
{
    const int pid =
        start(definition("id -un; pwd; echo $GREETING $HOME $USER $1 $$; nice; echo /proc/[0-9]*\n"
                         "cat /sys/../proc/sys/net/ipv4/ip_unprivileged_port_start\n"
                         "ip -o -4 address show eth0 | grep -o '10.0.10.5/24'\n"
                         "ip -o -6 address show eth0 | grep -o 'fd00::5/64'\n"
                         "ip route show default | grep -o '10.0.10.1'\n"
                         "ls " +
                         folder.root() +
                         " 2>/dev/null | wc -l; umask; ls /proc/self/fd | wc -l\n"
                         "grep Cap /proc/self/status | sort -u -k2 | wc -l"));
    CHECK_TRUE(folder.init() && folder.init()->pid == pid);
    CHECK_EQUAL(0, wait_for(pid));
    CHECK_EQUAL(std::string("nobody\n/usr\ngood day /x nobody two words 2\n0\n/proc/1 /proc/2\n0\n"
                            "10.0.10.5/24\nfd00::5/64\n10.0.10.1\n0\n0022\n4\n2"),
                folder.read("log"));
}

TEST(Service, CommandGetsSocketsByTheConventionOfSdListenFds)
{
    Descriptor one{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    Descriptor two{socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    const std::vector<Passed> passed{{two.get(), "dns"}, {one.get(), "http"}};
    const int pid = start(definition("echo $LISTEN_FDS $LISTEN_FDNAMES $((LISTEN_PID - $$))\n"
                                     "for fd in 3 4; do readlink /proc/self/fd/$fd; done; "
                                     "test -e /proc/self/fd/5 || echo no more"),
                          passed);
    CHECK_EQUAL(0, wait_for(pid));
    auto name = [](int fd) {
        char text[64] = {};
        CHECK_TRUE(readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), text, 63) > 0);
        return std::string{text};
    };
    CHECK_EQUAL("2 dns:http 0\n" + name(two.get()) + "\n" + name(one.get()) + "\nno more",
                folder.read("log"));
}

TEST(Service, OneToBeCheckpointedHasASessionMountsAndNamespacesOfItsOwn)
{
    auto one = definition(
        "cut -d' ' -f 6 /proc/1/stat; ls -A /tmp /run /dev/shm | grep -v : | grep .\n"
        "for own in /proc /dev /dev/pts /dev/shm /run /tmp; do\n"
        "grep -c \"^[^ ]* $own \" /proc/self/mounts; done\n"
        "for ns in ipc uts; do readlink /proc/self/ns/$ns; done\n"
        "ls -l /dev/ptmx | grep -o pts/ptmx; echo into >/dev/null && readlink /proc/1/fd/0");
    one.checkpoint = true;
    one.user = "root";
    const int pid = start(one);
    CHECK_EQUAL(0, wait_for(pid));
    const auto log = folder.read("log");
    STRCMP_CONTAINS("1\n1\n1\n1\n1\n1\n1\nipc:", log.c_str());
    STRCMP_CONTAINS("pts/ptmx\n/dev/null", log.c_str());
    for (const char* space : {"ipc", "uts"}) {
        char text[64] = {};
        CHECK_TRUE(readlink((std::string{"/proc/self/ns/"} + space).c_str(), text, 63) > 0);
        CHECK_TRUE(log.find(text) == std::string::npos);
    }
}

TEST(Service, OneThatStandsByItsOwnWillStandsWhenOthersGoOn)
{
    // By SIGTSTP, as its terminal does it; its parent leaves it so.
    auto one = definition("import os, signal\n"
                          "child = os.fork()\n"
                          "if not child:\n"
                          "    os.setpgid(0, 0)\n"
                          "    os.kill(os.getpid(), signal.SIGTSTP)\n"
                          "    while True: signal.pause()\n"
                          "os.waitpid(child, os.WUNTRACED)\n"
                          "print(child, flush=True)\n"
                          "while True: signal.pause()\n");
    one.command[0] = "/usr/bin/python3";
    const int pid = start(one);
    while (folder.read("log").empty())
        sched_yield();
    const int inner = std::stoi(folder.read("log"));
    const auto stopped = stop(pid, true);
    CHECK_TRUE(bool(stopped));
    CHECK_EQUAL(1u, stopped->ours.size());
    CHECK_EQUAL(1u, stopped->others.size());
    const pid_t sleeper = *stopped->others.begin(), other = *stopped->ours.begin();
    CHECK_TRUE(inner_number(sleeper) == inner);
    auto state = [](pid_t of) {
        std::string text;
        std::ifstream file{"/proc/" + std::to_string(of) + "/stat"};
        std::getline(file, text);
        return text.at(text.rfind(')') + 2);
    };
    CHECK_EQUAL('T', state(sleeper));
    check_ok(let_all_go(pid, {inner}));
    while (state(other) == 'T')
        sched_yield();
    CHECK_EQUAL('T', state(sleeper));
    check_ok(let_all_go(pid));
    while (state(sleeper) == 'T')
        sched_yield();
    kill(pid, SIGKILL);
    wait_for(pid);
    CHECK_FALSE(inner_number(sleeper).has_value());
}

TEST(Service, ImagesAreWrittenPartByPartAndLinkedToTheRoundBefore)
{
    ImageWriter writer{folder};
    check_ok(writer.take({"a.img", 1, false, {'o', 'n'}}));
    check_ok(writer.take({"a.img", 1, true, {'e'}}));
    check_ok(writer.take({"a.img", 2, true, {'t', 'w', 'o'}}));
    CHECK_EQUAL(std::string("one"), folder.read("images/2/parent/a.img"));
    CHECK_EQUAL(std::string("two"), folder.read("images/2/a.img"));
    CHECK_EQUAL(-1, access(folder.file("images/1/parent").c_str(), F_OK));
    // None is written twice, none beyond what a move has.
    CHECK_TRUE(writer.take({"a.img", 2, true, {}}).error().code == Errc::io);
    CHECK_TRUE(writer.take({"a.img", 99, true, {}}).error().code == Errc::damaged);
    remove_images(folder);
    CHECK_EQUAL(-1, access(folder.file("images").c_str(), F_OK));
}

TEST(Service, FirstProcessPassesSigtermOnReapsAndEndsWithTheCommand)
{
    // An orphan's end is no end of the service; SIGTERM is the command's to answer.
    const int pid = start(definition("(true &); trap 'echo asked; exit 7' TERM; echo ready; "
                                     "while :; do sleep 0.05; done"));
    while (folder.read("log") != "ready")
        sched_yield();
    CHECK_EQUAL(0, kill(pid, SIGTERM));
    const int status = wait_for(pid);
    CHECK_EQUAL(std::string("ended with status 7"), how_it_ended(status));
    CHECK_EQUAL(std::string("ready\nasked"), folder.read("log"));
    CHECK_FALSE(folder.init().has_value());
}

TEST(Service, SignalThatEndsItIsNamed)
{
    CHECK_EQUAL(std::string("ended by signal SIGSEGV"),
                how_it_ended(wait_for(start(definition("kill -SEGV $$")))));
    CHECK_EQUAL(std::string("ended by signal SIGKILL"), how_it_ended(SIGKILL));
    CHECK_EQUAL(std::string("ended with status 128"), how_it_ended(128 << 8));
}

TEST(Service, WhatCannotBeStartedSaysWhyAndLeavesNothing)
{
    auto one = definition("true");
    check_ok(make_network(one, folder));
    one.user = "nobodyknows";
    STRCMP_CONTAINS("no user nobodyknows", spawn(one, folder).error().message.c_str());
    one = definition("true");
    one.directory = "/root";
    STRCMP_CONTAINS("directory /root: Permission denied",
                    spawn(one, folder).error().message.c_str());
    remove_space("hfstest", folder);
    check_ok(make_network(one, folder));
    one = definition("true");
    one.command[0] = "/etc/passwd";
    STRCMP_CONTAINS("/etc/passwd: Permission denied", spawn(one, folder).error().message.c_str());
    CHECK_EQUAL(-1, waitpid(-1, nullptr, WNOHANG));
}

TEST(Service, NetworkIsMadeWholeOrNotAtAll)
{
    auto one = definition("true");
    one.ips = {"10.0.10.5/24", "10.0.10.5/24"};
    STRCMP_CONTAINS("ip:", make_network(one, folder).error().message.c_str());
    CHECK_EQUAL(0u, if_nametoindex("hfstest"));
    CHECK_EQUAL(-1, access(folder.file("net").c_str(), F_OK));
    one = definition("true");
    check_ok(make_network(one, folder));
    CHECK_TRUE(make_network(one, folder).error().code == Errc::exists);
    CHECK_TRUE(if_nametoindex("hfstest") > 0);
    check_ok(in_network(folder, [] {
        return if_nametoindex("eth0") && !if_nametoindex("hfstest")
                   ? Result<void>{}
                   : Error{Errc::invalid, "another namespace"};
    }));
    remove_space("hfstest", folder);
    CHECK_EQUAL(0u, if_nametoindex("hfstest"));
    CHECK_TRUE(in_network(folder, [] { return Result<void>{}; }).error().code == Errc::io);
}

TEST(Service, ProcessesThatNobodyHasNotedEndWithTheirNetwork)
{
    check_ok(make_network(definition("true"), folder));
    const pid_t stray = fork();
    if (stray == 0) {
        auto left = in_network(folder, [] {
            for (;;)
                pause();
            return Result<void>{};
        });
        _exit(left ? 0 : 1);
    }
    const auto net = folder.file("net");
    const auto inside = [&] {
        const auto children = read_text("/proc/" + std::to_string(stray) + "/task/" +
                                        std::to_string(stray) + "/children");
        struct stat space {
        }, its{};
        return !children.empty() && stat(net.c_str(), &space) == 0 &&
               stat(("/proc/" + std::to_string(std::stoi(children)) + "/ns/net").c_str(), &its) ==
                   0 &&
               space.st_ino == its.st_ino;
    };
    while (!inside())
        poll(nullptr, 0, 1);
    check_ok(end_all_in(net));
    int status = 0;
    CHECK_EQUAL(stray, waitpid(stray, &status, 0));
    CHECK_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    remove_space("hfstest", folder);
    check_ok(end_all_in(net));
}

int main(int argc, char** argv)
{
    // The port's outer end is in nobody's way.
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
        std::perror("namespaces (is this root?)");
        return EXIT_FAILURE;
    }
    return CommandLineTestRunner::RunAllTests(argc, argv);
}
