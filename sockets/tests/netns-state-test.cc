// SPDX-License-Identifier: Apache-2.0
//
// Connections in every state move from one network namespace to another (spec S4, S7).
#include <config.h>

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "sockets/arrival.h"
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

/// A connection that is about to move.
struct Scene {
    explicit Scene(World::Family family, int service_buffer = 0, int peer_buffer = 0)
        : world{family}, listener{world.listen(world.home, 80, 16,
                                               [&](int fd) {
                                                   if (service_buffer)
                                                       set_int(fd, SOL_SOCKET, SO_SNDBUF,
                                                               service_buffer);
                                               })},
          mover{world, world.home, world.target}
    {
        pair.peer = world.dial(80, [&](int fd) {
            if (peer_buffer)
                set_int(fd, SOL_SOCKET, SO_RCVBUF, peer_buffer);
        });
        wait_for(listener.get(), POLLIN, "a connection to accept");
        pair.service.reset(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        service = pair.service.get();
        peer = pair.peer.get();
    }

    void move() { take(mover.move(listener, pair.service)); }
    void move_unflushed() { take(mover.move_unflushed(listener, pair.service)); }
    const Stream& saved() const { return mover.images[1].stream; }

    void wait_for_state(TcpState state)
    {
        wait_for(to_string(state), [&] { return state_of(service) == state; });
    }

    World world;
    Descriptor listener;
    World::Pair pair;
    Mover mover;
    int service = -1;
    int peer = -1;

private:
    void take(std::vector<Descriptor> moved)
    {
        listener = std::move(moved[0]);
        pair.service = std::move(moved[1]);
        service = pair.service.get();
    }
};

void check_to_peer(const Scene& scene, const char* text = "from the service")
{
    write_all(scene.service, text);
    STRCMP_EQUAL(text, read_exactly(scene.peer, std::strlen(text)).c_str());
}

void check_to_service(const Scene& scene, const char* text = "from the peer")
{
    write_all(scene.peer, text);
    STRCMP_EQUAL(text, read_exactly(scene.service, std::strlen(text)).c_str());
}

/// Fills the way until nothing more goes, and all that went is acknowledged; what was written.
std::string fill(int fd, unsigned seed)
{
    const std::string bytes = pattern(8 << 20, seed);
    std::size_t done = 0;
    for (int still = 0; still < 20;) {
        const ssize_t n =
            send(fd, bytes.data() + done, bytes.size() - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            done += static_cast<std::size_t>(n);
            still = 0;
        } else {
            tcp_info info{};
            get_option(fd, IPPROTO_TCP, TCP_INFO, info);
            still = info.tcpi_unacked ? 0 : still + 1;
            poll(nullptr, 0, 1);
        }
    }
    return bytes.substr(0, done);
}

bool is_at_end(int fd)
{
    wait_for(fd, POLLIN, "the stream's end");
    char octet;
    return recv(fd, &octet, 1, MSG_DONTWAIT) == 0;
}

/// Bytes of the service are all there, and the stream then ends.
void check_stream_ends_at_peer(const Scene& scene, const std::string& bytes)
{
    CHECK_TRUE(bytes == read_to_end(scene.peer));
}

} // namespace

TEST_GROUP(State){};

TEST(State, EstablishedAndIdle)
{
    for (const auto family : families) {
        Scene scene{family};
        check_to_peer(scene);
        check_to_service(scene);
        scene.move();
        LONGS_EQUAL(int(TcpState::established), int(scene.saved().state));
        CHECK_TRUE(scene.saved().timestamps && scene.saved().sack && scene.saved().window_scaling);
        check_to_peer(scene);
        check_to_service(scene);
    }
}

namespace {

/// Whether a byte has come to what was restored; waits for it as long as `limit`.
bool has_arrived(Scene& scene, std::chrono::milliseconds limit)
{
    Arrival arrival;
    for (const SocketImage& image : scene.mover.images)
        arrival.expect(image);
    const auto until = std::chrono::steady_clock::now() + limit;
    const auto more = scene.world.target.in([&] { return arrival.wait(until); });
    CHECK_TRUE(bool(more));
    return *more;
}

} // namespace

