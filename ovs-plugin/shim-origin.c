/* SPDX-License-Identifier: Apache-2.0
 *
 * ovs-plugin/shim-origin: shows the module what VMs send, where the switch receives it.
 *
 * Ports that are not a VM's pay one look at a field that lies in the cache already; the others
 * one lookup a batch, without a lock. */
#include "common/ovs-config.h"

#include "ovs-plugin/shim-internal.h"

#include "cmap.h"
#include "dp-packet.h"
#include "hash.h"
#include "hmapx.h"
#include "netdev.h"
#include "netdev-provider.h"
#include "ofproto/ofproto-provider.h"
#include "ovs-plugin/shim.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "util.h"

/* A bit of netdev->ol_flags that Open vSwitch has no use for: see also shim-frames.c. */
#define KNOWN (UINT64_C(1) << 61)

struct origin_port {
    struct cmap_node node;      /* By netdev. */
    struct cmap_node in_kernel; /* By number, where the bridge has the kernel's datapath. */
    struct netdev *netdev;
    const struct ofproto *ofproto; /* NULL in the userspace datapath. */
    ofp_port_t number;
    char *interface;
    void *origin;
    bool answers;
    bool server;
    bool directs;
    bool replaced; /* A newer one of the same port is there. */
};

static struct cmap ports = CMAP_INITIALIZER;
static struct cmap ports_in_kernel = CMAP_INITIALIZER;
static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER; /* For those who change it. */

static void
send_back(const struct origin_port *port, const void *frame, size_t size)
{
    struct dp_packet_batch batch;

    dp_packet_batch_init_packet(&batch, dp_packet_clone_data(frame, size));
    netdev_send(port->netdev, 0, &batch, true);
}

/* Whether the switch has answered the packet itself. */
static bool
answer(const struct origin_port *port, const struct dp_packet *packet)
{
    uint8_t frame[HF_ANSWER_SIZE];
    size_t size;

    if (!port->answers) {
        return false;
    }
    size = hf_module_answer(port->origin, dp_packet_data(packet), dp_packet_size(packet), frame);
    if (size) {
        send_back(port, frame, size);
    }
    return size;
}

/* Whether the built-in director, where there is one, lets the packet go on. */
static bool
direct(const struct origin_port *port, struct dp_packet *packet)
{
    size_t size = dp_packet_size(packet);
    enum hf_fate fate = port->directs
        ? hf_module_direct(port->origin, dp_packet_data(packet), &size) : HF_ON;

    if (fate == HF_BACK) {
        send_back(port, dp_packet_data(packet), size);
    }
    return fate == HF_ON;
}

static const struct origin_port *
find_port(const struct netdev *netdev)
{
    const struct origin_port *port;

    CMAP_FOR_EACH_WITH_HASH (port, node, hash_pointer(netdev, 0), &ports) {
        if (port->netdev == netdev) {
            return port;
        }
    }
    return NULL;
}

/* Whether a packet that the switch received goes on. */
static bool
goes_on(const struct origin_port *port, struct dp_packet *packet)
{
    return hf_module_may_send(port->origin, dp_packet_data(packet), dp_packet_size(packet), true)
           && !answer(port, packet)
           && (!port->server || hf_module_from_server(port->origin, dp_packet_data(packet),
                                                      dp_packet_size(packet)))
           && direct(port, packet);
}

void
hf_origin_filter(const struct netdev *netdev, struct dp_packet_batch *batch)
{
    const struct origin_port *port;
    struct dp_packet *packet;
    size_t i, size = dp_packet_batch_size(batch);

    if (OVS_LIKELY(!(netdev->ol_flags & KNOWN))) {
        return;
    }
    port = find_port(netdev);
    if (port) {
        DP_PACKET_BATCH_REFILL_FOR_EACH (i, size, packet, batch) {
            if (goes_on(port, packet)) {
                dp_packet_batch_refill(batch, packet, i);
            } else {
                dp_packet_delete(packet);
            }
        }
    }
}

