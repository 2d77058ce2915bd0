// SPDX-License-Identifier: Apache-2.0
//
// The peers' side of a move: what they hear, what they send, and when (spec S2, S3).
#include <config.h>

#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "sockets/forge.h"
#include "sockets/syscalls.h"
#include "sockets/tests/mover.h"
#include "sockets/tests/world.h"
#include "sockets/wake.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::sockets;
using namespace holdfast::sockets::tests;

namespace {

constexpr World::Family families[] = {World::Family::v4, World::Family::v6, World::Family::mapped};

int unsent_of(int fd)
{
    int n = 0;
    LONGS_EQUAL(0, ioctl(fd, SIOCOUTQNSD, &n));
    return n;
}

/// Where the first segment with data from the peer is.
std::vector<Frame>::const_iterator first_data(const std::vector<Frame>& frames)
{
    return std::find_if(frames.begin(), frames.end(),
                        [](const Frame& frame) { return !frame.to_peer && frame.length > 0; });
}

} // namespace

TEST_GROUP(Flush){};

TEST(Flush, PeersHearWindowZeroAndSendNothingMore)
{
    for (const auto family : families) {
        World world{family};
        auto listener = world.listen(world.home, 80);
        auto pair = world.connect(listener.get(), 80);
        write_all(pair.service.get(), "hello");
        read_exactly(pair.peer.get(), 5);
        world.frames();
        Mover mover{world, world.home, world.target};
        Descriptor* const sockets[] = {&listener, &pair.service};
        mover.flush(sockets);
        LONGS_EQUAL(int(FlushStep::empty), int(mover.flushed.step));
        const auto frames = world.frames();
        CHECK_TRUE(std::any_of(frames.begin(), frames.end(), [](const Frame& frame) {
            return frame.to_peer && frame.window == 0 && frame.flags == 16;
        }));
        write_all(pair.peer.get(), "held back");
        LONGS_EQUAL(9, unsent_of(pair.peer.get()));
        // The service itself knows of nothing: what it sends says 0 as well.
        write_all(pair.service.get(), "more");
        STRCMP_EQUAL("more", read_exactly(pair.peer.get(), 4).c_str());
        for (const Frame& frame : world.frames())
            CHECK_TRUE(!frame.to_peer || frame.window == 0);
    }
}

TEST(Flush, NothingInFlightIsLostWhileThePeerSends)
{
    for (const auto family : families) {
        World world{family};
        auto listener = world.listen(world.home, 80);
        auto pair = world.connect(listener.get(), 80);
        const std::string bytes = pattern(3 << 20, 11);
        std::size_t written = 0;
        std::string read;
        const auto pump = [&] {
            const ssize_t n = send(pair.peer.get(), bytes.data() + written, bytes.size() - written,
                                   MSG_DONTWAIT | MSG_NOSIGNAL);
            written += n > 0 ? static_cast<std::size_t>(n) : 0;
            read += read_some(pair.service.get(), 100000);
        };
        for (int i = 0; i < 5; ++i)
            pump();
        Mover mover{world, world.home, world.target};
        auto moved = mover.move(listener, pair.service);
        pair.service = std::move(moved[1]);
        while (read.size() < bytes.size())
            pump();
        CHECK_TRUE(read == bytes);
    }
}

TEST(Flush, ConnectionsBeingMadeAreWaitedFor)
{
    World world{World::Family::v4};
    auto listener = world.listen(world.home, 80);
    // The client's last segment of the handshake is lost: the service has it half made.
    world.peer.nft("table inet test { chain out { type filter hook output priority 0; "
                   "tcp flags & (syn | ack) == ack drop; }; }");
    auto client = world.dial(80);
    Mover mover{world, world.home, world.target};
    Descriptor* const sockets[] = {&listener};
    world.home.in([&] {
        FlushLimits limits;
        limits.entry = std::chrono::milliseconds{1};
        const auto flushed =
            must(run_flush(world.home.space(), std::array{listener.get()}, limits));
        LONGS_EQUAL(1, flushed.last.handshakes);
        STRCMP_EQUAL("1 connections being made", flushed.why.c_str());
    });
    world.home.gate(Gate::open);
    world.heal();
    write_all(client.get(), "x"); // Completes the handshake.
    wait_for(listener.get(), POLLIN, "the connection");
    const Descriptor accepted{accept(listener.get(), nullptr, nullptr)};
    mover.flush(sockets);
    STRCMP_EQUAL("", mover.flushed.why.c_str());
}

