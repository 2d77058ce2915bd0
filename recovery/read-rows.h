// SPDX-License-Identifier: Apache-2.0
//
// recovery/read-rows: the rows that recovery is decided by, from the store.
#pragma once

#include "db/store.h"
#include "recovery/rows.h"

namespace holdfast::recovery {

/// VMs by name; rows that are damaged are left out.
/// Errors:  those of the store.
Result<PoolRows> read_rows(db::Store& store);

} // namespace holdfast::recovery
