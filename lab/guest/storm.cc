// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "lab/guest/storm.h"

#include <string_view>

namespace lab {

using namespace std::chrono_literals;

bool StormGuard::may_pass(std::span<const uint8_t> frame, std::chrono::milliseconds now)
{
    const uint64_t hash =
        std::hash<std::string_view>{}({reinterpret_cast<const char*>(frame.data()), frame.size()});
    Entry& entry = entries_[hash % entries_.size()];
    if (entry.hash != hash || now - entry.since >= 1s)
        entry = {hash, now, 0};
    if (entry.n_passed >= most)
        return false;
    entry.n_passed++;
    return true;
}

} // namespace lab
