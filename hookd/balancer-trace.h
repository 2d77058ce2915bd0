// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer-trace: tells the way of a balanced connection's first packet, and of its answer.
//
// Pure: from rows and from what the switches said, the lines of `holdfast balancer trace`, and what
// is wrong where it is found.  hookd/commands-balancer-trace asks the switches.
// Spec: balancer.md, B1 to B5.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"
#include "hookd/records.h"
#include "hookd/trace.h"

namespace holdfast::hookd {

/// The connection whose packets are followed.
struct TracedConnection {
    std::string client;      // Its address; empty: not said.
    int client_port = 40000; // An example, unless said.
    std::string in_port;     // The OpenFlow port here that the packet enters by; empty: not said.
};

/// Reads `packet`, written as for ofproto/trace: client's address and port, and in_port; what it
/// says of the destination must be the balancer's.  Empty: nothing is said.
/// Errors:  invalid, naming the field.
Result<TracedConnection> read_connection(const std::string& packet, const db::Balancer& balancer);

/// Where the client's packet enters a switch.
struct TraceEntry {
    std::string hypervisor;
    std::string where; // As WalkOrder has it: "in_port=N" or "uplink".
    std::string text;  // For people, e.g. "port 5 (vnet3)".
    std::string mac;   // Of the VM that sends it; empty if it comes from elsewhere.
    std::string vm;    // Its name, likewise.
};

/// What is known where the trace begins.
struct TraceSurroundings {
    std::string self;              // This hypervisor.
    std::vector<SwitchPort> ports; // Of its switch.
    std::vector<db::Vm> vms;
};

/// `from` is a VM (by name or id), or an interface or OpenFlow port of this hypervisor.  Empty:
/// where the VM with the client's address is plugged in, else an uplink of this hypervisor.  A
/// client whose address is not said gets that of the VM, or an example. Errors:  invalid, not_found
/// with the nearest name.
Result<TraceEntry> find_entry(const std::string& from, const TraceSurroundings& surroundings,
                              const db::Balancer& balancer, TracedConnection& connection);

/// What a switch knows of a gateway; the later, the more.
enum class GatewayState {
    untold,     // The switch does not say.
    unasked,    // It has not asked for it yet.
    asked,      // It has, a moment ago, and nobody has answered yet.
    unanswered, // It has several times, and nobody answers.
    silent,     // It answered once, and does not any more.
    known,
};

/// As the switch tells of one. It asks several times before one is silent.
GatewayState gateway_state(bool known, bool asked, bool silent);

/// A balancer's gateway, as a switch knows it.
struct TraceGateway {
    std::string address;
    std::optional<int> vlan = {}; // 0: without a tag; nothing: any.
    GatewayState state = GatewayState::untold;
    std::string mac = {};       // Where it is known, or was.
    std::string interface = {}; // Where it answered.
};

/// What the switch of a hypervisor said when asked about the connection.
struct SwitchAnswer {
    std::string trouble; // Why it could not be asked; empty if it could.
    bool kernel = false; // It has the kernel's datapath.
    std::string how;     // Of the built-in director, as `holdfast/place` says; empty: it has none.
    std::vector<std::string> servers;         // Their addresses, likewise.
    std::vector<db::RealServer> leaving = {}; // Those of them that were taken out of the balancer.
    // Nothing in these: it does not say.
    std::optional<std::vector<TraceGateway>> gateways = {};
    std::optional<std::map<std::string, int>> vlans = {}; // Of access ports, by OpenFlow port.
};
using SwitchAnswers = std::map<std::string, SwitchAnswer>; // By hypervisor.

/// A line of the answer.
struct BalancerStep {
    std::string way; // "out": to the server; "back".
    std::string hypervisor;
    std::string vm;     // Director, server or hop that it is about; empty if none.
    std::string server; // The server's address; empty before one is chosen.
    std::string text;   // One line for people: what happens, and why.
    bool problem = false;
    std::vector<std::string> rules = {}; // Of the switch's flows, in order.
    std::string condition = {};          // Of what follows, while nobody knows whether it is so.
};

/// A server that the packet is led to, and from where.
struct TraceLeg {
    std::string director; // The director's VM, by name; empty if it is built in.
    TraceEntry entry;     // Where the frame with the server's synthetic address enters.
    db::RealServer server;
    std::optional<db::Vm> vm;  // The server's; none if no VM has the address.
    TraceGateway gateway = {}; // If its way is routed.
};

/// What has been found out before the packet is led to servers.
struct TracePlan {
    std::vector<BalancerStep> steps;
    std::vector<TraceLeg> legs;
};

/// Who chooses, and what: `entry` as find_entry() made it.
/// Shape:   of a built-in director one leg for the server that gets it, or one for each that may;
/// of
///          external directors one for each of them and server.
TracePlan plan_trace(const db::Balancer& balancer, const TracedConnection& connection,
                     const TraceEntry& entry, const std::vector<db::Vm>& vms,
                     const std::vector<db::ServerHealth>& health, const SwitchAnswers& answers);

/// The hypervisors whose switches packets of this plan come to, and which have not been asked.
std::set<std::string> still_to_ask(const TracePlan& plan, const SwitchAnswers& answers);

/// Whether it ends where it enters, since nothing is known of the server's gateway there.
bool ends_at_gateway(const TraceLeg& leg);

/// Why nothing can be led to the server, one line; empty if it can.
std::string unreachable(const TraceLeg& leg, const std::string& balancer,
                        const SwitchAnswers& answers);

/// The packet to the server as it enters the first switch, for ofproto/trace.
std::string frame_to_server(const db::Balancer& balancer, const TracedConnection& connection,
                            const TraceLeg& leg);
/// The server's answer once it is translated.  Its destination's MAC is known where the client is a
/// VM; a router's is not.
std::string frame_to_client(const db::Balancer& balancer, const TracedConnection& connection,
                            const TraceLeg& leg, const std::vector<db::Vm>& vms);

/// The lines of the way to a server by the gateway: what the director's switch does and what the
/// server's, as far as there is one of the fleet.  How the gateway routes is not known here.
std::vector<BalancerStep> steps_by_gateway(const db::Balancer& balancer, const TraceLeg& leg);
/// The lines of the way to the server: what the switches do, then the translation, or that it does
/// not arrive.
std::vector<BalancerStep> steps_out(const db::Balancer& balancer, const TraceLeg& leg,
                                    const Walked& walked);
/// Whether it came out at the server's port.
bool arrived(const TraceLeg& leg, const Walked& walked);
/// The lines of the answer's way.
std::vector<BalancerStep> steps_back(const db::Balancer& balancer,
                                     const TracedConnection& connection, const TraceLeg& leg,
                                     const Walked& walked);

/// What it comes to, one line: the first problem, or that all is well, and on which condition.
std::string trace_result(const std::vector<BalancerStep>& steps);

} // namespace holdfast::hookd
