// SPDX-License-Identifier: Apache-2.0
//
// hookd/trace: follows a packet through the fleet's switches (spec C15).
//
// Pure: reads what `ofproto/trace` of one switch printed, and decides where to look next.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "db/rows.h"
#include "hookd/records.h"

namespace holdfast::hookd {

/// What one switch does with the packet.
struct TraceStep {
    std::vector<std::string> rules;      // "table 250: tcp, priority 1000", in order.
    std::optional<int> out_port;         // The first OpenFlow port that it leaves by.
    std::optional<std::uint32_t> tun_id; // Set before it leaves by the tunnel.
    std::string tun_dst;                 // Likewise.
    std::string remark;                  // What NORMAL says it does, e.g. that it floods.
    bool dropped = false;                // The datapath does nothing with it.
    std::string datapath;                // "Datapath actions" as printed.
};

/// Reads the text of `ofproto/trace`.
/// Source: ovs-vswitchd(8), ofproto/trace; ofproto/ofproto-dpif-trace.c.
TraceStep parse_trace(const std::string& text);

/// Where a packet is looked at.
struct TracePoint {
    std::string hypervisor;
    std::string flow; // For ofproto/trace: in_port and the packet's fields.
};

/// What one switch did on a walk.
struct WalkStep {
    std::string hypervisor;
    std::string vm;   // The hop that the packet came out of; empty if none.
    std::string text; // One line for people.
    std::vector<std::string> rules;
};

/// A walk from switch to switch, until the packet has arrived somewhere.
struct Walked {
    std::vector<WalkStep> steps;
    std::string result;     // How it ended, one line.
    std::string hypervisor; // Where it ended.
    int out_port = 0;       // The OpenFlow port that it left by in the end; 0 if by NORMAL or not.
    bool lost = false;      // It was dropped, goes round, or a switch could not be asked.
};

/// The packet's fields without in_port.
std::string without_in_port(const std::string& packet);
/// The value of `field` in a flow text such as "tcp,nw_src=10.0.0.1"; empty if it is not there.
std::string field_of(const std::string& flow, const std::string& field);

/// The VM that sends the packet, by its source MAC or IP address; null if none is known.
const db::Vm* sender_of(const std::string& packet, const std::vector<db::Vm>& vms);
/// Likewise the one that it is for.
const db::Vm* receiver_of(const std::string& packet, const std::vector<db::Vm>& vms);
/// `packet` with the MAC addresses of the VMs that its IP addresses belong to, where it
/// names none, so that the switches treat it as they would treat the real one.
std::string with_macs(const std::string& packet, const std::vector<db::Vm>& vms);
/// The VM plugged into this port.
const db::Vm* vm_at(const std::vector<db::Vm>& vms, const std::string& hypervisor, int ofport);

} // namespace holdfast::hookd
