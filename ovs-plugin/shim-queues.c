/* SPDX-License-Identifier: Apache-2.0
 *
 * ovs-plugin/shim-queues: room for the burst that a guest sends when it wakes after a move.
 *
 * While a VM is stopped its traffic waits in its tap; when it runs again it answers all of it
 * at once.  The packet socket by which the userspace datapath reads a tap holds about 270
 * small frames (net.core.rmem_default), less than waits after 300 ms at 1 kHz, and the kernel
 * drops the rest.  So every receive queue gets more room when it is opened.
 *
 * Threads: the main thread opens queues; nothing here is kept. */
#include "common/ovs-config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "netdev-linux-private.h"
#include "netdev-provider.h"
#include "netdev.h"
#include "openvswitch/vlog.h"

VLOG_DEFINE_THIS_MODULE(holdfast_queues);

/* Bytes of one queue, as the kernel counts them: some 40,000 small frames, 8,000 full ones. */
#define QUEUE_BYTES (32 << 20)

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
    int room = QUEUE_BYTES;

    /* A tap of the switch's own is read by its descriptor, which is no socket. */
    if (!rx->is_tap
        && setsockopt(rx->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room)) {
        VLOG_WARN("%s: receive queue stays short (%s): bursts may be lost",
                  netdev_get_name(netdev), ovs_strerror(errno));
    }
    return 0;
}
