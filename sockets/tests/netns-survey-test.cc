// SPDX-License-Identifier: Apache-2.0
//
// Which sockets are there, and which stop a move: seen on the machine's own kernel (spec S7).
#include <config.h>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/tcp.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "sockets/refusal.h"
#include "sockets/save.h"
#include "sockets/survey.h"
#include "sockets/syscalls.h"
#include "sockets/tests/world.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::sockets;
using namespace holdfast::sockets::tests;

namespace {

/// The service of these tests is this process, less the library's own sockets.
std::vector<std::string> refusals_in(Net& net, Method method = Method::handoff)
{
    return net.in([&] {
        const pid_t self[] = {getpid()};
        Holders holders = must(holders_of(self));
        const auto seen = must(survey(holders));
        // What belongs to the peer's namespace is not the service's.
        for (const SocketSeen& each : seen)
            if (each.foreign)
                holders.erase(each.inode);
        std::vector<SocketSeen> own;
        std::copy_if(seen.begin(), seen.end(), std::back_inserter(own),
                     [](const SocketSeen& each) { return !each.foreign; });
        std::vector<std::string> lines;
        for (const Refusal& refusal : refusals(own, holders, must(multicast_groups()), method))
            lines.push_back(refusal.line);
        return lines;
    });
}

bool contains(const std::vector<std::string>& lines, const std::string& words)
{
    return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
        return line.find(words) != std::string::npos;
    });
}

/// How a refusal names a descriptor of this process.
std::string named(const Descriptor& fd)
{
    return "(process " + std::to_string(getpid()) + ", descriptor " + std::to_string(fd.get()) +
           ")";
}

Descriptor open_socket(Net& net, int domain, int type, int protocol)
{
    return net.in([&] {
        Descriptor fd{socket(domain, type | SOCK_CLOEXEC, protocol)};
        CHECK_TRUE(bool(fd));
        return fd;
    });
}

} // namespace

TEST_GROUP(Survey){};

TEST(Survey, OrdinarySocketsAreNotRefused)
{
    World world{World::Family::v4};
    auto listener = world.listen(world.home, 80);
    auto pair = world.connect(listener.get(), 80);
    const auto udp = open_socket(world.home, AF_INET6, SOCK_DGRAM, 0);
    const auto fresh = open_socket(world.home, AF_INET, SOCK_STREAM, 0);
    const auto lines = refusals_in(world.home);
    LONGS_EQUAL(0, lines.size());
}

TEST(Survey, UrgentDataIsRefusedBeforeAndWhenSaved)
{
    World world{World::Family::v4};
    auto listener = world.listen(world.home, 80);
    auto pair = world.connect(listener.get(), 80);
    write_all(pair.peer.get(), "abc");
    LONGS_EQUAL(1, send(pair.peer.get(), "!", 1, MSG_OOB));
    write_all(pair.peer.get(), "def");
    pollfd look{pair.service.get(), POLLPRI, 0};
    LONGS_EQUAL(1, poll(&look, 1, 10000));
    CHECK_TRUE(contains(refusals_in(world.home), "urgent data waits"));
    // Read out of band, its place in the stream still has to be passed.
    char octet;
    LONGS_EQUAL(1, recv(pair.service.get(), &octet, 1, MSG_OOB));
    world.home.gate(Gate::shut);
    const auto image = world.home.in([&] { return save(world.home.space(), pair.service.get()); });
    CHECK_FALSE(bool(image));
    STRCMP_CONTAINS("urgent data waits", image.error().message.c_str());
}

TEST(Survey, UrgentDataInLineIsRefused)
{
    World world{World::Family::v4};
    auto listener = world.listen(world.home, 80);
    auto pair = world.connect(listener.get(), 80);
    set_int(pair.service.get(), SOL_SOCKET, SO_OOBINLINE, 1);
    LONGS_EQUAL(1, send(pair.peer.get(), "!", 1, MSG_OOB));
    wait_for(pair.service.get(), POLLIN, "the urgent octet");
    CHECK_TRUE(contains(refusals_in(world.home), "urgent data waits"));
    world.home.gate(Gate::shut);
    const auto image = world.home.in([&] { return save(world.home.space(), pair.service.get()); });
    CHECK_FALSE(bool(image));
}

