/* SPDX-License-Identifier: Apache-2.0
 *
 * ovs-plugin/shim-kernel: a bridge with the kernel's datapath, where no frame comes by here.
 *
 * The kernel asks the switch once what to do with frames of a kind, and remembers the answer.
 * Every such answer, and every look at an old one, is made by xlate_actions().  Wrapping it
 * lets the module say for all frames of a kind what shim-frames.c and shim-origin.c say of
 * each frame in the userspace datapath: a guarded port is taken out of the answer, and what a
 * VM may not send is dropped.  The answer then holds for those frames alone whose headers the
 * verdict depends on.  Counted is the frame that the kernel asked about, not those it decides on
 * by itself.
 *
 * Threads: the switch's handlers and revalidators, which see the guarded ports by RCU. */
#include "common/ovs-config.h"

#include "dpif.h"
#include "flow.h"
#include "mac-learning.h"
#include "netlink.h"
#include "odp-util.h"
#include "ofproto/ofproto-dpif-upcall.h"
#include "ofproto/ofproto-dpif-xlate.h"
#include "ofproto/ofproto-dpif.h"
#include "ofproto/ofproto-provider.h"
#include "ovs-atomic.h"
#include "ovs-plugin/shim-internal.h"
#include "ovs-plugin/shim.h"
#include "ovs-rcu.h"
#include "packets.h"
#include "util.h"

struct guarded {
    odp_port_t port;
    struct eth_addr mac;
    bool wire;
    uint16_t vlan;
    const void *place; /* In the bridge's table of MAC addresses. */
};

struct guards {
    const struct dpif_backer *backer;
    struct mac_learning *ml; /* Of the bridge that has them. */
    uint32_t mark;
    size_t n;
    struct guarded ports[];
};

static OVSRCU_TYPE(struct guards *) guards = OVSRCU_INITIALIZER(NULL);
static atomic_uint64_t n_dropped = 0;

bool
hf_kernel_datapath(const char *bridge)
{
    const struct ofproto *ofproto = hf_find_bridge(bridge);

    return ofproto && hf_in_kernel(ofproto);
}

bool
hf_in_kernel(const struct ofproto *ofproto)
{
    return !strcmp(ofproto->type, "system");
}

/* What the datapath remembers was answered before: it is looked at anew. */
static void
forget(const struct ofproto_dpif *ofproto)
{
    udpif_revalidate(ofproto->backer->udpif);
}

static bool
same(const struct guards *a, const struct guards *b)
{
    return a && b && a->backer == b->backer && a->ml == b->ml && a->mark == b->mark && a->n == b->n
           && !memcmp(a->ports, b->ports, a->n * sizeof a->ports[0]); /* Padding is zero. */
}

static void
free_guards(struct guards *all)
{
    mac_learning_unref(all->ml);
    free(all);
}

/* What the table of MAC addresses calls this port; as before if it was guarded. */
static const void *
place_of(const struct ofproto_dpif *ofproto, odp_port_t port, const char *interface)
{
    const struct guards *before = ovsrcu_get_protected(struct guards *, &guards);
    const struct ofport *ofport = shash_find_data(&ofproto->up.port_by_name, interface);

    for (size_t i = 0; before && before->ml == ofproto->ml && i < before->n; i++) {
        if (before->ports[i].port == port && before->ports[i].place) {
            return before->ports[i].place;
        }
    }
    return ofport ? hf_learning_place(ofproto, ofport->ofp_port) : NULL;
}