TEST(Flush, WhatTheServiceHasClosedIsSentFirst)
{
    World world{World::Family::v4};
    auto listener =
        world.listen(world.home, 80, 16, [](int fd) { set_int(fd, SOL_SOCKET, SO_SNDBUF, 65536); });
    Descriptor peer = world.dial(80, [](int fd) { set_int(fd, SOL_SOCKET, SO_RCVBUF, 8192); });
    wait_for(listener.get(), POLLIN, "a connection");
    Descriptor service{accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK)};
    const std::string bytes = pattern(60000, 12);
    write_all(service.get(), bytes);
    service.reset(-1);
    world.home.in([&] {
        FlushLimits limits;
        limits.entry = std::chrono::milliseconds{1};
        auto flushed = must(run_flush(world.home.space(), std::array{listener.get()}, limits));
        CHECK_TRUE(flushed.last.orphaned > 10000);
        must(end_flush(world.home.space(), {}));
        CHECK_TRUE(bytes == read_to_end(peer.get()));
        flushed = must(run_flush(world.home.space(), std::array{listener.get()}, {}));
        LONGS_EQUAL(0, flushed.last.orphaned);
    });
}

TEST_GROUP(Gate){};

TEST(Gate, NoEntryKeepsNewConnectionsOutAndOldOnesIn)
{
    World world{World::Family::v4};
    auto listener = world.listen(world.home, 80);
    auto pair = world.connect(listener.get(), 80);
    world.frames();
    world.home.gate(Gate::no_entry);
    world.home.gate(Gate::no_entry); // Again: the same.
    Descriptor late = world.peer.in([&] {
        Descriptor fd{socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        const SocketAddress to{AF_INET, world.service(80), 0};
        connect(fd.get(), to.get(), to.size());
        return fd;
    });
    write_all(pair.peer.get(), "old");
    STRCMP_EQUAL("old", read_exactly(pair.service.get(), 3).c_str());
    const auto frames = world.frames();
    CHECK_TRUE(std::none_of(frames.begin(), frames.end(), [](const Frame& frame) {
        return frame.to_peer && (frame.flags & 2) != 0; // SYN and ACK.
    }));
    LONGS_EQUAL(int(TcpState::syn_sent), int(state_of(late.get())));
    world.home.gate(Gate::open);
    world.home.gate(Gate::open);
    wait_for(late.get(), POLLOUT, "the SYN sent again");
}

TEST(Gate, ShutsAndOpensWhereTheServicesSocketsHaveAllLowDescriptors)
{
    World world{World::Family::v4};
    std::vector<Descriptor> many;
    do
        many.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
    while (many.back().get() < FD_SETSIZE);
    struct stat before {
    }, after{};
    CHECK_EQUAL(0, fstat(FD_SETSIZE - 1, &before));
    world.home.gate(Gate::shut);
    world.home.gate(Gate::open);
    CHECK_EQUAL(0, fstat(FD_SETSIZE - 1, &after));
    CHECK_TRUE(before.st_ino == after.st_ino && before.st_dev == after.st_dev);
    CHECK_EQUAL(FD_CLOEXEC, fcntl(FD_SETSIZE - 1, F_GETFD));
}

TEST(Gate, IsTheOneThatWasSetLast)
{
    World world{World::Family::v4};
    auto listener = world.listen(world.home, 80);
    auto pair = world.connect(listener.get(), 80);
    world.home.in([&] {
        LONGS_EQUAL(int(Gate::open), int(must(gate_now())));
        for (const Gate gate : {Gate::shut, Gate::open, Gate::quiet, Gate::no_entry, Gate::shut,
                                Gate::quiet, Gate::open}) {
            must(set_gate(gate));
            LONGS_EQUAL(int(gate), int(must(gate_now())));
        }
    });
    write_all(pair.peer.get(), "passes"); // Whatever rules are left of those before.
    STRCMP_EQUAL("passes", read_exactly(pair.service.get(), 6).c_str());
    world.home.in([&] {
        must(set_gate(Gate::shut));
        must(remove_gate());
        LONGS_EQUAL(int(Gate::open), int(must(gate_now())));
    });
    write_all(pair.service.get(), "again");
    STRCMP_EQUAL("again", read_exactly(pair.peer.get(), 5).c_str());
}

TEST(Gate, QuietSparesTheServicesOwnConnections)
{
    World world{World::Family::v4};
    auto listener = world.listen(world.home, 80);
    world.home.gate(Gate::quiet);
    world.home.in([&] {
        Descriptor client{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        const SocketAddress to{AF_INET, world.service(80), 0};
        LONGS_EQUAL(0, connect(client.get(), to.get(), to.size()));
        const Descriptor service{accept(listener.get(), nullptr, nullptr)};
        write_all(client.get(), "inside");
        STRCMP_EQUAL("inside", read_exactly(service.get(), 6).c_str());
    });
}

TEST_GROUP(Wake){};

TEST(Wake, PeerResumesByAWindowUpdateAndNotByItsTimer)
{
    for (const auto family : families) {
        World world{family};
        auto listener = world.listen(world.home, 80);
        auto pair = world.connect(listener.get(), 80);
        write_all(pair.service.get(), "hello");
        read_exactly(pair.peer.get(), 5);
        Mover mover{world, world.home, world.target};
        Descriptor* const sockets[] = {&listener, &pair.service};
        mover.flush(sockets);
        write_all(pair.peer.get(), "held back"); // Waits: the window is 0.
        mover.save(sockets);
        mover.restore();
        world.frames();
        const auto moved = mover.go_live(); // Nobody reads: the service stands still.
        wait_for(moved[1].get(), POLLIN, "what the peer held back");
        const auto frames = world.frames();
        const auto data = first_data(frames);
        CHECK_TRUE(data != frames.end() && data != frames.begin());
        const Frame& before = *(data - 1);
        const Stream& stream = mover.images[1].stream;
        // What is right in front of the data: current numbers, timestamps, an open window.
        CHECK_TRUE(before.to_peer);
        LONGS_EQUAL(stream.write_next, before.sequence);
        LONGS_EQUAL(stream.receive_next, before.acknowledgment);
        CHECK_TRUE(before.window > 0 && before.has_timestamps);
        LONGS_EQUAL(16, before.flags);
        // And no probe of the peer's had asked for it.
        for (auto frame = frames.begin(); frame != data; ++frame)
            CHECK_TRUE(frame->to_peer || frame->sequence == stream.receive_next);
        tcp_info info{};
        get_option(pair.peer.get(), IPPROTO_TCP, TCP_INFO, info);
        LONGS_EQUAL(0, info.tcpi_total_retrans);
    }
}

TEST(Wake, ForgedSegmentHarmsNobodyIfTheConnectionHasGone)
{
    World world{World::Family::v4};
    auto listener = world.listen(world.home, 80);
    auto pair = world.connect(listener.get(), 80);
    listener.reset(-1);
    SocketAddress far;
    socklen_t size = SocketAddress::capacity;
    getpeername(pair.service.get(), far.get(), &size);
    world.home.in([&] {
        set_int(pair.service.get(), IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
        pair.service.reset(-1); // Silently.
        must(wake(world.home.space(), -1, {AF_INET, world.service(80), far.endpoint()}));
    });
    wait_for("the answer", [&] {
        const auto frames = world.frames();
        return std::any_of(frames.begin(), frames.end(), [](const Frame& frame) {
            return frame.to_peer && (frame.flags & 4) != 0;
        });
    });
    LONGS_EQUAL(int(TcpState::established), int(state_of(pair.peer.get())));
}

TEST_GROUP(Stream){};

namespace {

/// One direction of a stream that is checked as it arrives.
class Checked {
public:
    explicit Checked(unsigned seed) : bytes_{pattern(1 << 16, seed)} {}

    void write(int fd, std::size_t most)
    {
        const std::size_t at = written_ % bytes_.size();
        const ssize_t n = send(fd, bytes_.data() + at, std::min(most, bytes_.size() - at),
                               MSG_DONTWAIT | MSG_NOSIGNAL);
        written_ += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    void read(int fd, std::size_t most)
    {
        for (const char octet : read_some(fd, most))
            wrong_ += octet != bytes_[read_++ % bytes_.size()];
    }
    std::size_t written() const { return written_; }
    std::size_t received() const { return read_; }
    std::size_t wrong() const { return wrong_; }

private:
    std::string bytes_;
    std::size_t written_ = 0;
    std::size_t read_ = 0;
    std::size_t wrong_ = 0;
};

void move_a_hundred_times(World::Family family)
{
    World world{family};
    auto listener = world.listen(world.home, 80);
    auto pair = world.connect(listener.get(), 80);
    Checked up{13}, down{14};
    Net* here = &world.home;
    Net* there = &world.target;
    for (int i = 0; i < 100; ++i) {
        for (int turn = 0; turn < 4; ++turn) {
            up.write(pair.peer.get(), 40000 + 97 * static_cast<std::size_t>(i));
            down.write(pair.service.get(), 30000 + 31 * static_cast<std::size_t>(i));
            up.read(pair.service.get(), 37000);
            down.read(pair.peer.get(), 41000);
        }
        Mover mover{world, *here, *there};
        auto moved = mover.move(listener, pair.service);
        listener = std::move(moved[0]);
        pair.service = std::move(moved[1]);
        std::swap(here, there);
    }
    wait_for("the rest", [&] {
        up.read(pair.service.get(), 1 << 20);
        down.read(pair.peer.get(), 1 << 20);
        return up.received() == up.written() && down.received() == down.written();
    });
    LONGS_EQUAL(0, up.wrong());
    LONGS_EQUAL(0, down.wrong());
    CHECK_TRUE(up.written() > 1000000 && down.written() > 1000000);
    CHECK_TRUE(read_some(pair.service.get(), 1).empty() && read_some(pair.peer.get(), 1).empty());
}

} // namespace

TEST(Stream, MovesAHundredTimesWithNotAByteLostDoubledOrAltered4)
{
    move_a_hundred_times(World::Family::v4);
}

TEST(Stream, MovesAHundredTimesWithNotAByteLostDoubledOrAltered6)
{
    move_a_hundred_times(World::Family::v6);
}
