// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <thread>

#include "lab/guest/roles.h"

namespace lab {
namespace {

constexpr uint16_t echo_port = 7; // RFC 862.

int fail(const char* what)
{
    std::fprintf(stderr, "hop: %s: %s\n", what, std::strerror(errno));
    return 1;
}

/// A socket bound to `port` on every address; IPv4 alone where IPv6 is turned off.
int open_port(int type, uint16_t port)
{
    const int on = 1, off = 0;
    int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
    sockaddr_in6 any6{};
    any6.sin6_family = AF_INET6;
    any6.sin6_port = htons(port);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0 &&
        bind(fd, reinterpret_cast<sockaddr*>(&any6), sizeof any6) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    sockaddr_in any4{};
    any4.sin_family = AF_INET;
    any4.sin_port = htons(port);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, reinterpret_cast<sockaddr*>(&any4), sizeof any4) != 0)
        return -1;
    return fd;
}

void echo_connection(int fd)
{
    std::array<char, 65536> bytes;
    for (;;) {
        const ssize_t size = recv(fd, bytes.data(), bytes.size(), 0);
        if (size <= 0)
            break;
        for (ssize_t done = 0; done < size;) {
            const ssize_t sent =
                send(fd, bytes.data() + done, static_cast<size_t>(size - done), MSG_NOSIGNAL);
            if (sent <= 0) {
                close(fd);
                return;
            }
            done += sent;
        }
    }
    close(fd);
}

void echo_all(int listener)
{
    for (;;) {
        const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd >= 0)
            std::thread(echo_connection, fd).detach();
    }
}

/// Answers probe datagrams for ever.
int answer_probes(int fd, Counts& counts)
{
    std::array<uint8_t, 65536> bytes;
    for (;;) {
        sockaddr_in6 from{};
        socklen_t from_size = sizeof from;
        const ssize_t size = recvfrom(fd, bytes.data(), bytes.size(), 0,
                                      reinterpret_cast<sockaddr*>(&from), &from_size);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return fail("receiving probes");
        counts.frames++;
        counts.bytes += static_cast<uint64_t>(size);
        ProbePacket packet{};
        if (static_cast<size_t>(size) >= sizeof packet) {
            std::memcpy(&packet, bytes.data(), sizeof packet);
            if (packet.magic == probe_magic)
                count_probe(counts, packet, false);
        }
        if (sendto(fd, bytes.data(), static_cast<size_t>(size), 0,
                   reinterpret_cast<sockaddr*>(&from), from_size) != size) {
            counts.failed++;
            continue;
        }
        if (packet.magic == probe_magic)
            count_probe(counts, packet, true);
    }
}

} // namespace

int serve(Counts& counts)
{
    const int probes = open_port(SOCK_DGRAM, probe_port);
    const int listener = open_port(SOCK_STREAM, echo_port);
    if (probes < 0 || listener < 0 || listen(listener, 64) != 0)
        return fail("opening the ports");
    const int room = 8 << 20;
    if (setsockopt(probes, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0)
        return fail("enlarging the receive buffer");
    std::thread(echo_all, listener).detach();
    return answer_probes(probes, counts);
}

} // namespace lab