void
hf_kernel_guard_ports(const char *bridge, const struct hf_guard *wanted, size_t n, uint32_t mark)
{
    struct ofproto_dpif *ofproto = ofproto_dpif_lookup_by_name(bridge);
    struct guards *old = ovsrcu_get_protected(struct guards *, &guards);
    struct guards *new = NULL;

    if (ofproto && hf_in_kernel(&ofproto->up)) {
        new = xzalloc(sizeof *new + n * sizeof new->ports[0]);
        new->backer = ofproto->backer;
        new->ml = mac_learning_ref(ofproto->ml);
        new->mark = mark;
        for (size_t i = 0; i < n; i++) {
            struct dpif_port port;

            if (!dpif_port_query_by_name(ofproto->backer->dpif, wanted[i].interface, &port)) {
                struct guarded *guarded = &new->ports[new->n++];

                guarded->port = port.port_no;
                guarded->wire = wanted[i].wire;
                guarded->vlan = wanted[i].vlan;
                guarded->place = wanted[i].wire
                    ? NULL : place_of(ofproto, port.port_no, wanted[i].interface);
                eth_addr_from_string(wanted[i].mac, &guarded->mac);
                dpif_port_destroy(&port);
            }
        }
    }
    if (same(old, new)) {
        free_guards(new);
        return;
    }
    ovsrcu_set(&guards, new);
    if (old) {
        ovsrcu_postpone(free_guards, old);
    }
    if (new) {
        forget(ofproto);
    }
}

void
hf_kernel_origins_changed(const char *bridge)
{
    const struct ofproto_dpif *ofproto = ofproto_dpif_lookup_by_name(bridge);

    if (ofproto && hf_in_kernel(&ofproto->up)) {
        forget(ofproto);
    }
}

uint64_t
hf_kernel_guard_dropped(void)
{
    uint64_t n;

    atomic_read_relaxed(&n_dropped, &n);
    return n;
}

/* --- Guarded ports. --- */

/* What a frame has become at some place of its actions. */
struct frame_state {
    uint32_t mark;
    struct eth_addr to;
    uint16_t vlan; /* 0 if it has no tag. */
};

static void
follow_set(struct frame_state *state, const struct nlattr *action)
{
    const struct nlattr *set = nl_attr_get(action);
    bool masked = nl_attr_type(action) == OVS_ACTION_ATTR_SET_MASKED;

    if (nl_attr_type(set) == OVS_KEY_ATTR_SKB_MARK) {
        const uint32_t *mark = nl_attr_get(set);
        uint32_t mask = masked ? mark[1] : UINT32_MAX;

        state->mark = (state->mark & ~mask) | (mark[0] & mask);
    } else if (nl_attr_type(set) == OVS_KEY_ATTR_ETHERNET) {
        const struct ovs_key_ethernet *eth = nl_attr_get(set);

        for (size_t i = 0; i < sizeof state->to.ea; i++) {
            uint8_t mask = masked ? eth[1].eth_dst.ea[i] : UINT8_MAX;

            state->to.ea[i] = (state->to.ea[i] & ~mask) | (eth[0].eth_dst.ea[i] & mask);
        }
    }
}

static const struct guarded *
find_guarded(const struct guards *all, odp_port_t port)
{
    for (size_t i = 0; i < all->n; i++) {
        if (all->ports[i].port == port) {
            return &all->ports[i];
        }
    }
    return NULL;
}

static bool
is_for(const struct guards *all, const struct guarded *guarded, const struct frame_state *state)
{
    return (state->mark & ~HF_LONG_WAY) == all->mark
           || (!guarded->wire && eth_addr_is_multicast(state->to))
           || eth_addr_equals(state->to, guarded->mac)
           || hf_is_learned(all->ml, guarded->place, state->to,
                            state->vlan ? state->vlan : guarded->vlan);
}

/* What is kept of some actions, and what was found in them. */
struct kept {
    struct ofpbuf actions;
    unsigned int n_taken_out;
    bool looked; /* A guarded port was among them. */
};

static void guard_list(const struct guards *, struct frame_state, const struct nlattr *actions,
                       size_t size, struct kept *);

/* An attribute that holds a list of actions: what is done there to the frame stays there. */
static void
guard_nested(const struct guards *all, struct frame_state state, const struct nlattr *list,
             struct kept *kept)
{
    size_t at = nl_msg_start_nested(&kept->actions, nl_attr_type(list));

