/* SPDX-License-Identifier: Apache-2.0
 *
 * ovs-plugin/shim: wraps functions of ovs-vswitchd at link time (-Wl,--wrap=NAME), so
 * that no file of Open vSwitch is changed, and gives the module plain C to call.
 *
 * What is wrapped, and why:
 *   bridge_init, bridge_run, bridge_wait, bridge_exit   the module's life in the main loop
 *   ovsdb_idl_create, ovsdb_idl_omit   the switch's own view of its database, with
 *       Interface.external_ids, which the stock switch leaves out
 *   ofproto_destroy            a bridge that is being taken down is none any more
 *   connmgr_send_port_status   ports that come and go
 * Others are wrapped where they belong: shim-flush.c, shim-frames.c, shim-kernel.c, shim-queues.c,
 * shim-routes.c. */
#include "common/ovs-config.h"

#include "ovs-plugin/shim.h"

#include <errno.h>
#include <poll.h>

#include "bridge.h"
#include "connmgr.h"
#include "dirs.h"
#include "dp-packet.h"
#include "flow.h"
#include "netdev.h"
#include "ofproto/ofproto-dpif-upcall.h"
#include "ofproto/ofproto-dpif.h"
#include "ofproto/ofproto-provider.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-plugin/shim-internal.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "ovsdb-idl.h"
#include "seq.h"
#include "smap.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"
#include "vswitch-idl.h"

VLOG_DEFINE_THIS_MODULE(holdfast);

static struct ovsdb_idl *switch_idl;
static const struct ofproto *dying; /* The bridge that is being taken down just now. */
static struct seq *wake_seq;
static uint64_t wake_seen;

struct ofproto *
hf_find_bridge(const char *name)
{
    struct ofproto_dpif *bridge = ofproto_dpif_lookup_by_name(name);

    return bridge && &bridge->up != dying ? &bridge->up : NULL;
}

/* The first bridge for which 'is' says so, with 'aux'; or null. */
static struct ofproto *
find_bridge(bool (*is)(const struct ofproto *, const void *aux), const void *aux)
{
    struct sset types = SSET_INITIALIZER(&types);
    struct ofproto *found = NULL;
    const char *type, *name;

    ofproto_enumerate_types(&types);
    SSET_FOR_EACH (type, &types) {
        struct sset names = SSET_INITIALIZER(&names);

        ofproto_enumerate_names(type, &names);
        SSET_FOR_EACH (name, &names) {
            struct ofproto *bridge = found ? NULL : hf_find_bridge(name);

            if (bridge && is(bridge, aux)) {
                found = bridge;
            }
        }
        sset_destroy(&names);
    }
    sset_destroy(&types);
    return found;
}

static bool
has_port(const struct ofproto *bridge, const void *port)
{
    return shash_find(&bridge->port_by_name, port);
}

bool
hf_bridge_with_port(const char *port, char name[16])
{
    struct ofproto *bridge = find_bridge(has_port, port);

    if (bridge) {
        ovs_strlcpy(name, bridge->name, 16);
    }
    return bridge;
}

/* --- Wrapped functions. --- */

void __real_bridge_init(const char *remote);
void __wrap_bridge_init(const char *remote);
void
__wrap_bridge_init(const char *remote)
{
    __real_bridge_init(remote);
    wake_seq = seq_create();
    hf_frames_init();
    hf_module_init();
}

void __real_bridge_run(void);
void __wrap_bridge_run(void);
void
__wrap_bridge_run(void)
{
    __real_bridge_run();
    wake_seen = seq_read(wake_seq);
    hf_module_run();
}

void __real_bridge_wait(void);
void __wrap_bridge_wait(void);
void
__wrap_bridge_wait(void)
{
    __real_bridge_wait();
    hf_module_wait();
}

void __real_bridge_exit(bool delete_datapath);
void __wrap_bridge_exit(bool delete_datapath);
void
__wrap_bridge_exit(bool delete_datapath)
{
    hf_module_exit();
    __real_bridge_exit(delete_datapath);
}

struct ovsdb_idl *__real_ovsdb_idl_create(const char *remote, const struct ovsdb_idl_class *,
                                          bool monitor_everything, bool retry);
struct ovsdb_idl *__wrap_ovsdb_idl_create(const char *remote, const struct ovsdb_idl_class *,
                                          bool monitor_everything, bool retry);
struct ovsdb_idl *
__wrap_ovsdb_idl_create(const char *remote, const struct ovsdb_idl_class *class,
                        bool monitor_everything, bool retry)
{
    struct ovsdb_idl *idl = __real_ovsdb_idl_create(remote, class, monitor_everything, retry);

    if (class == &ovsrec_idl_class && !switch_idl) {
        switch_idl = idl;
    }
    return idl;
}

