// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands: the control commands of hookd (doc/architecture.md, "Contracts").
//
// Each takes at most one JSON object and answers JSON, or one line that says what is wrong.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "common/control-client.h"
#include "common/ovs-loop.h"
#include "common/result.h"
#include "hookd/chain-rollout.h"
#include "hookd/daemon.h"
#include "hookd/domain-control.h"
#include "hookd/drainer.h"
#include "hookd/recovery-orders.h"
#include "hookd/trace.h"
#include "hookd/user-rules.h"
#include "recovery/fence.h"
#include "recovery/plan.h"

namespace holdfast::hookd {

/// The commands.  Lives as long as the loop that serves them.
class Commands {
public:
    using Json = nlohmann::json;
    using Done = std::function<void(Result<Json>)>;

    Commands(OvsLoop& loop, Daemon& daemon);

    /// Does what another hypervisor asks for: trace-step, place-step, director-step, check, sync,
    /// migrate, protect, drain, return, service-stop, service-pin, service-migrate,
    /// service-take-back, recovery-gone, recovery-start, quota.
    void do_task(const std::string& verb, const Json& arguments, Done done);

    /// Does what a user asks for, once the server has let the question pass.
    void user_asks(const Caller& caller, const std::string& method, const Json& arguments,
                   Done done);

private:
    using Handler = void (Commands::*)(const Json& arguments, Done done);
    void add(OvsLoop& loop, const std::string& name, const std::string& usage, Handler handler);

    void status(const Json&, Done done);
    void hook(const Json& arguments, Done done);
    void chain_add(const Json& arguments, Done done);
    void chain_set(const Json& arguments, Done done);
    void chain_del(const Json& arguments, Done done);
    void chain_check(const Json&, Done done);
    void chain_trace(const Json& arguments, Done done);
    void balancer_add(const Json& arguments, Done done);
    void balancer_del(const Json& arguments, Done done);
    void balancer_server(const Json& arguments, Done done);
    void balancer_routes(const Json& arguments, Done done);
    void balancer_trace(const Json& arguments, Done done);
    void vm_migrate(const Json& arguments, Done done);
    void vm_protect(const Json& arguments, Done done);
    void service_run(const Json& arguments, Done done);
    void service_stop(const Json& arguments, Done done);
    void service_pin(const Json& arguments, Done done);
    void service_migrate(const Json& arguments, Done done);
    Result<void> in_its_term(const Json& arguments);
    void begin_service_migrate(db::Service row, const Json& arguments, Done done);
    Result<Json> user_task(const std::vector<db::Service>& his, const Json& arguments);
    void user_migrate(const Caller& caller, const std::vector<db::Service>& his,
                      const Json& arguments, Done done);
    void service_take_back(const Json& arguments, Done done);
    void service_migrate_now(const Json& arguments, Done done);
    void node_drain(const Json& arguments, Done done);
    void node_return(const Json& arguments, Done done);
    void recovery_weights(const Json& arguments, Done done);
    void recovery_policy(const Json& arguments, Done done);
    void recovery_run(const Json& arguments, Done done);
    void node_load(const Json& arguments, Done done);
    void node_loads(const Json&, Done done);
    void lease_step(const Json& arguments, Done done);
    void quota_request(const Json& arguments, Done done);
    void quota_select(const Json& arguments, Done done);
    void quota_del(const Json& arguments, Done done);
    void quota_review(const Json& arguments, Done done);
    void fleet_init(const Json& arguments, Done done);
    void fleet_join(const Json& arguments, Done done);
    void fleet_leave(const Json&, Done done);
    void fleet_status(const Json&, Done done);