    guard_list(all, state, nl_attr_get(list), nl_attr_get_size(list), kept);
    nl_msg_end_nested(&kept->actions, at);
}

/* An action of which some attributes hold lists: 'first' and, if it has two, 'second'. */
static void
guard_branches(const struct guards *all, struct frame_state state, const struct nlattr *action,
               int first, int second, struct kept *kept)
{
    size_t at = nl_msg_start_nested(&kept->actions, nl_attr_type(action));
    const struct nlattr *a;
    size_t left;

    NL_NESTED_FOR_EACH (a, left, action) {
        if (nl_attr_type(a) == first || nl_attr_type(a) == second) {
            guard_nested(all, state, a, kept);
        } else {
            ofpbuf_put(&kept->actions, a, nl_attr_len_pad(a, left));
        }
    }
    nl_msg_end_nested(&kept->actions, at);
}

static void
guard_list(const struct guards *all, struct frame_state state, const struct nlattr *actions,
           size_t size, struct kept *kept)
{
    size_t truncation = SIZE_MAX; /* Where one is that is for the next output alone. */
    const struct nlattr *a;
    size_t left;

    NL_ATTR_FOR_EACH (a, left, actions, size) {
        const struct guarded *guarded = NULL;

        switch (nl_attr_type(a)) {
        case OVS_ACTION_ATTR_CLONE:
            guard_nested(all, state, a, kept);
            continue;
        case OVS_ACTION_ATTR_SAMPLE:
            guard_branches(all, state, a, OVS_SAMPLE_ATTR_ACTIONS, OVS_SAMPLE_ATTR_ACTIONS, kept);
            continue;
        case OVS_ACTION_ATTR_CHECK_PKT_LEN:
            guard_branches(all, state, a, OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_GREATER,
                           OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_LESS_EQUAL, kept);
            continue;
        case OVS_ACTION_ATTR_TRUNC:
            truncation = kept->actions.size;
            break;
        case OVS_ACTION_ATTR_PUSH_VLAN: {
            const struct ovs_action_push_vlan *push = nl_attr_get(a);

            state.vlan = vlan_tci_to_vid(push->vlan_tci);
            break;
        }
        case OVS_ACTION_ATTR_POP_VLAN:
            state.vlan = 0;
            break;
        case OVS_ACTION_ATTR_SET:
        case OVS_ACTION_ATTR_SET_MASKED:
            follow_set(&state, a);
            break;
        case OVS_ACTION_ATTR_OUTPUT:
            guarded = find_guarded(all, nl_attr_get_odp_port(a));
            break;
        default:
            break;
        }
        kept->looked |= guarded != NULL;
        if (!guarded || is_for(all, guarded, &state)) {
            ofpbuf_put(&kept->actions, a, nl_attr_len_pad(a, left));
        } else {
            kept->n_taken_out++;
            kept->actions.size = MIN(kept->actions.size, truncation);
        }
        if (nl_attr_type(a) == OVS_ACTION_ATTR_OUTPUT) {
            truncation = SIZE_MAX;
        }
    }
}

/* Takes out of the actions the guarded ports that the frame is not meant for. */
static void
guard_outputs(const struct guards *all, struct xlate_in *xin)
{
    const struct flow *flow = xin->upcall_flow;
    struct frame_state state = {
        flow->pkt_mark, flow->dl_dst, vlan_tci_to_vid(flow->vlans[0].tci)
    };
    struct ofpbuf *actions = xin->odp_actions;
    uint64_t stub[1024 / 8];
    struct kept kept = { .actions = OFPBUF_STUB_INITIALIZER(stub) };

    guard_list(all, state, actions->data, actions->size, &kept);
    if (kept.n_taken_out) {
        ofpbuf_clear(actions);
        ofpbuf_put(actions, kept.actions.data, kept.actions.size);
        if (xin->resubmit_stats) {
            uint64_t before;

            atomic_add_relaxed(&n_dropped, kept.n_taken_out * xin->resubmit_stats->n_packets,
                               &before);
        }
    }
    if (kept.looked && xin->wc) {
        WC_MASK_FIELD(xin->wc, dl_dst);
        WC_MASK_FIELD(xin->wc, pkt_mark);
    }
    ofpbuf_uninit(&kept.actions);
}

