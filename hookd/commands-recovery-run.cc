// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-recovery-run: recovery/run, by hand: a similar VM that runs takes a lost one's
// places in chains and balancers (spec recovery.md, R6 adopt).
//
// All that can be refused is looked at before anything is changed.  The lost VM's own hypervisor
// is asked whether it runs there, so that there are never two (R9); where it cannot be asked, the
// operator has to say that the VM is gone.  What is cut off is ended by asking again.
#include <config.h>

#include "hookd/commands.h"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>

#include "common/text.h"
#include "db/find.h"
#include "hookd/await.h"
#include "hookd/balancer.h"
#include "hookd/recovery-follow.h"
#include "recovery/fence.h"
#include "recovery/limits.h"
#include "recovery/rows.h"

// See commands-balancer.cc.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace holdfast::hookd {
namespace {

namespace asio = boost::asio;

using Json = nlohmann::json;

constexpr auto gone_limit = std::chrono::seconds{10};

/// The places that are named, for people: "chain web, balancer site".
std::string places_text(const std::vector<std::string>& chains,
                        const std::vector<std::string>& balancers)
{
    std::string text;
    for (const auto& name : chains)
        text += (text.empty() ? "chain " : ", chain ") + name;
    for (const auto& name : balancers)
        text += (text.empty() ? "balancer " : ", balancer ") + name;
    return text;
}

Error may_run(const db::Vm& vm, recovery::FenceStep step)
{
    if (step == recovery::FenceStep::ask)
        return {Errc::unavailable, "nobody can tell whether " + vm.name + " still runs on " +
                                       vm.hypervisor +
                                       ": see that the machine is off, then add --gone"};
    return {Errc::invalid, vm.name + " runs on " + vm.hypervisor +
                               ": end it there first (virsh destroy), for there must never be two"};
}

Error cut_off(const std::string& what, const Error& error)
{
    return {error.code, what + ": " + error.message + "; ask again, and what is left is done"};
}

} // namespace

void Commands::recovery_run(const Json& arguments, Done done)
{
    const auto permit =
        recovery::may_begin({}, {1, 0, n_recoveries_}, {}, std::chrono::steady_clock::now(), true);
    if (permit.verdict != recovery::Verdict::begin) {
        done(Error{Errc::unavailable, permit.why + ": try again when one has ended"});
        return;
    }
    const bool said_gone = arguments.value("gone", false);
    const auto recovery = plan_recovery(arguments);
    if (!recovery) {
        done(recovery.error());
        return;
    }
    asio::co_spawn(daemon_.io(), recover(*recovery, said_gone, std::move(done)),
                   [](const std::exception_ptr& failure) {
                       if (failure)
                           std::rethrow_exception(failure);
                   });
}

/// Who takes whose place, by the rows as they are now.
Result<Commands::Recovery> Commands::plan_recovery(const Json& arguments)
{
    const auto name = text_argument(arguments, "vm");
    if (!name)
        return name.error();
    const auto& ledger = world().ledger;
    const auto pool = recovery::pool_of(
        {ledger.hypervisors(), ledger.vms(), ledger.specifications(), ledger.recovery_policies()});
    const auto place = pool.find(*name);
    if (!place)
        return place.error();
    auto wish = recovery::wish_for(pool.vms()[*place].id, ledger.recovery_policies());
    if (arguments.contains("way")) {
        const auto ways = recovery::parse_ways(arguments.at("way").get<std::string>());
        if (!ways)
            return ways.error();
        wish.ways = *ways;
    }
    const auto plan = pool.plan(*place, wish);
    if (!plan.way)
        return Error{Errc::not_found, plan.why};
    if (*plan.way != recovery::Way::adopt)
        return Error{Errc::invalid, *name + " would be recovered by " +
                                        std::string{recovery::name_of(*plan.way)} +
                                        ", which is not carried out yet: give --way adopt"};
    const auto& chosen = plan.candidates[*plan.chosen];
    Recovery recovery{*ledger.vm(pool.vms()[*place].id),
                      *ledger.vm(pool.vms()[chosen.vm].id),
                      chosen.match.similarity.value(),
                      {},
                      {}};
    if (auto fine = find_places(recovery); !fine)
        return fine.error();
    return recovery;
}

/// Where the lost VM is, and whether the other can be there: each place with the ones before it
/// taken.
Result<void> Commands::find_places(Recovery& recovery)
{
    const auto& [lost, next, similarity, chains, balancers] = recovery;
    const auto& ledger = world().ledger;
    auto all_chains = rollout_.taken();
    auto all_balancers = ledger.balancers();
    for (const db::Chain& chain : ledger.chains()) {
        if (!db::passes(chain, lost.id))
            continue;
        const Json order{{"name", chain.name}, {"via", followed_via(chain, lost.id, next.id)}};
        const auto turn = chain_turn(order, all_chains);
        if (!turn)
            return turn.error();
        *std::ranges::find(all_chains, chain.name, &db::Chain::name) = turn->to;
        recovery.chains.push_back(chain.name);
    }
    for (const db::Balancer& balancer : ledger.balancers()) {
        if (!needs(balancer, lost))
            continue;
        const auto to = followed_balancer(balancer, lost, next, all_balancers, ledger.vms());
        if (!to)
            return to.error();
        if (*to == balancer)
            continue; // What it needs of the lost one another has now.
        *std::ranges::find(all_balancers, balancer.name, &db::Balancer::name) = *to;
        recovery.balancers.push_back(balancer.name);
    }
    if (chains.empty() && balancers.empty())
        return Error{Errc::invalid,
                     lost.name + " is on no chain and no balancer: there is no place to be taken"};
    return {};
}

