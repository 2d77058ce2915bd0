/* SPDX-License-Identifier: Apache-2.0
 *
 * ovs-plugin/shim-tunnel: sends frames of the module's own, and catches those that are too large.
 *
 * netdev_push_header() is where the userspace datapath puts a frame into a tunnel.  What would
 * not fit there into the underlay's packets is kept for the module, which does what a router would
 * (fit.h); else it would be lost where it leaves, and nobody would know.  The price is a
 * comparison of lengths for each frame that enters our tunnel, and a look at a flag for others. */
#include "common/ovs-config.h"

#include "ovs-plugin/shim-internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>

#include "dp-packet.h"
#include "netdev-provider.h"
#include "netdev-vport.h"
#include "netdev.h"
#include "ofproto/ofproto-dpif.h"
#include "ofproto/ofproto-provider.h"
#include "openvswitch/list.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/thread.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "ovs-plugin/shim.h"
#include "ovs-router.h"
#include "ovs-thread.h"
#include "packets.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(holdfast_tunnel);

/* A bit of netdev->ol_flags that Open vSwitch has no use for: see also shim-frames.c. */
#define LIMITED (UINT64_C(1) << 60)
/* Frames kept for the module's next turn; each is answered or taken apart, and that is no way for
 * many: senders that are told do not send such again. */
#define N_LARGE_MAX 1024

struct large {
    struct ovs_list node;
    uint32_t label;
    char vtep[INET6_ADDRSTRLEN];
    size_t largest;
    size_t size;
    uint8_t data[];
};

static atomic_int underlay_mtu = 0;
static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct ovs_list larges = OVS_LIST_INITIALIZER(&larges);
static size_t n_larges;
static atomic_count n_overflowed;

/* Where a tunnel's header says that it goes. */
static void
read_header(const struct ovs_action_push_tnl *tunnel, struct large *large)
{
    const uint8_t *outer = (const uint8_t *) tunnel->header;
    const struct eth_header *eth = (const struct eth_header *) outer;
    const uint8_t *vxlan = outer + tunnel->header_len - sizeof(struct vxlanhdr);

    if (eth->eth_type == htons(ETH_TYPE_IPV6)) {
        const struct ovs_16aligned_ip6_hdr *ip = (const void *) (eth + 1);
        inet_ntop(AF_INET6, &ip->ip6_dst, large->vtep, sizeof large->vtep);
    } else {
        const struct ip_header *ip = (const void *) (eth + 1);
        inet_ntop(AF_INET, &ip->ip_dst, large->vtep, sizeof large->vtep);
    }
    large->label = vxlan[4] << 16 | vxlan[5] << 8 | vxlan[6];
}

static void
keep(const struct dp_packet *packet, const struct ovs_action_push_tnl *tunnel, size_t largest)
{
    size_t size = dp_packet_size(packet);
    struct large *large = xmalloc(sizeof *large + size);
    bool room;

    large->largest = largest;
    large->size = size;
    memcpy(large->data, dp_packet_data(packet), size);
    read_header(tunnel, large);
    ovs_mutex_lock(&mutex);
    room = n_larges < N_LARGE_MAX;
    if (room) {
        ovs_list_push_back(&larges, &large->node);
        n_larges++;
    }
    ovs_mutex_unlock(&mutex);
    if (room) {
        hf_wake();
    } else {
        free(large);
        atomic_count_inc(&n_overflowed);
    }
}

int __real_netdev_push_header(const struct netdev *, struct dp_packet_batch *,
                              const struct ovs_action_push_tnl *);
int __wrap_netdev_push_header(const struct netdev *, struct dp_packet_batch *,
                              const struct ovs_action_push_tnl *);
int
__wrap_netdev_push_header(const struct netdev *netdev, struct dp_packet_batch *batch,
                          const struct ovs_action_push_tnl *tunnel)
{
    int mtu;

    atomic_read_relaxed(&underlay_mtu, &mtu);
    if (netdev->ol_flags & LIMITED && mtu) {
        /* The header has the outer Ethernet's, which the MTU does not count. */
        size_t largest = MAX(0, mtu + ETH_HEADER_LEN - (int) tunnel->header_len);
        size_t i, size = dp_packet_batch_size(batch);
        struct dp_packet *packet;

        DP_PACKET_BATCH_REFILL_FOR_EACH (i, size, packet, batch) {
            if (OVS_LIKELY(dp_packet_size(packet) <= largest)) {
                dp_packet_batch_refill(batch, packet, i);
            } else {
                keep(packet, tunnel, largest);
                dp_packet_delete(packet);
            }
        }
    }
    return __real_netdev_push_header(netdev, batch, tunnel);
}

