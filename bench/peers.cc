// SPDX-License-Identifier: Apache-2.0
//
// bench/peers: peers of a service that moves (handoff/counter).  They check every byte, and tell
// the longest pause that each has seen.
//
//     peers ADDRESS PORT KIND N [KIND N...]      KIND: source, sink, ping, idle
//     (bench/conversation)
//
// One line of JSON says that all are connected.  Then it obeys lines of its standard input, each
// with one line of JSON: "tell" (what was since the last), "ask" (idle ones say something, at once;
// tell says how long that took) and "end" (all are brought to their end, and checked).  Times are
// CLOCK_REALTIME in nanoseconds.
#include <config.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/conversation.h"
#include "service/descriptor.h"

namespace holdfast::bench {
namespace {

using Json = nlohmann::json;
using service::system_error;

constexpr std::int64_t bin_ns = 10'000'000; // What all have moved is counted in these.
constexpr std::int64_t end_limit_ns = 60'000'000'000;

std::int64_t now_ns()
{
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

/// One connection.
struct Peer {
    std::string kind;
    Descriptor fd;
    std::unique_ptr<Conversation> talk;
    std::uint32_t events = 0;      // What epoll waits for.
    std::uint64_t bytes = 0;       // Since the last tell.
    std::int64_t last = 0;         // When it last went on.
    std::int64_t from = 0, to = 0; // Its longest pause since the last tell.
    bool waits = false;            // An idle one has asked.
    bool shut = false;             // The end.
    std::string failure;           // Empty: all was right.
};

Result<Descriptor> dial(const std::string& address, std::uint16_t port)
{
    sockaddr_in6 v6{};
    sockaddr_in v4{};
    const bool is_v4 = inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) != 1)
        return Error{Errc::invalid, address + " is no address"};
    v4.sin_family = AF_INET;
    v6.sin6_family = AF_INET6;
    v4.sin_port = v6.sin6_port = htons(port);
    Descriptor fd{socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto* to =
        is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
    if (!fd || connect(fd.get(), to, is_v4 ? sizeof v4 : sizeof v6) != 0)
        return system_error("a connection to " + address);
    if (fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0)
        return system_error("O_NONBLOCK");
    return fd;
}

/// All of them.
class Peers {
public:
    Peers() : epoll_{epoll_create1(EPOLL_CLOEXEC)} {}

    Result<void> add(const std::string& address, std::uint16_t port, const std::string& kind,
                     int n);
    /// Until the standard input, or "end".  Whether all was right.
    bool run();

private:
    void obey(const std::string& line);
    void serve(Peer& peer, std::uint32_t events);
    void send_some(Peer& peer);
    void read_some(Peer& peer);
    void went_on(Peer& peer, std::size_t size);
    void watch(Peer& peer);
    void fail(Peer& peer, const std::string& why);
    Json tell();
    void finish();

    Descriptor epoll_;
    std::vector<std::unique_ptr<Peer>> peers_;
    std::vector<std::uint64_t> bins_; // Bytes of all, from bins_from_ on.
    std::int64_t bins_from_ = now_ns();
    bool ended_ = false;
};

Result<void> Peers::add(const std::string& address, std::uint16_t port, const std::string& kind,
                        int n)
{
    for (int i = 0; i < n; ++i) {
        auto talk = conversation(kind, peers_.size() * 1'000'003);
        if (!talk)
            return talk.error();
        auto fd = dial(address, port);
        if (!fd)
            return fd.error();
        auto peer = std::make_unique<Peer>();
        peer->kind = kind;
        peer->fd = std::move(*fd);
        peer->talk = std::move(*talk);
        peer->last = peer->from = peer->to = now_ns();
        epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.ptr = peer.get()}};
        peer->events = event.events;
        if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, peer->fd.get(), &event) != 0)
            return system_error("epoll_ctl");
        peers_.push_back(std::move(peer));
    }
    return {};
}

void Peers::fail(Peer& peer, const std::string& why)
{
    if (peer.failure.empty())
        peer.failure = why;
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, peer.fd.get(), nullptr);
    peer.fd.reset(-1);
}

/// What the next event is to be.
void Peers::watch(Peer& peer)
{
    const std::uint32_t events = EPOLLIN | (peer.talk->next().empty() ? 0U : EPOLLOUT);
    if (!peer.fd || events == peer.events)
        return;
    epoll_event event{.events = events, .data = {.ptr = &peer}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, peer.fd.get(), &event);
    peer.events = events;
}

void Peers::went_on(Peer& peer, std::size_t size)
{
    const std::int64_t now = now_ns();
    const bool counts = !peer.talk->is_idle() || peer.waits;
    if (counts && now - peer.last > peer.to - peer.from) {
        peer.from = peer.last;
        peer.to = now;
    }
    peer.last = now;
    peer.bytes += size;
    const auto bin = static_cast<std::size_t>((now - bins_from_) / bin_ns);
    if (bins_.size() <= bin)
        bins_.resize(bin + 1);
    bins_[bin] += size;
}

