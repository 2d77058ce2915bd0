// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-balancer-trace: balancer/trace: a balanced connection's way out and back, through
// all switches.
//
// The hypervisor that is asked first asks every switch concerned what it would do, all at once,
// then walks to each server and back; hookd/balancer-trace makes lines of it.
#include <config.h>

#include <algorithm>
#include <memory>
#include <set>

#include "db/balancer.h"
#include "db/find.h"
#include "hookd/balancer-trace.h"
#include "hookd/commands.h"
#include "hookd/trace-walk.h"

namespace holdfast::hookd {
namespace {

using Json = nlohmann::json;

constexpr auto task_limit = std::chrono::seconds{10};

std::vector<TraceGateway> read_gateways(const Json& list)
{
    std::vector<TraceGateway> all;
    for (const Json& one : list) {
        if (!one.is_object())
            continue;
        // A switch that does not tell "asked" asks within a second.
        all.push_back({one.value("address", ""), one.value("vlan", 0),
                       gateway_state(one.value("known", false), one.value("asked", true),
                                     one.value("silent", false)),
                       one.value("mac", ""), one.value("interface", "")});
    }
    return all;
}

SwitchAnswer read_answer(const Result<Json>& answer)
{
    if (!answer)
        return {answer.error().message, false, "", {}};
    SwitchAnswer read{"", answer->value("datapath", "") == "kernel", answer->value("how", ""),
                      answer->value("servers", std::vector<std::string>{})};
    for (const Json& one : answer->value("leaving", Json::array()))
        if (one.is_object())
            read.leaving.push_back({one.value("address", ""), one.value("port", 0), 0, "draining",
                                    one.value("mac", ""), 0, one.value("way", "")});
    if (answer->contains("gateways"))
        read.gateways = read_gateways(answer->at("gateways"));
    if (answer->contains("vlans"))
        read.vlans = answer->at("vlans").get<std::map<std::string, int>>();
    return read;
}

Json describe(const BalancerStep& step)
{
    return {{"way", step.way},     {"hypervisor", step.hypervisor},
            {"vm", step.vm},       {"server", step.server},
            {"text", step.text},   {"problem", step.problem},
            {"rules", step.rules}, {"condition", step.condition}};
}

/// A trace under way.
class BalancerTrace : public std::enable_shared_from_this<BalancerTrace> {
public:
    BalancerTrace(Commands& commands, Daemon& daemon, db::Balancer balancer,
                  TracedConnection connection, TraceEntry entry, Commands::Done done)
        : commands_{commands}, daemon_{daemon}, balancer_{std::move(balancer)},
          connection_{std::move(connection)}, entry_{std::move(entry)}, done_{std::move(done)}
    {
    }

    void begin()
    {
        std::set<std::string> hypervisors;
        if (db::is_builtin(balancer_))
            hypervisors.insert(entry_.hypervisor);
        for (const std::string& id : balancer_.directors)
            if (const db::Vm* vm = ledger().vm(id))
                hypervisors.insert(vm->hypervisor);
        for (const db::RealServer& server : db::all_servers(balancer_))
            if (const db::Vm* vm = db::vm_with(ledger().vms(), server.address))
                hypervisors.insert(vm->hypervisor);
        ask_all(hypervisors);
    }

private:
    void ask_all(const std::set<std::string>& hypervisors)
    {
        n_awaited_ = hypervisors.size() + 1; // One more, so that none ends it before all are asked.
        for (const std::string& hypervisor : hypervisors)
            ask(hypervisor);
        awaited();
    }

    void ask(const std::string& hypervisor)
    {
        const Json arguments{{"vip", balancer_.vip},
                             {"port", balancer_.port},
                             {"protocol", balancer_.protocol},
                             {"client", connection_.client},
                             {"client_port", connection_.client_port}};
        auto take = [self = shared_from_this(), hypervisor](const Result<Json>& answer) {
            self->answers_[hypervisor] = read_answer(answer);
            self->awaited();
        };
        if (hypervisor == daemon_.world().self())
            commands_.do_task("place-step", arguments, take);
        else
            daemon_.fleet().ask(hypervisor, "place-step", arguments, task_limit, take);
    }

    void awaited()
    {
        if (--n_awaited_ > 0)
            return;
        TracePlan plan =
            plan_trace(balancer_, connection_, entry_, ledger().vms(), ledger().health(), answers_);
        // That of a server which was taken out is known from the answers alone.
        if (const auto more = still_to_ask(plan, answers_); !more.empty()) {
            ask_all(more);
            return;
        }
        steps_ = std::move(plan.steps);
        legs_ = std::move(plan.legs);
        next_leg();
    }

    void next_leg()
    {
        for (; at_ < legs_.size(); ++at_) {
            const TraceLeg& leg = legs_[at_];
            std::string why = unreachable(leg, balancer_.name, answers_);
            if (why.empty() && leg.server.way == "routed") {
                add(steps_by_gateway(balancer_, leg));
                if (!leg.vm)
                    continue;
                walk_back();
                return;
            }
            if (why.empty()) {
                walk(leg.entry.hypervisor, leg.entry.where,
                     frame_to_server(balancer_, connection_, leg), &BalancerTrace::went_out);
                return;
            }
            const bool here = ends_at_gateway(leg);
            steps_.push_back({"out",
                              here     ? leg.entry.hypervisor
                              : leg.vm ? leg.vm->hypervisor
                                       : "",
                              leg.vm && !here ? leg.vm->name : "", leg.server.address, why, true});
        }
        finish();
    }