void
hf_origin_deliver(const struct netdev *netdev, struct dp_packet_batch *batch)
{
    const struct origin_port *port = find_port(netdev);
    struct dp_packet *packet;
    size_t i, size = dp_packet_batch_size(batch);

    if (port && port->server) {
        DP_PACKET_BATCH_REFILL_FOR_EACH (i, size, packet, batch) {
            if (hf_module_to_server(port->origin, dp_packet_data(packet), dp_packet_size(packet),
                                    packet->md.pkt_mark & HF_LONG_WAY)) {
                dp_packet_batch_refill(batch, packet, i);
            } else {
                dp_packet_delete(packet);
            }
        }
    }
}

void *
hf_origin_in_kernel(const struct ofproto *ofproto, ofp_port_t number)
{
    const struct origin_port *port;

    CMAP_FOR_EACH_WITH_HASH (port, in_kernel, hash_ofp_port(number), &ports_in_kernel) {
        if (port->ofproto == ofproto && port->number == number) {
            return port->origin;
        }
    }
    return NULL;
}

static void
free_port(struct origin_port *port)
{
    hf_module_origin_free(port->origin);
    free(port->interface);
    free(port);
}

static void
remove_port(struct origin_port *port)
{
    if (!port->replaced) {
        port->netdev->ol_flags &= ~(KNOWN | HF_SERVER);
    }
    cmap_remove(&ports, &port->node, hash_pointer(port->netdev, 0));
    if (port->ofproto) {
        cmap_remove(&ports_in_kernel, &port->in_kernel, hash_ofp_port(port->number));
    }
    ovsrcu_postpone(free_port, port);
}

void
hf_origin_port_gone(const char *interface)
{
    struct origin_port *port;

    ovs_mutex_lock(&mutex);
    CMAP_FOR_EACH (port, node, &ports) {
        if (!strcmp(port->interface, interface)) {
            remove_port(port);
        }
    }
    ovs_mutex_unlock(&mutex);
}

/* Another entry of 'netdev' than 'newest'. */
static struct origin_port *
find_older(const struct netdev *netdev, const struct origin_port *newest)
{
    struct origin_port *port;

    CMAP_FOR_EACH_WITH_HASH (port, node, hash_pointer(netdev, 0), &ports) {
        if (port->netdev == netdev && port != newest) {
            return port;
        }
    }
    return NULL;
}

/* The new ones first, so that a port that has one is never without. */
void
hf_origins(const char *bridge, const struct hf_origin *origins, size_t n)
{
    struct ofproto *ofproto = hf_find_bridge(bridge);
    struct hmapx fresh = HMAPX_INITIALIZER(&fresh);
    struct origin_port *port, *older;

    ovs_mutex_lock(&mutex);
    for (size_t i = 0; i < n; i++) {
        struct ofport *ofport = ofproto
            ? shash_find_data(&ofproto->port_by_name, origins[i].interface) : NULL;

        if (!ofport) {
            hf_module_origin_free(origins[i].origin);
            continue;
        }
        port = xzalloc(sizeof *port);
        port->netdev = ofport->netdev;
        port->interface = xstrdup(origins[i].interface);
        port->origin = origins[i].origin;
        port->answers = origins[i].answers;
        port->server = origins[i].server;
        port->directs = origins[i].directs;
        port->ofproto = hf_in_kernel(ofproto) ? ofproto : NULL;
        port->number = ofport->ofp_port;
        cmap_insert(&ports, &port->node, hash_pointer(port->netdev, 0));
        if (port->ofproto) {
            cmap_insert(&ports_in_kernel, &port->in_kernel, hash_ofp_port(port->number));
        }
        ofport->netdev->ol_flags |= KNOWN | (port->server ? HF_SERVER : 0);
        hmapx_add(&fresh, port);
        older = find_older(port->netdev, port);
        if (older) {
            older->replaced = true;
        }
    }
    CMAP_FOR_EACH (port, node, &ports) {
        if (!hmapx_contains(&fresh, port)) {
            remove_port(port);
        }
    }
    ovs_mutex_unlock(&mutex);
    hmapx_destroy(&fresh);
    hf_kernel_origins_changed(bridge);
}
