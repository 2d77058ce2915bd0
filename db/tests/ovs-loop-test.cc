// SPDX-License-Identifier: Apache-2.0
//
// Tests of common/ovs-loop with the real ovs-appctl.
#include <config.h>

#include "common/ovs-loop.h"

#include <sys/wait.h>

#include <future>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "db/tests/folder.h"

#include <CppUTest/CommandLineTestRunner.h>
#include <CppUTest/MemoryLeakWarningPlugin.h>
#include <CppUTest/TestHarness.h>

using holdfast::Errc;
using holdfast::OvsLoop;
using holdfast::tests::Folder;
using holdfast::tests::shell;

namespace {

/// A daemon: its Asio thread and its loop, with the switch's run folder in a test's own.
struct Daemon {
    Folder folder;
    boost::asio::io_context io;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        io.get_executor()};
    std::thread thread{[this] { io.run(); }};
    std::unique_ptr<OvsLoop> loop;

    Daemon()
    {
        std::filesystem::create_directory(folder / "ovs");
        auto started = OvsLoop::start(options(), io.get_executor());
        if (started)
            loop = std::move(*started);
    }
    ~Daemon()
    {
        loop.reset();
        work.reset();
        thread.join();
    }
    OvsLoop::Options options() const
    {
        return {.name = "holdfast-testd",
                .version = "7.8.9",
                .socket = folder / "run/holdfast-testd.ctl",
                .pidfile = folder / "run/holdfast-testd.pid",
                .ovs_rundir = folder / "ovs",
                .log_file = ""};
    }
    std::string appctl(const std::string& words) const
    {
        return shell("OVS_RUNDIR=" + (folder / "ovs") + " ovs-appctl -t holdfast-testd " + words);
    }
};

} // namespace

TEST_GROUP(OvsLoop){};

TEST(OvsLoop, AppctlFindsTheDaemonByItsName)
{
    Daemon daemon;
    CHECK_TRUE(daemon.loop != nullptr);
    STRCMP_CONTAINS("7.8.9", daemon.appctl("version").c_str());
    STRCMP_CONTAINS("vlog/set", daemon.appctl("list-commands").c_str());
    STRCMP_CONTAINS("[0]", shell("ovs-appctl -t " + daemon.options().socket + " version").c_str());
}

TEST(OvsLoop, HandlerRunsOnTheExecutorAndMayAnswerLater)
{
    Daemon daemon;
    std::promise<void> came;
    std::vector<OvsLoop::Reply> kept;
    std::thread::id where;
    daemon.loop->register_command("ask", "", 0, 0, [&](auto, auto reply) {
        where = std::this_thread::get_id();
        kept.push_back(std::move(reply));
        came.set_value();
    });
    daemon.loop->register_command("tell", "WORD", 1, 1, [&](auto args, auto reply) {
        std::thread{[&, word = args.at(0)] { kept.back().ok("heard " + word); }}.join();
        reply.ok("told");
    });
    std::string answer;
    std::thread asker{[&] { answer = daemon.appctl("ask"); }};
    came.get_future().wait();
    STRCMP_EQUAL("told\n[0]", daemon.appctl("tell yes").c_str());
    asker.join();
    STRCMP_EQUAL("heard yes\n[0]", answer.c_str());
    CHECK_TRUE(where == daemon.thread.get_id());
}

TEST(OvsLoop, ErrorIsTheClientsExitCode2)
{
    Daemon daemon;
    daemon.loop->register_command("fail", "", 0, 0, [](auto, auto reply) {
        reply.error(holdfast::Error{Errc::invalid, "no such thing"});
    });
    STRCMP_CONTAINS("no such thing\n", daemon.appctl("fail").c_str());
    STRCMP_CONTAINS("[2]", daemon.appctl("fail").c_str());
    STRCMP_CONTAINS("takes at most 0 arguments", daemon.appctl("fail more").c_str());
}

TEST(OvsLoop, RequestThatNobodyAnswersFailsInsteadOfHanging)
{
    Daemon daemon;
    daemon.loop->register_command("forget", "", 0, 0, [](auto, auto) {});
    STRCMP_CONTAINS("dropped without an answer", daemon.appctl("forget").c_str());
}

TEST(OvsLoop, StopAnswersWhatWaitsAndLeavesNoFile)
{
    auto daemon = std::make_unique<Daemon>();
    std::promise<void> came;
    std::vector<OvsLoop::Reply> kept;
    daemon->loop->register_command("hang", "", 0, 0, [&](auto, auto reply) {
        kept.push_back(std::move(reply));
        came.set_value();
    });
    std::string answer;
    std::thread asker{[&] { answer = daemon->appctl("hang"); }};
    came.get_future().wait();
    daemon->loop.reset();
    asker.join();
    STRCMP_CONTAINS("is stopping", answer.c_str());
    kept.clear(); // A reply that outlives the loop does nothing.
    CHECK_TRUE(std::filesystem::is_empty(daemon->folder / "run"));
    CHECK_TRUE(std::filesystem::is_empty(daemon->folder / "ovs"));
}

TEST(OvsLoop, SecondDaemonIsRefusedByThePidFile)
{
    Daemon daemon;
    const auto child = ::fork(); // A lock of files is a process's own.
    if (child == 0) {
        auto second = OvsLoop::start(daemon.options(), daemon.io.get_executor());
        ::_exit(!second && second.error().code == Errc::exists ? 0 : 1);
    }
    int status = 1;
    ::waitpid(child, &status, 0);
    CHECK_EQUAL(0, status);
}

TEST(OvsLoop, FolderThatCannotBeMadeIsAnError)
{
    Daemon daemon;
    auto options = daemon.options();
    options.pidfile = "/proc/no/holdfast-testd.pid";
    auto refused = OvsLoop::start(options, daemon.io.get_executor());
    CHECK_FALSE(bool(refused));
    CHECK_TRUE(refused.error().code == Errc::io);
    STRCMP_CONTAINS("/proc/no/holdfast-testd.pid", refused.error().message.c_str());
}

int main(int argc, char** argv)
{
    std::vector<const char*> args(argv, argv + argc);
    args.push_back("-p");
    // Its bookkeeping knows neither threads nor what lives as long as the process.
    MemoryLeakWarningPlugin::turnOffNewDeleteOverloads();
    return CommandLineTestRunner::RunAllTests(static_cast<int>(args.size()), args.data());
}
