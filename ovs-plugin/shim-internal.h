/* SPDX-License-Identifier: Apache-2.0
 *
 * ovs-plugin/shim-internal: what the C files of the shim say to each other. */
#ifndef HOLDFAST_SHIM_INTERNAL_H
#define HOLDFAST_SHIM_INTERNAL_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"

/* "HOLDFAST" in ASCII: tells our flows from others in bridge/dump-flows. */
#define HF_COOKIE UINT64_C(0x484f4c4446415354)

/* The bridge of this name.  Open vSwitch's own ofproto_lookup() finds one for some time
 * after it was deleted, and what is done to that one is lost. */
struct ofproto *hf_find_bridge(const char *name);
/* The name of the bridge that has a port of this name, which may be the bridge's own; false if none
 * has. */
bool hf_bridge_with_port(const char *port, char name[16]);

void hf_frames_init(void);
/* The port is about to go: nothing may touch its device any more. */
void hf_frames_port_gone(const char *interface);
/* Takes out of 'batch' what the port's VM may not send (shim-origin.c). */
struct netdev;
struct dp_packet_batch;
void hf_origin_filter(const struct netdev *, struct dp_packet_batch *);
/* A bit of netdev->ol_flags: frames for this port are shown to hf_origin_deliver() first. */
#define HF_SERVER (UINT64_C(1) << 59)
void hf_origin_deliver(const struct netdev *, struct dp_packet_batch *);
void hf_origin_port_gone(const char *interface);
/* What hf_origins() gave for a port of a bridge with the kernel's datapath; else NULL.
 * Any thread. */
struct ofproto;
void *hf_origin_in_kernel(const struct ofproto *, ofp_port_t);

/* What a bridge's table of MAC addresses calls a port, to compare with; NULL while the switch does
 * not forward by it yet.  And whether that table has 'mac' there (shim-learning.c).  The first: main
 * thread. */
struct ofproto_dpif;
struct mac_learning;
const void *hf_learning_place(const struct ofproto_dpif *, ofp_port_t);
bool hf_is_learned(const struct mac_learning *, const void *place, struct eth_addr mac,
                   uint16_t vlan);

/* Deletes all flows but ours of the tables that have some of ours (shim-flush.c).  Main thread. */
void hf_flush_others(struct ofproto *);

/* The kernel's datapath (shim-kernel.c). */
struct hf_guard;
bool hf_in_kernel(const struct ofproto *);
void hf_kernel_guard_ports(const char *bridge, const struct hf_guard *, size_t n, uint32_t mark);
uint64_t hf_kernel_guard_dropped(void);
void hf_kernel_origins_changed(const char *bridge);

/* Frames of a port in the kernel's datapath (shim-packets.c). */
struct hf_packet {
    bool into_port;    /* Else it came out of it. */
    int64_t time_ns;   /* CLOCK_REALTIME. */
    size_t size;
    uint8_t frame[65536 + 64];
};
int hf_packets_open(const char *interface);         /* A descriptor, or -1. */
size_t hf_packets_read(int fd, struct hf_packet *); /* The frame's size, or 0 if there is none. */

/* That this thread has received them from a port (shim-rounds.c). */
struct dp_packet_batch;
void hf_rounds_received(const struct dp_packet_batch *);

/* The VLAN of which 'interface' is an access port; 0 if it is on none, or a trunk. */
uint16_t hf_access_vlan(const char *interface);

#endif
