// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/director: the built-in director (spec B9 to B11, B14).
//
// What is for a VIP gets the synthetic MAC address of the server that holds the connection, where
// the switch receives it and before any flow; everything else is as with a director of the
// operator's own.  Only clients' packets come by here, since servers answer directly, so a
// connection's state is what IPVS, too, tells from one side alone.
//
// Called by the datapath's threads for all frames of the ports that it directs; those whose
// destination is no VIP's MAC address take no lock.  No system call but where the file of
// connections grows.
//
// Cost, with n connections: a frame a look-up, whatever n; a new one moves the entries of one of
// the small tables that hold them, at most (ovs-plugin/shards.h), whatever n; tidy(), ten
// times a second, looks at a thousandth of n.  A connection takes some 120 bytes, and 64 in the
// file; both are bounded by room().  A switch that starts reads the whole file, some 300 ns a
// connection.
#pragma once

#include <array>
#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ovs-plugin/ip-packet.h"
#include "ovs-plugin/kept.h"
#include "ovs-plugin/service.h"
#include "ovs-plugin/shards.h"

namespace holdfast::plugin {

/// What a server of a service was given by this switch.
struct BackendFigures {
    Ip address{};
    std::uint32_t weight = 0; // As it is now.
    std::uint32_t active = 0, inactive = 0;
    std::uint64_t connections = 0; // In all.
    std::uint64_t packets = 0, bytes = 0;
    std::uint64_t refused = 0; // Connections that nobody got while this one was at its limit.
    bool takes = true;
};

/// Counts since the switch started, or the service was made.
struct ServiceFigures {
    std::string name;
    std::uint64_t refused = 0;            // Packets for which there was no server.
    std::uint64_t sorry = 0;              // Connections that the sorry server got.
    std::vector<BackendFigures> backends; // The newest first; those that leave last.
};

/// Where a connection is, or where one that begins now would be placed.
struct Whereabouts {
    enum class How {
        held,    // It is there.
        client,  // Its client keeps this server (spec B11).
        chosen,  // The policy goes by addresses and ports alone, and chooses this server.
        open,    // The policy goes by turns or counts: one of these, as it is at the time.
        sorry,   // No server takes it, and the sorry server does.
        refused, // Nobody takes it.
    };
    How how = How::refused;
    std::vector<Ip> servers; // Several with `open`, none with `refused`, else one.
};

/// Of one switch, for all its services.
class Director {
public:
    /// Holds as many connections as an eighth of the machine's memory has room for, 16 million at
    /// most; or `room`.
    Director();
    explicit Director(std::size_t room) : connections_{room}, room_{room} {}

    /// From now on this is directed.  Connections stay where they are as long as their server is
    /// one of the service's.  Null: nothing is.
    /// Units:   `wall_ns` is CLOCK_REALTIME.
    void use(std::shared_ptr<const Directed> directed, std::int64_t wall_ns);
    /// Keeps connections in this file from now on, and takes up those that are in it.
    /// Shape:   after use(), which says whose they are; once.
    void keep_in(std::unique_ptr<Kept> file, std::int64_t now_ms);

    /// What becomes of a frame, which may have been changed in place.
    enum class Fate {
        pass, // It goes on.
        drop,
        back, // It is the switch's own answer now, of `size` bytes: back where it came from.
    };
    /// `held_only`: the port leads to a network that other hypervisors share.  `may_choose`: the
    /// sender is a director itself, and may send to servers' synthetic addresses.
    Fate direct(std::span<std::uint8_t> frame, std::size_t& size, bool held_only, bool may_choose,
                std::int64_t now_ms);

    /// Weights that change with time; to be called once a second.
    /// Units:   `wall_ns` is CLOCK_REALTIME.
    void weigh(std::int64_t wall_ns);
    /// Forgets some of what has been silent for long; to be called ten times a second.
    /// Shape:   as many as Shards::n_in_turn().
    void tidy(std::int64_t now_ms);

    std::vector<ServiceFigures> figures() const;
    /// What becomes of the packet that begins this connection; it changes nothing.
    /// Errors:  nothing if no service here has that VIP, port and protocol.
    std::optional<Whereabouts> where(const NewConnection& connection) const;
    /// Whether connections by this address are held, by that server if one is named.
    bool holds(const VipPort& at, const std::optional<Ip>& server = std::nullopt) const;
    /// Connections held, and the most that are.
    std::size_t size() const;
    std::size_t room() const { return room_; }
    /// What one takes, but for its record in the file.
    static std::size_t connection_size();

private:
    struct Key {
        Key(const Ip& client, const Ip& vip, std::uint16_t client_port, std::uint16_t vip_port,
            std::uint8_t protocol);

