// SPDX-License-Identifier: Apache-2.0
//
// Tests of handoff/agent: a service that breaks the protocol, and one that keeps to it.
//
// The service's part is what lies in a socket pair before the agent asks, so nothing waits.
#include <config.h>

#include "handoff/agent.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "handoff/channel.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::handoff;

namespace {

constexpr Deadline never = Deadline::max();
const Deadline past{};

} // namespace

TEST_GROUP(HandoffAgent)
{
    handoff_channel* service = nullptr;
    Descriptor ours;
    std::vector<Descriptor> kept;

    void setup() override
    {
        std::array<int, 2> pair{};
        CHECK_EQUAL(0, ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()));
        ours.reset(pair[0]);
        service = new handoff_channel;
        handoff_channel_begin(service, pair[1]);
    }
    void teardown() override
    {
        handoff_channel_end(service);
        delete service;
        ours.reset(-1);
        kept.clear();
    }

    void say(handoff_type type, std::uint32_t number = 0, const char* text = "")
    {
        handoff_message message{};
        message.type = type;
        message.number = number;
        message.text = text;
        message.text_size = std::strlen(text);
        CHECK_EQUAL(0, handoff_channel_send(service, &message, INT64_MAX));
    }
    void say_raw(const std::string& packet)
    {
        CHECK_EQUAL(ssize_t(packet.size()), ::send(service->fd, packet.data(), packet.size(), 0));
    }
    int a_socket()
    {
        kept.emplace_back(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        return kept.back().get();
    }
    void say_socket(const char* name, int fd, const std::string& state)
    {
        CHECK_EQUAL(0, handoff_channel_send_socket(service, name, fd, state.data(), state.size(),
                                                   INT64_MAX));
    }
    Service greeted(std::uint32_t roles = HOLDFAST_HANDOFF_GIVES | HOLDFAST_HANDOFF_TAKES)
    {
        say(HANDOFF_HELLO, roles, "web");
        auto got = Service::greet(std::move(ours), never);
        CHECK_TRUE(bool(got));
        return std::move(*got);
    }
    /// What give() says, without the process's number.
    std::string refusal(Service & agent, Deadline until = never)
    {
        auto given = agent.give(until);
        if (given)
            return "gave";
        const std::string me = " (process " + std::to_string(::getpid()) + ")";
        std::string line = given.error().message;
        if (auto at = line.find(me); at != std::string::npos)
            line.erase(at, me.size());
        return line;
    }
};

TEST(HandoffAgent, HelloSaysWhoItIsAndWhatItCan)
{
    Service agent = greeted(HOLDFAST_HANDOFF_GIVES + std::uint32_t{HANDOFF_STOPPED});
    CHECK_EQUAL(std::string("web"), agent.hello().program);
    CHECK_TRUE(agent.hello().gives && !agent.hello().takes && agent.hello().stopped);
    CHECK_FALSE(agent.hello().agreed);
    CHECK_EQUAL(::getpid(), agent.hello().pid);
}

TEST(HandoffAgent, EachSocketComesWithNameAndWholeState)
{
    Service agent = greeted();
    std::string large(100000, 'x'); // Two messages, which the pair holds.
    large.back() = 'y';
    say_socket("listen", a_socket(), "");
    say_socket("connection", a_socket(), large);
    say(HANDOFF_DONE, 2);
    auto given = agent.give(never);
    CHECK_TRUE(bool(given));
    CHECK_EQUAL(2u, given->size());
    CHECK_EQUAL(std::string("listen"), (*given)[0].name);
    CHECK_TRUE((*given)[0].state.empty());
    CHECK_TRUE(std::string((*given)[1].state.begin(), (*given)[1].state.end()) == large);
    CHECK_TRUE(bool((*given)[0].fd) && bool((*given)[1].fd));
}

TEST(HandoffAgent, ARefusalIsTheServicesOwnLine)
{
    Service agent = greeted();
    say(HANDOFF_REFUSED, 0, "a backup runs");
    CHECK_EQUAL(std::string("service web refuses to give its sockets: a backup runs"),
                refusal(agent));
    say(HANDOFF_KEPT); // And it can be told to go on.
    CHECK_TRUE(bool(agent.keep(never)));
}

TEST(HandoffAgent, AServiceThatHangsIsNotWaitedForBeyondTheDeadline)
{
    Service agent = greeted();
    say_socket("listen", a_socket(), "");
    CHECK_EQUAL(std::string("service web did not answer in time (before it had given all its "
                            "sockets): it hangs"),
                refusal(agent, past));
}

