// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "recovery/place.h"

#include <algorithm>

namespace holdfast::recovery {

const db::Recovery* open_recovery(const std::vector<db::Recovery>& rows, const std::string& vm)
{
    const auto found = std::ranges::find_if(
        rows, [&](const db::Recovery& row) { return row.vm == vm && !db::is_closed(row); });
    return found == rows.end() ? nullptr : &*found;
}

const db::Recovery* replaced_by(const std::vector<db::Recovery>& rows, const std::string& vm)
{
    const db::Recovery* last = nullptr;
    for (const db::Recovery& row : rows)
        if (row.vm == vm && db::is_replaced(row) && (!last || last->changed <= row.changed))
            last = &row;
    return last;
}

bool has_place(const std::vector<db::Recovery>& rows, const std::string& vm,
               const std::string& hypervisor)
{
    const db::Recovery* row = replaced_by(rows, vm);
    return !row || (row->state == "recovered" && started_on(*row) == hypervisor);
}

std::string started_on(const db::Recovery& row)
{
    return row.replacement == row.vm ? row.target : std::string{};
}

} // namespace holdfast::recovery