/* --- What VMs may send. --- */

/* A frame with these headers, judged as one that came by.  It is counted when a frame is there,
 * which is once for all of a kind while the kernel remembers them. */
static bool
may_send(void *origin, const struct xlate_in *xin)
{
    uint64_t stub[256 / 8];
    struct dp_packet frame;

    dp_packet_use_stub(&frame, stub, sizeof stub);
    flow_compose(&frame, &xin->flow, NULL, 0);
    if (xin->flow.dl_type == htons(ETH_TYPE_ARP) || xin->flow.dl_type == htons(ETH_TYPE_RARP)) {
        /* The composer leaves these out where the message is no ARP request or reply. */
        struct arp_eth_header *arp = dp_packet_l3(&frame);

        put_16aligned_be32(&arp->ar_spa, xin->flow.nw_src);
        put_16aligned_be32(&arp->ar_tpa, xin->flow.nw_dst);
        arp->ar_sha = xin->flow.arp_sha;
        arp->ar_tha = xin->flow.arp_tha;
    }
    bool may = hf_module_may_send(origin, dp_packet_data(&frame), dp_packet_size(&frame),
                                  xin->packet && xin->resubmit_stats);
    dp_packet_uninit(&frame);
    return may;
}

/* The headers on which that verdict depends. */
static void
mask_origin(void *origin, const struct flow *flow, struct flow_wildcards *wc)
{
    WC_MASK_FIELD(wc, dl_src);
    if (!hf_module_looks_inside(origin, flow->dl_src.ea)) {
        return;
    }
    if (flow->dl_type == htons(ETH_TYPE_IP)) {
        WC_MASK_FIELD(wc, nw_src);
    } else if (flow->dl_type == htons(ETH_TYPE_ARP) || flow->dl_type == htons(ETH_TYPE_RARP)) {
        WC_MASK_FIELD(wc, nw_proto);
        WC_MASK_FIELD(wc, nw_src);
        WC_MASK_FIELD(wc, arp_sha);
        WC_MASK_FIELD(wc, arp_tha);
    } else if (flow->dl_type == htons(ETH_TYPE_IPV6)) {
        WC_MASK_FIELD(wc, ipv6_src);
        if (is_nd(flow, wc)) {
            WC_MASK_FIELD(wc, nd_target);
            WC_MASK_FIELD(wc, arp_sha);
            WC_MASK_FIELD(wc, arp_tha);
        }
    }
}

/* --- Wrapped function. --- */

enum xlate_error __real_xlate_actions(struct xlate_in *, struct xlate_out *);
enum xlate_error __wrap_xlate_actions(struct xlate_in *, struct xlate_out *);
enum xlate_error
__wrap_xlate_actions(struct xlate_in *xin, struct xlate_out *xout)
{
    static const struct ofpact drop; /* None of these are no actions. */
    /* What a controller sends, and what was judged when it came, is not judged. */
    bool received = !xin->frozen_state && !xin->ofpacts && !xin->rule;
    void *origin = received ? hf_origin_in_kernel(&xin->ofproto->up, xin->flow.in_port.ofp_port)
                            : NULL;

    if (OVS_UNLIKELY(origin) && !may_send(origin, xin)) {
        xin->ofpacts = &drop;
        xin->ofpacts_len = 0;
    }
    enum xlate_error error = __real_xlate_actions(xin, xout);
    const struct guards *all = ovsrcu_get(struct guards *, &guards);

    if (OVS_UNLIKELY(origin) && xin->wc) {
        mask_origin(origin, xin->upcall_flow, xin->wc);
    }
    if (OVS_UNLIKELY(all) && all->n && all->backer == xin->ofproto->backer && xin->odp_actions) {
        guard_outputs(all, xin);
    }
    return error;
}
