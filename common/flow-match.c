/* SPDX-License-Identifier: Apache-2.0
 *
 * common/flow-match: see the header. */
#include "common/ovs-config.h"

#include "common/flow-match.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/match.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-port.h"
#include "flow.h"
#include "util.h"

#define SWAP_MEMBERS(FLOW, A, B)                    \
    do {                                            \
        struct flow *flow__ = (FLOW);               \
        __typeof__(flow__->A) saved__ = flow__->A;  \
        flow__->A = flow__->B;                      \
        flow__->B = saved__;                        \
    } while (0)

/* Exchanges source and destination, in values and masks alike.
 * ICMPv6's type and code stand where ports do and have no direction. */
static void
swap_direction(struct flow *flow, bool ports)
{
    SWAP_MEMBERS(flow, dl_src, dl_dst);
    SWAP_MEMBERS(flow, nw_src, nw_dst);
    SWAP_MEMBERS(flow, ipv6_src, ipv6_dst);
    SWAP_MEMBERS(flow, arp_sha, arp_tha);
    if (ports) {
        SWAP_MEMBERS(flow, tp_src, tp_dst);
    }
}

/* What exists only inside the switch's pipeline or on its controller channel, and so can
 * say nothing of a frame that has just entered. */
static char *
refuse_what_no_frame_has(const struct ofputil_flow_mod *fm, const struct match *match)
{
    const struct flow *masks = &match->wc.masks;

    if (fm->table_id != 0xff || fm->cookie || fm->cookie_mask || fm->new_cookie
        || fm->out_port != OFPP_ANY || fm->out_group != OFPG_ANY) {
        return xstrdup("table, cookie, out_port and out_group are not part of a classifier: "
                       "leave them out");
    }
    for (int i = 0; i < FLOW_N_REGS; i++) {
        if (masks->regs[i]) {
            return xasprintf("reg%d is zero in every frame that enters: leave it out", i);
        }
    }
    if (masks->metadata || masks->conj_id || masks->recirc_id || masks->ct_state) {
        return xstrdup("metadata, conj_id, recirc_id and ct_state are not set in a frame that "
                       "enters: leave them out");
    }
    if (!is_all_zeros(&masks->tunnel, sizeof masks->tunnel)) {
        return xstrdup("tunnel fields are not part of a frame that enters: leave them out");
    }
    return NULL;
}

static char *
parse(const char *text, struct match *match)
{
    enum ofputil_protocol usable;
    struct ofputil_flow_mod fm;
    char *error = parse_ofp_str(&fm, -1, text, NULL, NULL, &usable);

    if (error) {
        return error;
    }
    minimatch_expand(&fm.match, match);
    error = usable ? refuse_what_no_frame_has(&fm, match)
                   : xstrdup("the fields of the match contradict each other");
    minimatch_destroy(&fm.match);
    return error;
}

char *
flow_match_parse(const char *text, char **normalized, char **reversed)
{
    struct match match;

    *normalized = *reversed = NULL;
    char *error = parse(text, &match);
    if (error) {
        return error;
    }

    *normalized = match_to_string(&match, NULL, OFP_DEFAULT_PRIORITY);

    match.flow.in_port.ofp_port = 0;
    match.wc.masks.in_port.ofp_port = 0;

    struct match swapped = match;
    bool ports = !is_icmpv4(&match.flow, NULL) && !is_icmpv6(&match.flow, NULL);
    swap_direction(&swapped.flow, ports);
    swap_direction(&swapped.wc.masks, ports);
    if (!match_equal(&swapped, &match)) {
        *reversed = match_to_string(&swapped, NULL, OFP_DEFAULT_PRIORITY);
    }
    return NULL;
}

char *
flow_match_relate(const char *a, const char *b, bool *meet, bool *within)
{
    struct flow_wildcards common;
    struct match first, second;

    *meet = *within = false;
    char *error = parse(a, &first);
    if (!error) {
        error = parse(b, &second);
    }
    if (error) {
        return error;
    }
    flow_wildcards_and(&common, &first.wc, &second.wc);
    *meet = flow_equal_except(&first.flow, &second.flow, &common);
    *within = *meet && !flow_wildcards_has_extra(&first.wc, &second.wc);
    return NULL;
}