TEST(HandoffAgent, AServiceThatDiesIsNoticed)
{
    Service agent = greeted();
    say_socket("listen", a_socket(), "");
    handoff_channel_end(service);
    CHECK_EQUAL(std::string("service web ended before it had given all its sockets: look at its "
                            "log"),
                refusal(agent));
}

TEST(HandoffAgent, NonsenseIsOneLine)
{
    Service agent = greeted();
    say_raw("GET / HTTP/1.0\r\n\r\n");
    CHECK_EQUAL(std::string("service web breaks the handoff protocol: it speaks another version "
                            "of the protocol than 1"),
                refusal(agent));
}

TEST(HandoffAgent, AMessageLargerThanAllMayBeIsOneLine)
{
    Service agent = greeted();
    say_raw(std::string(70000, '\1'));
    CHECK_EQUAL(std::string("service web breaks the handoff protocol: a message is longer than 64 "
                            "KiB"),
                refusal(agent));
}

TEST(HandoffAgent, TheSameSocketTwiceIsRefused)
{
    Service agent = greeted();
    int fd = a_socket();
    say_socket("a", fd, "");
    say_socket("b", fd, "");
    CHECK_EQUAL(std::string("service web breaks the handoff protocol: a socket comes twice"),
                refusal(agent));
}

TEST(HandoffAgent, AnotherNumberOfSocketsThanSaidIsRefused)
{
    Service agent = greeted();
    say_socket("a", a_socket(), "");
    say(HANDOFF_DONE, 2);
    CHECK_EQUAL(std::string("service web breaks the handoff protocol: it says another number of "
                            "sockets than it gave"),
                refusal(agent));
}

TEST(HandoffAgent, StateThatEndsTooSoonIsRefused)
{
    Service agent = greeted();
    handoff_message message{};
    message.type = HANDOFF_MORE;
    message.state = "x";
    message.state_size = 1;
    CHECK_EQUAL(0, handoff_channel_send(service, &message, INT64_MAX));
    CHECK_EQUAL(std::string("service web breaks the handoff protocol: state comes without its "
                            "socket"),
                refusal(agent));
}

TEST(HandoffAgent, KeepPassesOverWhatWasBeingGiven)
{
    Service agent = greeted();
    say_socket("a", a_socket(), "state");
    say(HANDOFF_DONE, 1);
    say(HANDOFF_KEPT);
    CHECK_TRUE(bool(agent.keep(never)));
}

TEST(HandoffAgent, WhoSaysThatItGivesNothingIsNotAsked)
{
    Service agent = greeted(HOLDFAST_HANDOFF_TAKES);
    CHECK_TRUE(refusal(agent).find("does not give its sockets away") != std::string::npos);
}

TEST(HandoffAgent, TheTargetHasItAllBeforeItIsReady)
{
    Service agent = greeted();
    std::vector<Socket> sockets(1);
    sockets[0].name = "connection";
    sockets[0].state.assign(70000, 5);
    sockets[0].fd.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    say(HANDOFF_READY);
    CHECK_TRUE(bool(agent.take(sockets, never)));
    CHECK_TRUE(bool(agent.go(never)));

    handoff_message message{};
    CHECK_EQUAL(0, handoff_channel_receive(service, &message));
    CHECK_EQUAL(HANDOFF_SOCKET, message.type);
    CHECK_EQUAL(70000u, message.state_size);
    CHECK_EQUAL(0, handoff_channel_receive(service, &message));
    CHECK_EQUAL(HANDOFF_DONE, message.type);
    CHECK_EQUAL(1u, message.number);
    CHECK_EQUAL(0, handoff_channel_receive(service, &message));
    CHECK_EQUAL(HANDOFF_GO, message.type);
}

TEST(HandoffAgent, ATargetThatCannotGoOnSaysWhy)
{
    Service agent = greeted();
    say(HANDOFF_REFUSED, 0, "its state is of version 9");
    auto taken = agent.take({}, never);
    CHECK_FALSE(bool(taken));
    CHECK_TRUE(taken.error().message.ends_with("refuses to go on with the sockets: its state is "
                                               "of version 9"));
}

TEST(HandoffAgent, AStateOrNameBeyondItsLimitIsRefused)
{
    Service agent = greeted();
    std::vector<Socket> sockets(1);
    sockets[0].name = "a:b";
    sockets[0].fd.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    CHECK_TRUE(agent.take(sockets, never).error().code == Errc::invalid);
    sockets[0].name = "a";
    sockets[0].state.resize(HOLDFAST_HANDOFF_STATE_MAX + 1);
    CHECK_TRUE(agent.take(sockets, never).error().code == Errc::invalid);
}
