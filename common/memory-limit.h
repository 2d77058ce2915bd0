// SPDX-License-Identifier: Apache-2.0
//
// common/memory-limit: how much memory a control group is held to, of which its processes may have
// more already (spec quotas.md, Q6).
//
// Pure.
#pragma once

#include <algorithm>
#include <cstdint>

namespace holdfast {

/// The limit to write.
/// Shape:   `cap`: what it is to be; `was`: the limit as it is, 0 if there is none; `used`: what
///          the processes have.  Less than they have would kill them: they keep that, and an eighth
///          more, but never more than they might have had.
/// Units:   bytes.
inline std::uint64_t memory_limit(std::uint64_t cap, std::uint64_t was, std::uint64_t used)
{
    const std::uint64_t kept = used + used / 8;
    return std::max(cap, was == 0 ? kept : std::min(was, kept));
}

} // namespace holdfast
