// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/route: see the header.
#include "ovs-plugin/route.h"

#include <algorithm>
#include <map>

#include "db/balancer.h"

namespace holdfast::plugin {

namespace {

bool has_routed(const db::Balancer& balancer)
{
    return std::ranges::any_of(balancer.servers, [&](const db::RealServer& server) {
        return is_routed(balancer, server);
    });
}

/// The servers by synthetic address, and those that are reached by the tunnel, too.
void add_servers(const db::Balancer& balancer, const RoutedVip& vip,
                 std::map<Mac, RoutedServer>& servers)
{
    for (const auto& server : balancer.servers) {
        RoutedServer found;
        if (!is_routed(balancer, server) || !read_mac(server.mac, found.synthetic) ||
            !read_ip(server.address, found.address))
            continue;
        auto& routed = servers.try_emplace(found.synthetic, found).first->second;
        // Of balancers with one VIP each number says which VIP it is.
        if (std::ranges::find(routed.routes, vip.vip, &Route::vip) == routed.routes.end())
            routed.routes.push_back(
                {vip.vip, static_cast<std::uint8_t>(balancer.number), vip.gateway});
    }
}

void mark_tunnelled(const db::Balancer& balancer, std::map<Mac, RoutedServer>& servers)
{
    for (const auto& server : db::all_servers(balancer))
        if (Mac mac; !is_routed(balancer, server) && read_mac(server.mac, mac))
            if (const auto at = servers.find(mac); at != servers.end())
                at->second.tunnelled = true;
}

/// The gateway in the VLANs of the balancer's directors here.
void add_known(const db::Balancer& balancer, const Ip& gateway, const std::vector<Port>& ports,
               std::vector<GatewayKey>& keys)
{
    for (const auto& port : ports) {
        const bool is_vms = port.kind == "vm" || port.kind == "port";
        const auto& vm = port.kind == "vm" ? port.vm_id : port.iface_id;
        if (is_vms && std::ranges::find(balancer.directors, vm) != balancer.directors.end())
            keys.emplace_back(gateway, port.tag);
    }
}

} // namespace

bool is_routed(const db::Balancer& balancer, const db::RealServer& server)
{
    Ip vip, address;
    return server.way == "routed" && read_ip(balancer.vip, vip) && is_v4(vip) &&
           read_ip(server.address, address) && is_v4(address);
}

std::shared_ptr<const std::vector<Ip>> routed_vips(const db::Snapshot& snapshot)
{
    std::vector<Ip> vips;
    for (const auto& balancer : snapshot.balancers)
        if (Ip vip; read_ip(balancer.vip, vip) && has_routed(balancer))
            vips.push_back(vip);
    if (vips.empty())
        return nullptr;
    std::ranges::sort(vips);
    return std::make_shared<const std::vector<Ip>>(std::move(vips));
}

std::shared_ptr<const Routes> routes_of(const db::Snapshot& snapshot,
                                        const std::vector<Port>& ports)
{
    auto routes = std::make_shared<Routes>();
    std::map<Mac, RoutedServer> servers;
    for (const auto& balancer : snapshot.balancers) {
        RoutedVip vip{{}, {}, balancer.name};
        if (!has_routed(balancer) || !read_ip(balancer.vip, vip.vip) ||
            !read_ip(balancer.gateway, vip.gateway))
            continue;
        add_servers(balancer, vip, servers);
        add_known(balancer, vip.gateway, ports, routes->where_we_know);
        routes->gateways.push_back(vip.gateway);
        routes->vips.push_back(std::move(vip));
    }
    if (servers.empty())
        return nullptr;
    for (const auto& balancer : snapshot.balancers)
        mark_tunnelled(balancer, servers);
    for (auto& [mac, server] : servers)
        routes->servers.push_back(std::move(server));
    std::ranges::stable_sort(routes->vips, {}, &RoutedVip::vip);
    std::ranges::sort(routes->gateways);
    const auto twice = std::ranges::unique(routes->gateways);
    routes->gateways.erase(twice.begin(), twice.end());
    return routes;
}

void Router::use(std::shared_ptr<const Routes> routes, std::int64_t now_ms)
{
    const std::lock_guard lock{mutex_};
    routes_ = std::move(routes);
    if (routes_)
        gateways_.use(routes_->where_we_know, routes_->gateways, now_ms);
    else
        gateways_.use({}, {}, now_ms);
}

const RoutedServer* Router::server_at(const Mac& synthetic) const
{
    if (!routes_)
        return nullptr;
    const auto at =
        std::ranges::lower_bound(routes_->servers, synthetic, {}, &RoutedServer::synthetic);
    return at == routes_->servers.end() || at->synthetic != synthetic ? nullptr : &*at;
}

const RoutedVip* Router::vip_at(const Ip& vip) const
{
    if (!routes_)
        return nullptr;
    const auto at = std::ranges::lower_bound(routes_->vips, vip, {}, &RoutedVip::vip);
    return at == routes_->vips.end() || at->vip != vip ? nullptr : &*at;
}

// --- What frames tell of gateways. ---

/// Who asks for a VIP as its gateway says in which VLAN the VIP's clients are.
bool Router::hear_arp(Bytes frame, const ArpMessage& message, const CameBy& by, std::int64_t now_ms,
                      GatewayClaim claim)
{
    if (claim == GatewayClaim::none)
        return false;
    const std::lock_guard lock{mutex_};
    const GatewayKey key{message.sender, vlan_of(frame, by.tag)};
    const bool stranger = claim == GatewayClaim::unknown;
    if (stranger && by.tag && key.second != by.tag)
        return false; // Its port is in one VLAN: Open vSwitch drops the frame.
    const auto* vip = vip_at(message.target);
    const bool needed = vip && vip->gateway == message.sender && !stranger;
    auto* gateway = needed ? gateways_.need(key, now_ms) : gateways_.find(key);
    // A stranger takes nothing from one that answers.
    const bool taken = gateway && gateway->known() && !gateway->silent() &&
                       !(gateway->interface == by.interface && gateway->mac == message.sender_mac);
    if (gateway && !(stranger && taken))
        Gateways::learn(*gateway, message.sender_mac, by.interface, now_ms);
    return false;
}

/// What is for a VIP, and comes from outside, comes by its gateway most likely.
bool Router::hear_ip(Bytes frame, const CameBy& by, std::int64_t now_ms)
{
    if (frame.size() < ethernet_size)
        return false;
    const auto packet = packet_of(frame);
    if (packet.type != type_v4 || packet.bytes().size() < v4_size)
        return false;
    const auto to = v4_from(packet.bytes(), 16);
    if (!std::ranges::binary_search(by.vips, to))
        return false;
    const std::lock_guard lock{mutex_};
    const auto* vip = vip_at(to);
    auto* gateway = vip ? gateways_.find({vip->gateway, vlan_of(frame, by.tag)}) : nullptr;
    const bool ask = gateway && Gateways::doubt(*gateway, mac_at(frame, 6), now_ms);
    if (ask)
        hurries_ = true;
    return ask;
}

// --- Packets. ---

Router::Fate Router::route(std::span<std::uint8_t> frame, const Mac& sent_to, const CameBy& by,
                           std::int64_t now_ms)
{
    if (frame.size() < ethernet_size)
        return Fate::pass;
    const auto to = mac_at(frame, 0);
    if (to == sent_to && !by.director)
        return Fate::pass; // Nobody who may has chosen a server.
    const std::lock_guard lock{mutex_};
    const auto* server = server_at(to);
    if (!server)
        return Fate::pass;
    auto packet = IpPacket::in(frame);
    const auto otherwise = server->tunnelled ? Fate::pass : Fate::drop;
    if (!packet || packet.is_v6())
        return otherwise;
    // A director's own packets for the server, as probes are, have its address already.
    const bool own = packet.destination() == server->address;
    if (own && server->tunnelled)
        return Fate::pass;
    const auto route = own ? server->routes.begin()
                           : std::ranges::find(server->routes, packet.destination(), &Route::vip);
    if (route == server->routes.end())
        return otherwise;
    auto* gateway = gateways_.need({route->gateway, vlan_of(frame, by.tag)}, now_ms);
    if (!gateway || !gateway->known()) {
        if (gateway) {
            ++gateway->unknown_dropped;
            hurries_ = hurries_ || !gateway->asked;
        }
        return Fate::drop;
    }
    if (!own) {
        // A router drops what has its own address as the sender's, and gets this one back.
        if (packet.is_error() && packet.source() == route->gateway)
            packet.set_source(route->vip);
        packet.set_destination(server->address);
        packet.set_dscp(route->number);
    }
    std::ranges::copy(gateway->mac, frame.begin());
    if (gateway->interface != by.interface)
        return Fate::pass;
    // No switch sends a frame back where it came from, and who is on the way there must not see
    // the sender's address on this side.
    std::ranges::copy(sent_to, frame.begin() + 6);
    return Fate::back;
}

// --- Once a second, and at once. ---

std::vector<GatewayKey> Router::due(std::int64_t now_ms)
{
    hurries_ = false;
    const std::lock_guard lock{mutex_};
    return gateways_.due(now_ms);
}

std::vector<std::pair<GatewayKey, Gateway>> Router::gateways() const
{
    const std::lock_guard lock{mutex_};
    return {gateways_.all().begin(), gateways_.all().end()};
}

std::vector<std::string> Router::problems() const
{
    const std::lock_guard lock{mutex_};
    std::vector<std::string> lines;
    if (!routes_)
        return lines;
    for (const auto& vip : routes_->vips) {
        const Gateway* silent = nullptr;
        bool answers = false; // In some VLAN: then it is none of the others'.
        for (const auto& [key, gateway] : gateways_.all())
            if (key.first == vip.gateway) {
                answers |= gateway.known() && !gateway.silent();
                silent = gateway.silent() && (!silent || gateway.known()) ? &gateway : silent;
            }
        if (silent && !answers)
            lines.push_back(
                "balancer " + vip.balancer + ": its gateway " + text_of(vip.gateway) +
                " does not answer ARP" + (silent->known() ? " any more" : "") +
                ": what is for its routed servers " +
                (silent->known() ? "goes where it was last" : "is dropped") +
                "; see that it is up, in the director's VLAN and, if it is a VM with addresses in "
                "its metadata, that this is one of them");
    }
    return lines;
}

} // namespace holdfast::plugin