TEST(State, ThePeersFirstByteIsSeenAndNotWhatWaitedAlready)
{
    for (const auto family : families) {
        Scene scene{family};
        write_all(scene.peer, "not read yet");
        wait_for(scene.service, POLLIN, "bytes of the peer");
        scene.move();
        CHECK_FALSE(has_arrived(scene, std::chrono::milliseconds{0}));
        write_all(scene.peer, "!");
        CHECK_TRUE(has_arrived(scene, std::chrono::seconds{20}));
    }
}

namespace {

std::uint32_t segment_of(int fd)
{
    tcp_info info{};
    get_option(fd, IPPROTO_TCP, TCP_INFO, info);
    return info.tcpi_snd_mss;
}

} // namespace

TEST(State, SegmentsStayAsLongAsTheyWere)
{
    for (const auto family : families) {
        Scene scene{family};
        check_to_peer(scene);
        const auto before = segment_of(scene.service);
        CHECK_TRUE(before > 1000);
        scene.move();
        check_to_peer(scene);
        LONGS_EQUAL(before, segment_of(scene.service));
    }
}

namespace {

/// A peer whose TCP can nothing of what was added later, as long as this lives.
class PlainPeer {
public:
    explicit PlainPeer(World& world) : world_{world} { set("0"); }
    ~PlainPeer() { set("1"); }

private:
    void set(const char* value)
    {
        world_.peer.in([&] {
            for (const char* name : {"tcp_timestamps", "tcp_sack", "tcp_window_scaling"})
                std::ofstream{std::string{"/proc/sys/net/ipv4/"} + name} << value;
        });
    }

    World& world_;
};

} // namespace

TEST(State, WithoutTimestampsScalingAndSack)
{
    for (const auto family : families) {
        Scene plain{family};
        const PlainPeer peer{plain.world};
        plain.pair = plain.world.connect(plain.listener.get(), 80);
        plain.service = plain.pair.service.get();
        plain.peer = plain.pair.peer.get();
        check_to_peer(plain);
        plain.move();
        CHECK_FALSE(plain.saved().timestamps || plain.saved().sack || plain.saved().window_scaling);
        check_to_peer(plain);
        check_to_service(plain);
    }
}

TEST(State, ReceivedDataWaits)
{
    for (const auto family : families) {
        Scene scene{family};
        const std::string bytes = pattern(50000, 1);
        write_all(scene.peer, bytes);
        wait_for("the data", [&] {
            int waiting = 0;
            return ioctl(scene.service, SIOCINQ, &waiting) == 0 && waiting == 50000;
        });
        scene.move();
        LONGS_EQUAL(50000, scene.saved().received.size());
        CHECK_TRUE(bytes == read_exactly(scene.service, bytes.size()));
        check_to_peer(scene);
        check_to_service(scene);
    }
}

TEST(State, OurWindowIsShutAndThePeerHasMore)
{
    for (const auto family : families) {
        Scene scene{family};
        const std::string bytes = fill(scene.peer, 2);
        scene.move();
        CHECK_TRUE(scene.saved().received.size() > 50000);
        CHECK_TRUE(bytes == read_exactly(scene.service, bytes.size()));
        check_to_peer(scene);
    }
}

TEST(State, PeersWindowIsShutAndUnsentDataWaits)
{
    for (const auto family : families) {
        Scene scene{family, 65536, 8192};
        const std::string bytes = fill(scene.service, 3);
        scene.move();
        CHECK_TRUE(scene.saved().unsent.size() > 10000);
        CHECK_TRUE(scene.saved().window.snd_wnd < scene.saved().mss);
        CHECK_TRUE(bytes == read_exactly(scene.peer, bytes.size()));
        check_to_service(scene);
        check_to_peer(scene);
    }
}

