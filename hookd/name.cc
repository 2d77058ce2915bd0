// SPDX-License-Identifier: Apache-2.0
//
// hookd/name: see name.h.
#include <config.h>

#include "hookd/name.h"

#include <string_view>

#include "common/text.h"

namespace holdfast::hookd {

Result<void> check_name(const std::string& kind, const std::string& name)
{
    constexpr std::size_t longest = 64;
    constexpr std::string_view allowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (name.empty()) {
        return Error{Errc::invalid,
                     "a " + kind + " needs a name: give one of letters, digits, - _ ."};
    }
    if (name.size() > longest || name.find_first_not_of(allowed) != std::string::npos) {
        return Error{Errc::invalid, kind + " " + one_line(name, 64) +
                                        ": this name will not do: give at most 64 letters, "
                                        "digits, - _ ."};
    }
    return {};
}

} // namespace holdfast::hookd
