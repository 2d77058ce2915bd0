// SPDX-License-Identifier: Apache-2.0
//
// db/rows: the rows of the store, one struct a table, one member a column.
//
// Plain values, no I/O.  Used by everything that reads or decides; db/store reads and
// writes them, db/fleet shares some of them between hypervisors.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "db/recovery-rows.h"

namespace holdfast::db {

/// Nanoseconds since the epoch, CLOCK_REALTIME.
using TimeNs = std::int64_t;

/// A number as a row of a database has it, and as ours do.
/// Shape:   one that is too far for an int becomes the int farthest there, which no column may
///          hold: it is not taken for another.
inline int narrowed(std::int64_t number)
{
    using Limits = std::numeric_limits<int>;
    return static_cast<int>(std::clamp<std::int64_t>(number, Limits::min(), Limits::max()));
}

/// A machine with ovs-vswitchd and our daemons.  Owner: the hypervisor itself.
struct Hypervisor {
    int number = 0;       // 1 to 2047, unique in the fleet.
    std::string name;     // Unique in the fleet; the host name unless configured.
    std::string id;       // UUID of this installation, made at the first start.
    std::string vtep;     // IP address of the tunnel's end; empty without a fleet.
    std::string bridge;   // The bridge that the VMs of this hypervisor are plugged into.
    bool self = false;    // True for the one row that is this machine (store only).
    TimeNs seen = 0;      // When it last said that it lives: by its clock; in a store, by ours.
    bool drained = false; // No VM is to come: its own are led away (holdfast node drain).
    std::int64_t capacity = 0;  // What it gives to all users, in thousandths of a unit; 0: nothing.
    int load = -1;              // Of the last hour, in thousandths of all it has; -1: not known.
    int period_load = -1;       // The same over the period of a review.
    std::string resources = {}; // What it has, how busy it is (db/resources.h); empty: not known.
    // As far as this hypervisor can tell (store only):
    bool lost = false;    // It is not heard of any more.
    bool answers = false; // The kernel at `vtep` answers ICMP echoes, or did.

    bool operator==(const Hypervisor&) const = default;
};

/// A virtual port of a VM.  Owner: the VM's hypervisor.
struct VmPort {
    std::string mac;       // aa:bb:cc:dd:ee:ff, lower case.
    std::string iface_id;  // external_ids:iface-id; the same on every hypervisor.
    std::string bridge;    // Where it is plugged; empty if it is not.
    std::string interface; // The interface's name, e.g. vnet3; empty if not plugged.
    int ofport = 0;        // OpenFlow port on its bridge; 0 if not plugged.
    // Of a service (spec S8):
    std::string fabric{}; // The network that its addresses are in: `fabric` of holdfast.conf.
    std::string entry{};  // The hypervisor whose switch stands in for it there, while it runs where
                          // there is another network; empty: it needs none.

    bool operator==(const VmPort&) const = default;
};

/// A VM record (spec C1).  Owner: `hypervisor`.
struct Vm {
    std::string id;                // libvirt UUID; for a port without a domain, its iface-id; for
                                   // a service, the service's id.
    std::string name;              // The domain's or service's name, or the port's iface-id.
    std::uint32_t label = 0;       // 23 bits, see doc/architecture.md.
    std::string kind = "domain";   // "domain" (libvirt), "service" (see Service), or "port"
                                   // (plugged by others).
    std::string service;           // Optional service id; empty if none.
    std::string hypervisor;        // Name of the one it runs on, or is defined on.
    std::string state = "stopped"; // "running" or "stopped".
    std::vector<std::string> ips;  // IPv4 and IPv6 addresses, without prefix length.
    std::int64_t epoch = 0;        // Goes up by one each time a hypervisor takes it over.
    bool protect = false;          // Drop frames it sends with another VM's address.
    std::string health;            // Why it does no work as a hop though it runs; empty if it does.
    std::vector<VmPort> ports;     // In the order of the domain's XML.

