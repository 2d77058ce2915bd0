/* SPDX-License-Identifier: Apache-2.0
 *
 * ovs-plugin/shim-packets: shows what passes a port of a bridge with the kernel's datapath.
 *
 * A packet socket gets a copy of each frame just before the kernel gives it to the port, and
 * just after the kernel took it from there: in their order, with the time, and without being
 * in their way.  It is open while a port is watched only (shim-frames.c).
 *
 * Threads: any; nothing is kept here. */
#include "common/ovs-config.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "openvswitch/vlog.h"
#include "ovs-plugin/shim-internal.h"
#include "packets.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(holdfast_packets);

/* Bytes as the kernel counts them: some 40,000 small frames between two looks. */
#define ROOM_BYTES (32 << 20)

int
hf_packets_open(const char *interface)
{
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = if_nametoindex(interface),
    };
    int room = ROOM_BYTES, on = 1;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || !address.sll_ifindex
        || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room)
        || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on)
        || setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on)
        || bind(fd, (struct sockaddr *) &address, sizeof address)) {
        VLOG_WARN("%s: its frames cannot be seen (%s): what QEMU drops at a guest's stop is lost",
                  interface, ovs_strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

/* The kernel keeps a frame's outer VLAN tag beside it. */
static size_t
put_tag_back(const struct tpacket_auxdata *aux, uint8_t *frame, size_t size)
{
    uint16_t tag[2] = { htons(aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid
                                                                          : ETH_TYPE_VLAN_8021Q),
                        htons(aux->tp_vlan_tci) };

    memmove(frame + 2 * ETH_ADDR_LEN + sizeof tag, frame + 2 * ETH_ADDR_LEN,
            size - 2 * ETH_ADDR_LEN);
    memcpy(frame + 2 * ETH_ADDR_LEN, tag, sizeof tag);
    return size + sizeof tag;
}

size_t
hf_packets_read(int fd, struct hf_packet *packet)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(struct tpacket_auxdata))
                  + CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct sockaddr_ll from;
    struct iovec bytes = { packet->frame, sizeof packet->frame - VLAN_HEADER_LEN };
    struct msghdr message = {
        .msg_name = &from,
        .msg_namelen = sizeof from,
        .msg_iov = &bytes,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t size = recvmsg(fd, &message, MSG_DONTWAIT);

    if (size < ETH_HEADER_LEN) {
        return 0;
    }
    packet->size = size;
    packet->into_port = from.sll_pkttype == PACKET_OUTGOING;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            const struct timespec *time = ALIGNED_CAST(struct timespec *, CMSG_DATA(c));

            packet->time_ns = time->tv_sec * INT64_C(1000000000) + time->tv_nsec;
        } else if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) {
            const struct tpacket_auxdata *aux = ALIGNED_CAST(struct tpacket_auxdata *,
                                                             CMSG_DATA(c));

            if (aux->tp_status & TP_STATUS_VLAN_VALID) {
                packet->size = put_tag_back(aux, packet->frame, packet->size);
            }
        }
    }
    return packet->size;
}
