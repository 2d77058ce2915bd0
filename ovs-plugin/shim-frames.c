/* SPDX-License-Identifier: Apache-2.0
 *
 * ovs-plugin/shim-frames: sees, holds and remembers the frames of a port that moves.
 *
 * netdev_send() is the last step of the userspace datapath before a port.  Wrapping it
 * lets the module hold a port's frames from one instant to the next, in their order,
 * whatever the flows said and without waiting for revalidation.  netdev_rxq_recv() shows
 * the first frame that a guest sends.
 *
 * Where nothing moves, the price is one atomic load a batch.  The datapath's threads call
 * in here, so a watch is behind a mutex; only batches of watched ports take it. */
#include "common/ovs-config.h"

#include "ovs-plugin/shim-internal.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "dp-packet.h"
#include "mac-learning.h"
#include "netdev-provider.h"
#include "netdev.h"
#include "ofproto/ofproto-dpif.h"
#include "ofproto/ofproto-provider.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/thread.h"
#include "ovs-atomic.h"
#include "ovs-plugin/shim.h"
#include "ovs-thread.h"
#include "packets.h"
#include "timeval.h"
#include "util.h"

/* Ports watched at once: those that move, and those that wait for a guest. */
#define N_WATCHES 64
/* Frames remembered of a port: more than a tap can queue (1000), since the one that QEMU
 * swallowed lies before all that are taken back from the tap. */
#define N_RECENT 2048
/* Frames held for one port, of each way: 200 ms at 80 kpps; past that the oldest go, and are counted. */
#define N_HELD_MAX 16384

struct frame {
    struct ovs_list node;
    int64_t time_ns;
    size_t size;
    uint8_t data[];
};

struct hf_watch {
    struct netdev *netdev; /* Compared, and used only while 'alive'. */
    char *interface;
    bool used;
    bool alive;
    enum hf_tap_mode mode;
    struct ovs_list held;   /* struct frame, oldest first. */
    size_t n_held;
    struct ovs_list staged; /* struct frame, oldest first: in HF_STAGE, the long way's. */
    size_t n_staged;
    uint64_t n_overflowed;  /* Held frames given up for lack of room. */
    struct ovs_list recent; /* struct frame, oldest first. */
    size_t n_recent;
    uint64_t n_sent;        /* Frames that were ever remembered. */
    uint32_t barrier;       /* The newest that came. */
    int64_t long_way_ms;    /* When the last frame came the long way, or 0. */
    bool in_kernel;         /* The port is in the kernel's datapath. */
    int packets;            /* Shows its frames then, if it could be opened; else -1. */
    int64_t hold_ns;        /* When HF_HOLD began. */
    bool expecting;
    int64_t first_frame_ns;
    int64_t first_guest_frame_ns;
};

/* A bit of netdev->ol_flags that Open vSwitch has no use for: this port is guarded.  It
 * lies in a cache line that netdev_send() reads anyway, so other ports pay nothing. */
#define GUARDED (UINT64_C(1) << 62)

/* A port that takes only what is meant for it.  By name: it may be plugged anew. */
struct guard {
    struct netdev *netdev;
    char *interface;
    struct eth_addr mac;
    bool wire;
    struct mac_learning *ml; /* Of its bridge, where this port is 'place'; NULL for a wire. */
    const void *place;
    uint16_t vlan;
};

static struct ovs_mutex mutex;
static struct guard *guards;
static size_t n_guards;
static atomic_uint32_t guard_mark = 0;
static atomic_count n_guard_dropped;
static struct hf_watch watches[N_WATCHES];
static atomic_count n_watches;

void
hf_frames_init(void)
{
    /* The datapath can be called back from netdev_send() while we hold it. */
    ovs_mutex_init_recursive(&mutex);
}

static int64_t
wall_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static struct hf_watch *
find_watch(const struct netdev *netdev)
{
    for (size_t i = 0; i < N_WATCHES; i++) {
        if (watches[i].used && watches[i].alive && watches[i].netdev == netdev) {
            return &watches[i];
        }
    }
    return NULL;
}

