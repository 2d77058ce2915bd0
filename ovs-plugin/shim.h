/* SPDX-License-Identifier: Apache-2.0
 *
 * ovs-plugin/shim: the narrow place between Open vSwitch (C, its internal headers) and
 * the module (C++, none of them).
 *
 * hf_module_* is written in C++ and called by the shim; the rest is written in C and
 * called by the module.  Main thread only, unless a comment says otherwise.  Results are
 * 0 or a positive errno; nothing is thrown across. */
#ifndef HOLDFAST_SHIM_H
#define HOLDFAST_SHIM_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- The module's entry points, called by the wrapped functions of the switch. --- */

void hf_module_init(void);  /* Once, when the switch has set itself up and forwards nothing yet. */
void hf_module_run(void);   /* Each turn of the main loop, after the bridges ran. */
void hf_module_wait(void);  /* Before the main loop sleeps. */
void hf_module_exit(void);  /* The switch ends. */
/* All flows of 'bridge' but ours have just been flushed. */
void hf_module_flushed(const char *bridge);
/* A port of some bridge came, goes or changed. */
void hf_module_ports_changed(void);
/* Whether a frame that was received may go on; 'origin' is one given to hf_origins().  Called by the
 * datapath's threads. */
bool hf_module_may_send(void *origin, const uint8_t *frame, size_t size, bool count);
#define HF_ANSWER_SIZE 96
/* What the switch itself answers to a frame from the port; its size, or 0: it goes on. */
size_t hf_module_answer(void *origin, const uint8_t *frame, size_t size,
                        uint8_t answer[HF_ANSWER_SIZE]);
/* Whether that depends on more than its Ethernet source. */
bool hf_module_looks_inside(void *origin, const uint8_t mac[6]);
/* The switch has no use for 'origin' any more.  Any thread. */
void hf_module_origin_free(void *origin);
/* What becomes of a frame into, or out of, a server's port, which may be changed: false if it goes no
 * further.  'passed_on': it has HF_LONG_WAY.  Called by the datapath's threads. */
bool hf_module_to_server(void *origin, uint8_t *frame, size_t size, bool passed_on);
bool hf_module_from_server(void *origin, uint8_t *frame, size_t size);
/* What becomes of a frame that the built-in director is shown, which may be changed; HF_BACK: it is
 * the switch's own answer now, of '*size' bytes.  Called by the datapath's threads. */
enum hf_fate { HF_ON, HF_DROP, HF_BACK };
enum hf_fate hf_module_direct(void *origin, uint8_t *frame, size_t *size);
struct unixctl_conn;
/* A control command came; hf_reply() answers, now or later. */
void hf_module_command(struct unixctl_conn *conn, int argc, const char *argv[]);

/* --- Ports. --- */

struct hf_port {
    const char *interface;
    const char *type;     /* system, tap, internal, vxlan, patch, ... */
    uint32_t ofport;      /* OFPP_LOCAL is 65534. */
    const char *iface_id; /* external_ids, "" where not set. */
    const char *mac;
    const char *vm_id;
    uint16_t tag;         /* The VLAN of which it is an access port, or 0. */
    int mtu;              /* Bytes of a packet; 0 where nobody knows, as of a tunnel. */
    bool up;              /* Its link is, and nobody has turned it off. */
};

/* Calls 'each' for every port of 'bridge'.  ENODEV if there is no such bridge. */
int hf_ports(const char *bridge, void (*each)(const struct hf_port *, void *aux), void *aux);
/* Whether 'bridge' has the kernel's datapath: its frames do not come by here. */
bool hf_kernel_datapath(const char *bridge);
/* Changes whenever the switch's view of its configuration database changed. */
unsigned int hf_config_seqno(void);

/* --- Flows. --- */

struct hf_flow;

/* Reads a flow in ovs-ofctl's words.  Any thread made by hf_thread_start(), or main.
 * Returns NULL, or one line that the caller frees. */
char *hf_flow_parse(int table, int priority, const char *match, const char *actions,
                    struct hf_flow **flow);
void hf_flow_free(struct hf_flow *flow);
/* Makes a frame of these words: what they leave open is zero, addresses of Ethernet are our own.
 * Returns its size, or 0 if 'room' is too small or the words are none.  Any thread as above. */
size_t hf_frame_compose(const char *match, uint8_t *frame, size_t room);
/* Adds it, or gives the flow with this key these actions.  ENODEV, or EINVAL if refused. */
int hf_flow_put(const char *bridge, const struct hf_flow *flow);
int hf_flow_remove(const char *bridge, const struct hf_flow *flow);
/* 0 if it is installed exactly so; ENOENT; EEXIST if the actions differ; ENODEV. */
int hf_flow_check(const char *bridge, const struct hf_flow *flow);
/* How often it was hit; UINT64_MAX if it is not installed. */
uint64_t hf_flow_packets(const char *bridge, const struct hf_flow *flow);
/* How many flows of ours a table of 'bridge' has, 0 to 254.  O(all its flows). */
size_t hf_flow_count(const char *bridge, int table);