    void went_out(const Walked& walked)
    {
        const TraceLeg& leg = legs_[at_];
        add(steps_out(balancer_, leg, walked));
        if (arrived(leg, walked)) {
            walk_back();
            return;
        }
        ++at_;
        next_leg();
    }

    void walk_back()
    {
        const TraceLeg& leg = legs_[at_];
        walk(leg.vm->hypervisor, "in_port=" + std::to_string(leg.vm->ports[0].ofport),
             frame_to_client(balancer_, connection_, leg, ledger().vms()),
             &BalancerTrace::came_back);
    }

    void came_back(const Walked& walked)
    {
        add(steps_back(balancer_, connection_, legs_[at_], walked));
        ++at_;
        next_leg();
    }

    void walk(const std::string& hypervisor, const std::string& where, const std::string& packet,
              void (BalancerTrace::*then)(const Walked&))
    {
        // A chain that the packet is on leads it through its hops first; at the server it ends.
        auto is_hop = [self = shared_from_this(), server = legs_[at_].vm->id](const db::Vm& vm) {
            const auto& chains = self->ledger().chains();
            return vm.id != server &&
                   std::any_of(chains.begin(), chains.end(),
                               [&](const db::Chain& chain) { return db::passes(chain, vm.id); });
        };
        walk_frame(commands_, daemon_, {hypervisor, where, packet, is_hop},
                   [self = shared_from_this(), then](const Walked& walked) {
                       (self.get()->*then)(walked);
                   });
    }

    void add(const std::vector<BalancerStep>& steps)
    {
        steps_.insert(steps_.end(), steps.begin(), steps.end());
    }

    void finish()
    {
        Json steps = Json::array();
        bool ok = true;
        for (const BalancerStep& step : steps_) {
            steps.push_back(describe(step));
            ok = ok && !step.problem;
        }
        done_(Json{{"balancer", balancer_.name},
                   {"vip", balancer_.vip},
                   {"port", balancer_.port},
                   {"protocol", balancer_.protocol},
                   {"client", connection_.client},
                   {"client_port", connection_.client_port},
                   {"steps", steps},
                   {"ok", ok},
                   {"result", trace_result(steps_)}});
    }

    const Ledger& ledger() const { return daemon_.world().ledger; }

    Commands& commands_;
    Daemon& daemon_;
    const db::Balancer balancer_; // As it was when the trace began.
    const TracedConnection connection_;
    const TraceEntry entry_;
    Commands::Done done_;
    std::size_t n_awaited_ = 0;
    SwitchAnswers answers_;
    std::vector<BalancerStep> steps_;
    std::vector<TraceLeg> legs_;
    std::size_t at_ = 0; // The leg that is walked.
};

} // namespace

void Commands::balancer_trace(const Json& arguments, Done done)
{
    auto name = text_argument(arguments, "name");
    auto balancer = name ? db::find_balancer(world().ledger.balancers(), *name)
                         : Result<db::Balancer>{name.error()};
    if (!balancer) {
        done(balancer.error());
        return;
    }
    auto connection = read_connection(arguments.value("packet", ""), *balancer);
    if (!connection) {
        done(connection.error());
        return;
    }
    auto entry =
        find_entry(arguments.value("from", ""),
                   {world().self(), world().ports, world().ledger.vms()}, *balancer, *connection);
    if (!entry) {
        done(entry.error());
        return;
    }
    std::make_shared<BalancerTrace>(*this, daemon_, *balancer, *connection, *entry, std::move(done))
        ->begin();
}

/// What this switch would do with a connection, and whether balancers do anything here.
void Commands::place_here(const Json& arguments, Done done)
{
    std::vector<std::string> words{
        arguments.at("vip").get<std::string>(), std::to_string(arguments.at("port").get<int>()),
        arguments.at("protocol").get<std::string>(), arguments.at("client").get<std::string>(),
        std::to_string(arguments.at("client_port").get<int>())};
    std::map<std::string, int> vlans;
    for (const SwitchPort& port : world().ports)
        if (port.tag)
            vlans.emplace(std::to_string(port.ofport), port.tag);
    daemon_.ask_switch("holdfast/status", {}, [=, this](const Result<std::string>& status) {
        if (!status) {
            done(status.error());
            return;
        }
        Json datapath = Json::parse(*status, nullptr, false);
        auto place = [done, datapath, vlans](const Result<std::string>& placed) {
            // Without a built-in director here that is refused: no reason not to go on.
            Json answer = placed ? Json::parse(*placed, nullptr, false) : Json::object();
            if (!answer.is_object() || !datapath.is_object()) {
                done(Error{Errc::damaged, "the switch's answer is no JSON object"});
                return;
            }
            answer["datapath"] = datapath.value("datapath", "");
            if (datapath.contains("gateways"))
                answer["gateways"] = datapath.at("gateways");
            answer["vlans"] = vlans;
            done(answer);
        };
        daemon_.ask_switch("holdfast/place", words, place);
    });
}

} // namespace holdfast::hookd
