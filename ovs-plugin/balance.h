// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/balance: what balanced addresses ask of this switch (spec B2 to B6).
//
// A director sends a client's packet to a server's synthetic MAC address, with the public address
// (VIP) as its destination still.  Its switch leads the frame to the server by the server's label,
// as frames are led to a hop; at the server's port the addresses are translated (translate.h).
// Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "db/store.h"
#include "ovs-plugin/flows.h"
#include "ovs-plugin/translate.h"

namespace holdfast::plugin {

/// Whether the server's address is of the VIP's family: else it is none of the balancer's.
bool fits(const db::Balancer& balancer, const db::RealServer& server);

/// The VM that each server of a balancer is, by the server's address.
/// Shape:   O(VMs), if there is a balancer at all.
std::map<std::string, const db::Vm*> servers_of(const db::Snapshot& snapshot);

/// What the ports of servers here translate, by the server's VM id: at its first port.
std::map<std::string, Balanced> balanced_of(const db::Snapshot& snapshot);

/// How packets of the server's family find it by its label, from a director's port.
/// Shape:   one flow a director and server.
Flow lead_to_server(int director_port, const db::RealServer& server, std::uint32_t label);

/// The same of frames that this switch has directed itself, whatever port they came from: after
/// their chains, where they are on one (spec B9).
/// Shape:   two flows a server.
std::vector<Flow> lead_where_directed(const db::RealServer& server, std::uint32_t label);

/// What a director sends to a MAC address that begins with this prefix, and is no server's (any
/// more), is for nobody.
Flow lead_to_nobody(int director_port, const std::string& mac_prefix);

/// The synthetic addresses of all servers, and whether a built-in director uses each.
std::map<std::string, bool> synthetic_macs(const db::Snapshot& snapshot);

/// A synthetic address is no machine's: what comes from it is dropped, and so is what is for it and
/// comes from no director, unless it is the built-in one's too, which lets no such frame in.
/// Shape:   a server's of any balancer; at any port but a tunnel.
std::vector<Flow> keep_inside(const std::string& synthetic, bool directed_here);

/// What servers answer to probes goes back to the port that those come from; what that says to all,
/// as IPv6 does by itself, to nobody.
/// Shape:   nothing while no such port is there.
std::vector<Flow> lead_to_prober(const std::vector<Port>& ports);

/// Whether probes of servers come from this port (common/probe.h).
bool is_prober(const Port& port);

} // namespace holdfast::plugin
