// SPDX-License-Identifier: Apache-2.0
//
// Listeners, their ports and backlogs, UDP, options: moved from one network namespace to another
// (spec S4, S7).
#include <config.h>

#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sockets/restore.h"
#include "sockets/save.h"
#include "sockets/syscalls.h"
#include "sockets/tests/mover.h"
#include "sockets/tests/world.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::sockets;
using namespace holdfast::sockets::tests;

namespace {

constexpr World::Family families[] = {World::Family::v4, World::Family::v6, World::Family::mapped};

int int_option(int fd, int level, int name)
{
    int value = -1;
    get_option(fd, level, name, value);
    return value;
}

/// How much memory the receive queue takes.
std::uint32_t memory_of(int fd)
{
    std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
    get_option(fd, SOL_SOCKET, SO_MEMINFO, memory);
    return memory[SK_MEMINFO_RMEM_ALLOC];
}

Descriptor udp_socket(World& world, Net& net, std::uint16_t port)
{
    return net.in([&] {
        Descriptor fd{socket(world.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        const SocketAddress at{world.family(), world.service(port), 0};
        LONGS_EQUAL(0, bind(fd.get(), at.get(), at.size()));
        return fd;
    });
}

/// The peer's end, connected to the service's port.
Descriptor udp_peer(World& world, World::Family family, std::uint16_t port, std::uint16_t own)
{
    return world.peer.in([&] {
        const std::uint8_t af = family == World::Family::v6 ? AF_INET6 : AF_INET;
        Descriptor fd{socket(af, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        sockaddr_in6 any{};
        any.sin6_family = af;
        any.sin6_port = htons(own);
        const socklen_t size = af == AF_INET ? sizeof(sockaddr_in) : sizeof any;
        LONGS_EQUAL(0, bind(fd.get(), reinterpret_cast<sockaddr*>(&any), size));
        Endpoint to = world.service(port);
        if (family == World::Family::mapped)
            std::copy(to.ip.begin() + 12, to.ip.end(), to.ip.begin());
        const SocketAddress at{af, to, 0};
        LONGS_EQUAL(0, connect(fd.get(), at.get(), at.size()));
        return fd;
    });
}

} // namespace

TEST_GROUP(Listener){};

TEST(Listener, ChildrenTakeItsPortAndItCanBeMadeAgain)
{
    for (const auto family : families) {
        World world{family};
        auto listener = world.listen(world.home, 80, 77);
        auto first = world.connect(listener.get(), 80);
        auto second = world.connect(listener.get(), 80);
        Mover mover{world, world.home, world.target};
        auto moved = mover.move(listener, first.service, second.service);
        LONGS_EQUAL(77, mover.images[0].backlog);
        // Old ones talk, new ones come.
        write_all(first.peer.get(), "old");
        STRCMP_EQUAL("old", read_exactly(moved[1].get(), 3).c_str());
        auto third = world.connect(moved[0].get(), 80);
        write_all(third.peer.get(), "new");
        STRCMP_EQUAL("new", read_exactly(third.service.get(), 3).c_str());
        // The program restarts its listener, with SO_REUSEADDR as ever.
        moved[0].reset(-1);
        auto again = world.listen(world.target, 80);
        auto fourth = world.connect(again.get(), 80);
    }
}

TEST(Listener, WithoutReuseAddressTheChildrenStillTakeItsPort)
{
    World world{World::Family::v4};
    auto listener = world.listen(world.home, 8080, 16,
                                 [](int fd) { set_int(fd, SOL_SOCKET, SO_REUSEADDR, 0); });
    auto pair = world.connect(listener.get(), 8080);
    Mover mover{world, world.home, world.target};
    auto moved = mover.move(listener, pair.service);
    LONGS_EQUAL(0, int_option(moved[0].get(), SOL_SOCKET, SO_REUSEADDR));
    LONGS_EQUAL(0, int_option(moved[1].get(), SOL_SOCKET, SO_REUSEADDR));
    write_all(pair.peer.get(), "x");
    read_exactly(moved[1].get(), 1);
}

TEST(Listener, ReusePortGroupOfAnotherUserIsKept)
{
    for (const auto family : families) {
        World world{family};
        const auto shared = [](int fd) {
            set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
            LONGS_EQUAL(0, fchown(fd, 1234, 1234));
        };
        auto one = world.listen(world.home, 80, 16, shared);
        auto two = world.listen(world.home, 80, 16, shared);
        Descriptor peer = world.dial(80);
        pollfd look[2] = {{one.get(), POLLIN, 0}, {two.get(), POLLIN, 0}};
        LONGS_EQUAL(1, poll(look, 2, 10000));
        Descriptor service{accept4(look[0].revents ? one.get() : two.get(), nullptr, nullptr,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC)};
        Mover mover{world, world.home, world.target};
        auto moved = mover.move(one, two, service);
        LONGS_EQUAL(1, int_option(moved[0].get(), SOL_SOCKET, SO_REUSEPORT));
        write_all(peer.get(), "x");
        read_exactly(moved[2].get(), 1);
        // A third of the same user joins, which is refused to another's.
        auto three = world.listen(world.target, 80, 16, shared);
        CHECK_THROWS(std::runtime_error, world.listen(world.target, 80, 16, [](int fd) {
            set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
            LONGS_EQUAL(0, fchown(fd, 1235, 1235));
        }));
    }
}

TEST(Listener, ConnectionsNotAcceptedAreKept)
{
    for (const auto family : families) {
        World world{family};
        auto listener = world.listen(world.home, 80);
        Descriptor first = world.dial(80);
        Descriptor second = world.dial(80);
        write_all(first.get(), "one");
        write_all(second.get(), "two");
        wait_for(listener.get(), POLLIN, "the connections");
        auto waiting = world.home.in([&] { return must(take_backlog(listener.get())); });
        LONGS_EQUAL(2, waiting.size());
        Mover mover{world, world.home, world.target};
        auto moved = mover.move(listener, waiting[0], waiting[1]);
        STRCMP_EQUAL("one", read_exactly(moved[1].get(), 3).c_str());
        STRCMP_EQUAL("two", read_exactly(moved[2].get(), 3).c_str());
        write_all(moved[2].get(), "answer");
        STRCMP_EQUAL("answer", read_exactly(second.get(), 6).c_str());
    }
}

TEST(Listener, OptionsAreKept)
{
    World world{World::Family::v4};
    auto listener = world.listen(world.home, 80, 16, [](int fd) {
        set_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 7);
        set_int(fd, IPPROTO_TCP, TCP_FASTOPEN, 5);
        set_int(fd, IPPROTO_TCP, TCP_MAXSEG, 900);
        set_int(fd, IPPROTO_IP, IP_FREEBIND, 1);
        set_int(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
        set_int(fd, SOL_SOCKET, SO_RCVBUF, 100000);
    });
    const int defer = int_option(listener.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT);
    const int buffer = int_option(listener.get(), SOL_SOCKET, SO_RCVBUF);
    Mover mover{world, world.home, world.target};
    auto moved = mover.move(listener);
    const int fd = moved[0].get();
    LONGS_EQUAL(defer, int_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT));
    LONGS_EQUAL(5, int_option(fd, IPPROTO_TCP, TCP_FASTOPEN));
    LONGS_EQUAL(900, int_option(fd, IPPROTO_TCP, TCP_MAXSEG));
    LONGS_EQUAL(1, int_option(fd, IPPROTO_IP, IP_FREEBIND));
    LONGS_EQUAL(1, int_option(fd, IPPROTO_IP, IP_TRANSPARENT));
    LONGS_EQUAL(buffer, int_option(fd, SOL_SOCKET, SO_RCVBUF));
}

TEST_GROUP(Option){};

TEST(Option, OfAConnectionAreKept)
{
    for (const auto family : families) {
        World world{family};
        auto listener = world.listen(world.home, 80);
        auto pair = world.connect(listener.get(), 80);
        const int fd = pair.service.get();
        const struct {
            int level, name, value;
        } options[] = {
            {IPPROTO_TCP, TCP_NODELAY, 1},
            {IPPROTO_TCP, TCP_CORK, 1},
            {IPPROTO_TCP, TCP_KEEPIDLE, 33},
            {IPPROTO_TCP, TCP_KEEPINTVL, 11},
            {IPPROTO_TCP, TCP_KEEPCNT, 4},
            {IPPROTO_TCP, TCP_USER_TIMEOUT, 45000},
            {IPPROTO_TCP, TCP_LINGER2, 21},
            {IPPROTO_TCP, TCP_SYNCNT, 3},
            {IPPROTO_TCP, TCP_NOTSENT_LOWAT, 9000},
            {IPPROTO_TCP, TCP_INQ, 1},
            {SOL_SOCKET, SO_KEEPALIVE, 1},
            {SOL_SOCKET, SO_PRIORITY, 5},
            {SOL_SOCKET, SO_MARK, 77},
            {SOL_SOCKET, SO_RCVLOWAT, 2},
            {SOL_SOCKET, SO_OOBINLINE, 1},
            {SOL_SOCKET, SO_RCVBUF, 50000},
            {SOL_SOCKET, SO_SNDBUF, 60000},
            {SOL_SOCKET, SO_ZEROCOPY, 1},
        };
        for (const auto& option : options)
            CHECK_TRUE(set_int(fd, option.level, option.name, option.value));
        if (family == World::Family::v6)
            CHECK_TRUE(set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, 0x48));
        else
            CHECK_TRUE(set_int(fd, IPPROTO_IP, IP_TOS, 0x48));
        const linger lingering{1, 17};
        const timeval timeout{3, 500000};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &lingering, sizeof lingering);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
        LONGS_EQUAL(0, setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
        const sock_filter accept_all[] = {BPF_STMT(BPF_RET | BPF_K, 0xffffffff)};
        sock_fprog program{1, const_cast<sock_filter*>(accept_all)};
        LONGS_EQUAL(0, setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
        std::vector<int> before;
        for (const auto& option : options)
            before.push_back(int_option(fd, option.level, option.name));
        Mover mover{world, world.home, world.target};
        auto moved = mover.move(listener, pair.service);
        const int there = moved[1].get();
        for (std::size_t i = 0; i < before.size(); ++i)
            LONGS_EQUAL(before[i], int_option(there, options[i].level, options[i].name));
        linger lingers{};
        timeval times{};
        char congestion[16] = "";
        get_option(there, SOL_SOCKET, SO_LINGER, lingers);
        get_option(there, SOL_SOCKET, SO_RCVTIMEO, times);
        get_option(there, IPPROTO_TCP, TCP_CONGESTION, congestion);
        LONGS_EQUAL(17, lingers.l_linger);
        LONGS_EQUAL(3, times.tv_sec);
        STRCMP_EQUAL("reno", congestion);
        LONGS_EQUAL(0x48, family == World::Family::v6 ? int_option(there, IPPROTO_IPV6, IPV6_TCLASS)
                                                      : int_option(there, IPPROTO_IP, IP_TOS));
        socklen_t n_instructions = 0;
        getsockopt(there, SOL_SOCKET, SO_GET_FILTER, nullptr, &n_instructions);
        LONGS_EQUAL(1, n_instructions);
    }
}

TEST(Option, BuffersThatTheKernelSizesStaySo)
{
    World world{World::Family::v4};
    auto listener = world.listen(world.home, 80);
    auto pair = world.connect(listener.get(), 80);
    Mover mover{world, world.home, world.target};
    auto moved = mover.move(listener, pair.service);
    LONGS_EQUAL(0, int_option(moved[1].get(), SOL_SOCKET, SO_BUF_LOCK));
    LONGS_EQUAL(mover.images[1].receive_buffer, int_option(moved[1].get(), SOL_SOCKET, SO_RCVBUF));
    LONGS_EQUAL(mover.images[1].send_buffer, int_option(moved[1].get(), SOL_SOCKET, SO_SNDBUF));
}

TEST(Option, DeviceIsKeptByName)
{
    for (const auto family : families) {
        World world{family};
        auto listener = world.listen(world.home, 80, 16, [](int fd) {
            LONGS_EQUAL(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 4));
        });
        auto pair = world.connect(listener.get(), 80);
        Mover mover{world, world.home, world.target};
        auto moved = mover.move(listener, pair.service);
        STRCMP_EQUAL("eth0", mover.images[1].device.c_str());
        write_all(pair.peer.get(), "x");
        read_exactly(moved[1].get(), 1);
    }
}

TEST_GROUP(Unconnected){};

TEST(Unconnected, BoundAndNew)
{
    for (const auto family : families) {
        World world{family};
        const auto make = [&](bool bound) {
            return world.home.in([&] {
                Descriptor fd{socket(world.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)};
                const SocketAddress at{world.family(), world.service(81), 0};
                if (bound)
                    LONGS_EQUAL(0, bind(fd.get(), at.get(), at.size()));
                return fd;
            });
        };
        auto bound = make(true);
        auto fresh = make(false);
        Mover mover{world, world.home, world.target};
        auto moved = mover.move(bound, fresh);
        LONGS_EQUAL(int(Kind::unconnected), int(mover.images[0].kind));
        LONGS_EQUAL(81, mover.images[0].local.port);
        LONGS_EQUAL(0, listen(moved[0].get(), 5));
        auto pair = world.connect(moved[0].get(), 81);
    }
}

TEST_GROUP(Datagram){};

TEST(Datagram, QueueIsKeptInOrder)
{
    for (const auto family : families) {
        World world{family};
        auto service = udp_socket(world, world.home, 53);
        auto one = udp_peer(world, family, 53, 5001);
        auto two = udp_peer(world, family, 53, 5002);
        const std::string large = pattern(60000, 15);
        for (const std::string& bytes : {std::string{"first"}, std::string{}, large})
            LONGS_EQUAL(bytes.size(), send(one.get(), bytes.data(), bytes.size(), 0));
        wait_for("the large datagram", [&] { return memory_of(service.get()) > 60000; });
        const auto before = memory_of(service.get());
        LONGS_EQUAL(4, send(two.get(), "last", 4, 0));
        wait_for("the last datagram", [&] { return memory_of(service.get()) > before; });
        Mover mover{world, world.home, world.target};
        auto moved = mover.move(service);
        SocketAddress from;
        socklen_t size = SocketAddress::capacity;
        std::string bytes(65536, '\0');
        std::vector<std::size_t> sizes;
        for (int i = 0; i < 4; ++i) {
            const ssize_t n = recvfrom(moved[0].get(), bytes.data(), bytes.size(), MSG_DONTWAIT,
                                       from.get(), &size);
            sizes.push_back(static_cast<std::size_t>(n));
            if (i == 2)
                CHECK_TRUE(bytes.substr(0, large.size()) == large);
        }
        CHECK_TRUE((sizes == std::vector<std::size_t>{5, 0, 60000, 4}));
        LONGS_EQUAL(5002, from.endpoint().port);
        CHECK_TRUE(from.endpoint().ip == world.far(0).ip);
        // And answers go back.
        LONGS_EQUAL(2, sendto(moved[0].get(), "ok", 2, 0, from.get(), from.size()));
        STRCMP_EQUAL("ok", read_exactly(two.get(), 2).c_str());
    }
}

TEST(Datagram, ConnectedOneIsKept)
{
    for (const auto family : families) {
        World world{family};
        auto service = udp_socket(world, world.home, 53);
        auto peer = udp_peer(world, family, 53, 5001);
        const SocketAddress to{world.family(), world.far(5001), 0};
        LONGS_EQUAL(0, world.home.in([&] { return connect(service.get(), to.get(), to.size()); }));
        LONGS_EQUAL(3, send(peer.get(), "ask", 3, 0));
        wait_for(service.get(), POLLIN, "the question");
        Mover mover{world, world.home, world.target};
        auto moved = mover.move(service);
        STRCMP_EQUAL("ask", read_exactly(moved[0].get(), 3).c_str());
        LONGS_EQUAL(6, send(moved[0].get(), "answer", 6, 0));
        STRCMP_EQUAL("answer", read_exactly(peer.get(), 6).c_str());
    }
}

TEST(Datagram, SavingTakesNothingOut)
{
    World world{World::Family::v4};
    auto service = udp_socket(world, world.home, 53);
    auto peer = udp_peer(world, World::Family::v4, 53, 5001);
    LONGS_EQUAL(3, send(peer.get(), "ask", 3, 0));
    wait_for(service.get(), POLLIN, "the question");
    world.home.in([&] {
        for (int i = 0; i < 2; ++i)
            LONGS_EQUAL(1, must(sockets::save(world.home.space(), service.get())).datagrams.size());
    });
    STRCMP_EQUAL("ask", read_exactly(service.get(), 3).c_str());
    LONGS_EQUAL(-1, int_option(service.get(), SOL_SOCKET, SO_PEEK_OFF));
    LONGS_EQUAL(0, int_option(service.get(), IPPROTO_IP, IP_RECVORIGDSTADDR));
}

TEST_GROUP(Given){};

namespace {

/// What CRIU (--tcp-close) leaves where a connection was: unbound, shut both ways.
Descriptor closed_place(World& world)
{
    return world.target.in([&] {
        Descriptor fd{socket(world.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        shutdown(fd.get(), SHUT_RDWR); // ENOTCONN, and it is shut all the same.
        return fd;
    });
}

} // namespace

TEST(Given, ConnectionIsRestoredIntoASocketThatOthersHold)
{
    for (const auto family : families) {
        World world{family};
        auto listener = world.listen(world.home, 80, 77);
        auto pair = world.connect(listener.get(), 80);
        write_all(pair.peer.get(), "waits");
        wait_for(pair.service.get(), POLLIN, "what waits");
        Mover mover{world, world.home, world.target};
        std::vector<Descriptor*> all{&listener, &pair.service};
        mover.flush(all);
        mover.save(all);
        auto place = closed_place(world);
        const Descriptor held{dup(place.get())}; // As a process of the service holds it.
        auto again = world.listen(world.target, 80, 5);
        world.target.gate(Gate::shut);
        world.target.in([&] {
            Space& space = world.target.space();
            must(restore_into(space, again.get(), mover.images[0]));
            must(restore_into(space, place.get(), mover.images[1]));
            must(verify(space, again.get(), mover.images[0]));
            must(verify(space, place.get(), mover.images[1]));
        });
        world.target.in([&] { must(release(world.target.space(), place.get(), mover.images[1])); });
        world.plug(world.target);
        world.target.gate(Gate::open);
        world.target.in([&] { must(go_live(world.target.space(), place.get(), mover.images[1])); });
        place.reset(-1);
        STRCMP_EQUAL("waits", read_exactly(held.get(), 5).c_str());
        write_all(held.get(), "heard");
        STRCMP_EQUAL("heard", read_exactly(pair.peer.get(), 5).c_str());
        auto fresh = world.connect(again.get(), 80);
        pair.service.reset(-1);
        listener.reset(-1);
        world.home.gate(Gate::open);
    }
}

TEST(Given, ConnectionThatHadEndedIsReadToItsEnd)
{
    World world{World::Family::v4};
    auto listener = world.listen(world.home, 80);
    auto pair = world.connect(listener.get(), 80);
    write_all(pair.peer.get(), "last");
    shutdown(pair.peer.get(), SHUT_WR);
    wait_for("the peer's end",
             [&] { return state_of(pair.service.get()) == TcpState::close_wait; });
    Mover mover{world, world.home, world.target};
    std::vector<Descriptor*> all{&pair.service};
    mover.flush(all);
    mover.save(all);
    auto place = closed_place(world);
    world.target.gate(Gate::shut);
    world.target.in([&] {
        must(restore_into(world.target.space(), place.get(), mover.images[0]));
        must(verify(world.target.space(), place.get(), mover.images[0]));
    });
    world.target.in([&] { must(release(world.target.space(), place.get(), mover.images[0])); });
    world.plug(world.target);
    world.target.gate(Gate::open);
    world.target.in([&] { must(go_live(world.target.space(), place.get(), mover.images[0])); });
    STRCMP_EQUAL("last", read_to_end(place.get()).c_str());
    pair.service.reset(-1);
    world.home.gate(Gate::open);
}

TEST(Given, DatagramSocketGetsItsQueueBack)
{
    World world{World::Family::v4};
    auto service = udp_socket(world, world.home, 53);
    auto first = udp_peer(world, World::Family::v4, 53, 1111);
    auto second = udp_peer(world, World::Family::v4, 53, 2222);
    LONGS_EQUAL(3, send(first.get(), "one", 3, 0));
    LONGS_EQUAL(3, send(second.get(), "two", 3, 0));
    wait_for("both", [&] { return memory_of(service.get()) > 0; });
    // Connected, with a datagram of another's in its queue.
    world.home.in([&] {
        const SocketAddress to{AF_INET, world.far(2222), 0};
        LONGS_EQUAL(0, connect(service.get(), to.get(), to.size()));
    });
    Mover mover{world, world.home, world.target};
    std::vector<Descriptor*> all{&service};
    mover.save(all);
    auto place = udp_socket(world, world.target, 53);
    world.target.in([&] {
        const SocketAddress to{AF_INET, world.far(2222), 0};
        LONGS_EQUAL(0, connect(place.get(), to.get(), to.size()));
    });
    world.target.gate(Gate::shut);
    world.target.in([&] {
        must(restore_into(world.target.space(), place.get(), mover.images[0]));
        must(verify(world.target.space(), place.get(), mover.images[0]));
    });
    STRCMP_EQUAL("one", read_some(place.get(), 100).c_str());
    STRCMP_EQUAL("two", read_some(place.get(), 100).c_str());
    world.target.gate(Gate::open);
    world.home.gate(Gate::open);
}
