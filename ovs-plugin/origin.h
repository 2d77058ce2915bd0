// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/origin: whether a frame that a VM sends says truly whom it is from (spec C11).
//
// Looked at where the switch receives it, before any flow: so a VM that sends forged frames at
// full rate fills no cache, no table of MAC addresses, and no log.  Pure, and called by the
// datapath's threads: no lock, no memory taken.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ovs-plugin/address.h"
#include "ovs-plugin/flows.h"
#include "ovs-plugin/gateway.h"

namespace holdfast::plugin {

/// Whether it is one from which switches talk to each other (barriers, connections that move).
/// Probes have another: a hop hands them on.
bool is_ours(const Mac& mac);
/// The link-local address that a host makes of its MAC address (RFC 4291, appendix A).
Ip link_local_of(const Mac& mac);

/// The addresses of all VMs of the fleet, sorted.
struct Addresses {
    std::vector<Mac> macs;
    std::vector<Ip> ips;

    void sort();
    bool has(const Mac& mac) const;
    bool has(const Ip& ip) const;
    bool operator==(const Addresses&) const = default;
};

struct Answers;  // ovs-plugin/answers.h
struct Balanced; // ovs-plugin/translate.h
struct Directed; // ovs-plugin/service.h

/// What the built-in director does with frames from a port.
enum class Directs {
    no,
    all,  // Those for any VIP: only this switch sees them.
    held, // For VIPs that this hypervisor holds: others see them, too.
};

/// What a port's VM may say.
struct Origin {
    std::string vm; // Its id; empty if it is no VM's port, and may say anything.
    std::string interface;
    std::vector<Mac> macs;
    std::vector<Ip> ips; // Of the VM, its link-local ones too; IPv4 or IPv6 ones may be unknown.
    bool knows_ipv4 =
        false; // Whether `ips` has one of IPv4, of IPv6 (a link-local one is not enough).
    bool knows_ipv6 = false;
    bool hop = false;     // It hands on other VMs' frames: those are the chains' business.
    bool protect = false; // What is forged is dropped; else it is only counted.
    std::shared_ptr<const Addresses> all;
    Directs directs = Directs::no;
    bool director = false; // It may choose servers itself: its VM, or a prober.
    int tag = 0;           // The port's access VLAN, or 0; with `routed_vips`.
    std::shared_ptr<const std::vector<Ip>> routed_vips; // As of route.h; null if there are none.
    std::shared_ptr<const Answers> answers;             // To its questions; null if there are none.
    std::shared_ptr<const Answers>
        vips; // At a port to a network: all VIPs of the built-in director.
    std::shared_ptr<const Balanced> balanced; // What it translates; null if it is no server.

    bool operator==(const Origin& other) const;
};

/// What each VM that is plugged in here may say; nothing where there is neither a chain nor a
/// balancer nor a VM that is protected.  `directed` is null if there is no built-in director.
/// Shape:   one for each port of a VM, and with a built-in director or a routed server one for each
///          port but tunnels; O(VMs of the fleet * log).  `known` is `all` of the last time, or
///          null: the same object is taken again if nothing of it changed, so that who compares two
///          results, port by port, need not look at all addresses of the fleet for each.
std::vector<Origin> origins_of(const db::Snapshot& snapshot, const std::vector<Port>& ports,
                               const Directed* directed = nullptr,
                               const std::shared_ptr<const Addresses>& known = nullptr);

enum class Verdict {
    true_,      // Or nothing that can be told.
    forged_mac, // Its own source, or that of an ARP, RARP or ND message, is not the VM's.
    forged_ip,  // Likewise the IP address.
    ours,       // From an address that only switches have: never let through.
};

/// Judges a frame.  Without `protect` only an address of another VM that is known counts as
/// forged; with it, any that is not the VM's own.
/// Shape:   `frame` is Ethernet, with up to two VLAN tags; one that is cut short is true.
Verdict judge(const Origin& origin, const std::uint8_t* frame, std::size_t size);

/// Whether the verdict on a frame from `mac` depends on what is in the frame.
bool looks_inside(const Origin& origin, const Mac& mac);
/// Whether a router with this address may be at that port (spec B4): at no VM's, at that of the VM
/// that has it, and at one of which no address is known, if it is nobody else's.
GatewayClaim may_be_gateway(const Origin& origin, const Ip& address);

} // namespace holdfast::plugin