        std::size_t hash; // Made once a frame.
        Ip client;
        Ip vip;
        std::uint16_t client_port;
        std::uint16_t vip_port;
        std::uint8_t protocol;
        bool operator==(const Key&) const = default;
    };
    struct Hash {
        std::size_t operator()(const Key& key) const noexcept { return key.hash; }
    };
    /// A server of a service, for as long as connections are its.
    struct Target {
        Backend backend;
        BackendFigures figures;
        std::size_t place = 0;   // Among the servers to choose from, or behind them all.
        std::size_t clients = 0; // That keep it.
        bool gone = false;       // It is none of the service's any more.
        bool unused() const { return gone && !figures.active && !figures.inactive && !clients; }
    };
    /// A client that keeps its server (spec B11).
    struct Client {
        Target* target = nullptr;
        std::size_t connections = 0;
        std::int64_t until_ms = 0; // When there are none.
    };
    struct ClientHash {
        std::size_t operator()(const Ip& client) const noexcept;
    };
    /// Clients of a service that keep their server; others are placed as if they came for the first
    /// time.
    static constexpr std::size_t clients_max = 1 << 20;
    /// A service at work.
    struct Running {
        Service service;
        std::map<Ip, Target> targets;
        Target* sorry_target = nullptr;
        std::vector<Target*> by_place;      // As `service.backends`.
        std::vector<Target*> leaving;       // As `service.leaving`.
        std::vector<Server> servers;        // Likewise; what is chosen from.
        std::vector<Server> all_well;       // Likewise, if each worked and had nothing to do.
        std::vector<std::uint32_t> dynamic; // Likewise; weights of the policy `dynamic`.
        std::uint64_t version = 0;          // Of `servers`, for the scheduler.
        std::unique_ptr<Scheduler> scheduler;
        Shards<Ip, Client, ClientHash> clients{clients_max};
        std::uint64_t refused = 0, sorry = 0;
        std::size_t connections = 0;
        bool gone = false; // There is no such service any more.
    };
    /// A connection.
    struct Placed {
        Running* running = nullptr;
        Target* target = nullptr;
        Client* client = nullptr; // Null without persistence.
        std::uint8_t state = 0;
        std::int64_t seen_ms = 0;
        Kept::Place kept = Kept::none;
    };
    using Connections = Shards<Key, Placed, Hash>;
    using Entry = Connections::Entry;

    static void refresh(Running& running, const Service& service);
    static void weigh(Running& running, std::int64_t wall_ns, bool feed_back);
    Fate place(std::span<std::uint8_t> frame, std::size_t& size, IpPacket& packet,
               std::int64_t now_ms);
    Fate icmp(std::span<std::uint8_t> frame, std::size_t& size, IpPacket& packet,
              std::int64_t now_ms) const;
    Fate later_fragment(std::span<std::uint8_t> frame, const IpPacket& packet) const;
    Entry* find(const Key& key, std::uint8_t flags, std::int64_t now_ms);
    Target* choose(Running& running, const Key& key, bool begins, std::int64_t now_ms);
    static Target* placed_elsewhere(Running& running, const NewConnection& connection);
    static bool goes_on(const Key& key, const Placed& placed, std::uint8_t flags);
    static void keep(Client& client, Target* target);
    static void tidy_clients(Running& running, std::int64_t now_ms);
    static Target* by_client(Running& running, const Key& key, std::int64_t now_ms);
    Entry& add(Running& running, const Key& key, Target& target, std::uint8_t state,
               std::int64_t now_ms);
    void set_state(const Key& key, Placed& placed, std::uint8_t state);
    static void count(const Placed& placed, const Key& key, int by);
    void forget(const Key& key, std::int64_t now_ms);
    bool has_room(std::int64_t now_ms);
    bool make_room(std::int64_t now_ms);
    static Kept::Record record_of(const Key& key, const Placed& placed);

    std::atomic<std::shared_ptr<const Directed>> directed_; // Which frames are ours at all.
    mutable std::mutex mutex_;                              // For what follows.
    std::list<Running> running_;
    std::map<VipPort, Running*> services_;
    Connections connections_;
    const std::size_t room_;
    std::size_t n_weak_ = 0; // Those of them that a new one may take the place of.
    unsigned seconds_ = 0;   // How often weigh() was called.
    std::unique_ptr<Kept> kept_;
    /// A fragment's packet: later ones have no ports.
    struct Fragmented {
        Ip client{};
        Ip vip{};
        std::uint32_t id = 0;
        std::uint8_t protocol = 0;
        Mac server{};
        bool known = false;
    };
    std::array<Fragmented, 256> fragments_;
    std::size_t next_fragment_ = 0;
};

} // namespace holdfast::plugin
