// SPDX-License-Identifier: Apache-2.0
//
// service/round-plan: when the memory of a running service has been sent ahead often enough.
//
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast::service {

/// At most so many rounds go ahead of the last, for which the service stands still.
inline constexpr std::size_t most_rounds = 8;
/// A round with fewer pages than this costs more than it spares the service.
inline constexpr std::uint64_t few_pages = 64;

/// Whether another round is worth it, from the pages that each round so far had to write.
/// The first has all memory, each later one what the service wrote meanwhile: once that is little,
/// or not a tenth less than in the round before, the service writes as fast as it is sent.
bool another_round(std::span<const std::uint64_t> pages);

} // namespace holdfast::service
