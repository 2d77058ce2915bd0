/* SPDX-License-Identifier: Apache-2.0
 *
 * common/flow-match: see the header. */
#include "common/ovs-config.h"

#include "common/flow-match.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/match.h"
#include "openvswitch/meta-flow.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-parse.h"
#include "openvswitch/ofp-port.h"
#include "bitmap.h"
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
    if (masks->pkt_mark || masks->dp_hash) {
        return xstrdup("pkt_mark and dp_hash are not part of a frame, and the switch changes them "
                       "on its way: leave them out");
    }
    if (!is_all_zeros(&masks->tunnel, sizeof masks->tunnel)) {
        return xstrdup("tunnel fields are not part of a frame that enters: leave them out");
    }
    return NULL;
}

/* Whether no bit of the value is beyond the field, where the parser would cut it off. */
static bool
fits(const struct mf_field *field, const union mf_value *value, const union mf_value *mask)
{
    if (field->id == MFF_DL_VLAN && value->be16 == htons(OFP10_VLAN_NONE)) {
        return true; /* Its name for a frame without a tag. */
    }
    return mf_is_value_valid(field, value)
           && (is_all_ones(mask, field->n_bytes) || mf_is_value_valid(field, mask));
}

/* Whether no octet of an address or its mask is above 255: the parser would take it modulo 256. */
static bool
octets_fit(const struct mf_field *field, const char *text)
{
    if (field->string != MFS_IPV4 && field->string != MFS_ETHERNET) {
        return true;
    }
    while (*text) {
        char *end;
        if (strtoul(text, &end, field->string == MFS_IPV4 ? 10 : 16) > UINT8_MAX
            || strchr("+-", *text)) {
            return false;
        }
        text = end > text ? end : text + 1;
    }
    return true;
}

static char *
refuse_field(const struct mf_field *field, const char *name, const char *text)
{
    union mf_value value, mask;

    if (!field->usable_protocols_exact) {
        return xasprintf("%s is no field of OpenFlow: leave it out", name);
    }
    char *error = mf_parse(field, text, NULL, &value, &mask);
    if (!error && !(fits(field, &value, &mask) && octets_fit(field, text))) {
        error = xasprintf("%s=%s is out of range: ovs-fields(7) says which values %s has",
                          name, text, name);
    }
    return error;
}

/* What the parser takes without a word, and is none the less wrong in itself. */
static char *
refuse_fields(const char *text)
{
    char *copy = xstrdup(text);
    char *rest = copy, *name, *value, *error = NULL;
    struct mf_bitmap told = MF_BITMAP_INITIALIZER;

    while (!error && ofputil_parse_key_value(&rest, &name, &value)) {
        const struct mf_field *field = mf_from_name(name);
        if (!field) {
            continue;
        }
        if (bitmap_is_set(told.bm, field->id)) { /* The parser would take the last alone. */
            error = xasprintf("%s is there twice: a chain has one match: leave one out, or add a "
                              "chain for each", name);
        } else {
            error = refuse_field(field, name, value);
        }
        bitmap_set1(told.bm, field->id);
    }
    free(copy);
    return error;
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
    error = refuse_fields(text);
    if (!error) {
        error = usable ? refuse_what_no_frame_has(&fm, match)
                       : xstrdup("the fields of the match contradict each other");
    }
    minimatch_destroy(&fm.match);
    return error;
}

static void
forget_in_port(struct match *match)
{
    match->flow.in_port.ofp_port = 0;
    match->wc.masks.in_port.ofp_port = 0;
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

    forget_in_port(&match);

    struct match swapped = match;
    bool ports = !is_icmpv4(&match.flow, NULL) && !is_icmpv6(&match.flow, NULL);
    swap_direction(&swapped.flow, ports);
    swap_direction(&swapped.wc.masks, ports);
    if (!match_equal(&swapped, &match)) {
        *reversed = match_to_string(&swapped, NULL, OFP_DEFAULT_PRIORITY);
    }
    return NULL;
}

static char *
parse_both(const char *a, const char *b, struct match *first, struct match *second)
{
    char *error = parse(a, first);
    return error ? error : parse(b, second);
}

/* Whether the source and the destination, 'size' bytes of struct flow each, are known whole of a
 * frame of both, and one. */
static bool
same_address(const struct match *a, const struct match *b, size_t src, size_t dst, size_t size)
{
    const uint8_t *values[] = { (const uint8_t *) &a->flow, (const uint8_t *) &b->flow };
    const uint8_t *masks[] = { (const uint8_t *) &a->wc.masks, (const uint8_t *) &b->wc.masks };

    for (; size--; src++, dst++) {
        if (((masks[0][src] | masks[1][src]) & (masks[0][dst] | masks[1][dst])) != 0xff
            || (values[0][src] | values[1][src]) != (values[0][dst] | values[1][dst])) {
            return false;
        }
    }
    return true;
}

#define SAME_ADDRESS(A, B, SRC, DST)                                               \
    same_address(A, B, offsetof(struct flow, SRC), offsetof(struct flow, DST),     \
                 sizeof ((struct flow *) NULL)->SRC)

/* No host sends to itself through a switch.  It does ask for its own address, by ARP. */
static bool
from_a_host_to_itself(const struct match *a, const struct match *b)
{
    bool ipv4 = (a->flow.dl_type | b->flow.dl_type) == htons(ETH_TYPE_IP);

    return (ipv4 && SAME_ADDRESS(a, b, nw_src, nw_dst))
           || SAME_ADDRESS(a, b, ipv6_src, ipv6_dst) || SAME_ADDRESS(a, b, dl_src, dl_dst);
}

static bool
meet(const struct match *a, const struct match *b)
{
    struct flow_wildcards common;

    flow_wildcards_and(&common, &a->wc, &b->wc);
    return flow_equal_except(&a->flow, &b->flow, &common) && !from_a_host_to_itself(a, b);
}

char *
flow_match_relate(const char *a, const char *b, bool *meet_, bool *within)
{
    struct match first, second;

    *meet_ = *within = false;
    char *error = parse_both(a, b, &first, &second);
    if (!error) {
        *meet_ = meet(&first, &second);
        *within = *meet_ && !flow_wildcards_has_extra(&first.wc, &second.wc);
    }
    return error;
}

char *
flow_match_mistakes(const char *a, const char *b, bool *mistakes)
{
    struct match first, second;

    *mistakes = false;
    char *error = parse_both(a, b, &first, &second);
    if (error || !first.wc.masks.in_port.ofp_port
        || (second.wc.masks.in_port.ofp_port
            && first.flow.in_port.ofp_port == second.flow.in_port.ofp_port)) {
        return error;
    }
    forget_in_port(&first);
    forget_in_port(&second);
    *mistakes = meet(&first, &second);
    return NULL;
}
