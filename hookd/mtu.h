// SPDX-License-Identifier: Apache-2.0
//
// hookd/mtu: whether the VMs' frames fit through the tunnels (spec C16).
//
// The decision is pure; mtu-look.cc reads what it is made from.  A VM that sends frames
// into its own VLANs, over a port that has no tag, is not considered: nobody knows it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"
#include "hookd/records.h"

namespace holdfast::hookd {

/// A VM's port.
struct PortMtu {
    std::string interface;
    int mtu = 0;         // Bytes of a packet, Ethernet's header not counted.
    bool tagged = false; // An access port: its frames can carry a VLAN tag in the tunnel.
};

/// The way to another hypervisor's end of the tunnel.
struct WayMtu {
    std::string peer;   // The hypervisor's name.
    std::string device; // Over which the tunnel's packets leave.
    int mtu = 0;
    bool ipv6 = false;
};

/// Bytes that VXLAN adds to a packet: the inner Ethernet header (14, with a VLAN tag 18),
/// VXLAN (8), UDP (8), and IPv4 (20) or IPv6 (40).
/// Source: RFC 7348, section 5.
int tunnel_overhead(bool ipv6, bool tagged);

/// What is wrong and the mend, in one line; empty if every frame fits everywhere.
std::string mtu_problem(const std::vector<PortMtu>& ports, const std::vector<WayMtu>& ways);

/// The largest frames that VMs send through their ports.  A domain's: what its XML tells the guest,
/// else Ethernet's 1500, since its tap has whatever the bridge had when it was plugged.  Of another
/// port it is what the kernel says; one that it does not know is left out.
std::vector<PortMtu> look_at_ports(const std::vector<SwitchPort>& ports,
                                   const std::map<std::string, Domain>& domains);

/// The ways to all others that have a tunnel end.  Where packets leave by the bridge itself,
/// its uplinks are what counts: the bridge's own MTU is no more than the VMs'.
std::vector<WayMtu> look_at_ways(const std::vector<db::Hypervisor>& hypervisors,
                                 const std::vector<SwitchPort>& ports);

} // namespace holdfast::hookd