TEST(State, PeerThatReadMeanwhileIsAskedForItsWindowAndNotByATimer)
{
    for (const auto family : families) {
        Scene scene{family, 65536, 8192};
        const std::string bytes = fill(scene.service, 3);
        Descriptor* const sockets[] = {&scene.listener, &scene.pair.service};
        scene.mover.flush(sockets);
        scene.mover.save(sockets);
        CHECK_TRUE(scene.saved().window.snd_wnd < scene.saved().mss);
        // What it says of that is heard nowhere.
        const std::string first = read_some(scene.peer, bytes.size());
        scene.mover.restore();
        scene.world.frames();
        const auto moved = scene.mover.go_live();
        CHECK_TRUE(bytes == first + read_exactly(scene.peer, bytes.size() - first.size()));
        // The first that the peer hears is the question, with the number of a byte that it has.
        const auto frames = scene.world.frames();
        CHECK_TRUE(!frames.empty() && frames.front().to_peer);
        LONGS_EQUAL(scene.saved().first_unacknowledged() - 1, frames.front().sequence);
        LONGS_EQUAL(0, frames.front().length);
        int reuse = 0;
        get_option(moved[1].get(), SOL_SOCKET, SO_REUSEADDR, reuse);
        LONGS_EQUAL(1, reuse);
    }
}

TEST(State, PeerThatHasClosedAndReadMeanwhileIsAskedToo)
{
    for (const auto family : families) {
        Scene scene{family, 65536, 8192};
        const std::string bytes = fill(scene.service, 3);
        shutdown(scene.peer, SHUT_WR);
        scene.wait_for_state(TcpState::close_wait);
        Descriptor* const sockets[] = {&scene.listener, &scene.pair.service};
        scene.mover.flush(sockets);
        scene.mover.save(sockets);
        CHECK_TRUE(scene.saved().window.snd_wnd < scene.saved().mss);
        const std::string first = read_some(scene.peer, bytes.size());
        scene.mover.restore();
        scene.world.frames();
        const auto moved = scene.mover.go_live();
        CHECK_TRUE(bytes == first + read_exactly(scene.peer, bytes.size() - first.size()));
        // The question goes out before the window update, and not by a timer long after it.
        const auto frames = scene.world.frames();
        const auto question = std::find_if(frames.begin(), frames.end(), [&](const Frame& frame) {
            return frame.to_peer && frame.sequence == scene.saved().first_unacknowledged() - 1;
        });
        CHECK_TRUE(question != frames.end() && question->has_timestamps);
        CHECK_TRUE(std::any_of(question + 1, frames.end(), [](const Frame& frame) {
            return frame.to_peer && frame.length == 0;
        }));
    }
}

TEST(State, BothQueuesAreFull)
{
    for (const auto family : families) {
        Scene scene{family, 65536, 8192};
        const std::string down = fill(scene.service, 4);
        const std::string up = fill(scene.peer, 5);
        scene.move();
        CHECK_TRUE(!scene.saved().unsent.empty() && !scene.saved().received.empty());
        CHECK_TRUE(up == read_exactly(scene.service, up.size()));
        CHECK_TRUE(down == read_exactly(scene.peer, down.size()));
        check_to_peer(scene);
        check_to_service(scene);
    }
}

TEST(State, SentDataIsNotAcknowledged)
{
    // It is sent again at once, and not by the kernel's timer, which takes a second.
    for (const auto family : families) {
        Scene scene{family};
        scene.world.lose("psh");
        write_all(scene.service, "lost on its way");
        scene.move_unflushed();
        STRCMP_EQUAL("lost on its way", scene.saved().unacknowledged.c_str());
        STRCMP_EQUAL("lost on its way", read_exactly(scene.peer, 15).c_str());
        tcp_info info{};
        get_option(scene.service, IPPROTO_TCP, TCP_INFO, info);
        LONGS_EQUAL(0, info.tcpi_total_retrans);
        check_to_peer(scene);
        check_to_service(scene);
    }
}

