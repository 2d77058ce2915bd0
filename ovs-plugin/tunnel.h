// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/tunnel: the module's side of the tunnel to the other hypervisors.
//
// Keeps it warm, sends frames of the module's own through it, and does for frames that are too
// large for it what a router would (fit.h; spec C16).  Main thread only.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ovs-plugin/fit.h"
#include "ovs-plugin/flows.h"
#include "ovs-plugin/shim.h"

namespace holdfast::plugin {

/// What a port of a bridge is: "local", "tunnel", "vm", "port" (another that has a MAC address of
/// its own), or "uplink", which is any other.
std::string kind_of(const hf_port& port);

/// What became of frames that were too large, since the switch started.
struct LargeFigures {
    std::uint64_t fragmented = 0; // Frames that went in pieces.
    std::uint64_t answered = 0;   // Frames whose sender was told.
    std::uint64_t lost = 0; // Frames of which nobody was told: more than the module can answer,
                            // no IP, or errors themselves.
};

class Tunnel {
public:
    /// Where the tunnel is: `bridge` and its ports, of which one may be the tunnel.
    void use(const std::string& bridge, const std::vector<Port>& ports);
    /// The tunnel's OpenFlow port; 0 while there is none.
    std::uint32_t port() const { return port_; }

    /// Sends a frame to VM `label` behind `vtep`.  False if it could not.
    bool send(std::uint32_t label, const std::string& vtep, const Frame& frame) const;
    /// Has the switch ask for the neighbour on the way to `vtep`, if it is not known: else it would
    /// drop the frame that makes it ask, the first of a connection as like as not.
    void warm_up(const std::string& vtep) const;
    /// Warms up the ways to all others, once a minute: a neighbour is forgotten after 15.
    void keep_warm(const db::Snapshot& snapshot);

    /// Looks how large packets may be on the ways to the others, and that NORMAL knows where the
    /// tunnel's own packets belong.  To be called often: it does so after use(), and once a second.
    /// Shape:   O(hypervisors + interfaces).
    void look_at_underlay(const db::Snapshot& snapshot);
    /// Fragments and answers some of what was too large, for a millisecond or so.
    void run();
    /// Whether run() left some for the loop's next turn.
    bool has_more() const { return has_more_; }
    const LargeFigures& figures() const { return figures_; }

private:
    void pin_bridge();
    void find_entries(const db::Snapshot& snapshot);
    void handle(const hf_large& large);
    bool fragment(const hf_large& large, const std::vector<Frame>& fragments);
    bool may(int& left);
    bool answer(const Frame& frame, std::uint32_t label) const;

    std::string bridge_;
    std::string interface_;
    std::map<Mac, std::string> vms_;         // Interfaces of VMs, for answers to them.
    std::map<std::string, int> entry_ports_; // By iface-id: stand in for services elsewhere.
    std::map<std::uint32_t, int> entries_;   // The same by the services' labels.
    std::uint32_t port_ = 0;
    std::set<std::string> warm_; // VTEPs that were sent a frame.
    std::int64_t warm_again_ms_ = 0;
    std::int64_t look_again_ms_ = 0;
    bool has_more_ = false;
    std::int64_t second_ = 0;
    int answers_left_ = 0; // In that second.
    int fragments_left_ = 0;
    LargeFigures figures_;
    hf_pin* pin_ = nullptr; // The bridge's own MAC address is at the bridge.
    std::string pinned_;    // Which bridge, and which address.
};

} // namespace holdfast::plugin