/* Returns true if the oldest frame had to go. */
static bool
append_bytes(struct ovs_list *list, size_t *n, size_t max, const void *data, size_t size,
             int64_t now)
{
    struct frame *frame = xmalloc(sizeof *frame + size);

    frame->time_ns = now;
    frame->size = size;
    memcpy(frame->data, data, size);
    ovs_list_push_back(list, &frame->node);
    if (++*n > max) {
        free(CONTAINER_OF(ovs_list_pop_front(list), struct frame, node));
        --*n;
        return true;
    }
    return false;
}

static bool
append(struct ovs_list *list, size_t *n, size_t max, const struct dp_packet *packet, int64_t now)
{
    return append_bytes(list, n, max, dp_packet_data(packet), dp_packet_size(packet), now);
}

static void
clear(struct ovs_list *list, size_t *n)
{
    struct frame *frame;

    LIST_FOR_EACH_POP (frame, node, list) {
        free(frame);
    }
    *n = 0;
}

static const struct guard *
find_guard(const struct guard *list, size_t n, const struct netdev *netdev)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i].netdev == netdev) {
            return &list[i];
        }
    }
    return NULL;
}

/* Whether the bridge has learned at this port where the frame goes: then NORMAL did not flood it. */
static bool
is_learned_here(const struct guard *guard, const struct dp_packet *packet)
{
    const struct vlan_eth_header *eth = dp_packet_data(packet);
    bool tagged = dp_packet_size(packet) >= sizeof *eth && eth_type_vlan(eth->veth_type);
    uint16_t vlan = tagged ? vlan_tci_to_vid(eth->veth_tci) : guard->vlan;

    return guard->ml && hf_is_learned(guard->ml, guard->place, eth->veth_dst, vlan);
}

/* Takes out of 'batch' what was flooded and is not for this port. */
static void
drop_flooded(struct netdev *netdev, struct dp_packet_batch *batch)
{
    static const struct guard for_nobody; /* Of a port that is going. */
    struct dp_packet *packet;
    size_t i, size = dp_packet_batch_size(batch);
    uint32_t mark;

    atomic_read_relaxed(&guard_mark, &mark);
    ovs_mutex_lock(&mutex);
    const struct guard *guard = find_guard(guards, n_guards, netdev);
    if (!guard) {
        guard = &for_nobody;
    }
    if (netdev->ol_flags & GUARDED) { /* It was when its bit was read. */
        DP_PACKET_BATCH_REFILL_FOR_EACH (i, size, packet, batch) {
            const struct eth_header *eth = dp_packet_data(packet);

            if ((packet->md.pkt_mark & ~HF_LONG_WAY) == mark
                || (!guard->wire && eth_addr_is_multicast(eth->eth_dst))
                || eth_addr_equals(eth->eth_dst, guard->mac) || is_learned_here(guard, packet)) {
                dp_packet_batch_refill(batch, packet, i);
            } else {
                atomic_count_inc(&n_guard_dropped);
                dp_packet_delete(packet);
            }
        }
    }
    ovs_mutex_unlock(&mutex);
}

/* What follows a barrier's destination: an address of our own, and the local experimental type. */
static const uint8_t barrier_head[8] = {0x02, 0x48, 0x46, 0, 0, 3, 0x88, 0xb5};

void
hf_barrier(uint32_t number, const uint8_t mac[6], uint8_t frame[HF_BARRIER_SIZE])
{
    memset(frame, 0, HF_BARRIER_SIZE);
    memcpy(frame, mac, ETH_ADDR_LEN);
    memcpy(frame + ETH_ADDR_LEN, barrier_head, sizeof barrier_head);
    memcpy(frame + ETH_HEADER_LEN, &number, sizeof number);
}

bool
hf_is_barrier(const uint8_t *frame, size_t size)
{
    return size >= HF_BARRIER_SIZE
           && !memcmp(frame + ETH_ADDR_LEN, barrier_head, sizeof barrier_head);
}

/* Keeps what came directly, and leaves in 'batch' what came the long way, and what is for all: it
 * tells nothing of which way the guest's own frames go by now.  In HF_STAGE those are kept apart. */
