// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-recovery-steps: the steps of a recovery: it is claimed, the lost VM is known to be
// gone, the other is in its place (spec recovery.md, R6, R7, R9).
//
// The lost VM's own hypervisor is asked whether it runs there, and, where nobody asked for the
// recovery, to end what still does.  Where it cannot be asked, it pauses the VM by itself once its
// lease has expired (hookd/lease-guard.h): that is waited for.  Where it does not, an operator has
// to say that the VM is gone.
#include <config.h>

#include "hookd/commands.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

#include "common/text.h"
#include "db/find.h"
#include "hookd/await.h"
#include "hookd/balancer.h"
#include "hookd/recovery-follow.h"
#include "hookd/recovery-orders.h"
#include "recovery/place.h"

// See commands-balancer.cc.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace holdfast::hookd {
namespace {

namespace asio = boost::asio;

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;
using recovery::FenceStep;
using recovery::Way;

// Libvirt can take a while to end a VM that hangs.
constexpr auto gone_limit = std::chrono::seconds{10};
constexpr auto end_limit = std::chrono::seconds{30};
constexpr auto start_limit = std::chrono::seconds{60};
constexpr auto between_looks = std::chrono::seconds{1};

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

Error may_run(const db::Vm& vm, const std::string& where, FenceStep step)
{
    if (step == FenceStep::ask)
        return {Errc::unavailable, "nobody can tell whether " + vm.name + " still runs on " +
                                       where + ": see that the machine is off, then add --gone"};
    return {Errc::invalid, vm.name + " runs on " + where +
                               ": end it there first (virsh destroy), for there must never be two"};
}

Error cut_off(const std::string& what, const Error& error)
{
    return {error.code, what + ": " + error.message + "; ask again, and what is left is done"};
}

recovery::Seconds lease_of(const std::vector<db::Specification>& rows, const std::string& vm)
{
    const auto row = std::ranges::find(rows, vm, &db::Specification::id);
    return recovery::Seconds{row == rows.end() ? 0 : row->lease};
}

} // namespace

/// The row says from here on that this hypervisor does it.
Commands::Step Commands::claim(Takeovers takeover)
{
    db::Recovery to = takeover->before.value_or(db::Recovery{});
    if (!takeover->before) {
        to.id = new_uuid();
        to.vm = takeover->lost.id;
        to.hypervisor = takeover->lost.hypervisor;
        to.failure = "by-hand";
        to.since = now_ns();
    }
    to = claimed(to, world().self(),
                 "it is asked whether " + takeover->lost.name + " runs on " + to.hypervisor,
                 now_ns());
    if (takeover->before)
        takeover->row = *takeover->before;
    co_return co_await put_row(takeover, to);
}

Commands::Step Commands::tell(Takeovers takeover, std::string text)
{
    db::Recovery to = takeover->row;
    to.text = std::move(text);
    if (to == takeover->row)
        co_return Result<void>{};
    co_return co_await put_row(takeover, to);
}

Commands::Step Commands::put_row(Takeovers takeover, db::Recovery to)
{
    const auto was = takeover->row.id.empty() ? std::nullopt : std::optional{takeover->row};
    std::function<void(std::function<void(const Result<void>&)>)> put = [&](auto answer) {
        daemon_.fleet().put_recovery(to, was, answer);
    };
    const Result<void> done = co_await await_answer<Result<void>>(daemon_.io(), std::move(put));
    if (done)
        takeover->row = to;
    co_return done;
}

/// What a hypervisor says of the lost VM, or does to it.
Commands::Step Commands::ask_whether_gone(Takeovers takeover, std::string where,
                                          std::shared_ptr<recovery::Holder> holder)
{
    const auto* row = world().ledger.hypervisor(where);
    holder->reachable = false;
    holder->gone = takeover->said_gone;
    if (row && row->lost)
        co_return Result<void>{};
    std::function<void(std::function<void(const Result<Json>&)>)> ask = [&](auto answer) {
        const Json order{{"vm", takeover->lost.id},
                         {"end", !takeover->by_hand},
                         {"former", where != takeover->lost.hypervisor},
                         {"failure", takeover->row.failure}};
        if (where == world().self())
            gone_here(order, answer);
        else
            daemon_.fleet().ask(where, "recovery-gone", order,
                                takeover->by_hand ? gone_limit : end_limit, answer);
    };
    const Result<Json> answer = co_await await_answer<Result<Json>>(daemon_.io(), std::move(ask));
    holder->reachable = bool(answer);
    if (answer)
        holder->gone = answer->value("gone", false);
    co_return Result<void>{};
}

/// Where it was lost, and where an attempt before this one may have started it.
Commands::Step Commands::fence(Takeovers takeover)
{
    std::vector<std::string> places{takeover->lost.hypervisor};
    const std::string former = recovery::started_on(takeover->row);
    if (!former.empty() && former != places.front())
        places.push_back(former);
    for (const std::string& where : places) {
        const Result<void> gone = co_await fence_at(takeover, where);
        if (!gone)
            co_return gone;
    }
    co_return co_await put_row(
        takeover, fenced(takeover->row, takeover->way, takeover->next.id, takeover->target));
}

Commands::Step Commands::fence_at(Takeovers takeover, std::string where)
{
    auto holder = std::make_shared<recovery::Holder>();
    const auto lease = lease_of(world().ledger.specifications(), takeover->lost.id);
    holder->watchdog = lease > recovery::Seconds::zero();
    holder->lease_end = Clock::time_point::max();
    for (bool waited = false;; waited = true) {
        co_await ask_whether_gone(takeover, where, holder);
        const auto step = recovery::next_step(*holder, takeover->way, Clock::now());
        if (step == FenceStep::none)
            co_return Result<void>{};
        if (step != FenceStep::wait || waited)
            co_return may_run(takeover->lost, where, waited ? FenceStep::ask : step);
        const Result<void> over = co_await wait_for_lease(takeover, where);
        if (!over)
            co_return over;
        holder->lease_end = Clock::now();
    }
}

