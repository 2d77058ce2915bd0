// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-trace: chain/trace: a packet's way, switch by switch; and what this
// hypervisor's switch does with one.
#include <config.h>

#include <algorithm>

#include "common/text.h"
#include "db/find.h"
#include "hookd/chain.h"
#include "hookd/classifier.h"
#include "hookd/commands.h"
#include "hookd/trace-walk.h"
#include "hookd/trace.h"

namespace holdfast::hookd {
namespace {

using Json = nlohmann::json;

/// The VM at whose hypervisor a packet from outside enters the chain: the one that it is for; if
/// that is none, the last hop, since then the network floods it.  Null if that is a group, or none.
const db::Vm* entered_at(const db::Chain& chain, const std::string& packet, const Ledger& ledger)
{
    if (const db::Vm* receiver = receiver_of(packet, ledger.vms()))
        return receiver;
    const auto last = std::find_if(chain.hops.rbegin(), chain.hops.rend(),
                                   [](const db::Hop& hop) { return hop.kind != "tap"; });
    return last != chain.hops.rend() && last->vms.size() == 1 ? ledger.vm(last->vms[0]) : nullptr;
}

/// Where the packet enters a switch.
WalkOrder walk_of(const std::string& packet, const db::Chain& chain, World& world)
{
    const Ledger& ledger = world.ledger;
    std::string in_port = field_of(packet, "in_port");
    const db::Vm* sender = sender_of(packet, ledger.vms());
    WalkOrder order{world.self(), "uplink", with_macs(without_in_port(packet), ledger.vms()), {}};
    if (!in_port.empty()) {
        order.where = "in_port=" + in_port;
    } else if (sender && !sender->ports.empty() && sender->ports[0].ofport) {
        order.hypervisor = sender->hypervisor;
        order.where = "in_port=" + std::to_string(sender->ports[0].ofport);
    } else if (const db::Vm* vm = entered_at(chain, packet, ledger);
               vm && !vm->hypervisor.empty()) {
        order.hypervisor = vm->hypervisor;
    }
    return order;
}

} // namespace

void Commands::chain_trace(const Json& arguments, Done done)
{
    auto chain = named_chain(arguments);
    if (!chain) {
        done(chain.error());
        return;
    }
    std::string packet = arguments.value("packet", "");
    if (packet.empty())
        packet = chain->match;
    if (auto parsed = parse_match(packet); !parsed) {
        done(Error{Errc::invalid,
                   "packet \"" + one_line(packet, 80) + "\": " + parsed.error().message});
        return;
    }
    WalkOrder order = walk_of(packet, *chain, world());
    order.is_hop = [this, name = chain->name](const db::Vm& vm) {
        auto now = db::find_chain(world().ledger.chains(), name);
        return now && db::passes(*now, vm.id);
    };
    auto tell = [name = chain->name, packet = order.packet, done](const Walked& walked) {
        Json steps = Json::array();
        for (const WalkStep& step : walked.steps)
            steps.push_back({{"hypervisor", step.hypervisor},
                             {"vm", step.vm},
                             {"text", step.text},
                             {"rules", step.rules}});
        done(
            Json{{"chain", name}, {"packet", packet}, {"steps", steps}, {"result", walked.result}});
    };
    walk_frame(*this, daemon_, std::move(order), tell);
}

/// One switch's part, on that switch's hypervisor.
void Commands::trace_here(const Json& arguments, Done done)
{
    std::string where = arguments.at("where").get<std::string>();
    std::string packet = arguments.at("packet").get<std::string>();
    int tunnel_port = 0;
    for (const SwitchPort& port : world().ports) {
        bool wanted = (where == "uplink" && port.kind == "uplink") ||
                      (where.starts_with("tunnel") && port.kind == "tunnel");
        if (port.kind == "tunnel")
            tunnel_port = port.ofport;
        if (wanted)
            where.replace(0, 6, "in_port=" + std::to_string(port.ofport));
    }
    if (!where.starts_with("in_port=")) {
        done(Error{Errc::not_found, "bridge " + world().config.bridge + " has no " +
                                        where.substr(0, where.find(',')) +
                                        " port: name where the packet enters, with in_port=N"});
        return;
    }
    std::string flow = where + (packet.empty() ? "" : "," + packet);
    auto take = [this, where, tunnel_port, done](const Result<std::string>& text) {
        if (!text) {
            done(text.error());
            return;
        }
        done(describe_step(parse_trace(*text), where, tunnel_port));
    };
    daemon_.ask_switch("ofproto/trace", {world().config.bridge, flow}, take);
}

Json Commands::describe_step(const TraceStep& step, const std::string& where, int tunnel_port)
{
    auto title = [this](int ofport) {
        std::string text = "port " + std::to_string(ofport);
        for (const SwitchPort& port : world().ports) {
            if (port.ofport == ofport)
                text += " (" + port.interface + ")";
        }
        const db::Vm* vm = vm_at(world().ledger.vms(), world().self(), ofport);
        return vm ? text + " of " + vm->name : text;
    };
    Json answer{{"rules", step.rules}};
    int in_port = std::atoi(where.c_str() + std::string_view{"in_port="}.size());
    std::string text = "in by " + title(in_port) + ", ";
    if (step.out_port && *step.out_port == tunnel_port) {
        answer["tunnel"] = step.tun_dst;
        answer["tun_id"] = step.tun_id.value_or(0);
        text += "through the tunnel to " + step.tun_dst;
    } else if (step.out_port) {
        answer["out_port"] = *step.out_port;
        text += "out by " + title(*step.out_port);
        answer["end"] = "delivered to " + title(*step.out_port) + " on " + world().self();
    } else if (step.dropped) {
        text += "dropped";
        answer["dropped"] = true;
        answer["end"] = "dropped on " + world().self();
    } else {
        text += "on to its own destination";
        answer["end"] = "went to its own destination from " + world().self() +
                        (step.remark.empty() ? "" : " (" + step.remark + ")");
    }
    answer["text"] = text + (step.rules.empty() ? "" : "; " + step.rules.back());
    return answer;
}

} // namespace holdfast::hookd