static void
merge(struct hf_watch *watch, struct dp_packet_batch *batch)
{
    size_t i, size = dp_packet_batch_size(batch);
    struct dp_packet *packet;

    DP_PACKET_BATCH_REFILL_FOR_EACH (i, size, packet, batch) {
        const uint8_t *frame = dp_packet_data(packet);
        bool for_all = eth_addr_is_multicast(((const struct eth_header *) frame)->eth_dst);

        if (hf_is_barrier(frame, dp_packet_size(packet))) {
            memcpy(&watch->barrier, frame + ETH_HEADER_LEN, sizeof watch->barrier);
            dp_packet_delete(packet);
        } else if (packet->md.pkt_mark & HF_LONG_WAY || for_all) {
            if (!for_all) {
                watch->long_way_ms = time_msec();
            }
            if (watch->mode == HF_MERGE) {
                dp_packet_batch_refill(batch, packet, i);
                continue;
            }
            watch->n_overflowed += append(&watch->staged, &watch->n_staged, N_HELD_MAX, packet,
                                          wall_ns());
            dp_packet_delete(packet);
        } else {
            watch->n_overflowed += append(&watch->held, &watch->n_held, N_HELD_MAX, packet,
                                          wall_ns());
            dp_packet_delete(packet);
        }
    }
    hf_wake();
}

int __real_netdev_send(struct netdev *, int qid, struct dp_packet_batch *, bool concurrent_txq);
int __wrap_netdev_send(struct netdev *, int qid, struct dp_packet_batch *, bool concurrent_txq);
int
__wrap_netdev_send(struct netdev *netdev, int qid, struct dp_packet_batch *batch,
                   bool concurrent_txq)
{
    bool hold = false;

    if (OVS_UNLIKELY(netdev->ol_flags & GUARDED)) {
        drop_flooded(netdev, batch);
    }
    if (OVS_UNLIKELY(netdev->ol_flags & HF_SERVER)) {
        hf_origin_deliver(netdev, batch);
    }
    if (OVS_UNLIKELY(atomic_count_get(&n_watches))) {
        ovs_mutex_lock(&mutex);
        struct hf_watch *watch = find_watch(netdev);
        if (watch && (watch->mode == HF_MERGE || watch->mode == HF_STAGE)) {
            merge(watch, batch);
            int error = dp_packet_batch_is_empty(batch)
                ? 0 : __real_netdev_send(netdev, qid, batch, concurrent_txq);
            ovs_mutex_unlock(&mutex);
            return error;
        }
        if (watch && watch->mode != HF_THROUGH) {
            int64_t now = wall_ns();
            struct dp_packet *packet;

            hold = watch->mode == HF_HOLD;
            DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
                if (hold) {
                    watch->n_overflowed += append(&watch->held, &watch->n_held, N_HELD_MAX,
                                                  packet, now);
                } else {
                    append(&watch->recent, &watch->n_recent, N_RECENT, packet, now);
                    watch->n_sent++;
                }
            }
            if (!hold) {
                /* In the port and in the memory in one order. */
                int error = __real_netdev_send(netdev, qid, batch, concurrent_txq);
                watch->n_sent += error ? HF_UNCOUNTED : 0;
                ovs_mutex_unlock(&mutex);
                return error;
            }
        }
        ovs_mutex_unlock(&mutex);
    }
    if (hold) {
        dp_packet_delete_batch(batch, true);
        hf_wake();
        return 0;
    }
    return __real_netdev_send(netdev, qid, batch, concurrent_txq);
}

/* A frame came out of a port that is waited for. */
static void
note_first(struct hf_watch *watch, const void *frame, size_t size, int64_t now)
{
    const struct eth_header *eth = frame;
    bool rarp = size >= sizeof *eth && eth->eth_type == htons(ETH_TYPE_RARP);

    if (watch->expecting && !watch->first_frame_ns) {
        watch->first_frame_ns = now;
        hf_wake();
    }
    if (watch->expecting && !rarp && !watch->first_guest_frame_ns) {
        watch->first_guest_frame_ns = now;
        watch->expecting = false;
        hf_wake();
    }
}

/* In the kernel's datapath: what passed the port since the last look.  What is put into it once
 * HF_HOLD has begun is not remembered, as it is not in the userspace datapath: the port's tap keeps
 * it, for who has the tap's descriptor. */