    bool operator==(const Vm&) const = default;
};

/// A place on a chain: one VM, or several that share the traffic (spec C9).
struct Hop {
    std::vector<std::string> vms; // VM ids; several are a group.
    std::string kind = "pass"; // "pass"; "wire": in by one port, out by the other; "tap": a copy.
    bool led = true; // False: nothing is led here, yet or any more; what comes out goes on.

    bool operator==(const Hop&) const = default;
};

/// A chain as the operator gave it.  Shared by the fleet, owned by none.
struct Chain {
    std::string name;          // Unique.
    std::uint32_t spi = 0;     // 24 bits, the path's number.
    std::uint32_t rspi = 0;    // The way back's number; 0 if not symmetric.
    std::string match;         // The classifier as ovs-ofctl writes it, normalised.
    std::string match_reverse; // Source and destination exchanged; empty if not symmetric.
    int priority = 1000;       // 0 to 65535; the higher wins.
    bool symmetric = false;    // The way back passes the hops in reverse order.
    std::string dead = "drop"; // A dead hop: "drop" or "bypass".
    std::string probe;         // A packet that every hop lets through (spec C10); empty: no probe.
    bool open = true;          // False: no frame enters it; it is being added or removed.
    std::string change;        // ChainChange's text while somebody changes it; else empty.
    std::vector<Hop> hops;     // In order.

    bool operator==(const Chain&) const = default;
};

/// Who changes a chain, and how: what Chain::change says.
struct ChainChange {
    std::string verb;       // add, over (added over another chain), set or del; empty: none.
    std::string hypervisor; // Its name.

    std::string text() const { return verb + " " + hypervisor; }
    static ChainChange of(const Chain& chain)
    {
        const auto blank = chain.change.find(' ');
        if (blank == std::string::npos)
            return {};
        return {chain.change.substr(0, blank), chain.change.substr(blank + 1)};
    }
};

/// Whether `vm` is at some place of the chain.
inline bool passes(const Chain& chain, const std::string& vm)
{
    return std::any_of(chain.hops.begin(), chain.hops.end(), [&](const Hop& hop) {
        return std::find(hop.vms.begin(), hop.vms.end(), vm) != hop.vms.end();
    });
}

/// A machine behind a balancer's address (spec balancer.md).
struct RealServer {
    std::string address;          // Of the VIP's family; a VM of the fleet has it.
    int port = 0;                 // 1 to 65535.
    int weight = 1;               // 0 to 65535, for the built-in director.
    std::string state = "active"; // "active", or "draining": no new connections.
    std::string mac; // Its synthetic MAC address (B2): what a director's ARP request is answered.
    int limit = 0;   // Connections that one built-in director gives it at a time; 0: no limit.
    std::string way = "tunnel"; // How it is reached (B3): "tunnel", or "routed" by the gateway.

    bool operator==(const RealServer&) const = default;
};

/// A balanced address.  Shared by the fleet, owned by none.
struct Balancer {
    std::string name;                   // Unique.
    std::string vip;                    // The public address, IPv4 or IPv6.
    int port = 0;                       // The public port, 1 to 65535.
    std::string protocol = "tcp";       // "tcp" or "udp"; vip, port and protocol are unique.
    std::string director = "external";  // Who chooses: "external" (VMs, e.g. with IPVS) or
                                        // "builtin" (every hypervisor's switch).
    std::vector<std::string> directors; // Ids of external VMs, sorted; none but they are answered.
    std::string policy;                 // One of common/policies.h; empty with external directors.
    std::string gateway;                // Of the routed way; empty if there is none.
    int number = 0;                     // The VIP's on the routed way, 1 to 63: no other VIP of its
                                        // servers has it; 0: no server is routed.
    std::string mac_prefix = "ae:48";   // The two bytes that are no address.
    std::string mac_layout = "prefix";  // "prefix", "suffix", "split" or "table".
    std::vector<RealServer> servers;    // In the order given; addresses are unique.

