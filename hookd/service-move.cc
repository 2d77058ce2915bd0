// SPDX-License-Identifier: Apache-2.0
//
// hookd/service-move: see the header.
#include <config.h>

#include "hookd/service-move.h"

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

Heard target_answer(const db::Move* row)
{
    return row && row->state == "active" ? Heard::live : Heard::failed;
}

} // namespace holdfast::hookd