    void check_here(Done done);
    Result<db::Chain> named_chain(const Json& arguments);
    Result<db::Chain> changeable_chain(const Json& arguments);
    Result<db::Chain> changed_chain(const db::Chain& from, const Json& arguments);
    /// A chain as it is, and as it shall be.
    struct ChainTurn {
        db::Chain from, to;
    };
    Result<ChainTurn> chain_turn(const Json& arguments, const std::vector<db::Chain>& beside);
    using Balancers = std::vector<db::Balancer>;
    /// What a balancer shall be, and what is told of it.
    struct BalancerPlan {
        db::Balancer to;
        std::optional<db::Balancer> was; // None: it is new.
        std::string kind;                // Of the event.
        std::string text;
    };
    /// Makes it, by all balancers as they are now.
    using BalancerPlanner = std::function<Result<BalancerPlan>(const Balancers& balancers)>;
    using PlannedBalancer = boost::asio::awaitable<Result<BalancerPlan>>;
    void put_balancer(const std::string& name, BalancerPlanner planner, Done done);
    boost::asio::awaitable<void> to_its_end(std::string name, BalancerPlanner planner, Done done);
    PlannedBalancer put_once(const BalancerPlanner& planner);
    void recovery_policy_of(const std::string& vm, const std::vector<std::string>& texts,
                            Done done);
    void put_policy(const Result<db::RecoveryPolicy>& row, const std::string& text, Done done);
    /// Who takes whose place, and how far that is.
    struct Takeover {
        db::Vm lost, next; // The same where it is started anew.
        recovery::Way way = recovery::Way::adopt;
        std::string target; // Where `next` is, or will be.
        std::string xml;    // What is started there.
        double similarity = 0;
        std::vector<std::string> chains, balancers; // By name.
        bool said_gone = false;                     // The operator knows that it does not run.
        bool by_hand = true;                        // Else what still runs is ended.
        std::optional<db::Recovery>
            before;       // Its row as it was; none: by hand, of what did not fail.
        db::Recovery row; // As the fleet has it.
    };
    using Takeovers = std::shared_ptr<Takeover>;
    using Step = boost::asio::awaitable<Result<void>>;
    Result<Takeovers> plan_recovery(const Json& arguments);
    void note_refused(const Json& arguments, const Error& why);
    Result<recovery::Wish> wish_from(const Json& arguments, const db::Vm& lost,
                                     const db::Recovery* row);
    Result<void> find_places(Takeover& takeover);
    Result<void> find_definition(Takeover& takeover);
    void gone_here(const Json& arguments, Done done);
    void end_here(const std::string& vm, Done done);
    void start_here(const Json& arguments, Done done);
    Step start_ordered(StartOrder order, DomainPlace place, std::string xml);
    Step still_ordered(StartOrder order);
    Step run_aside(std::function<Result<std::string>()> work);
    boost::asio::awaitable<void> recover(Takeovers takeover, Done done);
    Step claim(Takeovers takeover);
    Step tell(Takeovers takeover, std::string text);
    Step put_row(Takeovers takeover, db::Recovery to);
    Step fence(Takeovers takeover);
    Step fence_at(Takeovers takeover, std::string where);
    Step wait_for_lease(Takeovers takeover, std::string where);
    Step ask_whether_gone(Takeovers takeover, std::string where,
                          std::shared_ptr<recovery::Holder> holder);
    Step carry_out(Takeovers takeover);
    Step restart(Takeovers takeover);
    Step follow_in_chains(Takeovers takeover);
    Step follow_in_balancers(Takeovers takeover);
    boost::asio::awaitable<void> close(Takeovers takeover, Result<void> result);
    Json tell_recovered(const Takeover& takeover);
    void give_up_recoveries();
    void nudge_recoveryd();
    void recovery_put(const Json& arguments, Done done);
    void recovery_allow(const Json& arguments, Done done);
    void allow_all(const std::string& vm, const std::string& name, Done done);
    void note(const std::string& kind, const std::string& text, const std::string& chain = {});
    Json describe_step(const TraceStep& step, const std::string& where, int tunnel_port);
    void migrate_here(const db::Vm& vm, const db::Hypervisor& to, Done done);
    void migrate_now(const Json& arguments, Done done);
    void trace_here(const Json& arguments, Done done);
    void place_here(const Json& arguments, Done done);
    void directors_here(Done done);
    Result<Json> protect_here(const db::Vm& vm, bool on);
    void ask_leader(const std::string& verb, const Json& arguments, Done done);
    void ask_schedd(const std::string& verb, const Json& arguments, Done done);
    void drain_now(const Json& arguments, Done done);
    void return_now(Done done);
    Result<void> mark_drained(bool drained);
    Result<db::Task> begin_task(const std::string& verb, const std::string& hypervisor,
                                const Json& arguments, std::chrono::seconds limit,
                                const db::Event& event);
    void end_task(db::Task task, const Result<Json>& result, const std::optional<db::Event>& event);

    World& world() { return daemon_.world(); }

    /// A move that a user has asked for.
    struct UserTask {
        std::string id;
        std::string service; // Its id.
        std::string state;   // As db::Task has it; so with `reply`.
        std::string reply;
    };
    void note_user_task(const std::string& id, const std::string& service);

    Daemon& daemon_;
    UserMoves user_moves_;
    std::deque<UserTask> user_tasks_; // Newest last; so that no question reads all tasks there are.
    ChainRollout rollout_{daemon_};
    Drainer drainer_;
    std::set<std::string> recovering_; // VMs whose recovery is under way here.
    std::set<std::string> starting_;   // VMs that are being started here, for a recovery.
    AsyncControlClient schedd_;        // On this machine, as the next one.
    AsyncControlClient recoveryd_;
};

/// The text under `key`.
/// Errors: invalid if it is missing, or no text, naming the key.
Result<std::string> text_argument(const nlohmann::json& arguments, const char* key);

} // namespace holdfast::hookd
