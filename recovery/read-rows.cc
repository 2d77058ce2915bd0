// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "recovery/read-rows.h"

#include <algorithm>

namespace holdfast::recovery {

Result<PoolRows> read_rows(db::Store& store)
{
    auto world = store.snapshot();
    if (!world)
        return world.error();
    std::ranges::stable_sort(world->vms, {}, &db::Vm::name);
    auto specifications = store.specifications();
    if (!specifications)
        return specifications.error();
    auto policies = store.recovery_policies();
    if (!policies)
        return policies.error();
    auto recoveries = store.recoveries();
    if (!recoveries)
        return recoveries.error();
    return PoolRows{std::move(world->hypervisors), std::move(world->vms),
                    std::move(*specifications), std::move(*policies), std::move(*recoveries)};
}

} // namespace holdfast::recovery
