// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "lab/guest/frame.h"
#include "lab/guest/roles.h"
#include "lab/guest/storm.h"

namespace lab {
namespace {

constexpr size_t batch = 64;     // Frames taken from the kernel at a time.
constexpr size_t largest = 9216; // Bytes of the largest frame, its VLAN tag too.
constexpr size_t tag_room = 4;   // Bytes kept free before a frame for its VLAN tag.

/// Buffers for one batch of frames, as recvmmsg and sendmmsg want them.
struct Batch {
    std::array<std::array<uint8_t, tag_room + largest>, batch> frames;
    std::array<std::array<uint8_t, CMSG_SPACE(sizeof(tpacket_auxdata))>, batch> control;
    std::array<iovec, batch> in, out;
    std::array<mmsghdr, batch> received, to_send;
};

int fail(const char* interface, const char* step)
{
    std::fprintf(stderr, "hop: %s: %s: %s\n", interface, step, std::strerror(errno));
    return 1;
}

/// A packet socket that sees what comes in on the interface, and only that.
int open_interface(const char* interface, uint8_t (&own)[ETH_ALEN])
{
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    if (fd < 0)
        return -1;
    ifreq request{};
    std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
    if (ioctl(fd, SIOCGIFHWADDR, &request) != 0)
        return -1;
    std::memcpy(own, request.ifr_hwaddr.sa_data, ETH_ALEN);
    const int on = 1;
    const int room = 8 << 20;
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface));
    packet_mreq promiscuous{};
    promiscuous.mr_ifindex = address.sll_ifindex;
    promiscuous.mr_type = PACKET_MR_PROMISC;
    if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0 ||
        bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) != 0)
        return -1;
    return fd;
}

void prepare(Batch& b)
{
    for (size_t i = 0; i < batch; i++) {
        b.in[i] = {b.frames[i].data() + tag_room, largest};
        b.received[i] = {};
        b.received[i].msg_hdr.msg_iov = &b.in[i];
        b.received[i].msg_hdr.msg_iovlen = 1;
        b.received[i].msg_hdr.msg_control = b.control[i].data();
        b.received[i].msg_hdr.msg_controllen = b.control[i].size();
    }
}

/// The VLAN tag that the kernel took out of a frame, if any: puts it back in.
std::span<uint8_t> with_tag(Batch& b, size_t i)
{
    uint8_t* start = b.frames[i].data() + tag_room;
    const size_t size = b.received[i].msg_len;
    msghdr& header = b.received[i].msg_hdr;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
            continue;
        tpacket_auxdata aux;
        std::memcpy(&aux, CMSG_DATA(c), sizeof aux);
        if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
            break;
        const uint16_t tag[2] = {
            htons(aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid : ETHERTYPE_VLAN),
            htons(aux.tp_vlan_tci)};
        std::memmove(start - tag_room, start, 2 * ETH_ALEN);
        std::memcpy(start - tag_room + 2 * ETH_ALEN, tag, sizeof tag);
        return {start - tag_room, size + tag_room};
    }
    return {start, size};
}

bool is_to_pass(std::span<const uint8_t> frame, const uint8_t (&own)[ETH_ALEN])
{
    return frame.size() >= ETH_HLEN && !(frame[0] & 1) &&
           std::memcmp(frame.data(), own, ETH_ALEN) != 0;
}

void send_all(int fd, Batch& b, size_t n, Counts& counts)
{
    for (size_t done = 0; done < n;) {
        const int sent = sendmmsg(fd, &b.to_send[done], static_cast<unsigned>(n - done), 0);
        if (sent > 0) {
            done += static_cast<size_t>(sent);
        } else if (errno != EINTR) {
            counts.failed++; // This frame cannot go; the next may.
            done++;
        }
    }
}

} // namespace

namespace {

/// One end of a hop: its socket, and the address that is its own.
struct End {
    int fd = -1;
    uint8_t own[ETH_ALEN] = {};
};

/// Takes one batch in at `in` and gives it out at `out`.  False if `in` is of no use any more.
bool pass_batch(const End& in, const End& out, uint8_t weight, Counts& counts)
{
    static Batch b;
    static StormGuard guard;
    prepare(b);
    const int n = recvmmsg(in.fd, b.received.data(), batch, MSG_DONTWAIT, nullptr);
    if (n < 0)
        return errno == EINTR || errno == ENETDOWN || errno == EAGAIN;
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now().time_since_epoch());
    size_t n_out = 0;
    for (size_t i = 0; i < static_cast<size_t>(n); i++) {
        const std::span<uint8_t> frame = with_tag(b, i);
        if (!is_to_pass(frame, in.own))
            continue;
        if (!guard.may_pass(frame, now)) {
            counts.looped++;
            continue;
        }
        if (weight)
            add_to_tos(frame, weight);
        counts.frames++;
        counts.bytes += frame.size();
        if (const auto probe = find_probe(frame))
            count_probe(counts, probe->packet, probe->answer);
        b.out[n_out] = {frame.data(), frame.size()};
        b.to_send[n_out] = {};
        b.to_send[n_out].msg_hdr.msg_iov = &b.out[n_out];
        b.to_send[n_out].msg_hdr.msg_iovlen = 1;
        n_out++;
    }
    send_all(out.fd, b, n_out, counts);
    return true;
}

} // namespace

int forward(const char* first, const char* second, uint8_t weight, Counts& counts)
{
    std::array<End, 2> ends;
    std::array<pollfd, 2> ready{};
    const size_t n_ends = second ? 2 : 1;
    for (size_t i = 0; i < n_ends; i++) {
        const char* interface = i ? second : first;
        ends[i].fd = open_interface(interface, ends[i].own);
        if (ends[i].fd < 0)
            return fail(interface, "opening a packet socket");
        ready[i] = {ends[i].fd, POLLIN, 0};
    }
    for (;;) {
        if (poll(ready.data(), n_ends, -1) < 0 && errno != EINTR)
            return fail(first, "waiting");
        for (size_t i = 0; i < n_ends; i++)
            if (ready[i].revents && !pass_batch(ends[i], ends[n_ends - 1 - i], weight, counts))
                return fail(i ? second : first, "receiving");
    }
}

} // namespace lab
