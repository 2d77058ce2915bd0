/* SPDX-License-Identifier: Apache-2.0
 *
 * ovs-plugin/shim-routes: tunnels keep their routes while links come and go.
 *
 * At any change of any link (libvirt plugs a tap: several) the switch throws its copy of
 * the routing table away and reads it anew from the kernel.  Translation runs in other
 * threads meanwhile, finds no route to a tunnel's end, and makes datapath flows that drop;
 * those stay until the next revalidation.  With a 1 kHz probe through a tunnel, 9 frames
 * each way were lost whenever the destination of a migration was prepared (coverage
 * counter drop_action_of_pipeline).
 *
 * So the old routes stay while the new ones are read; each of these replaces its like at
 * once.  Only if a route is really gone is the table emptied and filled again.
 * Main thread only, as all of the switch's route reading. */
#include "common/ovs-config.h"

#include <netinet/in.h>

#include "ovs-router.h"
#include "packets.h"
#include "route-table.h"
#include "util.h"

struct route {
    uint32_t mark;
    struct in6_addr destination;
    uint8_t prefix;
    bool local;
    char device[IFNAMSIZ];
    struct in6_addr gateway;
};

struct routes {
    struct route *all;
    size_t n, room;
};

static struct routes current; /* What the switch has. */
static struct routes fresh;   /* What is being read. */
static bool reading;

void __real_ovs_router_flush(void);
void __wrap_ovs_router_flush(void);
void
__wrap_ovs_router_flush(void)
{
    reading = true;
    fresh.n = 0;
}

void __real_ovs_router_insert(uint32_t mark, const struct in6_addr *, uint8_t plen, bool local,
                              const char output_bridge[], const struct in6_addr *gw);
void __wrap_ovs_router_insert(uint32_t mark, const struct in6_addr *, uint8_t plen, bool local,
                              const char output_bridge[], const struct in6_addr *gw);
void
__wrap_ovs_router_insert(uint32_t mark, const struct in6_addr *destination, uint8_t plen,
                         bool local, const char output_bridge[], const struct in6_addr *gw)
{
    if (fresh.n >= fresh.room) {
        fresh.all = x2nrealloc(fresh.all, &fresh.room, sizeof *fresh.all);
    }
    struct route *route = &fresh.all[fresh.n++];

    memset(route, 0, sizeof *route); /* Compared as bytes. */
    route->mark = mark;
    route->destination = *destination;
    route->prefix = plen;
    route->local = local;
    ovs_strzcpy(route->device, output_bridge, sizeof route->device);
    route->gateway = *gw;
    __real_ovs_router_insert(mark, destination, plen, local, output_bridge, gw);
}

static bool
is_among(const struct routes *routes, const struct route *route)
{
    for (size_t i = 0; i < routes->n; i++) {
        if (!memcmp(&routes->all[i], route, sizeof *route)) {
            return true;
        }
    }
    return false;
}

static bool
some_are_gone(void)
{
    for (size_t i = 0; i < current.n; i++) {
        if (!is_among(&fresh, &current.all[i])) {
            return true;
        }
    }
    return false;
}

void __real_route_table_run(void);
void __wrap_route_table_run(void);
void
__wrap_route_table_run(void)
{
    __real_route_table_run();
    if (!reading) {
        return;
    }
    reading = false;
    if (some_are_gone()) {
        __real_ovs_router_flush();
        for (size_t i = 0; i < fresh.n; i++) {
            const struct route *route = &fresh.all[i];

            __real_ovs_router_insert(route->mark, &route->destination, route->prefix,
                                     route->local, route->device, &route->gateway);
        }
    }
    struct routes old = current;
    current = fresh;
    fresh = old;
}
