// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "schedd/units.h"

namespace holdfast::schedd {

std::string amount_text(Amount amount)
{
    const auto size = static_cast<std::uint64_t>(amount < 0 ? -amount : amount);
    std::string text = (amount < 0 ? "-" : "") + std::to_string(size / unit);
    if (size % unit == 0)
        return text;
    text += "." + std::to_string(unit + size % unit).substr(1);
    return text.substr(0, text.find_last_not_of('0') + 1);
}

std::string load_text(Load load)
{
    return std::to_string(load / 10) + "." + std::to_string((load < 0 ? -load : load) % 10) + " %";
}

std::string count_text(std::int64_t count, const char* noun)
{
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

} // namespace holdfast::schedd