/// Whether the VM does not run here nor is about to, for its recovery elsewhere.
void Commands::gone_here(const Json& arguments, Done done)
{
    const auto id = text_argument(arguments, "vm");
    if (!id) {
        done(id.error());
        return;
    }
    if (!world().libvirt_here) {
        done(Error{Errc::unavailable, "libvirt is not reached on " + world().self()});
        return;
    }
    done(Json{{"gone", daemon_.is_gone(*id)}});
}

/// What its hypervisor says of the lost VM.
asio::awaitable<Result<void>> Commands::see_that_it_is_gone(db::Vm lost, bool said_gone)
{
    std::function<void(std::function<void(const Result<Json>&)>)> ask = [&](auto answer) {
        const Json order{{"vm", lost.id}};
        if (lost.hypervisor == world().self())
            gone_here(order, answer);
        else
            daemon_.fleet().ask(lost.hypervisor, "recovery-gone", order, gone_limit, answer);
    };
    const Result<Json> answer = co_await await_answer<Result<Json>>(daemon_.io(), std::move(ask));
    recovery::Holder holder;
    holder.reachable = bool(answer);
    holder.gone = answer ? answer->value("gone", false) : said_gone;
    const auto step =
        recovery::next_step(holder, recovery::Way::adopt, std::chrono::steady_clock::now());
    if (step != recovery::FenceStep::none)
        co_return may_run(lost, step);
    co_return Result<void>{};
}

asio::awaitable<void> Commands::recover(Recovery recovery, bool said_gone, Done done)
{
    ++n_recoveries_;
    Result<void> followed = co_await see_that_it_is_gone(recovery.lost, said_gone);
    if (followed)
        followed = co_await follow_in_chains(recovery);
    if (followed)
        followed = co_await follow_in_balancers(recovery);
    --n_recoveries_;
    if (followed)
        done(tell_recovered(recovery));
    else
        done(followed.error());
}

/// One after the other, each under traffic.
asio::awaitable<Result<void>> Commands::follow_in_chains(Recovery recovery)
{
    for (const std::string& name : recovery.chains) {
        const auto chain = db::find_chain(world().ledger.chains(), name);
        if (!chain)
            continue; // Deleted meanwhile.
        const Json order{{"name", name},
                         {"via", followed_via(*chain, recovery.lost.id, recovery.next.id)}};
        std::function<void(std::function<void(const Result<Json>&)>)> set = [&](auto answer) {
            chain_set(order, answer);
        };
        const Result<Json> turned =
            co_await await_answer<Result<Json>>(daemon_.io(), std::move(set));
        if (!turned)
            co_return cut_off("chain " + name, turned.error());
    }
    co_return Result<void>{};
}

/// One after the other; each is put as a whole.
asio::awaitable<Result<void>> Commands::follow_in_balancers(Recovery recovery)
{
    for (const std::string& name : recovery.balancers) {
        auto planner = [this, name, recovery](const Balancers& all) -> Result<BalancerPlan> {
            const auto from = db::find_balancer(all, name);
            const auto to = from ? followed_balancer(*from, recovery.lost, recovery.next, all,
                                                     world().ledger.vms())
                                 : from;
            if (!to)
                return to.error();
            return BalancerPlan{*to, *from, "balancer-changed",
                                "balancer " + name + ": " + recovery.next.name +
                                    " in the place of " + recovery.lost.name};
        };
        std::function<void(std::function<void(const Result<Json>&)>)> put = [&](auto answer) {
            put_balancer(name, planner, answer);
        };
        const Result<Json> turned =
            co_await await_answer<Result<Json>>(daemon_.io(), std::move(put));
        if (!turned)
            co_return cut_off("balancer " + name, turned.error());
    }
    co_return Result<void>{};
}

/// In the time line, and to who asked.
Json Commands::tell_recovered(const Recovery& recovery)
{
    StoreChange change;
    change.events = {world().event("recovered",
                                   recovery.lost.name + " is replaced by " + recovery.next.name +
                                       " in " + places_text(recovery.chains, recovery.balancers),
                                   now_ns())};
    change.events[0].vm = recovery.lost.id;
    world().commit(change);
    return {{"vm", recovery.lost.name},
            {"replacement", recovery.next.name},
            {"hypervisor", recovery.next.hypervisor},
            {"way", "adopt"},
            {"similarity", recovery.similarity},
            {"chains", recovery.chains},
            {"balancers", recovery.balancers}};
}

} // namespace holdfast::hookd
