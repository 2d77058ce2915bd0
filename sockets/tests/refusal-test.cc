// SPDX-License-Identifier: Apache-2.0
//
// Tests of sockets/refusal: what stops a move, by its name (spec S7).
#include <config.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

#include "sockets/refusal.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast::sockets;

TEST_GROUP(Refusal)
{
    const Holders holders{{100, {812, 5, "nginx"}}, {101, {812, 6, "nginx"}}};

    static SocketSeen tcp()
    {
        SocketSeen seen;
        seen.inode = 100;
        seen.domain = AF_INET;
        seen.type = SOCK_STREAM;
        seen.protocol = IPPROTO_TCP;
        seen.state = TcpState::established;
        seen.local = {{10, 9, 0, 2}, 80};
        seen.remote = {{10, 9, 0, 9}, 4711};
        return seen;
    }
    static SocketSeen of_family(int domain)
    {
        SocketSeen seen;
        seen.inode = 100;
        seen.domain = domain;
        return seen;
    }
    std::string refusal(const SocketSeen& seen, Method method = Method::checkpoint) const
    {
        const auto found = refusals(std::array{seen}, holders, {}, method);
        return found.empty() ? "" : found[0].line;
    }
};

TEST(Refusal, OrdinaryConnectionIsKept)
{
    STRCMP_EQUAL("", refusal(tcp()).c_str());
}

TEST(Refusal, SaysWhichSocketWhoseAndWhy)
{
    SocketSeen seen = tcp();
    seen.urgent = true;
    STRCMP_EQUAL("TCP 10.9.0.2:80 to 10.9.0.9:4711 of nginx (process 812, descriptor 5): urgent "
                 "data waits to be read: try again when the program has read it",
                 refusal(seen).c_str());
}

TEST(Refusal, KernelTlsAndOtherUpperLayers)
{
    SocketSeen seen = tcp();
    seen.ulp = "tls";
    STRCMP_CONTAINS("kTLS", refusal(seen, Method::handoff).c_str());
    seen.ulp = "smc";
    STRCMP_CONTAINS("TCP_ULP smc", refusal(seen, Method::handoff).c_str());
    seen.ulp = "mptcp";
    STRCMP_CONTAINS("MPTCP", refusal(seen, Method::handoff).c_str());
}

TEST(Refusal, OtherTransports)
{
    for (const int protocol : {IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_UDPLITE}) {
        SocketSeen seen = tcp();
        seen.protocol = protocol;
        STRCMP_CONTAINS("only TCP and UDP", refusal(seen, Method::handoff).c_str());
    }
    SocketSeen seen = tcp();
    seen.protocol = IPPROTO_MPTCP;
    STRCMP_CONTAINS("GODEBUG=multipathtcp=0", refusal(seen, Method::handoff).c_str());
    seen.protocol = IPPROTO_SCTP;
    STRCMP_CONTAINS("SCTP 10.9.0.2:80", refusal(seen, Method::handoff).c_str());
}

TEST(Refusal, KeysFiltersTunnelsAndForeignSockets)
{
    SocketSeen seen = tcp();
    seen.signed_segments = true;
    STRCMP_CONTAINS("signed", refusal(seen).c_str());
    seen = tcp();
    seen.unreadable_filter = true;
    STRCMP_CONTAINS("eBPF", refusal(seen).c_str());
    seen = tcp();
    seen.protocol = IPPROTO_UDP;
    seen.encapsulates = true;
    STRCMP_CONTAINS("UDP_ENCAP", refusal(seen).c_str());
    seen.encapsulates = false;
    seen.corked = true;
    STRCMP_CONTAINS("put together", refusal(seen).c_str());
    seen = tcp();
    seen.foreign = true;
    STRCMP_CONTAINS("another network namespace", refusal(seen).c_str());
}

TEST(Refusal, SocketThatNoProcessOfTheServiceHolds)
{
    SocketSeen seen = tcp();
    seen.inode = 999;
    STRCMP_CONTAINS("no process of the service holds it", refusal(seen).c_str());
    seen.inode = 0; // Not yet accepted, or closed: the flush waits for those.
    STRCMP_EQUAL("", refusal(seen).c_str());
}

TEST(Refusal, UnixSocketsAreTheirEndsAffair)
{
    SocketSeen seen = of_family(AF_UNIX);
    seen.peer_inode = 101;
    STRCMP_EQUAL("", refusal(seen).c_str());
    seen.peer_inode = 999;
    seen.name = "/run/log";
    STRCMP_EQUAL("Unix socket /run/log of nginx (process 812, descriptor 5): its other end is "
                 "outside of the service",
                 refusal(seen).c_str());
    STRCMP_EQUAL("", refusal(seen, Method::handoff).c_str());
    seen = of_family(AF_UNIX);
    seen.state = TcpState::listening;
    seen.received = 1;
    STRCMP_CONTAINS("wait to be accepted", refusal(seen).c_str());
}

TEST(Refusal, OtherFamiliesStopACheckpointOnly)
{
    for (const int domain : {AF_PACKET, AF_VSOCK, AF_ALG, AF_XDP}) {
        STRCMP_CONTAINS("cannot be restored", refusal(of_family(domain)).c_str());
        STRCMP_EQUAL("", refusal(of_family(domain), Method::handoff).c_str());
    }
    STRCMP_EQUAL("", refusal(of_family(AF_NETLINK)).c_str());
}

TEST(Refusal, RawSocketsAreTheServicesOnlyIfItHoldsThem)
{
    SocketSeen seen = tcp();
    seen.type = SOCK_RAW;
    seen.protocol = IPPROTO_RAW;
    STRCMP_CONTAINS("raw", refusal(seen).c_str());
    STRCMP_EQUAL("", refusal(seen, Method::handoff).c_str());
    seen.inode = 999;
    STRCMP_EQUAL("", refusal(seen).c_str());
}

TEST(Refusal, MulticastGroups)
{
    const std::string groups[] = {"239.1.1.1 on eth0"};
    const auto found = refusals({}, holders, groups, Method::handoff);
    STRCMP_EQUAL("multicast group 239.1.1.1 on eth0: the kernel does not say which socket has "
                 "joined it",
                 found.at(0).line.c_str());
}

TEST(Refusal, RemarksNameWhatIsNotKept)
{
    SocketSeen half = tcp();
    half.inode = 0;
    half.state = TcpState::syn_received;
    SocketSeen orphan = tcp();
    orphan.inode = 0;
    orphan.state = TcpState::fin_wait1;
    orphan.to_send = 12;
    SocketSeen other = of_family(AF_UNIX);
    const auto found = remarks(std::array{half, orphan, other, tcp()}, holders, Method::handoff);
    LONGS_EQUAL(3, found.size());
    STRCMP_CONTAINS("the client sends its SYN again", found[0].line.c_str());
    STRCMP_CONTAINS("12 octets", found[1].line.c_str());
    STRCMP_EQUAL("1 Unix socket: the program makes it anew", found[2].line.c_str());
}
