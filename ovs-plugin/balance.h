// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/balance: the flows of balanced addresses (spec B2 to B6).
//
// A director sends a client's packet to a server's synthetic MAC address, with the public address
// (VIP) as its destination still.  Its switch leads the frame to the server by the server's label,
// as frames are led to a hop; the server's switch translates the destination and remembers the
// connection, so that it can give the answer the public address as its source.  Pure: no switch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ovs-plugin/flows.h"

namespace holdfast::plugin {

/// The zone of Open vSwitch's connection tracking that balanced connections are in.  One for all:
/// what it tells apart has the servers' own addresses.
constexpr int balance_zone = 18502;

/// A public address behind which a server stands.
struct Public {
    std::string vip;
    int port = 0;         // The public one.
    std::string protocol; // "tcp" or "udp".
    int server_port = 0;

    auto operator<=>(const Public&) const = default;
};

/// A real server, as its own switch or a director's sees it.
struct Balanced {
    std::uint32_t label = 0;
    std::string address;
    std::string synthetic;       // The MAC address that directors send to.
    std::string mac;             // Its own.
    bool hop = false;            // Of a chain as well: what it sends leaves a hop.
    std::vector<Public> publics; // Sorted.
};

/// How frames from a director's port find the server.
/// Shape:   one flow a director and server.
Flow to_server(int director_port, const Balanced& server);

/// What a director sends to a MAC address that begins with this prefix, and is no server's (any
/// more), is for nobody.
Flow to_nobody(int director_port, const std::string& mac_prefix);

/// How the server's switch delivers to it, on `port`, and turns its answers into the VIP's.
/// Shape:   six flows a server, and five more a public address.
std::vector<Flow> at_server(int port, const Balanced& server);

/// What is in the tables that at_server()'s flows lead to, whatever the servers.
std::vector<Flow> balance_tables();

} // namespace holdfast::plugin
