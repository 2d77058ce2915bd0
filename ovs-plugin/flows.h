// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/flows: which flows this switch must have.
//
// A pure function from what the store says, the ports the switch has, and what the
// module knows about moves before the store does, to a list of flows in ovs-ofctl's
// words.  The tables are explained in doc/architecture.md.  No switch, no clock.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "db/store.h"
#include "ovs-plugin/actions.h"

namespace holdfast::plugin {

/// A port of the managed bridge, as the switch has it now.
struct Port {
    std::string bridge;
    std::string interface;
    int ofport = 0;
    std::string iface_id; // external_ids:iface-id, or empty.
    std::string mac;      // external_ids:attached-mac, lower case, or empty.
    std::string vm_id;    // external_ids:vm-id, or empty.
    int tag = 0;          // The VLAN of which it is an access port, or 0.
    std::string kind;     // vm, port (attached-mac without vm-id), uplink, tunnel, local, or of a
                          // service that runs in another network entry or lead (db/entry-port.h).
    bool up = true;

    bool operator==(const Port&) const = default;
};

/// What the module knows of a VM's place before the store says it (spec C5).
struct Override {
    enum class Place {
        here,      // Activated here: the guest runs on our port.
        elsewhere, // Turned away: everything for it goes to `vtep`.
    };
    Place place = Place::here;
    std::string vtep; // IP address of the tunnel's other end, for elsewhere.

    bool operator==(const Override&) const = default;
};

/// Overrides by VM id.
using Overrides = std::map<std::string, Override>;

/// A flow: its key is (table, priority, match).
struct Flow {
    int table = 0;
    int priority = 0;  // 65536 or more: hidden from controllers.
    std::string match; // As ovs-ofctl writes it.
    std::string actions;

    auto operator<=>(const Flow&) const = default;
    auto key() const { return std::tie(table, priority, match); }
};

/// A port that takes only what is meant for it: the chain's frames, those for its own MAC and for
/// others that the bridge has learned there (VRRP's, macvlan's), and multicast.  A hop hands on
/// whatever it gets, so a flooded copy would pass the chain twice.
struct GuardedPort {
    std::string interface;
    std::string mac;
    bool wire = false; // Nothing but the chain's and its own: it would enter at both ends.
    int tag = 0;       // The VLAN of an access port, else 0.

    bool operator==(const GuardedPort&) const = default;
};

/// A packet that goes through a hop here once a second, to see whether it works (spec C10).
struct HopProbe {
    std::string vm;        // The hop's id.
    std::string interface; // Where the packet goes in.
    std::string packet;    // In ovs-ofctl's words.
    Flow catcher;          // Takes it when it comes out.

    auto operator<=>(const HopProbe&) const = default;
};

/// The result of a compilation.
struct FlowSet {
    std::vector<Flow> flows;           // Sorted, no two with one key.
    std::vector<GuardedPort> guarded;  // The hops' ports.
    std::vector<HopProbe> probes;      // Sorted; their catchers are among the flows.
    std::vector<std::string> problems; // One line each: what is missing and what follows.
};

/// The priority of a path's flows, between 200,000 and `over_paths`: by the chain's, then in the
/// order of db/chain-order.h, and of one chain the way there comes before the way back.
int path_priority(const db::Chain& chain, bool backwards);
/// Beyond all of those.
constexpr int over_paths = 2'000'000'000;

/// A label that no VM has: a frame that only warms the tunnel up, dropped where it arrives.
constexpr std::uint32_t label_warm_up = 0x7fffff;

/// Returns the flows of bridge `self.bridge`.
/// Shape:   O(chain hops + VMs + ports); each VM costs one flow where it is remote, and three more
/// where
///          some hop has its port.
/// Errors:  none; what cannot be done is left out and named in `problems`.
/// Source:  spec C3 to C8, C12, C14.
FlowSet compile(const db::Snapshot& snapshot, const std::vector<Port>& ports,
                const Overrides& overrides);

/// pkt_mark of a frame that a chain delivers; guarded ports know it by this.
constexpr std::uint32_t delivered_mark = 0x48460001;

/// The actions that take a frame, whatever its in_port, to the VM's port on this switch.
/// `long_way`: it came through the tunnel (HF_LONG_WAY in shim.h).
std::string deliver_here(int ofport, bool long_way);
/// The actions that take a frame through the tunnel to VM `label` behind `vtep`.
/// `passed_on` marks a frame that came from the tunnel: it is not passed on again.
std::string deliver_elsewhere(std::uint32_t label, const std::string& vtep, int tunnel_port,
                              bool passed_on);

} // namespace holdfast::plugin
