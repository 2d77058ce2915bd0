// SPDX-License-Identifier: Apache-2.0
//
// service/round-plan: see round-plan.h.
#include <config.h>

#include "service/round-plan.h"

namespace holdfast::service {

bool another_round(std::span<const std::uint64_t> pages)
{
    if (pages.size() >= most_rounds)
        return false;
    if (pages.empty())
        return true;
    const auto last = pages.back();
    const bool less = pages.size() == 1 || last * 10 <= pages[pages.size() - 2] * 9;
    return last >= few_pages && less;
}

} // namespace holdfast::service