/* How often the datapath's remembered flows were all looked at; changes in other threads.
 * What was remembered before hf_revalidate() is right once two looks have ended since: the first
 * may have begun before. */
uint64_t hf_looks(const char *bridge); /* UINT64_MAX: nobody looks, since nothing is forwarded. */
void hf_wait_for_look(const char *bridge, uint64_t seen); /* In hf_module_wait(). */
void hf_revalidate(const char *bridge);    /* Begin a look now, not within half a second. */

/* --- Frames to and from one port (shim-frames.c). --- */

struct hf_watch;

enum hf_tap_mode {
    HF_THROUGH, /* Frames go to the port. */
    HF_COPY,    /* They go to the port, and the newest are remembered. */
    HF_HOLD,    /* They are kept here, in order; in the kernel's datapath they go to the port. */
    HF_MERGE,   /* Those that came the long way go to the port, the others are kept here. */
    HF_STAGE,   /* As HF_MERGE, but the long way's are kept, too; what the port says is dropped. */
};
/* In pkt_mark, beside the mark of delivered frames: it came through the tunnel, as all do that
 * the VM's former place passes on. */
#define HF_LONG_WAY UINT32_C(2)

/* Watches a port.  NULL if there is no such port, or no room. */
struct hf_watch *hf_watch_open(const char *bridge, const char *interface);
void hf_watch_close(struct hf_watch *);
/* False once the port has gone. */
bool hf_watch_alive(const struct hf_watch *);
void hf_watch_set_mode(struct hf_watch *, enum hf_tap_mode);
/* From HF_STAGE to HF_MERGE: what came the long way goes to the port, before all that follows. */
void hf_watch_begin(struct hf_watch *);
/* Whether HF_HOLD, HF_MERGE and HF_STAGE keep frames here: not in the kernel's datapath. */
bool hf_watch_holds(const struct hf_watch *);
/* In hf_module_wait(): until something comes that is expected. */
void hf_watch_wait(const struct hf_watch *);
/* In HF_MERGE: whether something is kept; whether hf_barrier() 'number' has come. */
bool hf_watch_keeps(const struct hf_watch *);
bool hf_watch_saw_barrier(const struct hf_watch *, uint32_t number);
/* When the last frame for this port alone came the long way, as hf_now_ms(), in HF_MERGE and
 * HF_STAGE; 0: none has. */
int64_t hf_watch_long_way_ms(const struct hf_watch *);
/* All that had come to the userspace datapath's ports by then was read, if the main thread reads
 * them; as hf_now_ms(). */
int64_t hf_all_read_ms(void);
/* What is kept goes to the port; what comes next is kept as before. */
void hf_watch_pass(struct hf_watch *);
/* What is kept goes to the port, and from now on all does. */
void hf_watch_release(struct hf_watch *);
/* A frame to the port with this address that no guest gets: a watch in HF_MERGE takes it out. */
#define HF_BARRIER_SIZE 60
void hf_barrier(uint32_t number, const uint8_t mac[6], uint8_t frame[HF_BARRIER_SIZE]);
bool hf_is_barrier(const uint8_t *frame, size_t size);
/* Takes what was held, oldest first; the bytes are valid during the call. */
size_t hf_watch_take_held(struct hf_watch *,
                          void (*each)(const uint8_t *frame, size_t size, void *aux), void *aux);
/* How many frames were given up because too many were held. */
uint64_t hf_watch_overflowed(const struct hf_watch *);
/* How many frames were put into the port while they were remembered, in all; it leaps by
 * HF_UNCOUNTED where the port did not take all that was put. */
uint64_t hf_watch_sent(struct hf_watch *);
#define HF_UNCOUNTED 65536
/* Shows the newest frames that were put into the port, 'n' at most, oldest first.
 * Returns how many those are: fewer than 'n' if no more are remembered. */
size_t hf_watch_recent(struct hf_watch *, size_t n,
                     void (*each)(const uint8_t *frame, size_t size, int64_t time_ns, void *aux),
                     void *aux);
/* Puts a frame into the port itself, whatever the mode. */
int hf_watch_send(struct hf_watch *, const uint8_t *frame, size_t size);
/* Puts a frame into a port as the datapath would, with 'mark'.  ENODEV. */
int hf_port_send(const char *bridge, const char *interface, uint32_t mark, const uint8_t *frame,
                 size_t size);
/* Notes when the port sends: its first frame, and its first that is not a RARP. */
void hf_watch_expect(struct hf_watch *);
/* CLOCK_REALTIME in ns, or 0 while there was none. */
int64_t hf_watch_first_frame(struct hf_watch *);
int64_t hf_watch_first_guest_frame(const struct hf_watch *);
/* From now on these ports, and no others, take unicast frames only if they carry
 * 'delivered_mark', or are for the port's own MAC or one that the bridge has learned there. */