    // Of a built-in director; external ones have their own.
    std::string vip_mac;        // The VIP's synthetic MAC: what ARP requests for it are answered.
    int persistence = 0;        // Seconds for which a client keeps its server; 0: not at all.
    int slow_start = 0;         // Seconds until a server that came back has its whole weight.
    std::string sorry;          // Address of the VM for when all servers are dead; empty: none.
    int sorry_port = 0;         // Its port; 0 if there is none.
    std::string sorry_mac;      // Its synthetic MAC address; empty if there is none.
    std::string check = "none"; // How servers are probed: "none", "tcp", "http" or "command".
    std::string check_target;   // The path for http, the program for command; else empty.
    int check_expect = 0;       // The HTTP status that is good; 0: any 2xx or 3xx.
    int interval_ms = 2000;     // From one probe to the next, 100 to 3600000.
    int timeout_ms = 1000;      // A probe without an answer by then is bad; at most interval_ms.
    int rise = 2;               // Good probes in a row until a dead server lives again.
    int fall = 3;               // Bad probes in a row until a server is dead.

    bool operator==(const Balancer&) const = default;
};

/// How a real server of a balancer with a `check` does.  Owner: `hypervisor`, which probes the
/// servers whose VMs it runs.
struct ServerHealth {
    std::string balancer;       // The balancer's name.
    std::string address;        // The server's.
    std::string hypervisor;     // Who probed it; with balancer and address the key.
    std::string state = "down"; // "up" or "down".
    TimeNs since = 0;           // When it became so.
    std::string text;           // Why, one line: what its last probe that counted said.
    int cpu = -1;               // How busy its VM's CPUs are, in thousandths; -1: not known.
    int memory = -1;            // How full its VM's memory is, in thousandths; -1: not known.
    int answer_us = -1;         // How long its answer to a probe takes; -1: not known.

    bool operator==(const ServerHealth&) const = default;
};

/// The key of a health row.
struct HealthKey {
    std::string balancer;
    std::string address;
    std::string hypervisor;

    auto operator<=>(const HealthKey&) const = default;
    static HealthKey of(const ServerHealth& row)
    {
        return {row.balancer, row.address, row.hypervisor};
    }
};

/// A process tree with its own network, process and mount namespaces, an address and a port on
/// the bridge (spec S1).  Owner: `hypervisor`, which runs it.
struct Service {
    std::string id;   // UUID, made when it is first run; its VM record has the same.
    std::string name; // Unique in the fleet.
    std::string user; // Whose rights its command has; a name of the hypervisor's password database.
    std::vector<std::string> ips;         // Addresses with prefix length, "10.0.10.5/24".
    std::string mac;                      // Of its port, lower case, locally administered.
    int vlan = 0;                         // VLAN of its port, 1 to 4094; 0: none.
    std::string gateway;                  // Its default route's; empty if there is none.
    std::vector<std::string> command;     // The program, an absolute path, and its arguments.
    std::string directory = "/";          // Where the command begins.
    std::vector<std::string> environment; // "NAME=VALUE", besides what its user's account gives.
    std::string hypervisor;               // Name of the one that runs it, or ran it last.
    std::string state = "stopped";        // "running", "stopped" or "moving".
    bool pinned = false;                  // It stays where it is: no move of it begins.
    std::string mode = "checkpoint";      // How it moves unless told: "checkpoint" or "handoff".
    int pid = 0;                          // The first process of its tree there; 0 if none runs.
    std::string exit;                     // Why it is stopped, one line; empty while it runs.
    std::int64_t epoch = 0;               // Goes up by one each time a hypervisor takes it over.