void __real_ovsdb_idl_omit(struct ovsdb_idl *, const struct ovsdb_idl_column *);
void __wrap_ovsdb_idl_omit(struct ovsdb_idl *, const struct ovsdb_idl_column *);
void
__wrap_ovsdb_idl_omit(struct ovsdb_idl *idl, const struct ovsdb_idl_column *column)
{
    if (column != &ovsrec_interface_col_external_ids) {
        __real_ovsdb_idl_omit(idl, column);
    }
}

void __real_ofproto_destroy(struct ofproto *, bool del);
void __wrap_ofproto_destroy(struct ofproto *, bool del);
void
__wrap_ofproto_destroy(struct ofproto *ofproto, bool del)
{
    struct ofport *ofport;

    /* It deletes flow by flow, while threads of the kernel's datapath still ask: what ours no longer
     * hold back must not meet another that sends it past a hop. */
    hf_flush_others(ofproto);
    dying = ofproto;
    /* Its ports go without a word: no port status is sent for them. */
    HMAP_FOR_EACH (ofport, hmap_node, &ofproto->ports) {
        hf_frames_port_gone(netdev_get_name(ofport->netdev));
    }
    __real_ofproto_destroy(ofproto, del);
    dying = NULL;
}

void __real_connmgr_send_port_status(struct connmgr *, struct ofconn *source,
                                     const struct ofputil_phy_port *old_pp,
                                     const struct ofputil_phy_port *new_pp, uint8_t reason);
void __wrap_connmgr_send_port_status(struct connmgr *, struct ofconn *source,
                                     const struct ofputil_phy_port *old_pp,
                                     const struct ofputil_phy_port *new_pp, uint8_t reason);
void
__wrap_connmgr_send_port_status(struct connmgr *mgr, struct ofconn *source,
                                const struct ofputil_phy_port *old_pp,
                                const struct ofputil_phy_port *new_pp, uint8_t reason)
{
    if (reason == OFPPR_DELETE) {
        hf_frames_port_gone(new_pp->name);
    }
    hf_module_ports_changed();
    __real_connmgr_send_port_status(mgr, source, old_pp, new_pp, reason);
}

/* --- Ports. --- */

unsigned int
hf_config_seqno(void)
{
    return switch_idl ? ovsdb_idl_get_seqno(switch_idl) : 0;
}

/* The rows of a port, and of its interface of that name. */
struct port_rows {
    const struct ovsrec_port *port;
    const struct ovsrec_interface *interface;
};

static uint16_t
access_vlan(const struct ovsrec_port *port)
{
    const char *mode = port->vlan_mode;

    return port->n_tag && (!mode || !strcmp(mode, "access") || !strcmp(mode, "native-untagged"))
        ? *port->tag : 0;
}

/* Every interface's rows by its name; the caller destroys it with its data. */
static void
index_interfaces(struct shash *index)
{
    const struct ovsrec_port *port;

    shash_init(index);
    if (switch_idl) {
        OVSREC_PORT_FOR_EACH (port, switch_idl) {
            for (size_t i = 0; i < port->n_interfaces; i++) {
                struct port_rows *rows = xmalloc(sizeof *rows);

                *rows = (struct port_rows) { port, port->interfaces[i] };
                free(shash_replace(index, port->interfaces[i]->name, rows));
            }
        }
    }
}

uint16_t
hf_access_vlan(const char *interface)
{
    struct shash index;

    index_interfaces(&index);
    const struct port_rows *rows = shash_find_data(&index, interface);
    uint16_t vlan = rows ? access_vlan(rows->port) : 0;
    shash_destroy_free_data(&index);
    return vlan;
}

int
hf_ports(const char *bridge, void (*each)(const struct hf_port *, void *aux), void *aux)
{
    struct ofproto *ofproto = hf_find_bridge(bridge);
    struct ofport *ofport;
    struct shash index;

    if (!ofproto) {
        return ENODEV;
    }
    index_interfaces(&index);
    HMAP_FOR_EACH (ofport, hmap_node, &ofproto->ports) {
        const char *name = netdev_get_name(ofport->netdev);
        const struct port_rows *rows = shash_find_data(&index, name);
        const struct smap *ids = rows ? &rows->interface->external_ids : NULL;
        int mtu;
        struct hf_port port = {
            .interface = name,
            .type = netdev_get_type(ofport->netdev),
            .ofport = ofp_to_u16(ofport->ofp_port),
            .iface_id = ids ? smap_get_def(ids, "iface-id", "") : "",
            .mac = ids ? smap_get_def(ids, "attached-mac", "") : "",
            .vm_id = ids ? smap_get_def(ids, "vm-id", "") : "",
            .tag = rows ? access_vlan(rows->port) : 0,
            .mtu = netdev_get_mtu(ofport->netdev, &mtu) ? 0 : mtu,
            .up = netdev_get_carrier(ofport->netdev)
                  && !(ofport->pp.config & OFPUTIL_PC_PORT_DOWN),
        };

        each(&port, aux);
    }
    shash_destroy_free_data(&index);
    return 0;
}

