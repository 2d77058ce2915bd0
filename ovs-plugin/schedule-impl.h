// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/schedule-impl: what the files of schedule share.
#pragma once

#include <algorithm>
#include <ranges>
#include <utility>
#include <vector>

#include "ovs-plugin/schedule.h"

namespace holdfast::plugin {

using Servers = std::span<const Server>;
using Choice = std::optional<std::size_t>;

/// A server's connections, for its weight.
struct Share {
    std::uint64_t connections = 0;
    std::uint64_t weight = 1; // Not 0.
};

inline bool operator<(const Share& a, const Share& b)
{
    return a.connections * b.weight < b.connections * a.weight;
}

/// As IPVS counts: an active connection is as much work as 256 others.
inline std::uint64_t overhead(const Server& server)
{
    return (std::uint64_t{server.active} << 8) + server.inactive;
}

/// What wlc compares.
inline Share weighted(const Server& server)
{
    return {overhead(server), server.weight};
}

/// The usable server with the least share, of those at `places`; the first of several.
template <class Range, class ShareOf>
Choice least(Servers servers, const Range& places, ShareOf share_of)
{
    Choice best;
    for (std::size_t i : places)
        if (usable(servers[i]) && (!best || share_of(servers[i]) < share_of(servers[*best])))
            best = i;
    return best;
}

/// Of all servers.
template <class ShareOf>
Choice least(Servers servers, ShareOf share_of)
{
    return least(servers, std::views::iota(std::size_t{0}, servers.size()), share_of);
}

/// Finds servers by id.
class Places {
public:
    explicit Places(Servers servers)
    {
        for (std::size_t i = 0; i < servers.size(); ++i)
            places_.emplace_back(servers[i].id, i);
        std::ranges::sort(places_);
    }

    Choice find(const Ip& id) const
    {
        const auto at = std::ranges::lower_bound(places_, id, {}, &Place::first);
        return at != places_.end() && at->first == id ? Choice{at->second} : std::nullopt;
    }

private:
    using Place = std::pair<Ip, std::size_t>;
    std::vector<Place> places_;
};

std::unique_ptr<Scheduler> make_rr();
std::unique_ptr<Scheduler> make_wrr();
std::unique_ptr<Scheduler> make_dh();
std::unique_ptr<Scheduler> make_sh();
std::unique_ptr<Scheduler> make_mh();
std::unique_ptr<Scheduler> make_lblc();
std::unique_ptr<Scheduler> make_lblcr();

} // namespace holdfast::plugin
