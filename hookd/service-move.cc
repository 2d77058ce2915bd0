// SPDX-License-Identifier: Apache-2.0
//
// hookd/service-move: see the header.
#include <config.h>

#include "hookd/service-move.h"

#include <algorithm>

namespace holdfast::hookd {

HomeEnd home_end(bool committed, Heard heard)
{
    if (!committed || heard == Heard::failed)
        return HomeEnd::go_on;
    return heard == Heard::live ? HomeEnd::discard : HomeEnd::ask;
}

TargetEnd target_end(const Place& place)
{
    return place.there && !place.locked ? TargetEnd::keep : TargetEnd::discard;
}

bool is_led_here(const nlohmann::json& status, const std::string& service)
{
    if (!status.is_object() || !status.contains("moves"))
        return false;
    const auto& moves = status.at("moves");
    return std::any_of(moves.begin(), moves.end(), [&](const nlohmann::json& move) {
        return move.value("vm", "") == service && move.value("role", "") == "source" &&
               !move.value("left", true);
    });
}

Heard target_answer(const db::Move* row)
{
    return row && row->state == "active" ? Heard::live : Heard::failed;
}

} // namespace holdfast::hookd