TEST(State, SegmentIsPartlyAcknowledged)
{
    // More than the peer takes at once: what it has taken is not sent again, nor lost.
    for (const auto family : families) {
        Scene scene{family, 262144, 4096};
        const std::string bytes = fill(scene.service, 6);
        const std::string first = read_exactly(scene.peer, 1000);
        scene.move();
        CHECK_TRUE(bytes == first + read_exactly(scene.peer, bytes.size() - first.size()));
    }
}

TEST(State, FinWait1)
{
    for (const auto family : families) {
        Scene scene{family};
        scene.world.lose("fin");
        check_to_peer(scene);
        shutdown(scene.service, SHUT_WR);
        scene.move_unflushed();
        LONGS_EQUAL(int(TcpState::fin_wait1), int(scene.saved().state));
        check_stream_ends_at_peer(scene, "");
        scene.wait_for_state(TcpState::fin_wait2);
        check_to_service(scene);
    }
}

TEST(State, FinWait1BehindUnsentData)
{
    for (const auto family : families) {
        Scene scene{family, 65536, 8192};
        const std::string bytes = fill(scene.service, 7);
        shutdown(scene.service, SHUT_WR);
        scene.move_unflushed();
        LONGS_EQUAL(int(TcpState::fin_wait1), int(scene.saved().state));
        CHECK_TRUE(!scene.saved().unsent.empty());
        check_stream_ends_at_peer(scene, bytes);
        check_to_service(scene);
    }
}

TEST(State, WhatWasUnsentIsThereThoughTheMoverEndsRightAfterTheGatesOpening)
{
    for (const auto family : families) {
        Scene scene{family, 65536, 8192};
        const std::string bytes = fill(scene.service, 9);
        shutdown(scene.service, SHUT_WR);
        Descriptor* const sockets[] = {&scene.listener, &scene.pair.service};
        scene.mover.flush(sockets);
        scene.mover.save(sockets);
        CHECK_TRUE(!scene.saved().unsent.empty());
        scene.mover.restore();
        const auto moved = scene.mover.go_live(false);
        check_stream_ends_at_peer(scene, bytes);
    }
}

TEST(State, FinWait2)
{
    for (const auto family : families) {
        Scene scene{family};
        check_to_peer(scene);
        shutdown(scene.service, SHUT_WR);
        scene.wait_for_state(TcpState::fin_wait2);
        scene.move();
        LONGS_EQUAL(int(TcpState::fin_wait2), int(scene.saved().state));
        LONGS_EQUAL(int(TcpState::fin_wait2), int(state_of(scene.service)));
        check_to_service(scene);
        check_stream_ends_at_peer(scene, "");
        shutdown(scene.peer, SHUT_WR);
        CHECK_TRUE(is_at_end(scene.service));
    }
}

TEST(State, CloseWait)
{
    for (const auto family : families) {
        Scene scene{family};
        write_all(scene.peer, "the last words");
        shutdown(scene.peer, SHUT_WR);
        scene.wait_for_state(TcpState::close_wait);
        scene.move();
        LONGS_EQUAL(int(TcpState::close_wait), int(state_of(scene.service)));
        STRCMP_EQUAL("the last words", read_to_end(scene.service).c_str());
        check_to_peer(scene);
        shutdown(scene.service, SHUT_WR);
        check_stream_ends_at_peer(scene, "");
        scene.wait_for_state(TcpState::closed);
    }
}

TEST(State, CloseWaitWithUnsentData)
{
    for (const auto family : families) {
        Scene scene{family, 65536, 8192};
        const std::string bytes = fill(scene.service, 8);
        shutdown(scene.peer, SHUT_WR);
        scene.wait_for_state(TcpState::close_wait);
        scene.move();
        CHECK_TRUE(!scene.saved().unsent.empty());
        CHECK_TRUE(is_at_end(scene.service));
        shutdown(scene.service, SHUT_WR);
        check_stream_ends_at_peer(scene, bytes);
    }
}

