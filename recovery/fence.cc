// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "recovery/fence.h"

namespace holdfast::recovery {

FenceStep next_step(const Holder& holder, Way way, Instant now)
{
    if (holder.gone)
        return FenceStep::none;
    // What is started on the VM's own disks shares more with it than its addresses.
    const bool own_disks = way == Way::restart;
    if (holder.port_blocked && !own_disks)
        return FenceStep::none;
    if (holder.reachable)
        return holder.port_blocked ? FenceStep::destroy : FenceStep::block_port;
    if (!holder.watchdog)
        return FenceStep::ask;
    return now < holder.lease_end ? FenceStep::wait : FenceStep::none;
}

bool may_start(bool replaced, std::int64_t own_epoch, std::int64_t fleet_epoch)
{
    return !replaced && own_epoch >= fleet_epoch;
}

} // namespace holdfast::recovery
