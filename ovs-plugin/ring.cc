// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/ring: see the header.
#include "ovs-plugin/ring.h"

#include <endian.h>
#include <sys/uio.h>

#include <algorithm>

namespace holdfast::plugin {

namespace {

// More frames than this between two quiet moments, and the 16-bit count may have gone round.
constexpr std::uint64_t countable_max = 32768;
// Fewer could agree by accident.
constexpr std::uint64_t convincing = 4;
// Kinds that are remembered; with more, those of the last time alone.
constexpr std::size_t kinds_max = 4096;

} // namespace

std::optional<std::uint16_t> GuestRing::used() const
{
    constexpr std::uint64_t index_offset = 2;
    std::uint16_t index = 0;
    iovec here{&index, sizeof index};
    iovec there{reinterpret_cast<void*>(address + index_offset), sizeof index};
    if (!address || process_vm_readv(qemu, &here, 1, &there, 1, 0) != sizeof index)
        return std::nullopt;
    return le16toh(index);
}

void RingCount::learn(const FrameKinds& kinds, bool agree)
{
    if (!agree && !kinds.all_known)
        taken_.clear();
    const auto is_long = [](const FrameKind& kind) { return kind.back() != 0; };
    if (agree && std::any_of(kinds.others.begin(), kinds.others.end(), is_long))
        return; // As many buffers as frames by accident: the next may take more.
    for (const FrameKind& kind : kinds.others) {
        if (!agree)
            taken_.erase(kind);
        else
            taken_.insert(kind);
    }
    if (taken_.size() > kinds_max)
        taken_ = kinds.others;
}

bool RingCount::takes(const FrameKinds& kinds) const
{
    return kinds.all_known &&
           std::includes(taken_.begin(), taken_.end(), kinds.others.begin(), kinds.others.end());
}

void RingCount::quiet(const TapCounts& now, const FrameKinds& kinds)
{
    const std::uint64_t sent = now.sent - last_.sent;
    const std::uint64_t strange = now.strange - last_.strange;
    const std::uint64_t got = static_cast<std::uint16_t>(now.used - last_.used);
    if (begun_ && (sent || strange)) {
        const bool countable = sent < countable_max && strange < countable_max;
        const bool agree = countable && (got == sent || got == sent + strange);
        if (strange && !agree)
            takes_strange_.reset();
        else if (strange && takes(kinds)) // Else they may agree by accident.
            takes_strange_ = got != sent;
        // The first after they disagreed may make up for that.
        if (sent && (!agree || (agreed_ > 0 && !strange)))
            learn(kinds, agree);
        agreed_ = agree ? agreed_ + sent : 0;
    }
    begun_ = true;
    last_ = now;
}

std::optional<std::size_t> RingCount::missing(const TapCounts& now, const FrameKinds& kinds,
                                              std::size_t strange_back) const
{
    const std::uint64_t sent = now.sent - last_.sent;
    const std::uint64_t strange = now.strange - last_.strange - strange_back;
    const std::uint64_t got = static_cast<std::uint16_t>(now.used - last_.used);
    const bool sure = takes(kinds) && (!strange || takes_strange_);
    if (agreed_ < convincing || !sure || sent >= countable_max || strange >= countable_max)
        return std::nullopt;
    const std::uint64_t put = sent + (strange && *takes_strange_ ? strange : 0);
    if (got > put)
        return std::nullopt;
    return put - got;
}

} // namespace holdfast::plugin