TEST(State, LastAck)
{
    for (const auto family : families) {
        Scene scene{family};
        shutdown(scene.peer, SHUT_WR);
        scene.wait_for_state(TcpState::close_wait);
        scene.world.lose("fin");
        shutdown(scene.service, SHUT_WR);
        scene.move_unflushed();
        LONGS_EQUAL(int(TcpState::last_ack), int(scene.saved().state));
        check_stream_ends_at_peer(scene, "");
        scene.wait_for_state(TcpState::closed);
        CHECK_TRUE(is_at_end(scene.service));
    }
}

TEST(State, Closing)
{
    for (const auto family : families) {
        Scene scene{family};
        scene.world.lose("fin");
        shutdown(scene.service, SHUT_WR);
        shutdown(scene.peer, SHUT_WR);
        scene.wait_for_state(TcpState::closing);
        scene.move_unflushed();
        LONGS_EQUAL(int(TcpState::closing), int(scene.saved().state));
        check_stream_ends_at_peer(scene, "");
        CHECK_TRUE(is_at_end(scene.service));
        scene.wait_for_state(TcpState::closed);
    }
}

TEST(State, ClosedWithDataToRead)
{
    for (const auto family : families) {
        Scene scene{family};
        write_all(scene.peer, "the last words");
        shutdown(scene.peer, SHUT_WR);
        scene.wait_for_state(TcpState::close_wait);
        shutdown(scene.service, SHUT_WR);
        scene.wait_for_state(TcpState::closed);
        scene.move();
        LONGS_EQUAL(int(TcpState::closed), int(scene.saved().state));
        LONGS_EQUAL(int(TcpState::closed), int(state_of(scene.service)));
        STRCMP_EQUAL("the last words", read_to_end(scene.service).c_str());
    }
}

