// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/route: the routed way to a server (spec B3, B4).
//
// A frame that a director, external or built in, sends to the synthetic MAC address of a server
// whose way is routed becomes an ordinary packet for that server, and goes by the gateway.  The
// VIP would be lost: its number goes along as the packet's DSCP, and at the server's port it is
// the VIP again (translate.h).  Done where the switch receives the frame, before any flow: the
// userspace datapath spoils later fragments when a flow sets an IPv4 address.
//
// Called by the datapath's threads: one lock a frame of those ports where directors are, or
// gateways; no system call.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "db/store.h"
#include "ovs-plugin/flows.h"
#include "ovs-plugin/gateway.h"
#include "ovs-plugin/ip-packet.h"

namespace holdfast::plugin {

/// Whether a server is reached by the routed way, and can be: it is IPv4's only.
bool is_routed(const db::Balancer& balancer, const db::RealServer& server);
/// The VIPs with such servers, sorted; null if there are none.
std::shared_ptr<const std::vector<Ip>> routed_vips(const db::Snapshot& snapshot);

/// How packets for a VIP reach a server.
struct Route {
    Ip vip{};
    std::uint8_t number = 0; // The VIP's, 1 to 63.
    Ip gateway{};

    auto operator<=>(const Route&) const = default;
};

/// A server that is reached by the routed way, by some VIP at least.
struct RoutedServer {
    Mac synthetic{};
    Ip address{};
    std::vector<Route> routes; // One a VIP at most.
    bool tunnelled = false;    // By other VIPs it is reached by the tunnel.
};

/// A VIP with routed servers.
struct RoutedVip {
    Ip vip{};
    Ip gateway{};
    std::string balancer; // Its name.
};

/// All of them.
struct Routes {
    std::vector<RoutedServer> servers;     // Sorted by synthetic address.
    std::vector<RoutedVip> vips;           // Sorted by VIP.
    std::vector<Ip> gateways;              // Sorted, each once.
    std::vector<GatewayKey> where_we_know; // In the VLANs of directors' ports here.
};

/// What the store says; null if no server is routed.
std::shared_ptr<const Routes> routes_of(const db::Snapshot& snapshot,
                                        const std::vector<Port>& ports);

/// The port that a frame came in by.
struct CameBy {
    const std::string& interface;
    int tag;                     // Its access VLAN, or 0.
    bool no_vms;                 // It leads to the world outside.
    bool director;               // Its VM may choose servers.
    const std::vector<Ip>& vips; // All with routed servers, sorted: of others nothing is told.
};

/// Of one switch.
class Router {
public:
    /// From now on these are routed; null: none.  What is known of gateways stays.
    void use(std::shared_ptr<const Routes> routes, std::int64_t now_ms);

    /// Hears what a frame tells of gateways, whatever becomes of it.  `may_be`: whether the sender
    /// may be the gateway of this address (a GatewayClaim).
    /// Returns: whether a gateway is to be asked at once.
    template <class MayBe>
    bool hear(Bytes frame, const CameBy& by, std::int64_t now_ms, const MayBe& may_be)
    {
        ArpMessage message;
        if (read_arp(frame, message))
            return hear_arp(frame, message, by, now_ms, may_be(message.sender));
        return by.no_vms && hear_ip(frame, by, now_ms);
    }

    /// What becomes of a frame, which may have been changed in place.
    enum class Fate {
        pass, // It goes on.
        drop,
        back, // Its gateway is where it came from: back out of that port.
    };
    /// `sent_to`: its destination before the built-in director chose; if that is another one now,
    /// it has chosen.
    Fate route(std::span<std::uint8_t> frame, const Mac& sent_to, const CameBy& by,
               std::int64_t now_ms);

    /// Whether due() is to be called at once, and not only once a second.
    bool hurries() const { return hurries_; }
    /// Who is to be asked now, with probe_of().
    std::vector<GatewayKey> due(std::int64_t now_ms);

    /// What is known of gateways, for holdfast/status.
    std::vector<std::pair<GatewayKey, Gateway>> gateways() const;
    /// One line each: gateways that do not answer.
    std::vector<std::string> problems() const;

private:
    bool hear_arp(Bytes frame, const ArpMessage& message, const CameBy& by, std::int64_t now_ms,
                  GatewayClaim claim);
    bool hear_ip(Bytes frame, const CameBy& by, std::int64_t now_ms);
    const RoutedServer* server_at(const Mac& synthetic) const;
    const RoutedVip* vip_at(const Ip& vip) const;

    mutable std::mutex mutex_;
    std::shared_ptr<const Routes> routes_;
    Gateways gateways_;
    std::atomic<bool> hurries_{false};
};

} // namespace holdfast::plugin