struct hf_guard {
    const char *interface;
    const char *mac;
    bool wire;     /* Nor what is learned there, nor multicast: a flooded frame would enter at both
                    * ends. */
    uint16_t vlan; /* Of an access port, else 0. */
};
void hf_guard_ports(const char *bridge, const struct hf_guard *, size_t n,
                    uint32_t delivered_mark);
/* How many flooded copies guarded ports did not get; in the kernel's datapath the first of each
 * kind of frame alone is counted. */
uint64_t hf_guard_dropped(void);

/* Whether ports' receive queues have room for what comes in one go (shim-queues.c). */
void hf_queues_long(bool wanted);

/* --- The tunnel (shim-tunnel.c). --- */

/* Sends a frame to VM 'label' behind 'vtep'.  ENODEV, or EINVAL. */
int hf_tunnel_send(const char *bridge, uint32_t label, const char *vtep, uint32_t tunnel_port,
                   const uint8_t *frame, size_t size);
/* The bridge through which packets to 'vtep' leave; false if there is no route. */
#define HF_NAME_SIZE 16
bool hf_tunnel_bridge(const char *vtep, char name[HF_NAME_SIZE]);
/* From now on frames that would not fit into packets of 'mtu' bytes are not sent through the tunnel
 * 'interface', but kept for hf_tunnel_take_large(); 0: all are sent.  False if there is no such port. */
bool hf_tunnel_limit(const char *bridge, const char *interface, int mtu);
struct hf_large {
    uint32_t label;   /* The tunnel's VNI. */
    const char *vtep; /* Where it was to go. */
    size_t largest;   /* What would have fitted. */
    const uint8_t *frame;
    size_t size;
};
/* Takes the oldest 'n' of them, or fewer; they are valid during the call.  True if there are more.
 * Those for which there was no room are in hf_tunnel_overflowed(). */
bool hf_tunnel_take_large(size_t n, void (*each)(const struct hf_large *, void *aux), void *aux);
uint64_t hf_tunnel_overflowed(void);
/* Sends a frame of the bridge's own with these actions, in ovs-ofctl's words.
 * ENODEV, or EINVAL. */
int hf_bridge_send(const char *bridge, const char *actions, const uint8_t *frame, size_t size);
/* The bridge's own MAC address; false if there is no such bridge. */
bool hf_bridge_mac(const char *bridge, uint8_t mac[6]);

/* --- What VMs may send (shim-origin.c). --- */

struct hf_origin {
    const char *interface;
    void *origin; /* Now the switch's, until hf_module_origin_free(). */
    bool answers; /* Its frames are shown to hf_module_answer(), too. */
    bool server;  /* And to hf_module_to_server() and hf_module_from_server(). */
    bool directs; /* And to hf_module_direct(). */
};
/* From now on frames from these ports, and no others, are shown to hf_module_may_send(). */
void hf_origins(const char *bridge, const struct hf_origin *, size_t n);

/* --- MAC learning (shim-learning.c). --- */

struct hf_pin;

/* From now on 'mac' is at 'interface', whatever other ports say; the entry goes with the
 * port.  In the port's own VLAN, and in each where the MAC is known: at this port, or,
 * with 'arriving', at any.  NULL if there is no such port. */
struct hf_pin *hf_pin_open(const char *bridge, const char *interface, const char *mac,
                           bool arriving);
/* Now it is at that port.  False if there is no such port. */
bool hf_pin_move(struct hf_pin *, const char *interface);
/* From now on it is an entry as any other, that is learned over; or, with 'forget', none. */
void hf_pin_close(struct hf_pin *, bool forget);

/* --- The main loop, threads, log, control commands. --- */

void hf_wake(void);                  /* Any thread: the main loop runs once more. */
void hf_wait_for_wake(void);         /* In hf_module_wait(). */
void hf_wait_for_descriptor(int fd); /* In hf_module_wait(): until it can be read. */
void hf_wait_until_ms(int64_t ms);   /* In hf_module_wait(): monotonic, as hf_now_ms(). */
int64_t hf_now_ms(void);
/* The folder of control sockets and pid files, empty after the machine's start. */
const char *hf_rundir(void);
/* Starts a thread that may call what allows it, and hf_wake(), hf_log(). */
void hf_thread_start(const char *name, void *(*body)(void *), void *aux);
enum hf_level { HF_DEBUG, HF_INFO, HF_WARN, HF_ERROR };
void hf_log(enum hf_level, const char *line);
void hf_command_register(const char *name, const char *usage, int min_args, int max_args);
void hf_reply(struct unixctl_conn *, bool ok, const char *text);

#ifdef __cplusplus
}
#endif
#endif
