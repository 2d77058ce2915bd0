// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/swallowed: see the header.
#include "ovs-plugin/swallowed.h"

#include <algorithm>

namespace holdfast::plugin {

namespace {

using FromNewest = std::vector<SentFrame>::const_reverse_iterator;

FromNewest find_sent(FromNewest from, FromNewest end, const Frame& frame)
{
    return std::find_if(from, end, [&](const SentFrame& one) { return one.frame == frame; });
}

} // namespace

std::optional<std::size_t> swallowed_frame(const std::vector<SentFrame>& recent,
                                           const std::vector<Frame>& taken, std::int64_t since_ns)
{
    auto in = recent.rbegin();
    for (auto out = taken.rbegin(); out != taken.rend(); ++out) {
        const auto at = find_sent(in, recent.rend(), *out);
        if (at == recent.rend())
            continue;
        if (at != in)
            break;
        ++in;
    }
    if (in == recent.rend() || in->time_ns < since_ns)
        return std::nullopt;
    return static_cast<std::size_t>(recent.rend() - in) - 1;
}

std::optional<std::vector<std::size_t>>
frames_not_taken(const std::vector<SentFrame>& recent, std::span<const Frame> taken, std::size_t n)
{
    if (n > recent.size())
        return std::nullopt;
    std::vector<std::size_t> left;
    auto out = taken.begin();
    for (std::size_t i = recent.size() - n; i < recent.size(); ++i) {
        if (out != taken.end() && *out == recent[i].frame)
            ++out;
        else
            left.push_back(i);
    }
    if (out != taken.end())
        return std::nullopt;
    return left;
}

std::size_t drop_strange(std::vector<Frame>& taken, const std::vector<SentFrame>& sent,
                         std::size_t most)
{
    std::size_t dropped = 0;
    auto put = sent.rbegin();
    for (auto i = taken.size(); i > 0 && dropped < most; --i) {
        const auto at = find_sent(put, sent.rend(), taken[i - 1]);
        if (at != sent.rend()) {
            put = at + 1; // What is between was dropped by a tap that was full.
        } else {
            taken.erase(taken.begin() + static_cast<std::ptrdiff_t>(i - 1));
            ++dropped;
        }
    }
    return dropped;
}

std::size_t taken_of_recent(const std::vector<SentFrame>& recent, const std::vector<Frame>& taken)
{
    if (recent.empty())
        return 0;
    const std::span<const Frame> all{taken};
    for (auto n = std::min(taken.size(), recent.size()); n > 0; --n)
        if (all[n - 1] == recent.back().frame &&
            frames_not_taken(recent, all.first(n), recent.size()))
            return n;
    return 0;
}

} // namespace holdfast::plugin
