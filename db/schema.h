// SPDX-License-Identifier: Apache-2.0
//
// db/schema: the tables of the store, and the steps that lead to them.
//
// Used by db/store only.
#pragma once

#include <cstdint>

#include "db/sqlite.h"

namespace holdfast::db {

/// `PRAGMA application_id` of our files: "Hold" in ASCII.
inline constexpr std::int64_t application_id = 0x486f6c64;

/// The version that this program reads and writes.
std::int64_t schema_version();

/// Takes the file to this program's version.
/// Errors: throws SqliteError; the file is then as before.
/// Thread: other processes may do the same at once; one does it, the others wait.
void migrate(Connection& store);

} // namespace holdfast::db
