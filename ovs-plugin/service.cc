// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/service: see the header.
#include "ovs-plugin/service.h"

#include <netinet/in.h>

#include <algorithm>
#include <functional>

#include "common/policies.h"
#include "db/balancer.h"
#include "ovs-plugin/balance.h"
#include "ovs-plugin/leaving.h"
#include "ovs-plugin/mix.h"

namespace holdfast::plugin {

namespace {

/// Thousandths as a share; none if not known.
std::optional<double> share_of(int thousandths)
{
    if (thousandths < 0)
        return std::nullopt;
    return thousandths / 1000.0;
}

Load load_of(const db::Balancer& balancer, const db::ServerHealth* health)
{
    Load load;
    if (health) {
        load.cpu = share_of(health->cpu);
        load.memory = share_of(health->memory);
        if (health->answer_us >= 0)
            load.answer_time = health->answer_us / (1000.0 * balancer.timeout_ms);
    }
    return load;
}

std::optional<Backend> backend_of(const db::Snapshot& snapshot, const db::Balancer& balancer,
                                  const db::RealServer& server)
{
    Backend backend;
    if (!fits(balancer, server) || !read_ip(server.address, backend.address) ||
        !read_mac(server.mac, backend.synthetic))
        return std::nullopt;
    const auto* health =
        db::health_of(snapshot.health, snapshot.vms, balancer.name, server.address);
    backend.weight = static_cast<std::uint32_t>(server.weight);
    backend.limit = static_cast<std::uint32_t>(server.limit);
    backend.works = db::is_up(balancer, health);
    backend.takes = db::takes_connections(balancer, server, health);
    backend.up_since_ns = health ? health->since : 0;
    if (balancer.policy == "dynamic")
        backend.load = load_of(balancer, health);
    return backend;
}

/// The table, of what it is made of.
std::shared_ptr<const Maglev> table_for(const Service& service, const Service* before)
{
    const auto same = [](const Backend& a, const Backend& b) {
        return a.address == b.address && a.weight == b.weight;
    };
    if (service.policy != "mh")
        return nullptr;
    if (before && before->table && std::ranges::equal(service.backends, before->backends, same))
        return before->table;
    std::vector<Server> servers;
    for (const auto& backend : service.backends)
        servers.push_back({.id = backend.address, .base = backend.weight});
    return std::make_shared<const Maglev>(table_of(servers));
}

std::optional<Service> service_of(const db::Snapshot& snapshot, const db::Balancer& balancer)
{
    Service service;
    if (!db::is_builtin(balancer) || !is_policy(balancer.policy) ||
        !read_ip(balancer.vip, service.vip) || !read_mac(balancer.vip_mac, service.mac))
        return std::nullopt;
    service.name = balancer.name;
    service.port = static_cast<std::uint16_t>(balancer.port);
    service.protocol = balancer.protocol == "udp" ? IPPROTO_UDP : IPPROTO_TCP;
    service.policy = balancer.policy;
    service.persistence_ms = std::int64_t{balancer.persistence} * 1'000;
    service.slow_start_ms = std::int64_t{balancer.slow_start} * 1'000;
    for (const auto& server : balancer.servers)
        if (auto backend = backend_of(snapshot, balancer, server))
            (server.state == leaving_state ? service.leaving : service.backends)
                .push_back(*backend);
    std::ranges::reverse(service.backends);
    Backend sorry;
    if (read_ip(balancer.sorry, sorry.address) && is_v4(sorry.address) == is_v4(service.vip) &&
        read_mac(balancer.sorry_mac, sorry.synthetic))
        service.sorry = sorry;
    return service;
}

template <class T>
void sort_unique(std::vector<T>& values)
{
    std::ranges::sort(values);
    const auto twice = std::ranges::unique(values);
    values.erase(twice.begin(), twice.end());
}

} // namespace

bool Service::operator==(const Service& other) const
{
    const auto values = [](const Service& one) {
        return std::tie(one.name, one.vip, one.port, one.protocol, one.mac, one.policy,
                        one.persistence_ms, one.slow_start_ms, one.backends, one.leaving,
                        one.sorry);
    };
    return values(*this) == values(other);
}

bool Directed::operator==(const Directed& other) const
{
    const auto values = [](const Directed& one) {
        return std::tie(one.services, one.vip_macs, one.server_macs, *one.answers, one.held_macs,
                        *one.held_answers);
    };
    return values(*this) == values(other);
}

std::shared_ptr<const Directed> directed_of(const db::Snapshot& snapshot,
                                            const std::shared_ptr<const Directed>& before)
{
    auto directed = std::make_shared<Directed>();
    Answers answers, held;
    std::map<std::string, const Service*> known;
    if (before)
        for (const auto& service : before->services)
            known.emplace(service.name, &service);
    for (const auto& balancer : snapshot.balancers) {
        auto service = service_of(snapshot, balancer);
        if (!service)
            continue;
        const auto same = known.find(service->name);
        service->table = table_for(*service, same == known.end() ? nullptr : same->second);
        const std::pair answer{service->vip, service->mac};
        answers.known.push_back(answer);
        if (holds(snapshot.hypervisors, service->vip))
            held.known.push_back(answer);
        for (const auto* backends : {&service->backends, &service->leaving})
            for (const auto& backend : *backends)
                directed->server_macs.push_back(backend.synthetic);
        if (service->sorry)
            directed->server_macs.push_back(service->sorry->synthetic);
        directed->services.push_back(std::move(*service));
    }
    if (directed->services.empty())
        return nullptr;
    sort_unique(answers.known);
    sort_unique(held.known);
    sort_unique(directed->server_macs);
    for (const auto& [vip, mac] : answers.known)
        directed->vip_macs.push_back(mac);
    for (const auto& [vip, mac] : held.known)
        directed->held_macs.push_back(mac);
    sort_unique(directed->vip_macs);
    sort_unique(directed->held_macs);
    directed->answers = std::make_shared<const Answers>(std::move(answers));
    directed->held_answers = std::make_shared<const Answers>(std::move(held));
    return before && *before == *directed ? before : directed;
}

bool holds(const std::vector<db::Hypervisor>& hypervisors, const Ip& vip)
{
    const auto place = [&](const db::Hypervisor& one) {
        return mix(number_of(vip) ^ static_cast<std::uint64_t>(one.number));
    };
    const db::Hypervisor* first = nullptr;
    for (const auto& one : hypervisors)
        if ((one.self || !one.lost) && (!first || place(one) < place(*first)))
            first = &one;
    return first && first->self;
}

} // namespace holdfast::plugin
