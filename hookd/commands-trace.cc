// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-trace: chain/trace: a packet's way, switch by switch.
//
// The hypervisor that is asked leads the walk; each switch is traced by its own hookd.
#include <config.h>

#include <algorithm>

#include "common/text.h"
#include "db/find.h"
#include "hookd/chain.h"
#include "hookd/classifier.h"
#include "hookd/commands.h"
#include "hookd/trace.h"

namespace holdfast::hookd {
namespace {

using Json = nlohmann::json;

constexpr auto task_limit = std::chrono::seconds{10};
constexpr int most_steps = 64;

} // namespace

/// A walk under way: one step after the other until the packet has arrived somewhere.
class TraceWalk : public std::enable_shared_from_this<TraceWalk> {
public:
    TraceWalk(Commands& commands, Daemon& daemon, std::string chain, std::string packet,
              Commands::Done done)
        : commands_{commands}, daemon_{daemon}, chain_{std::move(chain)},
          packet_{std::move(packet)}, done_{std::move(done)}
    {
    }

    void begin()
    {
        const Ledger& ledger = daemon_.world().ledger;
        std::string in_port = field_of(packet_, "in_port");
        const db::Vm* sender = sender_of(packet_, ledger.vms());
        packet_ = with_macs(without_in_port(packet_), ledger.vms());
        if (!in_port.empty()) {
            visit(daemon_.world().self(), "in_port=" + in_port);
        } else if (sender && !sender->ports.empty() && sender->ports[0].ofport) {
            visit(sender->hypervisor, "in_port=" + std::to_string(sender->ports[0].ofport));
        } else {
            visit(daemon_.world().self(), "uplink");
        }
    }

private:
    /// `where`: "in_port=N", perhaps with tunnel fields, or "uplink", or "tunnel,...".
    void visit(const std::string& hypervisor, const std::string& where)
    {
        if (++n_steps_ > most_steps) {
            finish("the packet goes round: more than " + std::to_string(most_steps) + " steps");
            return;
        }
        hypervisor_ = hypervisor;
        Json arguments{{"where", where}, {"packet", packet_}};
        auto take = [self = shared_from_this()](const Result<Json>& answer) { self->take(answer); };
        if (hypervisor == daemon_.world().self())
            commands_.do_task("trace-step", arguments, take);
        else
            daemon_.fleet().ask(hypervisor, "trace-step", arguments, task_limit, take);
    }

    void take(const Result<Json>& answer)
    {
        if (!answer) {
            finish(hypervisor_ + ": " + answer.error().message);
            return;
        }
        steps_.push_back({{"hypervisor", hypervisor_},
                          {"vm", vm_},
                          {"text", answer->value("text", "")},
                          {"rules", answer->value("rules", Json::array())}});
        vm_.clear();
        const Ledger& ledger = daemon_.world().ledger;
        std::string tunnel = answer->value("tunnel", "");
        int out_port = answer->value("out_port", 0);
        if (!tunnel.empty()) {
            for (const db::Hypervisor& row : ledger.hypervisors()) {
                if (row.vtep == tunnel) {
                    visit(row.name, "tunnel,tun_id=" + std::to_string(answer->value("tun_id", 0)));
                    return;
                }
            }
            finish("sent to " + tunnel + ", which is no hypervisor's tunnel address");
            return;
        }
        const db::Vm* vm = vm_at(ledger.vms(), hypervisor_, out_port);
        if (vm && is_hop(vm->id)) {
            vm_ = vm->name;
            visit(hypervisor_, "in_port=" + std::to_string(out_port));
            return;
        }
        finish(answer->value("end", ""));
    }

    bool is_hop(const std::string& vm) const
    {
        auto chain = db::find_chain(daemon_.world().ledger.chains(), chain_);
        return chain && db::passes(*chain, vm);
    }

    void finish(const std::string& result)
    {
        done_(Json{{"chain", chain_}, {"packet", packet_}, {"steps", steps_}, {"result", result}});
    }

    Commands& commands_;
    Daemon& daemon_;
    std::string chain_;
    std::string packet_;
    Commands::Done done_;
    std::string hypervisor_; // Where the packet is looked at now.
    std::string vm_;         // The hop that it comes out of, empty if none.
    Json steps_ = Json::array();
    int n_steps_ = 0;
};

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
    std::make_shared<TraceWalk>(*this, daemon_, chain->name, packet, std::move(done))->begin();
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