/* --- Flows. --- */

struct hf_flow {
    struct ofputil_flow_mod fm;
};

char *
hf_flow_parse(int table, int priority, const char *match, const char *actions,
              struct hf_flow **flowp)
{
    enum ofputil_protocol usable;
    struct hf_flow *flow = xzalloc(sizeof *flow);
    char *text = xasprintf("table=%d,%s%sactions=%s", table, match, match[0] ? "," : "", actions);
    char *error = parse_ofp_str(&flow->fm, OFPFC_MODIFY_STRICT, text, NULL, NULL, &usable);

    if (error) {
        char *line = xasprintf("%s: %s", text, error);
        free(error);
        free(text);
        free(flow);
        return line;
    }
    free(text);
    flow->fm.priority = priority; /* Hidden: beyond what OpenFlow's 16 bits can say. */
    flow->fm.new_cookie = htonll(HF_COOKIE);
    flow->fm.modify_cookie = true;
    *flowp = flow;
    return NULL;
}

void
hf_flow_free(struct hf_flow *flow)
{
    if (flow) {
        minimatch_destroy(&flow->fm.match);
        free(CONST_CAST(struct ofpact *, flow->fm.ofpacts));
        free(flow);
    }
}

size_t
hf_frame_compose(const char *match, uint8_t *frame, size_t room)
{
    static const struct eth_addr from = ETH_ADDR_C(02,48,46,00,00,01);
    static const struct eth_addr to = ETH_ADDR_C(02,48,46,00,00,02);
    struct hf_flow *parsed;
    char *error = hf_flow_parse(0, 0, match, "drop", &parsed);
    struct dp_packet packet;
    struct match full;
    size_t size;

    if (error) {
        free(error);
        return 0;
    }
    minimatch_expand(&parsed->fm.match, &full);
    hf_flow_free(parsed);
    if (eth_addr_is_zero(full.wc.masks.dl_src)) {
        full.flow.dl_src = from;
    }
    if (eth_addr_is_zero(full.wc.masks.dl_dst)) {
        full.flow.dl_dst = to;
    }
    if (!full.flow.nw_ttl) {
        full.flow.nw_ttl = 64;
    }
    dp_packet_init(&packet, 128);
    flow_compose(&packet, &full.flow, NULL, 18);
    size = dp_packet_size(&packet);
    if (size <= room) {
        memcpy(frame, dp_packet_data(&packet), size);
    }
    dp_packet_uninit(&packet);
    return size <= room ? size : 0;
}

static int
flow_mod(const char *bridge, const struct hf_flow *flow, enum ofp_flow_mod_command command)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 5);
    struct ofproto *ofproto = hf_find_bridge(bridge);
    struct ofputil_flow_mod fm = flow->fm;
    enum ofperr error;

    if (!ofproto) {
        return ENODEV;
    }
    fm.command = command;
    error = ofproto_flow_mod(ofproto, &fm);
    if (error) {
        VLOG_ERR_RL(&rl, "%s: table %d priority %d: flow refused (%s)", bridge, fm.table_id,
                    fm.priority, ofperr_get_name(error));
        return EINVAL;
    }
    return 0;
}

int
hf_flow_put(const char *bridge, const struct hf_flow *flow)
{
    return flow_mod(bridge, flow, OFPFC_MODIFY_STRICT);
}

int
hf_flow_remove(const char *bridge, const struct hf_flow *flow)
{
    return flow_mod(bridge, flow, OFPFC_DELETE_STRICT);
}

/* The installed rule with the flow's key. */
static struct rule *
find_rule(const char *bridge, const struct hf_flow *flow)
{
    struct ofproto *ofproto = hf_find_bridge(bridge);
    const struct cls_rule *found;

    if (!ofproto) {
        return NULL;
    }
    found = classifier_find_minimatch_exactly(&ofproto->tables[flow->fm.table_id].cls,
                                              &flow->fm.match, flow->fm.priority,
                                              ofproto->tables_version);
    return found ? CONTAINER_OF(found, struct rule, cr) : NULL;
}

