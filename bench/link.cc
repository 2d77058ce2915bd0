// SPDX-License-Identifier: Apache-2.0
//
// bench/link: see the header.
#include <config.h>

#include "bench/link.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace holdfast::bench {

void die(const std::string& what)
{
    std::fprintf(stderr, "frames: %s: %s\n", what.c_str(), std::strerror(errno));
    std::exit(1);
}

int open_packets(const std::string& interface, int protocol)
{
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(static_cast<std::uint16_t>(protocol));
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    const int on = 1, room = 4 << 20;
    if (fd < 0 || !address.sll_ifindex ||
        setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0 ||
        bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        die(interface);
    return fd;
}

int open_there(const std::string& pid, const std::string& interface, int protocol)
{
    const int network = open(("/proc/" + pid + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC);
    if (network < 0 || setns(network, CLONE_NEWNET) != 0)
        die("the network of process " + pid);
    close(network);
    return open_packets(interface, protocol);
}

void send_all(int fd, Frame* const* frames, std::size_t count)
{
    std::array<mmsghdr, batch_max> messages{};
    std::array<iovec, batch_max> parts;
    for (std::size_t i = 0; i < count; i++) {
        parts[i] = {frames[i]->data(), frames[i]->size()};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (std::size_t done = 0; done < count;) {
        const int sent =
            sendmmsg(fd, &messages[done], static_cast<unsigned>(count - done), MSG_DONTWAIT);
        done += sent > 0 ? static_cast<std::size_t>(sent) : 1;
    }
}

Mac mac_of(const std::string& text)
{
    unsigned bytes[6];
    if (std::sscanf(text.c_str(), "%x:%x:%x:%x:%x:%x", bytes, bytes + 1, bytes + 2, bytes + 3,
                    bytes + 4, bytes + 5) != 6)
        die(text);
    Mac mac;
    std::copy(bytes, bytes + 6, mac.begin());
    return mac;
}

std::uint32_t ip_of(const std::string& text)
{
    in_addr address{};
    if (inet_pton(AF_INET, text.c_str(), &address) != 1)
        die(text);
    return address.s_addr;
}

} // namespace holdfast::bench
