// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/gateway: the MAC addresses of next hops, learned (spec B4).
//
// A gateway's MAC address is what its ARP messages say, and nothing else: who relays a packet of
// its need not be it.  That a packet came from another MAC address is a reason to ask, though.
// Pure: no lock, no clock, no I/O; route.h has the lock, and the module sends the questions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ovs-plugin/address.h"

namespace holdfast::plugin {

/// What the word of a port about a gateway is worth.
enum class GatewayClaim {
    none,    // It is another's.
    unknown, // Of a VM of which no address is known: while nobody else answers as that gateway.
    true_,
};

/// A gateway in a VLAN (0: untagged): one address may be two machines' in two VLANs.
using GatewayKey = std::pair<Ip, int>;

/// What is known of one.
struct Gateway {
    Mac mac{};
    std::string interface; // The port where it was heard; empty: never, and `mac` is none.
    std::int64_t heard_ms = 0;
    std::int64_t asked_ms = 0; // Last; it was asked once `asked` is set.
    bool asked = false;        // Ever.
    bool doubted = false;      // A packet came from another MAC address since: `other`.
    Mac other{};
    Mac relay{}; // Who sends packets, too, and is not the gateway: until `relays_until_ms`.
    std::int64_t relays_until_ms = 0;
    bool kept = false;                 // It is asked for though no packet needs it.
    int unanswered = 0;                // Questions in a row.
    std::int64_t used_ms = 0;          // When a packet needed it, or asked for a VIP behind it.
    std::uint64_t unknown_dropped = 0; // Packets that needed it while it was not known.

    bool known() const { return !interface.empty(); }
    /// It should have answered by now.
    bool silent() const;
    /// From one question to the next.
    std::int64_t ask_every_ms() const;
};

/// All of them.
class Gateways {
public:
    /// From now on these are asked for, whether packets need them or not.  What is known of others
    /// stays for as long as packets need them and their address is among `addresses`, which is
    /// sorted.
    void use(const std::vector<GatewayKey>& kept, const std::vector<Ip>& addresses,
             std::int64_t now_ms);
    /// The gateway that a packet needs; null if there is no room for one more.
    Gateway* need(const GatewayKey& key, std::int64_t now_ms);
    /// Null if nothing needs it.
    Gateway* find(const GatewayKey& key);

    /// Its ARP message said this.
    static void learn(Gateway& gateway, const Mac& mac, const std::string& interface,
                      std::int64_t now_ms);
    /// A packet that goes by it came from `source`.  True if it should be asked at once.
    static bool doubt(Gateway& gateway, const Mac& source, std::int64_t now_ms);

    /// Who is to be asked now; they count as asked.  Forgets those that nothing needs any more.
    /// Shape:   each once a second at most (10 times, if it is doubted), and once in 10 s while it
    ///          answers.
    std::vector<GatewayKey> due(std::int64_t now_ms);

    const std::map<GatewayKey, Gateway>& all() const { return all_; }

private:
    std::map<GatewayKey, Gateway> all_;
};

/// The VLAN of a frame that a port with access VLAN `tag` (0: none) received.
/// Shape:   `frame` has 14 bytes at least.
int vlan_of(Bytes frame, int tag);

/// An ARP message of Ethernet and IPv4 (RFC 826).
struct ArpMessage {
    Ip sender{}, target{};
    Mac sender_mac{};
};
/// False if the frame is none, or none whose sender can be a gateway.
bool read_arp(Bytes frame, ArpMessage& message);

/// A broadcast ARP request (RFC 826) of `from`, in this VLAN (0: without a tag).
Frame arp_request(const Mac& from, const Ip& sender, const Ip& target, int vlan);

/// An ARP probe (RFC 5227, 1.1) for a gateway, from a switch's own MAC address.  A probe, since any
/// sender's IP address that it named would be learned by who hears it, with that MAC address.
Frame probe_of(const GatewayKey& gateway, const Mac& from);

} // namespace holdfast::plugin
