// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/connection: a server's connections, as one switch tells them another when the server
// moves (spec B7).
//
// They go ahead of the server's own frames through the tunnel, as frames from an address that only
// switches have (is_ours() of ovs-plugin/origin.h).  Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "ovs-plugin/address.h"

namespace holdfast::plugin {

/// A connection of the server's, of a service that is balanced.
struct Connection {
    std::uint8_t protocol = 0;
    std::uint8_t state = 0; // Of TCP: connection_client_ended and so on.
    Ip client{};
    std::uint16_t client_port = 0;
    Ip server{}; // Of the client's family, as is the VIP.
    std::uint16_t server_port = 0;
    Ip vip{}; // Nothing: the client talks to the server directly.
    std::uint16_t vip_port = 0;

    bool operator==(const Connection&) const = default;
};
constexpr std::uint8_t connection_client_ended = 1, connection_server_ended = 2;
constexpr std::uint8_t connection_reset = 4;        // By the client, as it seems.
constexpr std::uint8_t connection_answered = 8;     // The server did.
constexpr std::uint8_t connection_established = 16; // The client went on after that.
constexpr std::uint8_t connection_refused = 32;     // Reset by the server.

/// Connections as a frame for the switch at the server's new place; `done` goes up by as many as
/// fit. Shape:   68 connections of IPv4 a frame, or 24 of IPv6.
Frame frame_of(const std::vector<Connection>& connections, std::size_t& done, const Mac& to);

/// Whether it is such a frame, and the connections in it.
/// Shape:   one that is cut short has those that are there whole.
bool carries_connections(Bytes frame);
std::vector<Connection> connections_in(Bytes frame);

} // namespace holdfast::plugin
