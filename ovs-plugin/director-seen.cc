// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/director-seen: see the header.
#include "ovs-plugin/director-seen.h"

#include <netinet/in.h>

#include <algorithm>
#include <optional>

#include "db/balancer.h"
#include "ovs-plugin/answers.h"
#include "ovs-plugin/secret-hash.h"

namespace holdfast::plugin {

namespace {

constexpr std::int64_t stranger_ms = 60'000, sweep_ms = 1'000;
// A director that uses a server's route sends there, or asks again, within a minute.
constexpr std::int64_t used_lately_ms = 120'000;

/// Of an address and a time, so that it is another one after some 16 seconds.
std::uint64_t note_of(const Mac& synthetic, std::int64_t now_ms)
{
    std::uint64_t number = 0;
    for (const auto byte : synthetic)
        number = number << 8 | byte;
    return number << 16 | (static_cast<std::uint64_t>(now_ms) >> 14 & 0xffff);
}

/// One of 4096 places: servers that are sent to by turns should not share one.
std::size_t place_of(const Mac& synthetic)
{
    std::uint64_t number = 0;
    for (const auto byte : synthetic)
        number = number << 8 | byte;
    return number * 0x9e3779b97f4a7c15 >> 52; // Multiplicative hashing by the golden ratio.
}

/// The address that is asked for, of all in its network.  Who says where an address is, as a
/// director that has taken over does, asks for none.
std::optional<Ip> asked_of_all(const Packet& packet)
{
    const auto bytes = packet.bytes();
    constexpr std::size_t arp_size = 28, arp_sender = 14, arp_target = 24; // RFC 826.
    constexpr std::size_t solicited = 48, solicitation = 0x87;             // RFC 4861, section 4.3.
    if (!(packet.frame[0] & 1))
        return std::nullopt;
    if (packet.type == type_arp && bytes.size() >= arp_size && number16(bytes, 6) == 1 &&
        v4_from(bytes, arp_sender) != v4_from(bytes, arp_target))
        return v4_from(bytes, arp_target);
    if (packet.type == type_v6 && bytes.size() >= solicited + sizeof(Ip) &&
        bytes[6] == IPPROTO_ICMPV6 && bytes[v6_size] == solicitation)
        return v6_from(bytes, solicited);
    return std::nullopt;
}

/// From whom to whom, of an IP packet.
std::optional<std::pair<Ip, Ip>> ends_of(const Packet& packet)
{
    const auto bytes = packet.bytes();
    if (packet.type == type_v4 && bytes.size() >= v4_size)
        return std::pair{v4_from(bytes, 12), v4_from(bytes, 16)};
    if (packet.type == type_v6 && bytes.size() >= v6_size)
        return std::pair{v6_from(bytes, 8), v6_from(bytes, 24)};
    return std::nullopt;
}

} // namespace

std::size_t DirectorSeen::IpHash::operator()(const Ip& ip) const
{
    return secret_hash(ip, 0);
}

void DirectorSeen::answered(const Mac& synthetic, std::int64_t now_ms)
{
    const std::lock_guard lock{mutex_};
    used_[synthetic] = now_ms;
}

bool DirectorSeen::sent_lately(const Mac& synthetic, std::int64_t now_ms) const
{
    return sent_[place_of(synthetic)].load(std::memory_order_relaxed) == note_of(synthetic, now_ms);
}

void DirectorSeen::note_sent(const Mac& synthetic, std::int64_t now_ms)
{
    sent_[place_of(synthetic)].store(note_of(synthetic, now_ms), std::memory_order_relaxed);
    const std::lock_guard lock{mutex_};
    used_[synthetic] = now_ms;
}

bool DirectorSeen::goes_on(const Origin& origin, Bytes frame, std::int64_t now_ms)
{
    if (frame.size() < ethernet_size)
        return true;
    const auto to = mac_at(frame, 0);
    if (sent_lately(to, now_ms))
        return true;
    const auto packet = packet_of(frame);
    const auto& answers = *origin.answers;
    if (const auto target = asked_of_all(packet))
        return answers.find(*target) || origin.all->has(*target) || may_ask(*target, now_ms);
    const auto ends = ends_of(packet);
    if (!ends || to[0] & 1)
        return true;
    // What it says to a server itself, as its own probes do, takes the same route.
    const bool for_vip = std::ranges::binary_search(answers.vips, ends->second);
    if ((for_vip || answers.find(ends->second)) && answers.has(to))
        note_sent(to, now_ms);
    else if (for_vip && std::ranges::find(origin.ips, ends->first) == origin.ips.end())
        note_stray(answers, ends->second, to, now_ms);
    return true;
}

bool DirectorSeen::may_ask(const Ip& stranger, std::int64_t now_ms)
{
    const std::lock_guard lock{mutex_};
    if (const auto at = strangers_.find(stranger); at != strangers_.end()) {
        at->second = now_ms;
        return true;
    }
    if (strangers_.size() >= strangers_max && now_ms - swept_ms_ >= sweep_ms) {
        swept_ms_ = now_ms;
        std::erase_if(strangers_,
                      [&](const auto& one) { return now_ms - one.second >= stranger_ms; });
    }
    if (strangers_.size() >= strangers_max) {
        ++dropped_;
        return false;
    }
    strangers_.emplace(stranger, now_ms);
    return true;
}

void DirectorSeen::note_stray(const Answers& answers, const Ip& vip, const Mac& to,
                              std::int64_t now_ms)
{
    const std::lock_guard lock{mutex_};
    if (answers.has_prefix_of(to) || used_.contains(to))
        return; // It was a server's.
    auto& stray = strays_[vip];
    stray.vip = vip;
    stray.to = to;
    ++stray.frames;
    stray.last_ms = now_ms;
}

std::map<Mac, std::int64_t> DirectorSeen::used() const
{
    const std::lock_guard lock{mutex_};
    return used_;
}

std::vector<Stray> DirectorSeen::strays() const
{
    const std::lock_guard lock{mutex_};
    std::vector<Stray> all;
    for (const auto& [vip, stray] : strays_)
        all.push_back(stray);
    return all;
}

std::uint64_t DirectorSeen::dropped() const
{
    const std::lock_guard lock{mutex_};
    return dropped_;
}

std::string stray_problem(const db::Balancer& balancer, const std::string& director,
                          const Stray& stray, const std::map<Mac, std::int64_t>& used,
                          std::int64_t now_ms)
{
    const auto routes = db::director_routes(balancer);
    std::vector<std::string> missing;
    for (std::size_t i = 0; i < balancer.servers.size(); ++i) {
        Mac mac;
        const auto at = read_mac(balancer.servers[i].mac, mac) ? used.find(mac) : used.end();
        if (at == used.end() || now_ms - at->second > used_lately_ms)
            missing.push_back(routes[i]);
    }
    std::string text = "balancer " + balancer.name + ": director " + director +
                       " sends what is for " + text_of(stray.vip) + " to " + text_of(stray.to) +
                       ", none of its servers; a gateway sends it back, in a circle: ";
    if (missing.empty())
        return text + "see that it has an on-link route to each server";
    text += "in " + director + ", \"" + missing.front() + "\", DEV being its interface";
    return missing.size() == 1 ? text
                               : text + ", and so on for all that \"holdfast balancer show " +
                                     balancer.name + "\" names";
}

} // namespace holdfast::plugin
