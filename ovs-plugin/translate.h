// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/translate: between a real server and its public addresses (spec B3, B5, B7, B13).
//
// A director's frame reaches the server's port as the client sent it, but for the synthetic MAC
// address.  Here it gets the server's own addresses, and the server's answer the public ones again.
// To the server its connections by a public address look like any other, so each is remembered:
// which of them an answer belongs to nothing else tells.  Open vSwitch's connection tracking could
// do it, but what it remembers cannot move to another switch: it would take the packets of a
// connection in the middle for forged, by their sequence numbers.
//
// Called by the datapath's threads, for frames of servers' ports only: one lock a frame, and no
// system call but where the file of connections grows.  A connection takes some 110 bytes; a new
// one moves those of one small table at most (ovs-plugin/shards.h).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ovs-plugin/connection.h"
#include "ovs-plugin/ip-packet.h"
#include "ovs-plugin/kept.h"
#include "ovs-plugin/shards.h"

namespace holdfast::plugin {

/// A public address behind which the server stands.
struct Public {
    Ip vip{};
    std::uint16_t port = 0;
    std::uint8_t protocol = 0; // 6 or 17.
    std::uint16_t server_port = 0;
    std::uint8_t number = 0; // The VIP's on the routed way, 1 to 63; 0: by the tunnel.
    bool known_only = false; // Nobody directs it any more: no new connection.

    auto operator<=>(const Public&) const = default;
};

/// One of a server's addresses, and what it is the server of.
struct Face {
    Ip address{};
    Mac synthetic{};             // That which directors send to.
    std::vector<Public> publics; // Sorted; their VIPs are of the address's family.

    const Public* public_of(const Ip& vip, std::uint8_t protocol, std::uint16_t port) const;
    bool serves(std::uint8_t protocol, std::uint16_t server_port) const;
    bool has_vip(const Ip& vip) const;
    /// The VIP that a packet of the routed way was for, which has its number as DSCP; null if the
    /// packet is the server's own.
    /// Shape:   its destination is this address.
    const Ip* routed_from(const IpPacket& packet) const;
    bool operator==(const Face&) const = default;
};

/// What a server's port translates.
struct Balanced {
    Mac mac{};               // Its own.
    std::vector<Face> faces; // Sorted by address, each once; of either family.

    bool operator==(const Balanced&) const = default;
};

/// Counts since the port was plugged in.
struct TranslateFigures {
    std::uint64_t in = 0, out = 0; // Frames translated.
    std::uint64_t unknown = 0;     // Answers of no connection or from a wrong address, and what is
                                   // for no service: dropped.
};

/// Public addresses by which connections are known, each with a server that has some.
using Held = std::set<std::pair<VipPort, Ip>>;
/// Whether there are any by this address, to that server if one is named.
bool holds(const Held& held, const VipPort& at, const std::optional<Ip>& server = std::nullopt);

/// Of one server, for as long as it is plugged in here.
class Translator {
public:
    /// From now on this is translated; connections stay, also those of an address that is none of
    /// its faces' any more: they have answers to give still.
    void use(Balanced balanced);
    /// It is the server of nothing any more; the same holds of its connections.
    void serve_nothing();

    /// Keeps connections in this file from now on, and takes up those that are in it.
    /// Shape:   after use(), which says whose they are; once.
    void keep_in(std::unique_ptr<Kept> file, std::int64_t now_ms);

    /// What becomes of a frame, which may have been changed in place.
    enum class Fate { pass, drop };
    /// On its way into the server's port.  `passed_on`: by the server's former switch, through the
    /// tunnel; so may come the connections that one knew, which nobody else may say.
    Fate to_server(std::span<std::uint8_t> frame, bool passed_on, std::int64_t now_ms);
    /// Out of the server's port.
    Fate from_server(std::span<std::uint8_t> frame, std::int64_t now_ms);

    /// Forgets some of what has been silent for long; to be called ten times a second.
    /// Shape:   as many as Shards::n_in_turn().
    void tidy(std::int64_t now_ms);

    /// All connections, and from now on fresh() has those that begin or end.
    std::vector<Connection> follow();
    std::vector<Connection> fresh();
    void unfollow();
    TranslateFigures figures() const;
    std::size_t size() const;
    /// Adds those of its connections.
    void add_held(Held& all) const;
    /// As many of one server at most: some 110 MB.
    static constexpr std::size_t room() { return 1 << 20; }
    /// What one takes, but for its record in the file.
    static std::size_t connection_size();

private:
    struct Key {
        Ip client;
        std::uint16_t client_port;
        Ip server;
        std::uint16_t server_port;
        std::uint8_t protocol;
        bool operator==(const Key&) const = default;
    };
    struct Hash {
        std::size_t operator()(const Key& key) const noexcept;
    };
    struct Known {
        Ip vip{};
        std::uint16_t vip_port = 0;
        std::uint8_t state = 0;
        std::int64_t seen_ms = 0;
        Kept::Place kept = Kept::none;
    };
    /// A fragment's packet: later ones have no ports.
    struct Fragmented {
        Ip client{};
        Ip server{};
        std::uint32_t id = 0;
        std::uint8_t protocol = 0;
        Ip vip{};
        bool known = false;
    };

    const Face* directed_to(const Mac& synthetic) const;
    const Face* face_of(const Ip& address) const;
    const Face* face_for(const IpPacket& packet) const;
    Fate inwards(const Face& face, IpPacket& packet, bool passed_on, std::int64_t now_ms);
    static bool is_anothers(const Key& key, const Known& known, const Known& now);
    static bool goes_on(const Known& known, const Public& service, bool first);
    bool make_room();
    Fate outwards(const Face& face, IpPacket& packet, std::int64_t now_ms);
    bool is_from_wrong_address(const IpPacket& packet) const;
    static Fate error_inwards(const Face& face, IpPacket& packet);
    Fate error_outwards(IpPacket& packet) const;
    Fate fragment_outwards(IpPacket& packet) const;
    Known& note(const Key& key, const Known& now, bool anew);
    void note_flags(const Key& key, Known& known, std::uint8_t flags, bool client);
    static Connection connection_of(const Key& key, const Known& known);
    void set(const Key& key, Known& known, const Known& now);
    void count(const Key& key, const Known& known, int by);
    void follow(const Key& key, Known& known);
    void forget(const Key& key);
    void adopt(Bytes frame, std::int64_t now_ms);

    using Connections = Shards<Key, Known, Hash>;
    mutable std::mutex mutex_;
    Balanced balanced_;
    Connections known_{room()};
    std::map<std::pair<VipPort, Ip>, std::size_t> held_; // How many, by public address and server.
    std::array<Fragmented, 256> fragments_;
    std::size_t next_fragment_ = 0;
    std::unique_ptr<Kept> kept_;
    bool following_ = false;
    std::vector<Connection> fresh_;
    TranslateFigures figures_;
};

} // namespace holdfast::plugin