    bool operator==(const Service&) const = default;
};

/// Who may decide for the fleet, and what is remembered between decisions.  Shared by the fleet;
/// changed by compare and swap alone.
struct Lease {
    std::string name;      // What it is for: "schedd".
    std::string holder;    // The hypervisor whose daemon leads; empty: none does.
    std::int64_t term = 0; // Up by one with each holder; what one of an older term asks is refused.
    std::int64_t beat = 0; // Up by one each time that the holder says it lives.
    std::int64_t decided = 0; // Up by one with each decision, which rests on the one before.
    std::string spare;        // The hypervisor that is kept in reserve (spec Q5); empty: none.
    TimeNs reviewed = 0;      // Since when the period runs.
    TimeNs accounted = 0;     // Until when what users use is accounted.
    std::string balance;      // What one round of balance leaves for the next, JSON; or empty.

    bool operator==(const Lease&) const = default;
};

/// What a user has of the fleet (spec quotas.md).  Shared by the fleet; changed by the leader.
struct Quota {
    std::string name;                          // The user's.
    std::int64_t amount = 0;                   // What he may have, in thousandths of a unit.
    bool administrator = false;                // He has all hypervisors, and reserves nothing.
    std::map<std::string, std::int64_t> share; // What is reserved for him, by hypervisor.
    std::map<std::string, TimeNs> given;       // Since when, likewise.
    std::vector<std::string> borrowed;         // Spares lent to him, sorted.
    std::vector<std::string> in_use;           // Hypervisors that he uses, and pays for; sorted.
    int low_reviews = 0;                       // Reviews in a row that found too little use.
    std::map<std::string, std::int64_t> used;  // By hypervisor: thousandths of a unit, by seconds.
    TimeNs accounted = 0; // Until when, if that is after the lease's: he changed what he uses.

    bool operator==(const Quota&) const = default;
};

/// One hop of a path, computed from chains and VMs (RFC 7665).  Owner: this store.
struct PathHop {
    std::uint32_t spi = 0;  // Path.
    int si = 255;           // Place on it, falling from 255 (RFC 8300).
    std::string chain;      // The chain it belongs to.
    std::string vm;         // The hop's VM id.
    std::string hypervisor; // Whose switch; empty if the VM is not known there yet.
    std::string bridge;     // The bridge on it.
    int in_port = 0;        // ofport to the VM; 0 while pending.
    int out_port = 0;       // ofport from the VM; 0 while pending.

    bool operator==(const PathHop&) const = default;
};

/// One side's view of a VM's move.  Owner: `hypervisor`.
struct Move {
    std::string id;         // UUID made by the destination; the same on both sides.
    std::string role;       // "source" or "destination".
    std::string vm;         // VM id.
    std::string hypervisor; // The side that owns this row.
    std::string peer;       // The other side; empty while unknown.
    std::string state;      // source: armed turned back cleaned; destination: staged active failed.
    std::map<std::string, TimeNs>
        times; // What happened when: staged, armed, suspended, turned, first_frame, ...
    std::map<std::string, std::int64_t> figures; // drained, swallowed, held, downtime_ms, ...

    bool operator==(const Move&) const = default;
};

/// A line of the time line.  Owner: the hypervisor that wrote it; never changed.
struct Event {
    std::int64_t id = 0;    // Rises in this store.
    TimeNs time = 0;        // When it happened.
    std::string hypervisor; // Where.
    std::string kind;       // staged, suspended, turned, chain-added, ...
    std::string vm;         // VM id, or empty.
    std::string chain;      // Chain name, or empty.
    std::string text;       // One line for people.

    bool operator==(const Event&) const = default;
};

/// An action asked of a hypervisor, through the fleet.  Owner: `hypervisor`, once asked.
struct Task {
    std::string id;         // UUID made by the one who asks.
    std::string hypervisor; // Who is to do it.
    std::string asked_by;   // Hypervisor that asks.
    std::string verb;       // trace-step, check, migrate, ...
    std::string arguments;  // JSON.
    std::string state;      // "asked", "running", "done" or "failed".
    std::string reply;      // JSON when done; one line when failed.
    TimeNs deadline = 0;    // Not begun after this.

    bool operator==(const Task&) const = default;
};

} // namespace holdfast::db