TEST(State, ResetByThePeer)
{
    for (const auto family : families) {
        Scene scene{family};
        const linger at_once{1, 0};
        setsockopt(scene.peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        scene.pair.peer.reset(-1);
        scene.wait_for_state(TcpState::closed);
        scene.move();
        CHECK_TRUE(scene.saved().failed);
        char octet;
        LONGS_EQUAL(-1, recv(scene.service, &octet, 1, MSG_DONTWAIT));
        LONGS_EQUAL(ECONNRESET, errno);
    }
}

TEST(State, ResetByThePeerMeanwhileIsHeardOf)
{
    for (const auto family : families) {
        Scene scene{family};
        Descriptor* const sockets[] = {&scene.listener, &scene.pair.service};
        scene.mover.flush(sockets);
        scene.mover.save(sockets);
        const linger at_once{1, 0};
        setsockopt(scene.peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        scene.pair.peer.reset(-1); // Its reset is lost.
        scene.mover.restore();
        const auto moved = scene.mover.go_live();
        wait_for("the reset", [&] { return state_of(moved[1].get()) == TcpState::closed; });
    }
}

TEST(State, ReadingIsShut)
{
    for (const auto family : families) {
        Scene scene{family};
        shutdown(scene.service, SHUT_RD);
        scene.move();
        CHECK_TRUE(scene.saved().reading_shut);
        CHECK_TRUE(is_at_end(scene.service));
        check_to_peer(scene);
    }
}

TEST(State, SynSent)
{
    for (const auto family : families) {
        World world{family};
        const auto real = family == World::Family::mapped ? World::Family::v4 : family;
        const std::uint8_t af = real == World::Family::v4 ? AF_INET : AF_INET6;
        auto far = world.peer.in([&] {
            Descriptor fd{socket(af, SOCK_STREAM | SOCK_CLOEXEC, 0)};
            sockaddr_in6 any{};
            any.sin6_family = af;
            any.sin6_port = htons(90);
            set_int(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
            LONGS_EQUAL(0, bind(fd.get(), reinterpret_cast<sockaddr*>(&any),
                                af == AF_INET ? sizeof(sockaddr_in) : sizeof any));
            LONGS_EQUAL(0, listen(fd.get(), 5));
            return fd;
        });
        world.lose("syn");
        auto service = world.home.in([&] {
            Descriptor fd{socket(world.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
            const SocketAddress to{world.family(), world.far(90), 0};
            LONGS_EQUAL(-1, connect(fd.get(), to.get(), to.size()));
            return fd;
        });
        Mover mover{world, world.home, world.target};
        world.frames();
        const auto moved = mover.move_unflushed(service);
        LONGS_EQUAL(int(TcpState::syn_sent), int(mover.images[0].stream.state));
        wait_for(moved[0].get(), POLLOUT, "the connection");
        LONGS_EQUAL(int(TcpState::established), int(state_of(moved[0].get())));
        wait_for(far.get(), POLLIN, "the connection");
        const Descriptor accepted{accept(far.get(), nullptr, nullptr)};
        write_all(moved[0].get(), "hello");
        STRCMP_EQUAL("hello", read_exactly(accepted.get(), 5).c_str());
        for (const Frame& frame : world.frames()) // The same SYN as before.
            if (frame.to_peer && frame.flags == 2)
                LONGS_EQUAL(mover.images[0].stream.write_next - 1, frame.sequence);
    }
}

TEST_GROUP(Undo){};

TEST(Undo, SavedConnectionGoesOnAtHome)
{
    for (const auto family : families) {
        Scene scene{family, 65536, 8192};
        const std::string bytes = fill(scene.service, 9);
        Descriptor* const sockets[] = {&scene.listener, &scene.pair.service};
        scene.mover.flush(sockets);
        scene.mover.save(sockets);
        write_all(scene.peer, "held back"); // Its window is shut.
        scene.mover.restore();
        scene.world.home.gate(Gate::open);
        scene.world.frames();
        scene.world.home.in(
            [&] { must(unsave(scene.world.home.space(), scene.service, scene.mover.images[1])); });
        int reuse = 0;
        get_option(scene.service, SOL_SOCKET, SO_REUSEADDR, reuse);
        LONGS_EQUAL(1, reuse);
        STRCMP_EQUAL("held back", read_exactly(scene.service, 9).c_str());
        CHECK_TRUE(bytes == read_exactly(scene.peer, bytes.size()));
        check_to_peer(scene);
        check_to_service(scene);
    }
}

TEST(Undo, FlushedConnectionIsWokenAtHome)
{
    for (const auto family : families) {
        Scene scene{family};
        check_to_peer(scene);
        Descriptor* const sockets[] = {&scene.listener, &scene.pair.service};
        scene.mover.flush(sockets);
        write_all(scene.peer, "held back");
        scene.world.home.in(
            [&] { must(end_flush(scene.world.home.space(), std::array{scene.service})); });
        STRCMP_EQUAL("held back", read_exactly(scene.service, 9).c_str());
    }
}

TEST(Undo, DiscardedCopyIsSilent)
{
    for (const auto family : families) {
        Scene scene{family};
        Descriptor* const sockets[] = {&scene.listener, &scene.pair.service};
        scene.mover.flush(sockets);
        scene.mover.save(sockets);
        scene.mover.restore();
        scene.world.plug(scene.world.target);
        scene.world.frames();
        scene.mover.discard();
        scene.world.target.gate(Gate::open);
        scene.world.plug(scene.world.home);
        scene.world.home.gate(Gate::open);
        scene.world.home.in(
            [&] { must(unsave(scene.world.home.space(), scene.service, scene.mover.images[1])); });
        check_to_peer(scene);
        check_to_service(scene);
        for (const Frame& frame : scene.world.frames())
            if (frame.port == scene.mover.images[1].remote.port)
                LONGS_EQUAL(0, frame.flags & 5); // Neither FIN nor RST.
    }
}
