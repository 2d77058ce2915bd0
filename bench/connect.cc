// SPDX-License-Identifier: Apache-2.0
//
// bench/connect: see the header.
#include <config.h>

#include "bench/connect.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/link.h"

namespace holdfast::bench {

namespace {

using Clock = std::chrono::steady_clock;
using Bytes = std::span<const std::uint8_t>;

constexpr std::uint8_t fin = 1, syn = 2, ack = 16;
constexpr std::size_t ip_at = 14, tcp_at = 34, tcp_end = 54, frame_size = 60;
constexpr std::uint32_t first_client = 0x0a400001, n_addresses = 1000, first_port = 10000;
constexpr std::uint32_t client_seq = 1000, server_seq = 5000;
constexpr auto patience = std::chrono::milliseconds{200};
constexpr auto pause = std::chrono::microseconds{50};

/// One end of a connection; `ip` in network order.
struct End {
    Mac mac{};
    std::uint32_t ip = 0;
    std::uint16_t port = 0;
};

struct Server {
    End end;
    std::size_t link = 0;
};

/// An interface, and what is to be sent there.
struct Link {
    int fd = -1;
    std::vector<Frame> out;
};

enum class State : std::uint8_t { none, begun, arrived, answered, ending, done };

struct Connection {
    State state = State::none;
    std::int32_t server = -1;
};

struct Run {
    Extent extent{};
    std::size_t first = 0, window = 0;
    std::vector<Link> links; // The first one is the client's.
    Mac client{};
    End vip;
    std::vector<Server> servers;
    std::map<std::pair<std::uint32_t, std::uint16_t>, std::size_t> by_end;
    std::vector<Connection> connections;
    std::size_t next = 0, n_outstanding = 0;
    std::uint64_t done = 0, wrong = 0, missing = 0;
};

// --- Frames. ---

std::uint32_t number(Bytes bytes, std::size_t at, std::size_t size)
{
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; i++)
        value = value << 8 | bytes[at + i];
    return value;
}

void write(Frame& frame, std::size_t at, std::uint32_t value, std::size_t size)
{
    for (std::size_t i = size; i-- > 0; value >>= 8)
        frame[at + i] = static_cast<std::uint8_t>(value);
}

/// The ones' complement sum of an even number of bytes; 0xffff over all that has its checksum.
std::uint32_t sum_of(Bytes bytes, std::uint32_t sum = 0)
{
    for (std::size_t i = 0; i < bytes.size(); i += 2)
        sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/// Over TCP and its pseudo header; there are no data.
std::uint32_t tcp_sum(Bytes frame)
{
    return sum_of(frame.subspan(ip_at + 12, tcp_end - ip_at - 12),
                  IPPROTO_TCP + (tcp_end - tcp_at));
}

Frame tcp(const End& from, const End& to, std::uint8_t flags, std::uint32_t seq,
          std::uint32_t acknowledged)
{
    static const std::uint8_t ip_head[] = {0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, IPPROTO_TCP};
    Frame frame(frame_size);
    std::copy(to.mac.begin(), to.mac.end(), frame.begin());
    std::copy(from.mac.begin(), from.mac.end(), frame.begin() + 6);
    frame[12] = 0x08;
    std::copy(std::begin(ip_head), std::end(ip_head), frame.begin() + ip_at);
    std::memcpy(&frame[ip_at + 12], &from.ip, 4);
    std::memcpy(&frame[ip_at + 16], &to.ip, 4);
    const Bytes bytes{frame};
    write(frame, ip_at + 10, ~sum_of(bytes.subspan(ip_at, 20)), 2);
    write(frame, tcp_at, from.port, 2);
    write(frame, tcp_at + 2, to.port, 2);
    write(frame, tcp_at + 4, seq, 4);
    write(frame, tcp_at + 8, acknowledged, 4);
    frame[tcp_at + 12] = 5 << 4;
    frame[tcp_at + 13] = flags;
    write(frame, tcp_at + 14, 0xffff, 2);
    write(frame, tcp_at + 16, ~tcp_sum(bytes), 2);
    return frame;
}

/// What a frame is, if it is IPv4 with TCP and no data.
struct Arrived {
    End from, to;
    std::uint8_t flags = 0;
    bool whole = false; // Its checksums are right.
};

std::optional<Arrived> read_tcp(Bytes frame)
{
    if (frame.size() < tcp_end || frame[12] != 0x08 || frame[13] != 0 || frame[ip_at] != 0x45 ||
        frame[ip_at + 9] != IPPROTO_TCP || number(frame, ip_at + 2, 2) != 40)
        return std::nullopt;
    Arrived arrived;
    std::copy_n(frame.begin(), 6, arrived.to.mac.begin());
    std::copy_n(frame.begin() + 6, 6, arrived.from.mac.begin());
    std::memcpy(&arrived.from.ip, &frame[ip_at + 12], 4);
    std::memcpy(&arrived.to.ip, &frame[ip_at + 16], 4);
    arrived.from.port = static_cast<std::uint16_t>(number(frame, tcp_at, 2));
    arrived.to.port = static_cast<std::uint16_t>(number(frame, tcp_at + 2, 2));
    arrived.flags = frame[tcp_at + 13];
    arrived.whole = sum_of(frame.subspan(ip_at, 20)) == 0xffff && tcp_sum(frame) == 0xffff;
    return arrived;
}

// --- Connections. ---

End client_of(const Run& run, std::size_t i)
{
    const auto n = static_cast<std::uint32_t>(run.first + i);
    return {run.client, htonl(first_client + n % n_addresses),
            static_cast<std::uint16_t>(first_port + n / n_addresses)};
}

/// Whose end a client's is; null if it is none of ours.
Connection* connection_of(Run& run, const End& client)
{
    const auto i = std::size_t{client.port - first_port} * n_addresses +
                   (ntohl(client.ip) - first_client) - run.first;
    return ntohl(client.ip) - first_client < n_addresses && i < run.next ? &run.connections[i]
                                                                         : nullptr;
}

void finish(Run& run, Connection& connection)
{
    connection.state = State::done;
    run.n_outstanding--;
    run.done++;
}

/// What came out of the switch at a server.
void at_server(Run& run, std::size_t link, const Arrived& arrived)
{
    const auto at = run.by_end.find({arrived.to.ip, arrived.to.port});
    auto* connection = connection_of(run, arrived.from);
    const auto* server = at == run.by_end.end() ? nullptr : &run.servers[at->second];
    if (!server || !connection || !arrived.whole || server->link != link ||
        arrived.to.mac != server->end.mac ||
        (connection->server >= 0 && connection->server != static_cast<int>(at->second))) {
        run.wrong++;
        return;
    }
    End client = arrived.from;
    client.mac = run.client;
    auto& out = run.links[link].out;
    if (arrived.flags == syn && connection->state == State::begun) {
        connection->server = static_cast<std::int32_t>(at->second);
        if (run.extent != Extent::whole)
            return finish(run, *connection);
        connection->state = State::arrived;
        out.push_back(tcp(server->end, client, syn | ack, server_seq, client_seq + 1));
    } else if (arrived.flags & fin && connection->state == State::answered) {
        connection->state = State::ending;
        out.push_back(tcp(server->end, client, fin | ack, server_seq + 1, client_seq + 2));
    }
}

/// What came out of the switch at the client.
void at_client(Run& run, const Arrived& arrived)
{
    auto* connection = connection_of(run, arrived.to);
    if (!connection || !arrived.whole || arrived.to.mac != run.client ||
        arrived.from.ip != run.vip.ip || arrived.from.port != run.vip.port) {
        run.wrong++;
        return;
    }
    auto& out = run.links[0].out;
    const auto send = [&](std::uint8_t flags, std::uint32_t seq, std::uint32_t acknowledged) {
        out.push_back(tcp(arrived.to, run.vip, flags, seq, acknowledged));
    };
    if (arrived.flags == (syn | ack) && connection->state == State::arrived) {
        connection->state = State::answered;
        send(ack, client_seq + 1, server_seq + 1);
        send(fin | ack, client_seq + 1, server_seq + 1);
    } else if (arrived.flags & fin && connection->state == State::ending) {
        send(ack, client_seq + 2, server_seq + 2);
        finish(run, *connection);
    }
}

/// Takes what has come; how many frames that were.
std::size_t receive(Run& run)
{
    static std::array<std::array<std::uint8_t, 128>, batch_max> frames;
    std::vector<pollfd> ready;
    for (const auto& link : run.links)
        ready.push_back({link.fd, POLLIN, 0});
    if (poll(ready.data(), ready.size(), 0) <= 0)
        return 0;
    std::size_t n_taken = 0;
    for (std::size_t link = 0; link < ready.size(); link++) {
        if (!ready[link].revents)
            continue;
        std::array<mmsghdr, batch_max> messages{};
        std::array<iovec, batch_max> parts;
        for (std::size_t i = 0; i < batch_max; i++) {
            parts[i] = {frames[i].data(), frames[i].size()};
            messages[i].msg_hdr.msg_iov = &parts[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        const int n = recvmmsg(ready[link].fd, messages.data(), batch_max, MSG_DONTWAIT, nullptr);
        for (int i = 0; i < n; i++) {
            const auto at = static_cast<std::size_t>(i);
            if (const auto arrived = read_tcp(Bytes{frames[at]}.first(
                    std::min<std::size_t>(messages[at].msg_len, frames[at].size())))) {
                n_taken++;
                link ? at_server(run, link, *arrived) : at_client(run, *arrived);
            }
        }
    }
    return n_taken;
}

void begin_more(Run& run)
{
    while (run.n_outstanding < run.window && run.next < run.connections.size()) {
        const auto client = client_of(run, run.next);
        run.connections[run.next++].state = State::begun;
        run.n_outstanding++;
        run.links[0].out.push_back(tcp(client, run.vip, syn, client_seq, 0));
    }
}

void send_out(Link& link)
{
    std::array<Frame*, batch_max> batch;
    std::size_t n = 0;
    for (auto& frame : link.out) {
        batch[n++] = &frame;
        if (n == batch_max)
            send_all(link.fd, batch.data(), std::exchange(n, 0));
    }
    send_all(link.fd, batch.data(), n);
    link.out.clear();
}

void give_up(Run& run)
{
    run.missing += run.n_outstanding;
    run.n_outstanding = 0;
    for (auto& connection : run.connections)
        if (connection.state != State::none)
            connection.state = State::done;
}

void read_ends(Run& run)
{
    std::map<std::string, std::size_t> links;
    const auto link_of = [&](const std::string& pid, const std::string& interface) {
        const auto [at, is_new] = links.emplace(pid + " " + interface, run.links.size());
        if (is_new)
            run.links.push_back({open_there(pid, interface, ETH_P_IP), {}});
        return at->second;
    };
    for (std::string word, pid, interface, mac, ip; std::cin >> word;) {
        End end;
        if (word == "client" && run.links.empty() && std::cin >> pid >> interface >> mac) {
            link_of(pid, interface);
            run.client = mac_of(mac);
        } else if (word == "vip" && std::cin >> mac >> ip >> end.port) {
            end.mac = mac_of(mac), end.ip = ip_of(ip);
            run.vip = end;
        } else if (word == "server" && !run.links.empty() &&
                   std::cin >> pid >> interface >> mac >> ip >> end.port) {
            end.mac = mac_of(mac), end.ip = ip_of(ip);
            run.by_end.emplace(std::pair{end.ip, end.port}, run.servers.size());
            run.servers.push_back({end, link_of(pid, interface)});
        } else {
            errno = EINVAL;
            die("what is '" + word + "'");
        }
    }
}

} // namespace

int connect(Extent extent, std::size_t first, std::size_t count, std::size_t window)
{
    Run run;
    run.extent = extent, run.first = first, run.window = window;
    run.connections.resize(count);
    read_ends(run);
    const auto begun = Clock::now();
    auto heard = begun;
    while (run.next < count || run.n_outstanding) {
        begin_more(run);
        for (auto& link : run.links)
            send_out(link);
        const auto n_taken = receive(run);
        if (n_taken)
            heard = Clock::now();
        else if (Clock::now() - heard > patience)
            give_up(run), heard = Clock::now();
        if (n_taken < batch_max) // Few frames a system call cost the machine what the switch needs.
            std::this_thread::sleep_for(pause);
    }
    const double took = std::chrono::duration<double>(heard - begun).count();
    for (auto& link : run.links)
        send_out(link);
    std::printf("{\"done\":%ju,\"wrong\":%ju,\"missing\":%ju,\"seconds\":%.6f}\n",
                static_cast<std::uintmax_t>(run.done), static_cast<std::uintmax_t>(run.wrong),
                static_cast<std::uintmax_t>(run.missing), took);
    if (extent == Extent::places) {
        for (const auto& connection : run.connections)
            std::printf("%d ", connection.server);
        std::printf("\n");
    }
    return 0;
}

} // namespace holdfast::bench
