/* SPDX-License-Identifier: Apache-2.0
 *
 * ovs-plugin/shim-flush: Open vSwitch flushes a bridge, and our flows stay.
 *
 * It does so where a bridge's controller or fail mode changes (spec C12).  Nothing of a flow that was
 * taken out and put back would be missed but time and the frames that come in between, so ours are left
 * in: the tables that have some are emptied of all others here, and shown to the real flush as tables
 * of the switch's own (OFTABLE_HIDDEN), which it leaves alone.
 *
 * Threads: the main thread alone flushes. */
#include "common/ovs-config.h"

#include "ovs-plugin/shim-internal.h"

#include "ofproto/ofproto-provider.h"
#include "openvswitch/match.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-port.h"
#include "openvswitch/vlog.h"
#include "ovs-plugin/shim.h"

VLOG_DEFINE_THIS_MODULE(holdfast_flush);

static bool
is_hidden(const struct rule *rule)
{
    return rule->cr.priority > UINT16_MAX;
}

static bool
is_ours(const struct rule *rule)
{
    return is_hidden(rule) && rule->flow_cookie == htonll(HF_COOKIE);
}

static bool
has_ours(const struct oftable *table)
{
    const struct rule *rule;

    if (table->flags & OFTABLE_HIDDEN) {
        return false; /* The switch's own. */
    }
    CLS_FOR_EACH (rule, cr, &table->cls) {
        if (is_ours(rule)) {
            return true;
        }
    }
    return false;
}

/* Deletes the flows of a table that match 'match', or the very one that has this priority, too. */
static void
delete_flows(struct ofproto *ofproto, uint8_t table_id, const struct minimatch *match,
             int hidden_priority)
{
    struct ofputil_flow_mod fm = {
        .command = hidden_priority ? OFPFC_DELETE_STRICT : OFPFC_DELETE,
        .priority = hidden_priority,
        .table_id = table_id,
        .out_port = OFPP_ANY,
        .out_group = OFPG_ANY,
        .buffer_id = UINT32_MAX,
    };
    enum ofperr error;

    minimatch_clone(&fm.match, match);
    error = ofproto_flow_mod(ofproto, &fm);
    if (error) {
        VLOG_ERR("%s: table %d: flows are not flushed (%s)", ofproto->name, table_id,
                 ofperr_get_name(error));
    }
    minimatch_destroy(&fm.match);
}

/* What Open vSwitch itself hides is deleted one by one; there are a handful, in table 0. */
static void
delete_hidden(struct ofproto *ofproto, struct oftable *table, uint8_t table_id)
{
    struct hidden {
        struct ovs_list node;
        struct minimatch match;
        int priority;
    } *hidden;
    struct ovs_list all = OVS_LIST_INITIALIZER(&all);
    const struct rule *rule;

    ovs_mutex_lock(&ofproto_mutex);
    CLS_FOR_EACH (rule, cr, &table->cls) {
        if (is_hidden(rule) && !is_ours(rule)) {
            hidden = xmalloc(sizeof *hidden);
            minimatch_clone(&hidden->match, &rule->cr.match);
            hidden->priority = rule->cr.priority;
            ovs_list_push_back(&all, &hidden->node);
        }
    }
    ovs_mutex_unlock(&ofproto_mutex);
    LIST_FOR_EACH_POP (hidden, node, &all) {
        delete_flows(ofproto, table_id, &hidden->match, hidden->priority);
        minimatch_destroy(&hidden->match);
        free(hidden);
    }
}

/* Deletes all flows of a table but ours. */
static void
delete_others(struct ofproto *ofproto, struct oftable *table)
{
    uint8_t table_id = table - ofproto->tables;
    struct minimatch every;
    struct match match;

    match_init_catchall(&match);
    minimatch_init(&every, &match);
    delete_flows(ofproto, table_id, &every, 0);
    minimatch_destroy(&every);
    delete_hidden(ofproto, table, table_id);
}

void __real_ofproto_flush_flows(struct ofproto *);
void __wrap_ofproto_flush_flows(struct ofproto *);
void
__wrap_ofproto_flush_flows(struct ofproto *ofproto)
{
    struct oftable *kept[UINT8_MAX + 1];
    struct oftable *table;
    size_t n = 0;

    OFPROTO_FOR_EACH_TABLE (table, ofproto) {
        if (has_ours(table)) {
            delete_others(ofproto, table);
            table->flags |= OFTABLE_HIDDEN;
            kept[n++] = table;
        }
    }
    __real_ofproto_flush_flows(ofproto);
    for (size_t i = 0; i < n; i++) {
        kept[i]->flags &= ~OFTABLE_HIDDEN;
    }
    if (n) {
        hf_module_flushed(ofproto->name);
    }
}

void
hf_flush_others(struct ofproto *ofproto)
{
    struct oftable *table;

    OFPROTO_FOR_EACH_TABLE (table, ofproto) {
        if (has_ours(table)) {
            delete_others(ofproto, table);
        }
    }
}