static void
catch_up(struct hf_watch *watch)
    OVS_REQUIRES(mutex)
{
    static struct hf_packet packet; /* Too big for a stack. */

    while (watch->packets >= 0 && hf_packets_read(watch->packets, &packet)) {
        if (!packet.into_port) {
            note_first(watch, packet.frame, packet.size, packet.time_ns);
        } else if (watch->mode == HF_COPY
                   || (watch->mode == HF_HOLD && packet.time_ns < watch->hold_ns)) {
            append_bytes(&watch->recent, &watch->n_recent, N_RECENT, packet.frame, packet.size,
                         packet.time_ns);
            watch->n_sent++;
        }
    }
}

int __real_netdev_rxq_recv(struct netdev_rxq *, struct dp_packet_batch *, int *qfill);
int __wrap_netdev_rxq_recv(struct netdev_rxq *, struct dp_packet_batch *, int *qfill);
int
__wrap_netdev_rxq_recv(struct netdev_rxq *rx, struct dp_packet_batch *batch, int *qfill)
{
    int error = __real_netdev_rxq_recv(rx, batch, qfill);

    if (!error) {
        hf_rounds_received(batch);
        hf_origin_filter(rx->netdev, batch);
    }
    if (OVS_UNLIKELY(atomic_count_get(&n_watches)) && !error) {
        ovs_mutex_lock(&mutex);
        struct hf_watch *watch = find_watch(rx->netdev);
        if (watch && watch->mode == HF_STAGE) {
            /* The kernel's, of an interface whose user does not run yet: it would teach the fabric
             * that the user is here. */
            dp_packet_delete_batch(batch, true);
            dp_packet_batch_init(batch);
        } else if (watch && watch->expecting) {
            struct dp_packet *packet;

            DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
                note_first(watch, dp_packet_data(packet), dp_packet_size(packet), wall_ns());
            }
        }
        ovs_mutex_unlock(&mutex);
    }
    return error;
}

void
hf_frames_port_gone(const char *interface)
{
    hf_origin_port_gone(interface);
    ovs_mutex_lock(&mutex);
    for (size_t i = 0; i < N_WATCHES; i++) {
        if (watches[i].used && !strcmp(watches[i].interface, interface)) {
            watches[i].alive = false;
            watches[i].netdev = NULL;
        }
    }
    for (size_t i = 0; i < n_guards; i++) {
        if (!strcmp(guards[i].interface, interface)) {
            guards[i].netdev = NULL;
        }
    }
    ovs_mutex_unlock(&mutex);
}

struct hf_watch *
hf_watch_open(const char *bridge, const char *interface)
{
    struct ofproto *ofproto = hf_find_bridge(bridge);
    struct ofport *ofport = ofproto ? shash_find_data(&ofproto->port_by_name, interface) : NULL;
    struct hf_watch *watch = NULL;

    if (!ofport) {
        return NULL;
    }
    ovs_mutex_lock(&mutex);
    for (size_t i = 0; i < N_WATCHES && !watch; i++) {
        if (!watches[i].used) {
            watch = &watches[i];
            *watch = (struct hf_watch) {
                .netdev = ofport->netdev,
                .interface = xstrdup(interface),
                .used = true,
                .alive = true,
                .in_kernel = hf_in_kernel(ofproto),
                .packets = hf_in_kernel(ofproto) ? hf_packets_open(interface) : -1,
            };
            ovs_list_init(&watch->held);
            ovs_list_init(&watch->staged);
            ovs_list_init(&watch->recent);
            atomic_count_inc(&n_watches);
        }
    }
    ovs_mutex_unlock(&mutex);
    return watch;
}

void
hf_watch_close(struct hf_watch *watch)
{
    if (watch) {
        ovs_mutex_lock(&mutex);
        clear(&watch->held, &watch->n_held);
        clear(&watch->staged, &watch->n_staged);
        clear(&watch->recent, &watch->n_recent);
        if (watch->packets >= 0) {
            close(watch->packets);
        }
        free(watch->interface);
        watch->interface = NULL;
        watch->used = false;
        atomic_count_dec(&n_watches);
        ovs_mutex_unlock(&mutex);
    }
}

bool
hf_watch_alive(const struct hf_watch *watch)
{
    return watch->alive;
}

void
hf_watch_set_mode(struct hf_watch *watch, enum hf_tap_mode mode)
{
    ovs_mutex_lock(&mutex);
    catch_up(watch);
    watch->mode = mode;
    watch->hold_ns = mode == HF_HOLD ? wall_ns() : 0;
    ovs_mutex_unlock(&mutex);
}