/// Until what its hypervisor said last is older than the lease; that it speaks again ends it, too.
Commands::Step Commands::wait_for_lease(Takeovers takeover, std::string where)
{
    const auto lease = lease_of(world().ledger.specifications(), takeover->lost.id);
    asio::steady_timer timer{daemon_.io()};
    const auto begun = Clock::now();
    for (;;) {
        std::function<void(std::function<void(const std::optional<Clock::time_point>&)>)> read =
            [&](auto answer) { daemon_.fleet().read_heard(where, answer); };
        const auto heard =
            co_await await_answer<std::optional<Clock::time_point>>(daemon_.io(), std::move(read));
        if (heard && Clock::now() - *heard >= lease)
            co_return Result<void>{};
        if (Clock::now() - begun > 2 * lease)
            co_return may_run(takeover->lost, where, FenceStep::ask);
        const Result<void> told =
            co_await tell(takeover, where + " cannot be asked: it pauses its VMs within " +
                                        std::to_string(lease.count()) + " s, which is waited for");
        if (!told)
            co_return told;
        timer.expires_after(between_looks);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

Commands::Step Commands::carry_out(Takeovers takeover)
{
    if (takeover->way == Way::restart)
        co_return co_await restart(takeover);
    const Result<void> told =
        co_await tell(takeover, takeover->next.name + " takes its place in " +
                                    places_text(takeover->chains, takeover->balancers));
    if (!told)
        co_return told;
    const Result<void> followed = co_await follow_in_chains(takeover);
    if (!followed)
        co_return followed;
    co_return co_await follow_in_balancers(takeover);
}

/// Its chains and balancers follow its record, as with any VM that comes up elsewhere.
Commands::Step Commands::restart(Takeovers takeover)
{
    const Result<void> told = co_await tell(takeover, "it is started on " + takeover->target);
    if (!told)
        co_return told;
    std::function<void(std::function<void(const Result<Json>&)>)> start = [&](auto answer) {
        const Json order{{"vm", takeover->lost.id},
                         {"xml", takeover->xml},
                         {"recovery", takeover->row.id},
                         {"attempt", takeover->row.changed}};
        if (takeover->target == world().self())
            start_here(order, answer);
        else
            daemon_.fleet().ask(takeover->target, "recovery-start", order, start_limit, answer);
    };
    const Result<Json> started =
        co_await await_answer<Result<Json>>(daemon_.io(), std::move(start));
    if (!started)
        co_return Error{started.error().code, takeover->target + ": " + started.error().message};
    co_return Result<void>{};
}

/// One after the other, each under traffic.
Commands::Step Commands::follow_in_chains(Takeovers takeover)
{
    for (const std::string& name : takeover->chains) {
        const auto chain = db::find_chain(world().ledger.chains(), name);
        if (!chain)
            continue; // Deleted meanwhile.
        const Json order{{"name", name},
                         {"via", followed_via(*chain, takeover->lost.id, takeover->next.id)}};
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
Commands::Step Commands::follow_in_balancers(Takeovers takeover)
{
    for (const std::string& name : takeover->balancers) {
        auto planner = [this, name, takeover](const Balancers& all) -> Result<BalancerPlan> {
            const auto from = db::find_balancer(all, name);
            const auto to = from ? followed_balancer(*from, takeover->lost, takeover->next, all,
                                                     world().ledger.vms())
                                 : from;
            if (!to)
                return to.error();
            return BalancerPlan{*to, *from, "balancer-changed",
                                "balancer " + name + ": " + takeover->next.name +
                                    " in the place of " + takeover->lost.name};
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

/// What became of it, for all.  One by hand that did not begin leaves nothing; where it may have
/// begun the row says where, for the next attempt.
asio::awaitable<void> Commands::close(Takeovers takeover, Result<void> result)
{
    db::Recovery to = takeover->row;
    to.state = result ? "recovered" : "failed";
    to.text = result ? "" : one_line(result.error().message);
    to.attempts += result || takeover->by_hand ? 0 : 1;
    to.changed = now_ns();
    if (result || takeover->before || !recovery::started_on(to).empty()) {
        const Result<void> put = co_await put_row(takeover, to);
        if (!put)
            note("recovery", "what became of the recovery of " + takeover->lost.name +
                                 " cannot be told: " + put.error().message);
        co_return;
    }
    std::function<void(std::function<void(const Result<void>&)>)> remove = [&](auto answer) {
        daemon_.fleet().remove_recovery(to.id, answer);
    };
    co_await await_answer<Result<void>>(daemon_.io(), std::move(remove));
}

/// In the time line, and to who asked.
Json Commands::tell_recovered(const Takeover& takeover)
{
    const bool restarted = takeover.way == Way::restart;
    StoreChange change;
    change.events = {
        world().event("recovered",
                      restarted ? takeover.lost.name + " is started on " + takeover.target
                                : takeover.lost.name + " is replaced by " + takeover.next.name +
                                      " in " + places_text(takeover.chains, takeover.balancers),
                      now_ns())};
    change.events[0].vm = takeover.lost.id;
    world().commit(change);
    return {{"vm", takeover.lost.name},          {"replacement", takeover.next.name},
            {"hypervisor", takeover.target},     {"way", recovery::name_of(takeover.way)},
            {"similarity", takeover.similarity}, {"chains", takeover.chains},
            {"balancers", takeover.balancers}};
}

} // namespace holdfast::hookd
