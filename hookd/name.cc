// SPDX-License-Identifier: Apache-2.0
//
// hookd/name: see name.h.
#include <config.h>

#include "hookd/name.h"

#include "common/text.h"

namespace holdfast::hookd {

Result<void> check_name(const std::string& kind, const std::string& name)
{
    if (name.empty()) {
        return Error{Errc::invalid,
                     "a " + kind + " needs a name: give one of letters, digits, - _ ."};
    }
    if (!is_name(name)) {
        return Error{Errc::invalid, kind + " " + one_line(name, 64) +
                                        ": this name will not do: give at most 64 letters, "
                                        "digits, - _ ."};
    }
    return {};
}

} // namespace holdfast::hookd