bool
hf_watch_holds(const struct hf_watch *watch)
{
    return !watch->in_kernel;
}

void
hf_watch_wait(const struct hf_watch *watch)
{
    if (watch->packets >= 0 && watch->expecting) {
        poll_fd_wait(watch->packets, POLLIN);
    }
}

size_t
hf_watch_take_held(struct hf_watch *watch,
                   void (*each)(const uint8_t *frame, size_t size, void *aux), void *aux)
{
    struct ovs_list taken = OVS_LIST_INITIALIZER(&taken);
    struct frame *frame;
    size_t n;

    ovs_mutex_lock(&mutex);
    ovs_list_push_back_all(&taken, &watch->held);
    n = watch->n_held;
    watch->n_held = 0;
    ovs_mutex_unlock(&mutex);
    LIST_FOR_EACH_POP (frame, node, &taken) {
        each(frame->data, frame->size, aux);
        free(frame);
    }
    return n;
}

bool
hf_watch_keeps(const struct hf_watch *watch)
{
    ovs_mutex_lock(&mutex);
    bool keeps = watch->n_held > 0;
    ovs_mutex_unlock(&mutex);
    return keeps;
}

bool
hf_watch_saw_barrier(const struct hf_watch *watch, uint32_t number)
{
    ovs_mutex_lock(&mutex);
    bool saw = watch->barrier == number;
    ovs_mutex_unlock(&mutex);
    return saw;
}

/* What is kept goes to the port, in its order. */
static void
put_into_port(struct hf_watch *watch, struct ovs_list *list, size_t *n)
    OVS_REQUIRES(mutex)
{
    struct frame *frame;

    LIST_FOR_EACH_POP (frame, node, list) {
        if (watch->alive) {
            struct dp_packet_batch batch;

            dp_packet_batch_init_packet(&batch, dp_packet_clone_data(frame->data, frame->size));
            __real_netdev_send(watch->netdev, 0, &batch, true);
        }
        free(frame);
    }
    *n = 0;
}

void
hf_watch_begin(struct hf_watch *watch)
{
    ovs_mutex_lock(&mutex);
    put_into_port(watch, &watch->staged, &watch->n_staged);
    watch->mode = HF_MERGE;
    ovs_mutex_unlock(&mutex);
}

int64_t
hf_watch_long_way_ms(const struct hf_watch *watch)
{
    ovs_mutex_lock(&mutex);
    int64_t ms = watch->long_way_ms;
    ovs_mutex_unlock(&mutex);
    return ms;
}

void
hf_watch_pass(struct hf_watch *watch)
{
    ovs_mutex_lock(&mutex);
    put_into_port(watch, &watch->held, &watch->n_held);
    ovs_mutex_unlock(&mutex);
}

void
hf_watch_release(struct hf_watch *watch)
{
    ovs_mutex_lock(&mutex);
    put_into_port(watch, &watch->held, &watch->n_held);
    watch->mode = HF_THROUGH;
    ovs_mutex_unlock(&mutex);
}

/* A count that the datapath's threads change. */
static uint64_t
read_count(const uint64_t *count)
{
    ovs_mutex_lock(&mutex);
    uint64_t n = *count;
    ovs_mutex_unlock(&mutex);
    return n;
}

uint64_t
hf_watch_overflowed(const struct hf_watch *watch)
{
    return read_count(&watch->n_overflowed);
}

uint64_t
hf_watch_sent(struct hf_watch *watch)
{
    ovs_mutex_lock(&mutex);
    catch_up(watch);
    ovs_mutex_unlock(&mutex);
    return read_count(&watch->n_sent);
}

size_t
hf_watch_recent(struct hf_watch *watch, size_t n,
                void (*each)(const uint8_t *frame, size_t size, int64_t time_ns, void *aux),
                void *aux)
{
    ovs_mutex_lock(&mutex);
    catch_up(watch);
    const struct ovs_list *first = &watch->recent;

    n = MIN(n, watch->n_recent);
    for (size_t i = 0; i < n; i++) {
        first = first->prev;
    }
    for (size_t i = 0; i < n; i++, first = first->next) {
        const struct frame *frame = CONTAINER_OF(first, struct frame, node);

        each(frame->data, frame->size, frame->time_ns, aux);
    }
    ovs_mutex_unlock(&mutex);
    return n;
}

