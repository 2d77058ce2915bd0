/* SPDX-License-Identifier: Apache-2.0
 *
 * ovs-plugin/shim-queues: room for the burst that a guest sends when it wakes after a move.
 *
 * While a VM is stopped its traffic waits in its tap; when it runs again it answers all of it
 * at once, and what was held for it comes through the uplink at once.  The packet socket by which
 * the userspace datapath reads a port holds about 270 small frames (net.core.rmem_default), less
 * than waits after 300 ms at 1 kHz, and the kernel drops the rest.  So every receive queue gets more
 * room while VMs move, and while flows change, which takes the main thread's time.  Not for ever: a switch that is loaded to its limit would always have it
 * full, and what waits in so long a queue has left the processor's cache when it is read.
 *
 * Threads: the main thread alone opens and closes queues. */
#include "common/ovs-config.h"

#include "ovs-plugin/shim-internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "netdev-linux-private.h"
#include "netdev-provider.h"
#include "netdev.h"
#include "openvswitch/hmap.h"
#include "openvswitch/vlog.h"
#include "hash.h"
#include "ovs-plugin/shim.h"

VLOG_DEFINE_THIS_MODULE(holdfast_queues);

/* Bytes of one queue, as the kernel counts them: some 40,000 small frames, 8,000 full ones. */
#define LONG_BYTES (32 << 20)

/* A receive queue that is a socket. */
struct queue {
    struct hmap_node node; /* By 'rx'. */
    const struct netdev_rxq *rx;
    int fd;
    int ordinary; /* Bytes of room it was opened with. */
};

static struct hmap queues = HMAP_INITIALIZER(&queues);
static bool all_long;

static void
set_room(const struct queue *queue)
{
    int room = all_long ? LONG_BYTES : queue->ordinary;

    if (setsockopt(queue->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room)) {
        VLOG_WARN("%s: receive queue stays as it is (%s): bursts may be lost",
                  netdev_get_name(queue->rx->netdev), ovs_strerror(errno));
    }
}

void
hf_queues_long(bool wanted)
{
    const struct queue *queue;

    if (all_long != wanted) {
        all_long = wanted;
        HMAP_FOR_EACH (queue, node, &queues) {
            set_room(queue);
        }
    }
}

/* What the kernel tells is twice what it was asked for (socket(7)). */
static int
room_of(int fd)
{
    socklen_t size = sizeof(int);
    int room = 0;

    return getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, &size) ? 0 : room / 2;
}

int __real_netdev_rxq_open(struct netdev *, struct netdev_rxq **, int id);
int __wrap_netdev_rxq_open(struct netdev *, struct netdev_rxq **, int id);
int
__wrap_netdev_rxq_open(struct netdev *netdev, struct netdev_rxq **rxp, int id)
{
    int error = __real_netdev_rxq_open(netdev, rxp, id);

    if (error || !is_netdev_linux_class(netdev_get_class(netdev))) {
        return error;
    }
    const struct netdev_rxq_linux *rx = CONTAINER_OF(*rxp, struct netdev_rxq_linux, up);

    /* A tap of the switch's own is read by its descriptor, which is no socket. */
    if (!rx->is_tap) {
        struct queue *queue = xmalloc(sizeof *queue);

        queue->rx = *rxp;
        queue->fd = rx->fd;
        queue->ordinary = room_of(rx->fd);
        hmap_insert(&queues, &queue->node, hash_pointer(*rxp, 0));
        if (all_long) {
            set_room(queue);
        }
    }
    return 0;
}

void __real_netdev_rxq_close(struct netdev_rxq *);
void __wrap_netdev_rxq_close(struct netdev_rxq *);
void
__wrap_netdev_rxq_close(struct netdev_rxq *rx)
{
    struct queue *queue;

    HMAP_FOR_EACH_WITH_HASH (queue, node, hash_pointer(rx, 0), &queues) {
        if (queue->rx == rx) {
            hmap_remove(&queues, &queue->node);
            free(queue);
            break;
        }
    }
    __real_netdev_rxq_close(rx);
}
