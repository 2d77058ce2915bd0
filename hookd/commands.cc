// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands: see commands.h.  Chains are in commands-chain.cc, balancers in
// commands-balancer.cc, VMs in commands-vm.cc, services in
// commands-service.cc, users' shares in commands-quota.cc, hypervisors in commands-node.cc,
// recovery in commands-recovery.cc and commands-recovery-run.cc.
#include <config.h>

#include "hookd/commands.h"

#include <spdlog/spdlog.h>

#include "common/json-command.h"
#include "common/text.h"
#include "db/share-json.h"
#include "hookd/mtu.h"
#include "hookd/share-rules.h"
#include "hookd/vm-failures.h"

namespace holdfast::hookd {
namespace {

using Json = nlohmann::json;

std::string word(bool well, const std::string& trouble)
{
    return well ? "ok" : one_line(trouble);
}

} // namespace

Result<std::string> text_argument(const Json& arguments, const char* key)
{
    auto found = arguments.find(key);
    if (found == arguments.end() || !found->is_string())
        return Error{Errc::invalid, std::string{"\""} + key + "\" is missing: give it as text"};
    return found->get<std::string>();
}

Commands::Commands(OvsLoop& loop, Daemon& daemon)
    : daemon_{daemon}, drainer_{daemon.io(), daemon.world(), daemon.migrations()},
      schedd_{daemon.io().get_executor(),
              [] { return Result<std::string>{holdfast_control_socket("holdfast-schedd")}; },
              "holdfast-schedd"},
      recoveryd_{daemon.io().get_executor(),
                 [] { return Result<std::string>{holdfast_control_socket("holdfast-recoveryd")}; },
                 "holdfast-recoveryd"}
{
    add(loop, "status", "", &Commands::status);
    add(loop, "hook", "{name,op,subop,xml}", &Commands::hook);
    add(loop, "chain/add", "{name,match,via,symmetric,priority,dead,probe}", &Commands::chain_add);
    add(loop, "chain/set", "{name,via,dead,probe}", &Commands::chain_set);
    add(loop, "chain/del", "{name}", &Commands::chain_del);
    add(loop, "chain/check", "", &Commands::chain_check);
    add(loop, "chain/trace", "{name,packet}", &Commands::chain_trace);
    add(loop, "balancer/add",
        "{name,vip,servers,policy,director,gateway,mac_prefix,mac_layout,persistence,slow_start,"
        "sorry,check,check_interval,check_timeout,rise,fall}",
        &Commands::balancer_add);
    add(loop, "balancer/del", "{name}", &Commands::balancer_del);
    add(loop, "balancer/server", "{name,op,server,weight,limit}", &Commands::balancer_server);
    add(loop, "balancer/routes", "{name}", &Commands::balancer_routes);
    add(loop, "balancer/trace", "{name,packet,from}", &Commands::balancer_trace);
    add(loop, "vm/migrate", "{vm,to}", &Commands::vm_migrate);
    add(loop, "vm/protect", "{vm,on}", &Commands::vm_protect);
    add(loop, "service/run", "{name,user,ips,vlan,gateway,mode,environment,directory,command}",
        &Commands::service_run);
    add(loop, "service/stop", "{service}", &Commands::service_stop);
    add(loop, "service/pin", "{service,on}", &Commands::service_pin);
    add(loop, "service/migrate", "{service,to,mode,term}", &Commands::service_migrate);
    add(loop, "service/take-back", "{service,fenced}", &Commands::service_take_back);
    add(loop, "node/drain", "{node,parallel}", &Commands::node_drain);
    add(loop, "node/return", "{node}", &Commands::node_return);
    add(loop, "recovery/weights", "{weights}", &Commands::recovery_weights);
    add(loop, "recovery/policy", "{settings,vm}", &Commands::recovery_policy);
    add(loop, "recovery/run", "{vm,way,gone,recovery}", &Commands::recovery_run);
    add(loop, "recovery/put", "{row,was,remove}", &Commands::recovery_put);
    add(loop, "recovery/allow", "{vm}", &Commands::recovery_allow);
    add(loop, "node/load", "{load,period_load}", &Commands::node_load);
    add(loop, "node/loads", "", &Commands::node_loads);
    add(loop, "lease/step", "{was,to,put,remove,events}", &Commands::lease_step);
    add(loop, "quota/request",
        "{user,amount,hours_a_day,hours_a_week,storage,work_per_hour,nodes,administrator}",
        &Commands::quota_request);
    add(loop, "quota/select", "{user,nodes}", &Commands::quota_select);
    add(loop, "quota/del", "{user}", &Commands::quota_del);
    add(loop, "quota/review", "{dry_run}", &Commands::quota_review);
    add(loop, "fleet/init", "{listen}", &Commands::fleet_init);
    add(loop, "fleet/join", "{address}", &Commands::fleet_join);
    add(loop, "fleet/leave", "{node}", &Commands::fleet_leave);
    add(loop, "fleet/status", "", &Commands::fleet_status);
    daemon.fleet().set_worker([this](const std::string& verb, const Json& arguments, Done done) {
        do_task(verb, arguments, std::move(done));
    });
    daemon.fleet().set_ready([this] {
        rollout_.resume();
        give_up_recoveries();
    });
    daemon.on_recovery_rows([this] { nudge_recoveryd(); });
}

void Commands::add(OvsLoop& loop, const std::string& name, const std::string& usage,
                   Handler handler)
{
    add_json_command(loop, name, usage, [this, handler](const Json& arguments, Done done) {
        (this->*handler)(arguments, std::move(done));
    });
}

void Commands::do_task(const std::string& verb, const Json& arguments, Done done)
try {
    if (verb == "check") {
        check_here(std::move(done));
        return;
    }
    if (verb == "sync") {
        daemon_.in_place([done](const Result<void>& there) {
            done(there ? Result<Json>{Json::object()} : Result<Json>{there.error()});
        });
        return;
    }
    if (verb == "trace-step") {
        trace_here(arguments, std::move(done));
        return;
    }
    if (verb == "place-step") {
        place_here(arguments, std::move(done));
        return;
    }
    if (verb == "director-step") {
        directors_here(std::move(done));
        return;
    }
    if (verb == "migrate") {
        migrate_now(arguments, std::move(done));
        return;
    }
    if (verb == "protect") {
        vm_protect(arguments, std::move(done));
        return;
    }
    if (verb == "service-stop") {
        service_stop(arguments, std::move(done));
        return;
    }
    if (verb == "service-pin") {
        service_pin(arguments, std::move(done));
        return;
    }
    if (verb == "service-migrate") {
        service_migrate_now(arguments, std::move(done));
        return;
    }
    if (verb == "service-take-back") {
        service_take_back(arguments, std::move(done));
        return;
    }
    if (verb == "quota") {
        const std::string what = arguments.at("verb");
        if (what.starts_with("quota/")) // And no other command of schedd's control socket.
            ask_schedd(what, arguments.at("arguments"), std::move(done));
        else
            done(Error{Errc::invalid, "schedd is not asked to " + one_line(what, 40)});
        return;
    }
    if (verb == "node-loads") {
        ask_schedd("load/tell", Json::object(), std::move(done));
        return;
    }
    if (verb == "drain") {
        drain_now(arguments, std::move(done));
        return;
    }
    if (verb == "recovery-gone") {
        gone_here(arguments, std::move(done));
        return;
    }
    if (verb == "recovery-start") {
        start_here(arguments, std::move(done));
        return;
    }
    if (verb == "return") {
        return_now(std::move(done));
        return;
    }
    done(Error{Errc::invalid, "this hypervisor does not know how to " + one_line(verb, 40) +
                                  ": install the same version everywhere"});
} catch (const Json::exception& wrong) {
    done(Error{Errc::invalid, std::string{"the task's arguments: "} + wrong.what()});
}

/// A row that operators can follow, kept while this hypervisor or another does the work.
Result<db::Task> Commands::begin_task(const std::string& verb, const std::string& hypervisor,
                                      const Json& arguments, std::chrono::seconds limit,
                                      const db::Event& event)
{
    db::Task task;
    task.id = new_uuid();
    task.hypervisor = hypervisor;
    task.asked_by = world().self();
    task.verb = verb;
    task.arguments = to_text(arguments);
    task.state = "running";
    task.deadline = now_ns() + std::chrono::nanoseconds{limit}.count();
    StoreChange change;
    change.put_tasks = {task};
    change.events = {event};
    if (auto stored = world().commit(change); !stored)
        return stored.error();
    return task;
}

void Commands::end_task(db::Task task, const Result<Json>& result,
                        const std::optional<db::Event>& event)
{
    task.state = result ? "done" : "failed";
    task.reply = result ? to_text(*result) : result.error().message;
    for (UserTask& one : user_tasks_)
        if (one.id == task.id)
            one = {one.id, one.service, task.state, task.reply};
    StoreChange change;
    change.put_tasks = {task};
    if (event)
        change.events = {*event};
    world().commit(change);
}

/// A line of the time line, and of the log; `chain` is the chain it is about, if any.
void Commands::note(const std::string& kind, const std::string& text, const std::string& chain)
{
    StoreChange change;
    change.events = {world().event(kind, text, now_ns())};
    change.events[0].chain = chain;
    world().commit(change);
    spdlog::info("{}", text);
}

void Commands::status(const Json&, Done done)
{
    World& w = world();
    db::Hypervisor self = w.ledger.self();
    // Any interface's MTU may have changed, on the way here too: looked at when asked.
    w.problem("mtu", mtu_problem(look_at_ports(w.ports, w.domains),
                                 look_at_ways(w.ledger.hypervisors(), w.ports)));
    w.problem("shares", undecided(w.ledger.hypervisors(), w.ledger.lease(db::schedd_lease)));
    Json problems = Json::array();
    for (const auto& [subject, text] : w.problems) {
        if (subject != "fleet") // Told under its own key.
            problems.push_back(subject + ": " + text);
    }
    for (const std::string& line : daemon_.fleet().damages())
        problems.push_back(line);
    for (const std::string& line : recovery_problems(w.ledger.recoveries(), w.ledger.vms()))
        problems.push_back(line);
    Json answer{{"version", PACKAGE_VERSION},
                {"hypervisor", self.name},
                {"number", self.number},
                {"libvirt", word(w.libvirt_here, w.libvirt_trouble)},
                {"switch", word(w.switch_here, w.switch_trouble)},
                {"fleet", daemon_.fleet().state()},
                {"vms", w.ledger.vms().size()},
                {"chains", w.ledger.chains().size()},
                {"balancers", w.ledger.balancers().size()},
                {"problems", problems}};
    done(answer);
}

void Commands::hook(const Json& arguments, Done done)
{
    HookCall call;
    for (auto [key, into] : {std::pair{"name", &call.name}, std::pair{"op", &call.operation},
                             std::pair{"subop", &call.sub}, std::pair{"xml", &call.xml}}) {
        auto text = text_argument(arguments, key);
        if (!text) {
            done(text.error());
            return;
        }
        *into = *text;
    }
    auto xml = parse_domain_xml(call.xml);
    if (!xml) {
        done(xml.error());
        return;
    }
    auto may = daemon_.hook(call);
    done(may ? Result<Json>{Json::object()} : Result<Json>{may.error()});
}

void Commands::fleet_init(const Json& arguments, Done done)
{
    daemon_.fleet().init(arguments.value("listen", ""), std::move(done));
}

void Commands::fleet_join(const Json& arguments, Done done)
{
    auto address = text_argument(arguments, "address");
    if (!address)
        done(address.error());
    else
        daemon_.fleet().join(*address, std::move(done));
}

void Commands::fleet_leave(const Json& arguments, Done done)
{
    const std::string node = arguments.value("node", "");
    if (node.empty() && arguments.contains("node"))
        done(Error{Errc::invalid, "the node to take out has no name: see \"holdfast node list\""});
    else if (node.empty() || node == daemon_.world().self())
        daemon_.fleet().leave(std::move(done));
    else
        daemon_.fleet().take_out(node, std::move(done));
}

void Commands::fleet_status(const Json&, Done done)
{
    daemon_.fleet().status(std::move(done));
}

} // namespace holdfast::hookd
