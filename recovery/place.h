// SPDX-License-Identifier: Apache-2.0
//
// recovery/place: who has a VM's place, by the rows of recoveries (spec recovery.md, R9).
//
// Pure.  The last row counts: a VM can be recovered, lost again, and come back to where it was.
#pragma once

#include <string>
#include <vector>

#include "db/rows.h"

namespace holdfast::recovery {

/// The row of this VM that is not closed; null if there is none.
const db::Recovery* open_recovery(const std::vector<db::Recovery>& rows, const std::string& vm);
/// The last row by which this VM's place is another's, or is about to be; null if there is none.
const db::Recovery* replaced_by(const std::vector<db::Recovery>& rows, const std::string& vm);
/// Whether by its last row the VM has its place itself on this hypervisor, or none says that it has
/// not: it is to run there, and is looked after as any other.
bool has_place(const std::vector<db::Recovery>& rows, const std::string& vm,
               const std::string& hypervisor);
/// The hypervisor where the attempt of this row may have started the VM; empty: none.
std::string started_on(const db::Recovery& row);

} // namespace holdfast::recovery
