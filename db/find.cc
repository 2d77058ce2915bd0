// SPDX-License-Identifier: Apache-2.0
//
// db/find: see find.h.
#include "db/find.h"

#include "common/text.h"

namespace holdfast::db {

Result<Hypervisor> find_hypervisor(const std::vector<Hypervisor>& all, const std::string& name)
{
    std::vector<std::string> names;
    for (const auto& row : all) {
        if (row.name == name)
            return row;
        names.push_back(row.name);
    }
    std::string near = nearest(name, names);
    return Error{Errc::not_found,
                 "there is no hypervisor \"" + one_line(name, 60) + "\": " +
                     (near.empty() ? "see 'holdfast node list'" : "did you mean " + near + "?")};
}

} // namespace holdfast::db
