// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/schedule: which real server a new connection gets (spec B9, B11).
//
// The policies are those of Linux's IPVS (6.1), with its meaning: given the same servers, weights,
// counts and arrivals, they choose the same servers in the same order.  `mh` and `dynamic` are
// ours.  Where IPVS has flags (sh-port, sh-fallback), they are not set, as by default there.
// What differs:
//   - a server that does not take connections is what IPVS calls overloaded: passed by, and no
//     table and no round is changed for it.  IPVS has no health; it is told a weight of 0.
//   - below its limit a server takes connections again at once, in IPVS below 3/4 of it.
//   - lblc keeps to limits; lblcr forgets a server that is taken away, IPVS when it needs to.
//   - sh deals its buckets by `base`: a slow start moves nobody.
//
// Called by a datapath's thread for each new connection: no lock, no system call, no clock; and
// no memory is asked for but where the servers changed, and for lblc and lblcr.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "ovs-plugin/maglev.h"

namespace holdfast::plugin {

/// A real server, as its director knows it now.
struct Server {
    Ip id{};
    std::uint32_t base = 0;     // The weight as configured: its place in tables of hashes.
    std::uint32_t weight = 0;   // The weight now (weights.h), mostly `base`.  0: gets nothing new.
    bool takes = true;          // May get new connections: it works, and is not draining.
    std::uint32_t active = 0;   // Connections of this director that are established.
    std::uint32_t inactive = 0; // Its others.  One that begins is counted there, as IPVS does.
    std::uint32_t limit = 0;    // As many connections at most, active or not; 0: any number.
};

/// The servers of a balancer.
struct Pool {
    /// In IPVS's order: the newest first.  It is seen in all but mh: rr goes by it, and of several
    /// that are as good the first is chosen.
    std::span<const Server> servers;
    /// Another number whenever a server came or went, or a `base` or `weight` changed.
    std::uint64_t version = 0;
    /// Of mh: table_of(servers).  Others: not looked at.
    const Maglev* table = nullptr;
};

/// The first packet of a connection.
struct NewConnection {
    Ip client{};
    Ip vip{};
    std::uint16_t client_port = 0;
    std::uint16_t vip_port = 0;
    std::uint8_t protocol = 0;
    std::int64_t now_ms = 0; // Of any clock that does not go back.
};

/// Whether a server may get a connection: it takes them, has a weight, and is below its limit.
bool usable(const Server& server);
/// Whether nothing but its limit keeps it from that.
bool is_full(const Server& server);

/// The table of mh: to be made anew where ids, their order, or `base` changed, and only there.
/// Shape:   some ms: by another thread than the datapath's.
Maglev table_of(std::span<const Server> servers);

/// What chooses for one balancer.  Not to be called by two threads at once.
class Scheduler {
public:
    virtual ~Scheduler() = default;

    /// The server that gets this connection, as an index into pool.servers.
    /// Shape:   always one that is usable(); none if the policy has none to give.
    std::optional<std::size_t> choose(const Pool& pool, const NewConnection& connection);

private:
    /// The servers are others than at the last choice.  Called before the first choice too.
    virtual void follow(std::span<const Server> servers) = 0;
    virtual std::optional<std::size_t> pick(const Pool& pool, const NewConnection& connection) = 0;

    std::optional<std::uint64_t> version_;
};

/// What chooses by a policy of common/policies.h; none if there is no such policy.
std::unique_ptr<Scheduler> make_scheduler(std::string_view policy);

} // namespace holdfast::plugin
