// SPDX-License-Identifier: Apache-2.0
//
// hookd/balancer-trace: see balancer-trace.h.
#include <config.h>

#include "hookd/balancer-trace.h"

#include <algorithm>
#include <array>

#include "common/synthetic-mac.h"
#include "common/text.h"
#include "db/balancer.h"
#include "db/find.h"

namespace holdfast::hookd {
namespace {

/// "10.0.0.1:80", "[fd00::1]:80".
std::string endpoint(const std::string& address, int port)
{
    return (is_ipv6(address) ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

std::string vip_end(const db::Balancer& balancer)
{
    return endpoint(balancer.vip, balancer.port);
}

/// A packet of this connection, for ofproto/trace.
std::string frame(const db::Balancer& balancer, const std::array<std::string, 2>& macs,
                  const std::array<std::string, 2>& addresses, const std::array<int, 2>& ports)
{
    bool v6 = is_ipv6(balancer.vip);
    std::string text = balancer.protocol + (v6 ? "6,ipv6_src=" : ",nw_src=") + addresses[0] +
                       (v6 ? ",ipv6_dst=" : ",nw_dst=") + addresses[1] +
                       ",tp_src=" + std::to_string(ports[0]) +
                       ",tp_dst=" + std::to_string(ports[1]);
    if (!macs[0].empty())
        text += ",dl_src=" + macs[0];
    if (!macs[1].empty())
        text += ",dl_dst=" + macs[1];
    return text;
}

/// A VM's first port, if it is plugged in somewhere.
const db::VmPort* plugged(const db::Vm& vm)
{
    return vm.ports.empty() || vm.ports[0].ofport == 0 ? nullptr : &vm.ports[0];
}

TraceEntry entry_of(const db::Vm& vm, const db::VmPort& port)
{
    return {vm.hypervisor, "in_port=" + std::to_string(port.ofport),
            "port " + std::to_string(port.ofport) + " (" + port.interface + ") of " + vm.name,
            port.mac, vm.name};
}

/// Why the VM neither sends nor receives, one line; empty if it does.
std::string not_there(const db::Vm& vm)
{
    if (vm.state != "running")
        return "VM " + vm.name + " is " + vm.state + ": start it";
    if (!plugged(vm))
        return "VM " + vm.name + " is plugged into no bridge of " + vm.hypervisor;
    if (vm.ports[0].mac.empty())
        return "the MAC address of VM " + vm.name + " is unknown";
    return {};
}

/// Why balancers do nothing on that hypervisor, one line; empty if they do.
std::string switch_trouble(const std::string& hypervisor, const SwitchAnswers& answers)
{
    auto answer = answers.find(hypervisor);
    if (answer == answers.end())
        return {};
    if (!answer->second.trouble.empty())
        return hypervisor + " does not answer: " + answer->second.trouble;
    if (answer->second.kernel)
        return "the switch of " + hypervisor +
               " has the kernel's datapath, where balancers do nothing: they need "
               "datapath_type=netdev";
    return {};
}

std::string joined(const std::vector<std::string>& words)
{
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

/// What the built-in director does, for people.
BalancerStep choice_of(const db::Balancer& balancer, const SwitchAnswer& answer)
{
    BalancerStep step{"out", "", "", "", "", false};
    const std::string who = joined(answer.servers);
    if (answer.servers.size() == 1)
        step.server = who;
    if (answer.how == "held")
        step.text = "the director has this connection already: it stays at " + who +
                    (answer.leaving.empty()
                         ? ""
                         : ", which was taken out of " + balancer.name +
                               " and is leaving: it has its connections still, and gets none");
    else if (answer.how == "client")
        step.text = "the client keeps its server for " + std::to_string(balancer.persistence) +
                    " s: " + who;
    else if (answer.how == "chosen")
        step.text = "policy " + balancer.policy + " chooses " + who + ", by addresses and ports";
    else if (answer.how == "open")
        step.text = "policy " + balancer.policy + " chooses as it is at the time: one of " + who;
    else if (answer.how == "sorry")
        step.text = "no server takes new connections: the sorry server " + who + " gets it";
    else if (answer.how == "refused")
        step.text = "no server takes new connections, and no sorry server is named: refused";
    else
        step.text = "the switch has no built-in director for " + db::vip_text(balancer) +
                    ": 'ovs-appctl holdfast/sync' has it read the store again";
    step.problem = answer.how == "sorry" || answer.how == "refused" || answer.how.empty();
    return step;
}

/// The VLAN of what enters there; nothing if that is not known, as of uplinks and of ports that are
/// no access ports: what a guest tags itself may be in any.
std::optional<int> vlan_at(const TraceEntry& entry, const SwitchAnswer& answer)
{
    constexpr std::string_view by_port = "in_port=";
    if (!answer.vlans || !entry.where.starts_with(by_port))
        return std::nullopt;
    const auto at = answer.vlans->find(entry.where.substr(by_port.size()));
    return at == answer.vlans->end() ? std::nullopt : std::optional{at->second};
}

/// What the switch knows of the gateway that what enters there goes by.
TraceGateway gateway_at(const std::string& address, const TraceEntry& entry,
                        const SwitchAnswer& answer)
{
    TraceGateway found{address, vlan_at(entry, answer),
                       answer.gateways ? GatewayState::unasked : GatewayState::untold};
    for (const TraceGateway& one : answer.gateways.value_or(std::vector<TraceGateway>{}))
        if (one.address == address && (!found.vlan || found.vlan == one.vlan) &&
            one.state > found.state)
            found = one;
    return found;
}

/// "the gateway 10.0.10.1 in VLAN 10".
std::string gateway_text(const TraceGateway& gateway)
{
    return "the gateway " + gateway.address +
           (gateway.vlan.value_or(0) ? " in VLAN " + std::to_string(*gateway.vlan) : "");
}

TraceLeg leg_to(const db::Balancer& balancer, const std::string& director, const TraceEntry& entry,
                const db::RealServer& server, const std::vector<db::Vm>& vms,
                const SwitchAnswers& answers)
{
    const db::Vm* vm = db::vm_with(vms, server.address);
    TraceLeg leg{director, entry, server, vm ? std::optional{*vm} : std::nullopt};
    if (server.way != "routed")
        return leg;
    const auto answer = answers.find(entry.hypervisor);
    leg.gateway = gateway_at(balancer.gateway, entry,
                             answer == answers.end() ? SwitchAnswer{} : answer->second);
    return leg;
}

/// What becomes of a packet at the server's port.
BalancerStep translation(const TraceLeg& leg, const std::string& from, const std::string& mac)
{
    return {"out",
            leg.vm->hypervisor,
            leg.vm->name,
            leg.server.address,
            "at the port of " + leg.vm->name + ": " + from + " becomes " +
                endpoint(leg.server.address, leg.server.port) + mac,
            false};
}

BalancerStep to_director(const db::Balancer& balancer, const TracedConnection& connection)
{
    return {"out",
            "",
            "",
            "",
            endpoint(connection.client, connection.client_port) + " to " + db::vip_text(balancer),
            false};
}

/// What an external director does first.
std::vector<BalancerStep> asks(const TraceLeg& leg)
{
    if (leg.director.empty())
        return {};
    return {{"out", leg.entry.hypervisor, leg.director, leg.server.address,
             "if it chooses " + leg.server.address +
                 " it asks for its MAC address: the switch answers " + leg.server.mac,
             false}};
}

/// The servers that get nothing new because they are dead: said once, whoever is chosen.
void add_dead(const db::Balancer& balancer, const std::vector<db::Vm>& vms,
              const std::vector<db::ServerHealth>& health, TracePlan& plan)
{
    for (const db::RealServer& server : balancer.servers) {
        const db::ServerHealth* row = db::health_of(health, vms, balancer.name, server.address);
        if (db::is_up(balancer, row))
            continue;
        const db::Vm* vm = db::vm_with(vms, server.address);
        plan.steps.push_back({"out", row ? row->hypervisor : "", vm ? vm->name : "", server.address,
                              server.address +
                                  " gets no new connections: it is dead by its health" +
                                  (row ? ": " + row->text : ", which nobody has probed yet"),
                              true});
    }
}

void plan_builtin(const db::Balancer& balancer, const TracedConnection& connection,
                  const TraceEntry& entry, const std::vector<db::Vm>& vms,
                  const SwitchAnswers& answers, TracePlan& plan)
{
    BalancerStep enters = to_director(balancer, connection);
    enters.hypervisor = entry.hypervisor;
    enters.vm = entry.vm;
    enters.text += " enters by " + entry.text + " for " + balancer.vip_mac +
                   ", which the switch answers who asks for the VIP";
    plan.steps.push_back(enters);
    if (std::string why = switch_trouble(entry.hypervisor, answers); !why.empty()) {
        plan.steps.push_back({"out", entry.hypervisor, "", "", why, true});
        return;
    }
    auto answer = answers.find(entry.hypervisor);
    if (answer == answers.end())
        return;
    BalancerStep choice = choice_of(balancer, answer->second);
    choice.hypervisor = entry.hypervisor;
    plan.steps.push_back(choice);
    auto servers = db::all_servers(balancer);
    servers.insert(servers.end(), answer->second.leaving.begin(), answer->second.leaving.end());
    for (const db::RealServer& server : servers) {
        const auto& chosen = answer->second.servers;
        bool seen = std::any_of(plan.legs.begin(), plan.legs.end(), [&](const TraceLeg& leg) {
            return leg.server.address == server.address;
        });
        if (!seen && std::find(chosen.begin(), chosen.end(), server.address) != chosen.end())
            plan.legs.push_back(leg_to(balancer, "", entry, server, vms, answers));
    }
}

void plan_external(const db::Balancer& balancer, const TracedConnection& connection,
                   const std::vector<db::Vm>& vms, const SwitchAnswers& answers, TracePlan& plan)
{
    if (balancer.directors.empty())
        plan.steps.push_back({"out", "", "", "",
                              "balancer " + balancer.name +
                                  " names no director: make it anew with --director external:VM",
                              true});
    for (const std::string& id : balancer.directors) {
        auto vm =
            std::find_if(vms.begin(), vms.end(), [&](const db::Vm& one) { return one.id == id; });
        if (vm == vms.end()) {
            plan.steps.push_back({"out", "", id, "", "no VM has the director's id " + id, true});
            continue;
        }
        std::string why = not_there(*vm);
        if (why.empty())
            why = switch_trouble(vm->hypervisor, answers);
        if (!why.empty()) {
            plan.steps.push_back({"out", vm->hypervisor, vm->name, "", "director: " + why, true});
            continue;
        }
        TraceEntry entry = entry_of(*vm, *plugged(*vm));
        BalancerStep comes = to_director(balancer, connection);
        comes.hypervisor = vm->hypervisor;
        comes.vm = vm->name;
        comes.text +=
            " comes to director " + vm->name + " by " + entry.text + ": the VIP is its address";
        plan.steps.push_back(comes);
        for (const db::RealServer& server : balancer.servers)
            plan.legs.push_back(leg_to(balancer, vm->name, entry, server, vms, answers));
    }
}

} // namespace

Result<TracedConnection> read_connection(const std::string& packet, const db::Balancer& balancer)
{
    TracedConnection connection;
    const std::string v6 = is_ipv6(balancer.vip) ? "6" : "";
    const std::string network = v6.empty() ? "ip" : "ipv6";
    const std::string source = v6.empty() ? "nw_src" : "ipv6_src";
    const auto wrong = [&](std::string_view item, const std::string& mend) {
        return Error{Errc::invalid, "packet field \"" + one_line(item, 60) + "\": " + mend};
    };
    for (std::size_t at = 0; at < packet.size();) {
        std::size_t end = std::min(packet.find(',', at), packet.size());
        std::string_view item = trimmed(std::string_view{packet}.substr(at, end - at));
        at = end + 1;
        const std::size_t equals = std::min(item.find('='), item.size());
        const std::string name{item.substr(0, equals)};
        const std::string value{item.substr(std::min(equals + 1, item.size()))};
        const auto is_port = [&](const std::string& side) {
            return name == "tp_" + side || name == balancer.protocol + "_" + side;
        };
        if (item.empty() || item == network || item == balancer.protocol + v6)
            continue;
        if (name == source || name == network + "_src") {
            if (v6.empty() ? !parse_ipv4(value) : !is_ipv6(value))
                return wrong(item, "give one address of the VIP's family");
            connection.client = value;
        } else if (name == (v6.empty() ? "nw_dst" : "ipv6_dst") || name == network + "_dst") {
            if (value != balancer.vip)
                return wrong(item, "the packet is not for the VIP, " + balancer.vip);
        } else if (is_port("src")) {
            auto port = parse_port(value);
            if (!port)
                return wrong(item, "give a port, 1 to 65535");
            connection.client_port = *port;
        } else if (is_port("dst")) {
            if (value != std::to_string(balancer.port))
                return wrong(item, "the packet is not for the VIP's port, " +
                                       std::to_string(balancer.port));
        } else if (name == "in_port" && !value.empty()) {
            connection.in_port = value;
        } else {
            return wrong(item, "a packet for " + db::vip_text(balancer) + " has " +
                                   balancer.protocol + v6 + ", " + source +
                                   ", tp_src and in_port to say");
        }
    }
    return connection;
}

Result<TraceEntry> find_entry(const std::string& from, const TraceSurroundings& surroundings,
                              const db::Balancer& balancer, TracedConnection& connection)
{
    const bool v6 = is_ipv6(balancer.vip);
    const auto name_client = [&](const db::Vm* vm) {
        if (!connection.client.empty())
            return;
        connection.client = v6 ? "2001:db8::1" : "192.0.2.1";
        for (std::size_t i = vm ? vm->ips.size() : 0; i-- > 0;)
            if (is_ipv6(vm->ips[i]) == v6)
                connection.client = vm->ips[i];
    };
    if (!from.empty() && !connection.in_port.empty())
        return Error{Errc::invalid, "give --from or in_port, not both"};
    const std::string named = from.empty() ? connection.in_port : from;
    if (named.empty()) {
        const db::Vm* vm =
            connection.client.empty() ? nullptr : db::vm_with(surroundings.vms, connection.client);
        name_client(vm);
        if (vm && plugged(*vm))
            return entry_of(*vm, *plugged(*vm));
        return TraceEntry{surroundings.self, "uplink", "an uplink", "", ""};
    }
    for (const SwitchPort& port : surroundings.ports) {
        if (port.interface != named && std::to_string(port.ofport) != named)
            continue;
        const db::Vm* vm = vm_at(surroundings.vms, surroundings.self, port.ofport);
        name_client(vm);
        return TraceEntry{surroundings.self, "in_port=" + std::to_string(port.ofport),
                          "port " + std::to_string(port.ofport) + " (" + port.interface + ")",
                          vm ? port.mac : "", vm ? vm->name : ""};
    }
    auto vm = db::find_vm(surroundings.vms, named);
    if (!vm)
        return Error{vm.error().code, vm.error().message + "; nor is it a port of " +
                                          surroundings.self + "'s switch"};
    if (std::string why = not_there(*vm); !why.empty())
        return Error{Errc::invalid, "nothing can be sent from there: " + why};
    name_client(&*vm);
    return entry_of(*vm, *plugged(*vm));
}

TracePlan plan_trace(const db::Balancer& balancer, const TracedConnection& connection,
                     const TraceEntry& entry, const std::vector<db::Vm>& vms,
                     const std::vector<db::ServerHealth>& health, const SwitchAnswers& answers)
{
    TracePlan plan;
    if (db::is_builtin(balancer))
        plan_builtin(balancer, connection, entry, vms, answers, plan);
    else
        plan_external(balancer, connection, vms, answers, plan);
    add_dead(balancer, vms, health, plan);
    return plan;
}

GatewayState gateway_state(bool known, bool asked, bool silent)
{
    if (known)
        return silent ? GatewayState::silent : GatewayState::known;
    if (!asked)
        return GatewayState::unasked;
    return silent ? GatewayState::unanswered : GatewayState::asked;
}

std::set<std::string> still_to_ask(const TracePlan& plan, const SwitchAnswers& answers)
{
    std::set<std::string> hypervisors;
    for (const TraceLeg& leg : plan.legs)
        if (leg.vm && !answers.contains(leg.vm->hypervisor))
            hypervisors.insert(leg.vm->hypervisor);
    return hypervisors;
}

bool ends_at_gateway(const TraceLeg& leg)
{
    return leg.server.way == "routed" && (leg.gateway.state == GatewayState::untold ||
                                          leg.gateway.state == GatewayState::unanswered);
}

std::string unreachable(const TraceLeg& leg, const std::string& balancer,
                        const SwitchAnswers& answers)
{
    const bool routed = leg.server.way == "routed";
    if (routed && leg.gateway.state == GatewayState::untold)
        return "the switch of " + leg.entry.hypervisor +
               " does not say what it knows of gateways: it is older than this hypervisor's, "
               "install the same there";
    if (routed && leg.gateway.state == GatewayState::unanswered)
        return gateway_text(leg.gateway) + " was asked by " + leg.entry.hypervisor +
               ", and does not answer ARP: what is for " + leg.server.address + " is dropped there";
    if (routed && !leg.vm)
        return {}; // Nobody has to know more of it.
    if (!leg.vm)
        return "no VM has the address " + leg.server.address +
               " (any more): start it, or 'holdfast balancer server del " + balancer + " " +
               leg.server.address + "'";
    if (leg.server.mac.empty())
        return leg.server.address + " has no synthetic MAC address: remove and add it";
    std::string why = not_there(*leg.vm);
    return why.empty() ? switch_trouble(leg.vm->hypervisor, answers) : why;
}

std::string frame_to_server(const db::Balancer& balancer, const TracedConnection& connection,
                            const TraceLeg& leg)
{
    return frame(balancer, {leg.entry.mac, leg.server.mac}, {connection.client, balancer.vip},
                 {connection.client_port, balancer.port});
}

std::string frame_to_client(const db::Balancer& balancer, const TracedConnection& connection,
                            const TraceLeg& leg, const std::vector<db::Vm>& vms)
{
    const db::Vm* client = db::vm_with(vms, connection.client);
    return frame(balancer,
                 {leg.vm->ports[0].mac, client && plugged(*client) ? plugged(*client)->mac : ""},
                 {balancer.vip, connection.client}, {balancer.port, connection.client_port});
}

bool arrived(const TraceLeg& leg, const Walked& walked)
{
    const db::VmPort* port = leg.vm ? plugged(*leg.vm) : nullptr;
    return !walked.lost && port && walked.hypervisor == leg.vm->hypervisor &&
           walked.out_port == port->ofport;
}

std::vector<BalancerStep> steps_by_gateway(const db::Balancer& balancer, const TraceLeg& leg)
{
    const std::string& address = leg.server.address;
    const std::string number = "DSCP " + std::to_string(balancer.number);
    auto steps = asks(leg);
    BalancerStep routed{"out", leg.entry.hypervisor, "", address,
                        balancer.vip + " becomes " + address + " with " + number + ", " +
                            leg.server.mac + " becomes "};
    const bool asked = leg.gateway.state == GatewayState::asked;
    if (asked || leg.gateway.state == GatewayState::unasked) {
        const std::string done = asked ? " has just asked" : " has not asked yet";
        routed.condition =
            gateway_text(leg.gateway) + " answers ARP: " + leg.entry.hypervisor + done;
        routed.text += "the MAC address of " + gateway_text(leg.gateway) + ", for which " +
                       leg.entry.hypervisor + done +
                       (asked ? ": what comes before the answer is lost"
                              : ": it learns it when the gateway asks for the VIP, or asks at the "
                                "first packet, which is lost");
    } else {
        routed.text += leg.gateway.mac + ", of " + gateway_text(leg.gateway) + ": out by " +
                       leg.gateway.interface;
    }
    routed.problem = leg.gateway.state == GatewayState::silent;
    if (routed.problem)
        routed.text += "; it does not answer ARP any more";
    steps.push_back(std::move(routed));
    steps.push_back({"out", "", "", address,
                     "the gateway routes it to " + address +
                         (leg.vm ? "" : ", which is no VM of the fleet: what follows is unknown"),
                     false});
    if (leg.vm)
        steps.push_back(translation(leg, endpoint(address, balancer.port) + " with " + number, ""));
    return steps;
}

std::vector<BalancerStep> steps_out(const db::Balancer& balancer, const TraceLeg& leg,
                                    const Walked& walked)
{
    auto steps = asks(leg);
    const std::string& address = leg.server.address;
    for (const WalkStep& step : walked.steps)
        steps.push_back({"out", step.hypervisor, step.vm, address, step.text, false, step.rules});
    if (arrived(leg, walked))
        steps.push_back(translation(leg, vip_end(balancer),
                                    ", " + leg.server.mac + " becomes " + leg.vm->ports[0].mac));
    else
        steps.push_back({"out", walked.hypervisor, leg.vm->name, address,
                         "does not come to " + leg.vm->name + ": " + walked.result, true});
    return steps;
}

std::vector<BalancerStep> steps_back(const db::Balancer& balancer,
                                     const TracedConnection& connection, const TraceLeg& leg,
                                     const Walked& walked)
{
    const std::string& address = leg.server.address;
    std::vector<BalancerStep> steps{
        {"back", leg.vm->hypervisor, leg.vm->name, address,
         leg.vm->name + " answers: " + endpoint(address, leg.server.port) + " becomes " +
             vip_end(balancer) + " where the switch receives it",
         false}};
    for (const WalkStep& step : walked.steps)
        steps.push_back({"back", step.hypervisor, step.vm, address, step.text, false, step.rules});
    steps.push_back({"back", walked.hypervisor, "", address,
                     walked.lost
                         ? "the answer does not come to the client: " + walked.result
                         : "straight to " + endpoint(connection.client, connection.client_port) +
                               ", or the server's router on the way there, past the director",
                     walked.lost});
    return steps;
}

std::string trace_result(const std::vector<BalancerStep>& steps)
{
    auto first = std::find_if(steps.begin(), steps.end(),
                              [](const BalancerStep& step) { return step.problem; });
    if (first == steps.end()) {
        first = std::ranges::find_if(
            steps, [](const BalancerStep& step) { return !step.condition.empty(); });
        return first == steps.end() ? "there and back" : "there and back, if " + first->condition;
    }
    auto n = std::count_if(steps.begin(), steps.end(),
                           [](const BalancerStep& step) { return step.problem; });
    return first->text + (n > 1 ? " (and " + std::to_string(n - 1) + " more)" : "");
}

} // namespace holdfast::hookd