void Peers::send_some(Peer& peer)
{
    const std::string_view bytes = peer.talk->next();
    if (bytes.empty())
        return;
    const ssize_t n = send(peer.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN) {
        fail(peer, std::string{"send: "} + std::strerror(errno));
        return;
    }
    if (n <= 0)
        return;
    peer.talk->sent(static_cast<std::size_t>(n));
    if (peer.talk->is_sending())
        went_on(peer, static_cast<std::size_t>(n));
}

void Peers::read_some(Peer& peer)
{
    static std::array<char, 256 * 1024> buffer;
    const ssize_t n = recv(peer.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n == 0 && peer.shut && peer.talk->complete()) { // All that was to come has.
        peer.fd.reset(-1);
        return;
    }
    if (n <= 0) {
        fail(peer, n < 0 ? std::string{"recv: "} + std::strerror(errno) : "its end came too early");
        return;
    }
    if (!peer.talk->take({buffer.data(), static_cast<std::size_t>(n)})) {
        fail(peer, "bytes that came are wrong");
        return;
    }
    if (!peer.talk->is_sending()) {
        went_on(peer, static_cast<std::size_t>(n));
        peer.waits = false;
    }
}

void Peers::serve(Peer& peer, std::uint32_t events)
{
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        read_some(peer);
    if (peer.fd && events & EPOLLOUT)
        send_some(peer);
    if (!peer.fd)
        return;
    if (peer.talk->shuts() && !peer.shut)
        peer.shut = shutdown(peer.fd.get(), SHUT_WR) == 0;
    watch(peer);
}

/// A pause that has not ended counts as far as it has come.
Json Peers::tell()
{
    const std::int64_t now = now_ns();
    Json links = Json::array();
    for (const auto& peer : peers_) {
        const bool counts = !peer->talk->is_idle() || peer->waits;
        if (counts && now - peer->last > peer->to - peer->from) {
            peer->from = peer->last;
            peer->to = now;
        }
        links.push_back({{"kind", peer->kind},
                         {"bytes", peer->bytes},
                         {"from", peer->from},
                         {"to", peer->to},
                         {"silent_ns", counts ? now - peer->last : 0},
                         {"failure", peer->failure}});
        peer->bytes = 0;
        peer->from = peer->to = now;
    }
    Json told{{"now", now}, {"bins_from", bins_from_}, {"bin_ns", bin_ns}};
    told["links"] = std::move(links);
    told["bins"] = bins_;
    bins_.clear();
    bins_from_ = now;
    return told;
}

void Peers::finish()
{
    for (const auto& peer : peers_) {
        peer->talk->finish();
        if (peer->fd)
            serve(*peer, EPOLLOUT);
    }
    const std::int64_t until = now_ns() + end_limit_ns;
    const auto waits = [](const auto& peer) { return peer->fd && !peer->talk->complete(); };
    while (std::any_of(peers_.begin(), peers_.end(), waits) && now_ns() < until) {
        epoll_event event{};
        if (epoll_wait(epoll_.get(), &event, 1, 1000) == 1 && event.data.ptr)
            serve(*static_cast<Peer*>(event.data.ptr), event.events);
    }
    for (const auto& peer : peers_)
        if (waits(peer))
            fail(*peer, "did not come to its end");
    ended_ = true;
}

void Peers::obey(const std::string& line)
{
    if (line == "ask") {
        for (const auto& peer : peers_) {
            if (!peer->fd || !peer->talk->is_idle())
                continue;
            peer->talk->ask();
            peer->waits = true;
            peer->last = now_ns();
            serve(*peer, EPOLLOUT);
        }
        std::cout << "{}" << std::endl;
        return;
    }
    if (line == "end")
        finish();
    std::cout << tell().dump() << std::endl;
}

bool Peers::run()
{
    epoll_event input{.events = EPOLLIN, .data = {.ptr = nullptr}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, STDIN_FILENO, &input) != 0)
        return false;
    std::cout << "{}" << std::endl;
    std::string line;
    while (!ended_) {
        std::array<epoll_event, 64> events;
        const int n = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < n && !ended_; ++i) {
            const auto& event = events[static_cast<std::size_t>(i)];
            if (event.data.ptr)
                serve(*static_cast<Peer*>(event.data.ptr), event.events);
            else if (std::getline(std::cin, line))
                obey(line);
            else
                return false; // Whoever measures has ended.
        }
    }
    return std::all_of(peers_.begin(), peers_.end(),
                       [](const auto& peer) { return peer->failure.empty(); });
}

} // namespace
} // namespace holdfast::bench

int main(int n_words, char** words)
{
    if (n_words < 5 || n_words % 2 == 0) {
        std::cerr << "usage: peers ADDRESS PORT KIND N [KIND N...]\n";
        return 2;
    }
    holdfast::bench::Peers peers;
    for (int i = 3; i < n_words; i += 2) {
        const auto added = peers.add(words[1], static_cast<std::uint16_t>(std::atoi(words[2])),
                                     words[i], std::atoi(words[i + 1]));
        if (!added) {
            std::cerr << "peers: " << added.error().message << "\n";
            return 1;
        }
    }
    return peers.run() ? 0 : 1;
}
