// SPDX-License-Identifier: Apache-2.0
//
// Tests of common/control-client, against a server in this process.
#include <config.h>

#include "common/control-client.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "common/tests/control-server.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::tests;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

std::string text(const Result<std::string>& result)
{
    return result ? *result : "error: " + result.error().message;
}

bool has(const Result<std::string>& result, Errc code, const std::string& part)
{
    return !result && result.error().code == code &&
           result.error().message.find(part) != std::string::npos;
}

asio::awaitable<void> ask(AsyncControlClient& client, std::string method,
                          std::chrono::milliseconds deadline, std::vector<std::string>& answers)
{
    answers.push_back(text(co_await client.call(method, {}, deadline)));
}

} // namespace

TEST_GROUP(ControlClient)
{
    Folder folder;
    std::string path = folder.path() + "/d.ctl";

    /// A script that gives no answer to "slow" until the client goes.
    static std::optional<std::string> slow(const jsonrpc::Request& request)
    {
        return request.method == "slow" ? std::string{} : ControlServer::echo(request);
    }
};

TEST(ControlClient, CallsInOrderOnOneConnection)
{
    ControlServer server{path, ControlServer::echo};
    auto client = ControlClient::connect(path, "holdfast-hookd");
    CHECK_TRUE(bool(client));
    CHECK_EQUAL(std::string("a b c"), text(client->call("a", {"b", "c"})));
    CHECK_EQUAL(std::string("d"), text(client->call("d", {})));
    CHECK_EQUAL(1, server.connections());
}

TEST(ControlClient, RefusalIsTheDaemonsOwnLine)
{
    ControlServer server{path, [](const jsonrpc::Request& request) {
                             return jsonrpc::encode(jsonrpc::Reply{request.id, false, "no vm x\n"});
                         }};
    auto client = ControlClient::connect(path, "holdfast-hookd");
    auto answer = client->call("vm/migrate", {"x"});
    CHECK_TRUE(answer.error() == (Error{Errc::invalid, "no vm x"}));
    CHECK_EQUAL(std::string("error: no vm x"), text(client->call("again", {})));
}

TEST(ControlClient, NobodyListeningNamesDaemonAndMend)
{
    auto client = ControlClient::connect(path, "holdfast-hookd");
    CHECK_TRUE(client.error().code == Errc::unavailable);
    STRCMP_CONTAINS("holdfast-hookd is not running", client.error().message.c_str());
    STRCMP_CONTAINS("systemctl start holdfast-hookd", client.error().message.c_str());
}

TEST(ControlClient, MissedDeadlineEndsTheConnection)
{
    ControlServer server{path, slow};
    auto client = ControlClient::connect(path, "holdfast-hookd");
    CHECK_TRUE(has(client->call("slow", {}, 20ms), Errc::unavailable, "within 20 ms"));
    CHECK_TRUE(has(client->call("a", {}), Errc::unavailable, "was lost"));
}

TEST(ControlClient, DaemonThatEndsIsUnavailableAndNonsenseIsDamaged)
{
    auto ends = [](const jsonrpc::Request&) { return std::optional<std::string>{}; };
    auto talks = [](const jsonrpc::Request&) { return std::optional<std::string>{"HTTP/1.1 400"}; };
    auto other = [](const jsonrpc::Request& request) {
        return jsonrpc::encode(jsonrpc::Reply{request.id + 1, true, ""});
    };
    auto call = [this](ControlServer::Script script) {
        ControlServer server{path, script};
        return ControlClient::connect(path, "d")->call("a", {});
    };
    CHECK_TRUE(has(call(ends), Errc::unavailable, "ended before it answered"));
    CHECK_TRUE(has(call(talks), Errc::damaged, "does not speak"));
    CHECK_TRUE(has(call(other), Errc::damaged, "another request"));
}

TEST(ControlClient, LongTextGoesBothWays)
{
    ControlServer server{path, ControlServer::echo};
    std::string big(2'000'000, 'x');
    auto client = ControlClient::connect(path, "d");
    CHECK_EQUAL(big.size() + 2, text(client->call("a", {big})).size());
}

TEST(ControlClient, APathLongerThanAnAddressIsReached)
{
    std::string deep = folder.path() + "/" + std::string(120, 'd');
    std::filesystem::create_directory(deep);
    ControlServer server{path, ControlServer::echo};
    std::filesystem::create_symlink(path, deep + "/d.ctl");
    auto client = ControlClient::connect(deep + "/d.ctl", "d");
    CHECK_TRUE(bool(client));
    CHECK_EQUAL(std::string("a"), text(client->call("a", {})));
}