bool
hf_tunnel_limit(const char *bridge, const char *interface, int mtu)
{
    struct ofproto *ofproto = hf_find_bridge(bridge);
    struct ofport *ofport = ofproto ? shash_find_data(&ofproto->port_by_name, interface) : NULL;
    char name[NETDEV_VPORT_NAME_BUFSIZE];
    struct netdev *netdev;

    atomic_store_relaxed(&underlay_mtu, ofport ? mtu : 0);
    if (!ofport) {
        return false;
    }
    /* Tunnels of one kind and UDP port share one device in the datapath: it is that which counts. */
    netdev = netdev_from_name(netdev_vport_get_dpif_port(ofport->netdev, name, sizeof name));
    if (netdev) {
        netdev->ol_flags |= LIMITED;
        netdev_close(netdev);
    }
    return netdev != NULL;
}

bool
hf_tunnel_take_large(size_t n, void (*each)(const struct hf_large *, void *aux), void *aux)
{
    struct ovs_list taken = OVS_LIST_INITIALIZER(&taken);
    struct large *large;

    ovs_mutex_lock(&mutex);
    for (; n && n_larges; n--, n_larges--) {
        ovs_list_push_back(&taken, ovs_list_pop_front(&larges));
    }
    bool more = n_larges > 0;
    ovs_mutex_unlock(&mutex);
    LIST_FOR_EACH_POP (large, node, &taken) {
        const struct hf_large one = {
            .label = large->label,
            .vtep = large->vtep,
            .largest = large->largest,
            .frame = large->data,
            .size = large->size,
        };

        each(&one, aux);
        free(large);
    }
    return more;
}

uint64_t
hf_tunnel_overflowed(void)
{
    return atomic_count_get(&n_overflowed);
}

bool
hf_tunnel_bridge(const char *vtep, char name[HF_NAME_SIZE])
{
    struct in6_addr address, source = in6addr_any, gateway;
    ovs_be32 v4;

    BUILD_ASSERT_DECL(HF_NAME_SIZE == IFNAMSIZ);
    if (ip_parse(vtep, &v4)) {
        in6_addr_set_mapped_ipv4(&address, v4);
    } else if (!ipv6_parse(vtep, &address)) {
        return false;
    }
    char device[HF_NAME_SIZE];

    return ovs_router_lookup(0, &address, device, &source, &gateway)
           && hf_bridge_with_port(device, name);
}

int
hf_bridge_send(const char *bridge, const char *actions, const uint8_t *frame, size_t size)
{
    struct ofproto_dpif *ofproto = ofproto_dpif_lookup_by_name(bridge);
    enum ofputil_protocol usable;
    struct ofpbuf ofpacts;
    struct dp_packet *packet;
    struct flow flow;
    char *error;
    int retval;

    if (!ofproto) {
        return ENODEV;
    }
    ofpbuf_init(&ofpacts, 64);
    struct ofpact_parse_params pp = {
        .ofpacts = &ofpacts,
        .usable_protocols = &usable,
    };
    error = ofpacts_parse_actions(actions, &pp);
    if (error) {
        VLOG_ERR("actions '%s': %s", actions, error);
        free(error);
        ofpbuf_uninit(&ofpacts);
        return EINVAL;
    }
    packet = dp_packet_clone_data_with_headroom(frame, size, 128);
    flow_extract(packet, &flow);
    flow.in_port.ofp_port = OFPP_NONE;
    retval = ofproto_dpif_execute_actions(ofproto, ofproto_dpif_get_tables_version(ofproto),
                                          &flow, NULL, ofpacts.data, ofpacts.size, packet);
    dp_packet_delete(packet);
    ofpbuf_uninit(&ofpacts);
    return retval;
}

int
hf_tunnel_send(const char *bridge, uint32_t label, const char *vtep, uint32_t tunnel_port,
               const uint8_t *frame, size_t size)
{
    char *actions = xasprintf("set_field:%"PRIu32"->tun_id,set_field:%s->%s,output:%"PRIu32,
                              label, vtep, strchr(vtep, ':') ? "tun_ipv6_dst" : "tun_dst",
                              tunnel_port);
    int error = hf_bridge_send(bridge, actions, frame, size);

    free(actions);
    return error;
}

bool
hf_bridge_mac(const char *bridge, uint8_t mac[6])
{
    struct ofproto *ofproto = hf_find_bridge(bridge);
    struct ofport *local = ofproto ? ofproto_get_port(ofproto, OFPP_LOCAL) : NULL;
    struct eth_addr address;

    if (!local || netdev_get_etheraddr(local->netdev, &address)) {
        return false;
    }
    memcpy(mac, address.ea, sizeof address.ea);
    return true;
}
