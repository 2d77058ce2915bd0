// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/announce: see the header.
#include "ovs-plugin/announce.h"

#include <algorithm>

#include "ovs-plugin/gateway.h"
#include "ovs-plugin/neighbour.h"

namespace holdfast::plugin {

namespace {

constexpr int times = 3;
constexpr Mac all_nodes{0x33, 0x33, 0, 0, 0, 1}; // RFC 2464, 7.

/// Those that are there now; what was not is new.
template <class T>
void keep_known(std::map<T, int>& known, const std::vector<T>& now)
{
    std::map<T, int> all;
    for (const auto& one : now) {
        const auto at = known.find(one);
        all.emplace(one, at == known.end() ? times : at->second);
    }
    known = std::move(all);
}

template <class T>
bool has_new(const std::map<T, int>& known)
{
    return std::ranges::any_of(known, [](const auto& one) { return one.second > 0; });
}

template <class T>
void age(std::map<T, int>& known)
{
    for (auto& [one, left] : known)
        left = std::max(left - 1, 0);
}

} // namespace

Frame announcement_of(const Ip& vip, const Mac& mac, int vlan)
{
    if (is_v4(vip))
        return arp_request(mac, vip, vip, vlan);
    Frame frame(all_nodes.begin(), all_nodes.end());
    frame.insert(frame.end(), mac.begin(), mac.end());
    frame.resize(ethernet_size + (vlan ? 4 : 0));
    if (vlan) {
        put16(frame, 12, 0x8100);
        put16(frame, 14, static_cast<std::size_t>(vlan));
    }
    put16(frame, frame.size() - 2, type_v6);
    const auto packet = unasked_advertisement(vip, mac);
    frame.insert(frame.end(), packet.begin(), packet.end());
    return frame;
}

void Vlans::add(int vlan)
{
    const auto bit = std::uint64_t{1} << (vlan % 64);
    auto& bits = bits_[static_cast<std::size_t>(vlan / 64)];
    if (!(bits.load(std::memory_order_relaxed) & bit))
        bits.fetch_or(bit, std::memory_order_relaxed);
}

std::vector<int> Vlans::all() const
{
    std::vector<int> vlans;
    for (int vlan = 0; vlan < 4096; ++vlan)
        if (bits_[static_cast<std::size_t>(vlan / 64)].load(std::memory_order_relaxed) >>
                (vlan % 64) &
            1)
            vlans.push_back(vlan);
    return vlans;
}

int vlan_of(Bytes frame)
{
    constexpr std::size_t tagged_size = 18;
    return frame.size() >= tagged_size && number16(frame, 12) == 0x8100
               ? static_cast<int>(number16(frame, 14) & 0xfff)
               : 0;
}

void Announcer::again()
{
    for (auto& [held, left] : held_)
        left = times;
}

void Announcer::use(const std::vector<Held>& held)
{
    keep_known(held_, held);
    std::erase_if(queue_, [&](const Due& one) { return !held_.contains(one.first); });
}

void Announcer::tick(const std::vector<Place>& places)
{
    if (has_more() || held_.empty())
        return;
    keep_known(places_, places);
    if (!has_new(held_) && !has_new(places_))
        return;
    for (const auto& [held, held_left] : held_)
        for (const auto& [place, place_left] : places_)
            if (held_left > 0 || place_left > 0)
                queue_.emplace_back(held, place);
    if (places_.empty())
        return; // Nothing was said yet.
    age(held_);
    age(places_);
}

std::vector<Announcer::Due> Announcer::next(std::size_t most)
{
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(std::min(most, queue_.size()));
    std::vector<Due> all(queue_.begin(), end);
    queue_.erase(queue_.begin(), end);
    return all;
}

} // namespace holdfast::plugin
