/* SPDX-License-Identifier: Apache-2.0
 *
 * ovs-plugin/shim-rounds: reads the ports again before the switch's main loop turns, while they
 * have more frames than one look takes.
 *
 * The userspace datapath without threads of its own takes 32 frames of each port in a turn of the
 * main loop, and a turn costs some 10 us besides, most of it for sockets that have nothing: a
 * twelfth of what small frames cost.  Orders on those sockets wait for ROUNDS_USEC and one look more
 * at most.  It is noted when all that had come was read last, for who waits for something (merge.h).
 *
 * Threads: the main one; those of the datapath note what they received, each for itself. */
#include "common/ovs-config.h"

#include "ovs-plugin/shim-internal.h"

#include <string.h>

#include "dp-packet.h"
#include "dpif.h"
#include "ovs-plugin/shim.h"
#include "timeval.h"

#define ROUNDS_USEC 300

static _Thread_local bool has_more;
static int64_t all_read_ms; /* The last look began then that took all there was. */

void
hf_rounds_received(const struct dp_packet_batch *batch)
{
    if (dp_packet_batch_size(batch) == NETDEV_MAX_BURST) {
        has_more = true;
    }
}

bool __real_dpif_run(struct dpif *);
bool __wrap_dpif_run(struct dpif *);
bool
__wrap_dpif_run(struct dpif *dpif)
{
    const long long int begun = time_usec();
    int64_t look_ms = time_msec();
    bool changed;

    has_more = false;
    changed = __real_dpif_run(dpif);
    while (has_more && time_usec() - begun <= ROUNDS_USEC) {
        has_more = false;
        look_ms = time_msec();
        changed |= __real_dpif_run(dpif);
    }
    if (!has_more && !strcmp(dpif_type(dpif), "netdev")) {
        all_read_ms = look_ms;
    }
    return changed;
}

int64_t
hf_all_read_ms(void)
{
    return all_read_ms;
}
