// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/answers: see the header.
#include "ovs-plugin/answers.h"

#include <algorithm>

#include "db/balancer.h"
#include "ovs-plugin/arp.h"
#include "ovs-plugin/balance.h"
#include "ovs-plugin/neighbour.h"

namespace holdfast::plugin {

bool Answers::has(const Mac& synthetic) const
{
    return std::ranges::any_of(known, [&](const auto& one) { return one.second == synthetic; });
}

bool Answers::has_prefix_of(const Mac& mac) const
{
    return std::ranges::find(prefixes, std::array{mac[0], mac[1]}) != prefixes.end();
}

const Mac* Answers::find(const Ip& ip) const
{
    const auto at = std::ranges::lower_bound(known, ip, {}, &std::pair<Ip, Mac>::first);
    return at == known.end() || at->first != ip ? nullptr : &at->second;
}

namespace {

void add_servers(const db::Balancer& balancer, Answers& answers)
{
    for (const auto& server : balancer.servers) {
        Ip ip;
        Mac mac;
        if (fits(balancer, server) && read_ip(server.address, ip) && read_mac(server.mac, mac))
            answers.known.emplace_back(ip, mac);
    }
}

void sort_unique(Answers& answers)
{
    std::ranges::sort(answers.known);
    const auto twice = std::ranges::unique(answers.known);
    answers.known.erase(twice.begin(), twice.end());
    std::ranges::sort(answers.vips);
}

} // namespace

std::map<std::string, std::shared_ptr<const Answers>> answers_of(const db::Snapshot& snapshot)
{
    std::map<std::string, Answers> by_director;
    for (const auto& balancer : snapshot.balancers)
        for (const auto& director : balancer.directors) {
            auto& answers = by_director[director];
            add_servers(balancer, answers);
            if (Ip vip; read_ip(balancer.vip, vip))
                answers.vips.push_back(vip);
            // In the other layouts the prefix is no range of its own.
            if (Mac first; (balancer.mac_layout == "prefix" || balancer.mac_layout == "table") &&
                           read_mac(balancer.mac_prefix + ":00:00:00:00", first))
                answers.prefixes.push_back({first[0], first[1]});
        }
    std::map<std::string, std::shared_ptr<const Answers>> all;
    for (auto& [director, answers] : by_director) {
        sort_unique(answers);
        all.emplace(director, std::make_shared<const Answers>(std::move(answers)));
    }
    return all;
}

Answers answers_to_probes(const db::Snapshot& snapshot)
{
    Answers answers;
    for (const auto& balancer : snapshot.balancers)
        if (db::is_builtin(balancer))
            add_servers(balancer, answers);
    sort_unique(answers);
    return answers;
}

std::size_t answer_to(const Answers& answers, Bytes frame, Answer& answer)
{
    if (frame.size() < ethernet_size)
        return 0;
    const auto packet = packet_of(frame);
    return packet.type == type_arp  ? answer_arp(answers, packet, answer)
           : packet.type == type_v6 ? answer_solicitation(answers, packet, answer)
                                    : 0;
}

std::size_t begin_answer(const Packet& asked, const Mac& synthetic, Answer& answer)
{
    answer.fill(0);
    std::copy_n(asked.frame.begin(), asked.at, answer.begin());
    std::copy_n(asked.frame.begin() + 6, 6, answer.begin());
    std::ranges::copy(synthetic, answer.begin() + 6);
    return asked.at;
}

} // namespace holdfast::plugin