int
hf_watch_send(struct hf_watch *watch, const uint8_t *frame, size_t size)
{
    struct dp_packet_batch batch;
    int error = ENODEV;

    ovs_mutex_lock(&mutex);
    if (watch->alive) {
        dp_packet_batch_init_packet(&batch, dp_packet_clone_data(frame, size));
        error = __real_netdev_send(watch->netdev, 0, &batch, true);
    }
    ovs_mutex_unlock(&mutex);
    return error;
}

int
hf_port_send(const char *bridge, const char *interface, uint32_t mark, const uint8_t *frame,
             size_t size)
{
    struct ofproto *ofproto = hf_find_bridge(bridge);
    struct ofport *port = ofproto ? shash_find_data(&ofproto->port_by_name, interface) : NULL;
    struct dp_packet_batch batch;

    if (!port) {
        return ENODEV;
    }
    dp_packet_batch_init_packet(&batch, dp_packet_clone_data(frame, size));
    batch.packets[0]->md.pkt_mark = mark;
    return __wrap_netdev_send(port->netdev, 0, &batch, true);
}

void
hf_watch_expect(struct hf_watch *watch)
{
    ovs_mutex_lock(&mutex);
    watch->expecting = true;
    ovs_mutex_unlock(&mutex);
}

int64_t
hf_watch_first_frame(struct hf_watch *watch)
{
    ovs_mutex_lock(&mutex);
    catch_up(watch);
    int64_t ns = watch->first_frame_ns;
    ovs_mutex_unlock(&mutex);
    return ns;
}

int64_t
hf_watch_first_guest_frame(const struct hf_watch *watch)
{
    ovs_mutex_lock(&mutex);
    int64_t ns = watch->first_guest_frame_ns;
    ovs_mutex_unlock(&mutex);
    return ns;
}

static struct guard
make_guard(struct ofproto *ofproto, const struct hf_guard *wanted)
{
    struct ofport *port = ofproto
        ? shash_find_data(&ofproto->port_by_name, wanted->interface) : NULL;
    struct guard guard = {
        .netdev = port ? port->netdev : NULL,
        .interface = xstrdup(wanted->interface),
        .wire = wanted->wire,
        .vlan = wanted->vlan,
    };

    eth_addr_from_string(wanted->mac, &guard.mac);
    if (port && !wanted->wire && !hf_in_kernel(ofproto)) {
        const struct ofproto_dpif *dpif = ofproto_dpif_lookup_by_name(ofproto->name);
        const struct guard *old = find_guard(guards, n_guards, guard.netdev);

        guard.ml = mac_learning_ref(dpif->ml);
        guard.place = old && old->place && old->ml == guard.ml
            ? old->place : hf_learning_place(dpif, port->ofp_port);
    }
    return guard;
}

void
hf_guard_ports(const char *bridge, const struct hf_guard *wanted, size_t n, uint32_t mark)
{
    struct ofproto *ofproto = hf_find_bridge(bridge);
    struct guard *fresh = xmalloc(MAX(n, 1) * sizeof *fresh);

    for (size_t i = 0; i < n; i++) {
        fresh[i] = make_guard(ofproto, &wanted[i]);
    }
    atomic_store_relaxed(&guard_mark, mark);
    ovs_mutex_lock(&mutex);
    /* The datapath's threads look at the bit without the mutex: a port that stays guarded has it
     * throughout, or what is flooded meanwhile would go in. */
    for (size_t i = 0; i < n; i++) {
        if (fresh[i].netdev) {
            fresh[i].netdev->ol_flags |= GUARDED;
        }
    }
    for (size_t i = 0; i < n_guards; i++) {
        if (guards[i].netdev && !find_guard(fresh, n, guards[i].netdev)) {
            guards[i].netdev->ol_flags &= ~GUARDED;
        }
        free(guards[i].interface);
        mac_learning_unref(guards[i].ml);
    }
    free(guards);
    guards = fresh;
    n_guards = n;
    ovs_mutex_unlock(&mutex);
    hf_kernel_guard_ports(bridge, wanted, n, mark);
}

uint64_t
hf_guard_dropped(void)
{
    return atomic_count_get(&n_guard_dropped) + hf_kernel_guard_dropped();
}
