/* SPDX-License-Identifier: Apache-2.0
 *
 * ovs-plugin/shim-learning: the MAC address of a VM that is leaving stays where it is.
 *
 * The guest announces itself at its new place (RARP) while the source's port is still
 * there and passes on, in order, what comes for it.  If the source's switch learned from
 * that announcement, NORMAL would send frames for the VM back to the uplink they came
 * from, that is: drop them.  With a 1 kHz probe 1 to 25 frames were lost so, from QEMU's
 * RESUME on.  A static entry is learned over by nobody; it goes with its port.
 *
 * Main thread only, but for hf_is_learned(). */
#include "common/ovs-config.h"

#include "ovs-plugin/shim.h"

#include "mac-learning.h"
#include "ofproto/ofproto-dpif-xlate.h"
#include "ofproto/ofproto-dpif.h"
#include "ofproto/ofproto-provider.h"
#include "ovs-plugin/shim-internal.h"
#include "packets.h"
#include "timeval.h"
#include "util.h"
#include "uuid.h"

/* VLANs in which one MAC address is pinned; a guest on a trunk has learned entries in each. */
#define N_VLANS 64

struct hf_pin {
    char *bridge;
    struct uuid incarnation; /* Of the bridge: one made anew has none of our entries. */
    struct eth_addr mac;
    size_t n;
    uint16_t vlans[N_VLANS];
};

/* Whether 'mac' has a static entry already, made by the operator: not ours to change. */
static bool
is_static(const struct mac_learning *ml, struct eth_addr mac, uint16_t vlan)
{
    ovs_rwlock_rdlock(&ml->rwlock);
    const struct mac_entry *entry = mac_learning_lookup(ml, mac, vlan);
    bool found = entry && mac_entry_age(ml, entry) == MAC_ENTRY_AGE_STATIC_ENTRY;
    ovs_rwlock_unlock(&ml->rwlock);
    return found;
}

static void
pin_in(struct hf_pin *pin, const struct ofproto_dpif *ofproto, ofp_port_t port, uint16_t vlan)
{
    if (pin->n < N_VLANS && !is_static(ofproto->ml, pin->mac, vlan)
        && xlate_add_static_mac_entry(ofproto, port, pin->mac, vlan)) {
        pin->vlans[pin->n++] = vlan;
    }
}

/* An entry of an address that nobody has is made for that. */
const void *
hf_learning_place(const struct ofproto_dpif *ofproto, ofp_port_t port)
{
    static const struct eth_addr nobody = ETH_ADDR_C(02, 48, 46, 00, 00, 04);
    const void *place = NULL;

    if (xlate_add_static_mac_entry(ofproto, port, nobody, 0)) {
        ovs_rwlock_rdlock(&ofproto->ml->rwlock);
        const struct mac_entry *entry = mac_learning_lookup(ofproto->ml, nobody, 0);
        place = entry ? mac_entry_get_port(ofproto->ml, entry) : NULL;
        ovs_rwlock_unlock(&ofproto->ml->rwlock);
        xlate_delete_static_mac_entry(ofproto, nobody, 0);
    }
    return place;
}

bool
hf_is_learned(const struct mac_learning *ml, const void *place, struct eth_addr mac, uint16_t vlan)
{
    bool found = false;

    if (place) {
        ovs_rwlock_rdlock(&ml->rwlock);
        const struct mac_entry *entry = mac_learning_lookup(ml, mac, vlan);
        found = entry && mac_entry_get_port(ml, entry) == place;
        ovs_rwlock_unlock(&ml->rwlock);
    }
    return found;
}

struct hf_pin *
hf_pin_open(const char *bridge, const char *interface, const char *mac, bool arriving)
{
    struct ofproto_dpif *ofproto = ofproto_dpif_lookup_by_name(bridge);
    struct ofport *port = ofproto
        ? shash_find_data(&ofproto->up.port_by_name, interface) : NULL;
    uint16_t learned[N_VLANS];
    size_t n_learned = 0;
    struct hf_pin *pin;

    if (!port) {
        return NULL;
    }
    pin = xzalloc(sizeof *pin);
    pin->bridge = xstrdup(bridge);
    pin->incarnation = ofproto->uuid;
    eth_addr_from_string(mac, &pin->mac);
    pin_in(pin, ofproto, port->ofp_port, hf_access_vlan(interface));
    if (pin->n) {
        const struct mac_entry *entry, *first;

        ovs_rwlock_rdlock(&ofproto->ml->rwlock);
        first = mac_learning_lookup(ofproto->ml, pin->mac, pin->vlans[0]);
        LIST_FOR_EACH (entry, lru_node, &ofproto->ml->lrus) {
            if (first && n_learned < N_VLANS && eth_addr_equals(entry->mac, pin->mac)
                && (arriving || mac_entry_get_port(ofproto->ml, entry)
                                == mac_entry_get_port(ofproto->ml, first))) {
                learned[n_learned++] = entry->vlan;
            }
        }
        ovs_rwlock_unlock(&ofproto->ml->rwlock);
    }
    for (size_t i = 0; i < n_learned; i++) {
        pin_in(pin, ofproto, port->ofp_port, learned[i]);
    }
    return pin;
}

bool
hf_pin_move(struct hf_pin *pin, const char *interface)
{
    struct ofproto_dpif *ofproto = pin ? ofproto_dpif_lookup_by_name(pin->bridge) : NULL;
    struct ofport *port = ofproto
        ? shash_find_data(&ofproto->up.port_by_name, interface) : NULL;

    for (size_t i = 0; port && i < pin->n; i++) {
        xlate_add_static_mac_entry(ofproto, port->ofp_port, pin->mac, pin->vlans[i]);
    }
    return port != NULL;
}

void
hf_pin_close(struct hf_pin *pin, bool forget)
{
    struct ofproto_dpif *ofproto = pin ? ofproto_dpif_lookup_by_name(pin->bridge) : NULL;

    for (size_t i = 0; ofproto && i < pin->n; i++) {
        struct mac_learning *ml = ofproto->ml;

        ovs_rwlock_wrlock(&ml->rwlock);
        struct mac_entry *entry = mac_learning_lookup(ml, pin->mac, pin->vlans[i]);
        if (entry && mac_entry_age(ml, entry) == MAC_ENTRY_AGE_STATIC_ENTRY) {
            ml->static_entries--;
            if (forget) {
                mac_learning_expire(ml, entry);
            } else {
                entry->expires = time_now() + ml->idle_time;
            }
        } else if (uuid_equals(&pin->incarnation, &ofproto->uuid) && ml->static_entries) {
            /* It went with its port; Open vSwitch does not count that. */
            ml->static_entries--;
        }
        ovs_rwlock_unlock(&ml->rwlock);
    }
    if (pin) {
        free(pin->bridge);
        free(pin);
    }
}