TEST(ControlClient, AsyncCallsAreQueuedOnOneConnection)
{
    ControlServer server{path, ControlServer::echo};
    asio::io_context loop;
    AsyncControlClient client{loop.get_executor(), [this] { return path; }, "d"};
    std::vector<std::string> answers;
    for (const char* method : {"a", "b", "c"})
        asio::co_spawn(loop, ask(client, method, 5s, answers), asio::detached);
    loop.run();
    CHECK_TRUE((answers == std::vector<std::string>{"a", "b", "c"}));
    CHECK_EQUAL(1, server.connections());
}

TEST(ControlClient, AsyncMissedDeadlineLeavesTheNextCallWhole)
{
    ControlServer server{path, slow};
    asio::io_context loop;
    AsyncControlClient client{loop.get_executor(), [this] { return path; }, "d"};
    std::vector<std::string> answers;
    asio::co_spawn(loop, ask(client, "slow", 20ms, answers), asio::detached);
    asio::co_spawn(loop, ask(client, "a", 5s, answers), asio::detached);
    loop.run();
    CHECK_EQUAL(2u, answers.size());
    STRCMP_CONTAINS("within 20 ms", answers[0].c_str());
    CHECK_EQUAL(std::string("a"), answers[1]);
    CHECK_EQUAL(2, server.connections());
}

TEST(ControlClient, AsyncWaitingCallKeepsItsOwnDeadline)
{
    ControlServer server{path, slow};
    asio::io_context loop;
    AsyncControlClient client{loop.get_executor(), [this] { return path; }, "d"};
    std::vector<std::string> answers;
    asio::co_spawn(loop, ask(client, "slow", 300ms, answers), asio::detached);
    asio::co_spawn(loop, ask(client, "a", 20ms, answers), asio::detached);
    loop.run();
    STRCMP_CONTAINS("answer to a within 20 ms", answers.at(0).c_str());
    STRCMP_CONTAINS("answer to slow within 300 ms", answers.at(1).c_str());
}

TEST(ControlClient, AsyncComesBackAfterTheDaemonRestarts)
{
    asio::io_context loop;
    AsyncControlClient client{loop.get_executor(), [this] { return path; }, "d"};
    std::vector<std::string> answers;
    for (const char* method : {"a", "b"}) {
        ControlServer server{path, ControlServer::echo};
        loop.restart();
        asio::co_spawn(loop, ask(client, method, 5s, answers), asio::detached);
        loop.run();
    }
    loop.restart();
    asio::co_spawn(loop, ask(client, "c", 5s, answers), asio::detached);
    loop.run();
    CHECK_EQUAL(std::string("a"), answers[0]);
    CHECK_EQUAL(std::string("b"), answers[1]);
    STRCMP_CONTAINS("d is not running", answers[2].c_str());
}

TEST(ControlClient, AsyncCloseEndsWhatIsUnderWay)
{
    ControlServer server{path, slow};
    asio::io_context loop;
    std::vector<std::string> answers;
    auto client = std::make_unique<AsyncControlClient>(
        loop.get_executor(), [this] { return path; }, "d");
    asio::co_spawn(loop, ask(*client, "slow", 5s, answers), asio::detached);
    asio::co_spawn(loop, ask(*client, "a", 5s, answers), asio::detached);
    loop.run_for(20ms);
    client.reset();
    loop.run();
    CHECK_EQUAL(2u, answers.size());
    for (const auto& answer : answers)
        STRCMP_CONTAINS("was closed", answer.c_str());
}

TEST(ControlClient, SwitchIsFoundByItsPidFile)
{
    CHECK_TRUE(has(find_control_socket("ovs-vswitchd", folder.path()), Errc::unavailable,
                   "ovs-vswitchd is not running"));
    std::ofstream{folder.path() + "/ovs-vswitchd.pid"} << "412\n";
    CHECK_EQUAL(folder.path() + "/ovs-vswitchd.412.ctl",
                text(find_control_socket("ovs-vswitchd", folder.path())));
    std::ofstream{folder.path() + "/ovs-vswitchd.pid"} << "4x2\n";
    CHECK_TRUE(has(find_control_socket("ovs-vswitchd", folder.path()), Errc::damaged,
                   "no process number"));
}

TEST(ControlClient, OurSocketsMoveWithTheirFolder)
{
    ::unsetenv("HOLDFAST_RUNDIR");
    CHECK_EQUAL(std::string("/run/holdfast/holdfast-hookd.ctl"),
                holdfast_control_socket("holdfast-hookd"));
    ::setenv("HOLDFAST_RUNDIR", folder.path().c_str(), 1);
    CHECK_EQUAL(folder.path() + "/x.ctl", holdfast_control_socket("x"));
}