TEST(Survey, MptcpIsRefused)
{
    World world{World::Family::v4};
    const auto fd = open_socket(world.home, AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
    CHECK_TRUE(contains(refusals_in(world.home), "MPTCP"));
}

TEST(Survey, SignedSegmentsAreRefused)
{
    World world{World::Family::v4};
    const auto fd = world.listen(world.home, 80, 16, [&](int fd) {
        tcp_md5sig key{};
        const SocketAddress peer{AF_INET, world.far(0), 0};
        std::memcpy(&key.tcpm_addr, peer.get(), peer.size());
        key.tcpm_keylen = 3;
        std::memcpy(key.tcpm_key, "key", 3);
        LONGS_EQUAL(0, setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof key));
    });
    CHECK_TRUE(contains(refusals_in(world.home), "signed"));
}

TEST(Survey, CorkedDatagramIsRefused)
{
    World world{World::Family::v4};
    const auto fd = open_socket(world.home, AF_INET, SOCK_DGRAM, 0);
    world.home.in([&] {
        const SocketAddress to{AF_INET, world.far(53), 0};
        LONGS_EQUAL(3, sendto(fd.get(), "abc", 3, MSG_MORE, to.get(), to.size()));
    });
    CHECK_TRUE(contains(refusals_in(world.home), "is being put together"));
}

TEST(Survey, RawAndPacketSocketsAreRefusedToACheckpoint)
{
    World world{World::Family::v4};
    const auto raw = open_socket(world.home, AF_INET, SOCK_RAW, IPPROTO_ICMP);
    const auto packet = open_socket(world.home, AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    LONGS_EQUAL(0, refusals_in(world.home).size());
    const auto lines = refusals_in(world.home, Method::checkpoint);
    CHECK_TRUE(contains(lines, named(raw) + ": raw and ping sockets cannot be restored"));
    CHECK_TRUE(contains(lines, named(packet) + ": such sockets cannot be restored"));
}

TEST(Survey, MulticastGroupIsRefused)
{
    World world{World::Family::v4};
    const auto fd = open_socket(world.home, AF_INET, SOCK_DGRAM, 0);
    const auto fd6 = open_socket(world.home, AF_INET6, SOCK_DGRAM, 0);
    world.home.in([&] {
        ip_mreqn group{};
        inet_pton(AF_INET, "239.1.2.3", &group.imr_multiaddr);
        group.imr_ifindex = static_cast<int>(if_nametoindex("eth0"));
        LONGS_EQUAL(0, setsockopt(fd.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group));
        ipv6_mreq group6{};
        inet_pton(AF_INET6, "ff05::123", &group6.ipv6mr_multiaddr);
        group6.ipv6mr_interface = if_nametoindex("eth0");
        LONGS_EQUAL(0,
                    setsockopt(fd6.get(), IPPROTO_IPV6, IPV6_JOIN_GROUP, &group6, sizeof group6));
    });
    const auto lines = refusals_in(world.home);
    CHECK_TRUE(contains(lines, "239.1.2.3 on eth0"));
    CHECK_TRUE(contains(lines, "ff05::123 on eth0"));
    LONGS_EQUAL(2, lines.size());
}

TEST(Survey, SocketOfAnotherNamespaceIsSeenToBeForeign)
{
    World world{World::Family::v4};
    const auto abroad = open_socket(world.peer, AF_INET, SOCK_STREAM, 0);
    world.home.in([&] {
        const pid_t self[] = {getpid()};
        const auto seen = must(survey(must(holders_of(self))));
        CHECK_TRUE(std::any_of(seen.begin(), seen.end(),
                               [](const SocketSeen& each) { return each.foreign; }));
    });
}

TEST(Survey, HolderIsNamed)
{
    World world{World::Family::v4};
    const auto fd = open_socket(world.home, AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
    CHECK_TRUE(contains(refusals_in(world.home), "MPTCP 0.0.0.0:0 of netns-test " + named(fd)));
}