int
hf_flow_check(const char *bridge, const struct hf_flow *flow)
{
    const struct rule *rule = find_rule(bridge, flow);

    if (!rule) {
        return hf_find_bridge(bridge) ? ENOENT : ENODEV;
    }
    const struct rule_actions *actions = rule_get_actions(rule);
    return ofpacts_equal(actions->ofpacts, actions->ofpacts_len, flow->fm.ofpacts,
                         flow->fm.ofpacts_len) ? 0 : EEXIST;
}

uint64_t
hf_flow_packets(const char *bridge, const struct hf_flow *flow)
{
    struct rule *rule = find_rule(bridge, flow);
    struct pkt_stats stats;
    long long int used;

    if (!rule) {
        return UINT64_MAX;
    }
    rule->ofproto->ofproto_class->rule_get_stats(rule, &stats, &used);
    return stats.n_packets;
}

size_t
hf_flow_count(const char *bridge, int table)
{
    struct ofproto *ofproto = hf_find_bridge(bridge);
    struct rule *rule;
    size_t n = 0;

    if (ofproto && table < ofproto->n_tables) {
        CLS_FOR_EACH (rule, cr, &ofproto->tables[table].cls) {
            n += rule->flow_cookie == htonll(HF_COOKIE);
        }
    }
    return n;
}

/* --- What the datapath remembers. --- */

static struct udpif *
find_udpif(const char *bridge)
{
    struct ofproto_dpif *ofproto = ofproto_dpif_lookup_by_name(bridge);

    return ofproto ? ofproto->backer->udpif : NULL;
}

uint64_t
hf_looks(const char *bridge)
{
    struct udpif *udpif = find_udpif(bridge);

    return udpif && !ofproto_get_flow_restore_wait() ? seq_read(udpif_dump_seq(udpif))
                                                     : UINT64_MAX;
}

void
hf_wait_for_look(const char *bridge, uint64_t seen)
{
    struct udpif *udpif = find_udpif(bridge);

    if (udpif) {
        seq_wait(udpif_dump_seq(udpif), seen);
    }
}

void
hf_revalidate(const char *bridge)
{
    struct udpif *udpif = find_udpif(bridge);

    if (udpif) {
        udpif_revalidate(udpif);
    }
}



/* --- The main loop, threads, log, control commands. --- */

void
hf_wake(void)
{
    seq_change(wake_seq);
}

void
hf_wait_for_wake(void)
{
    seq_wait(wake_seq, wake_seen);
}

void
hf_wait_for_descriptor(int fd)
{
    poll_fd_wait(fd, POLLIN);
}

void
hf_wait_until_ms(int64_t ms)
{
    poll_timer_wait_until(ms);
}

const char *
hf_rundir(void)
{
    return ovs_rundir();
}

int64_t
hf_now_ms(void)
{
    return time_msec();
}

struct thread_start {
    void *(*body)(void *);
    void *aux;
};

/* The module's threads hold nothing that RCU protects, and may sleep for long: quiescent
 * from the start, or the switch could never free anything. */
static void *
thread_main(void *start_)
{
    struct thread_start start = *(struct thread_start *) start_;

    free(start_);
    ovsrcu_quiesce_start();
    return start.body(start.aux);
}

void
hf_thread_start(const char *name, void *(*body)(void *), void *aux)
{
    struct thread_start *start = xmalloc(sizeof *start);

    *start = (struct thread_start) { body, aux };
    ovs_thread_create(name, thread_main, start);
}

void
hf_log(enum hf_level level, const char *line)
{
    switch (level) {
    case HF_DEBUG:
        VLOG_DBG("%s", line);
        break;
    case HF_INFO:
        VLOG_INFO("%s", line);
        break;
    case HF_WARN:
        VLOG_WARN("%s", line);
        break;
    case HF_ERROR:
        VLOG_ERR("%s", line);
        break;
    }
}

static void
command_cb(struct unixctl_conn *conn, int argc, const char *argv[], void *aux OVS_UNUSED)
{
    hf_module_command(conn, argc, argv);
}

void
hf_command_register(const char *name, const char *usage, int min_args, int max_args)
{
    unixctl_command_register(name, usage, min_args, max_args, command_cb, NULL);
}

void
hf_reply(struct unixctl_conn *conn, bool ok, const char *text)
{
    if (ok) {
        unixctl_command_reply(conn, text);
    } else {
        unixctl_command_reply_error(conn, text);
    }
}
