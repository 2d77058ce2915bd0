// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-recovery-run: recovery/run, by hand or as holdfast-recoveryd orders it: a lost VM
// is started elsewhere, or a similar one that runs takes its places in chains and balancers (spec
// recovery.md, R6).
//
// All that can be refused is looked at before anything is changed.  How far it is stands in its
// row, which is changed only as it was seen: of two that would recover one VM, one does.  What is
// cut off is ended by asking again.
#include <config.h>

#include "hookd/commands.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>

#include "common/text.h"
#include "db/find.h"
#include "db/recovery-json.h"
#include "hookd/balancer.h"
#include "hookd/recovery-follow.h"
#include "hookd/vm-failures.h"
#include "recovery/limits.h"
#include "recovery/place.h"
#include "recovery/rows.h"

namespace holdfast::hookd {
namespace {

namespace asio = boost::asio;

using Json = nlohmann::json;
using recovery::Way;

/// The way that comes first of those that are carried out; more attempts begin with the next.
std::vector<Way> ways_now(std::vector<Way> ways, std::int64_t attempts)
{
    if (ways.size() > 1)
        std::erase(ways, Way::clone); // Which is not carried out yet.
    std::ranges::rotate(ways, ways.begin() + attempts % std::ssize(ways));
    return ways;
}

Error not_carried_out(const std::string& name, Way way)
{
    return {Errc::invalid, name + " would be recovered by " + std::string{recovery::name_of(way)} +
                               ", which is not carried out yet: give --way adopt"};
}

} // namespace

void Commands::recovery_run(const Json& arguments, Done done)
{
    const auto permit = recovery::may_begin({}, {1, 0, static_cast<int>(recovering_.size())}, {},
                                            std::chrono::steady_clock::now(), true);
    if (permit.verdict != recovery::Verdict::begin) {
        done(Error{Errc::unavailable, permit.why + ": try again when one has ended"});
        return;
    }
    const auto takeover = plan_recovery(arguments);
    if (!takeover) {
        note_refused(arguments, takeover.error());
        done(takeover.error());
        return;
    }
    asio::co_spawn(daemon_.io(), recover(*takeover, std::move(done)),
                   [](const std::exception_ptr& failure) {
                       if (failure)
                           std::rethrow_exception(failure);
                   });
}

/// One that nobody asked for by hand has had an attempt, and waits for the next.
void Commands::note_refused(const Json& arguments, const Error& why)
{
    const auto& rows = world().ledger.recoveries();
    const auto row = std::ranges::find(rows, arguments.value("recovery", ""), &db::Recovery::id);
    if (row == rows.end() || row->state != "failed" || why.code == Errc::outdated)
        return;
    daemon_.fleet().put_recovery(refused(*row, one_line(why.message), now_ns()), *row,
                                 [](const Result<void>&) {}); // Else it has changed already.
}

/// Who takes whose place, by the rows as they are now.
Result<Commands::Takeovers> Commands::plan_recovery(const Json& arguments)
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
    auto takeover = std::make_shared<Takeover>();
    takeover->lost = *ledger.vm(pool.vms()[*place].id);
    takeover->by_hand = !arguments.contains("recovery");
    takeover->said_gone = arguments.value("gone", false);
    const auto* row = recovery::open_recovery(ledger.recoveries(), takeover->lost.id);
    if (row)
        takeover->before = *row;
    if (!row && recovering_.contains(takeover->lost.id))
        return Error{Errc::unavailable, takeover->lost.name + " is being recovered by " +
                                            world().self() + " already: wait until that has ended"};
    if (row && row->state == "running")
        return Error{Errc::unavailable, takeover->lost.name + " is being recovered by " + row->by +
                                            ": see \"holdfast recovery history\""};
    if (!takeover->by_hand && (!row || arguments.at("recovery") != row->id ||
                               row->hypervisor != takeover->lost.hypervisor))
        return Error{Errc::outdated, "the recovery has changed meanwhile"};
    const auto wish = wish_from(arguments, takeover->lost, row);
    if (!wish)
        return wish.error();
    const auto plan = pool.plan(*place, *wish);
    if (!plan.way)
        return Error{Errc::not_found, plan.why};
    takeover->way = *plan.way;
    takeover->next = takeover->lost;
    takeover->target = plan.hypervisor;
    if (plan.chosen) {
        const auto& chosen = plan.candidates[*plan.chosen];
        takeover->next = *ledger.vm(pool.vms()[chosen.vm].id);
        takeover->target = takeover->next.hypervisor;
        takeover->similarity = chosen.match.similarity.value();
    }
    if (takeover->way == Way::clone)
        return not_carried_out(*name, takeover->way);
    auto fine = takeover->way == Way::restart ? find_definition(*takeover) : find_places(*takeover);
    if (!fine)
        return fine.error();
    return takeover;
}

Result<recovery::Wish> Commands::wish_from(const Json& arguments, const db::Vm& lost,
                                           const db::Recovery* row)
{
    auto wish = recovery::wish_for(lost.id, world().ledger.recovery_policies());
    if (!arguments.contains("way")) {
        wish.ways = ways_now(wish.ways, row ? row->attempts : 0);
        return wish;
    }
    const auto ways = recovery::parse_ways(arguments.at("way").get<std::string>());
    if (!ways)
        return ways.error();
    wish.ways = *ways;
    return wish;
}

/// What another hypervisor is to start.
Result<void> Commands::find_definition(Takeover& takeover)
{
    const auto& rows = world().ledger.specifications();
    const auto row = std::ranges::find(rows, takeover.lost.id, &db::Specification::id);
    if (row != rows.end())
        takeover.xml = row->xml;
    if (takeover.xml.empty())
        return Error{Errc::not_found,
                     "how " + takeover.lost.name +
                         " is defined is not known beyond its own hypervisor: that is kept while "
                         "its policy says automatic=on; define and start it by hand"};
    return {};
}

/// Where the lost VM is, and whether the other can be there: each place with the ones before it
/// taken.
Result<void> Commands::find_places(Takeover& takeover)
{
    const auto& lost = takeover.lost;
    const auto& next = takeover.next;
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
        takeover.chains.push_back(chain.name);
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
        takeover.balancers.push_back(balancer.name);
    }
    if (takeover.chains.empty() && takeover.balancers.empty())
        return Error{Errc::invalid,
                     lost.name + " is on no chain and no balancer: there is no place to be taken"};
    return {};
}

asio::awaitable<void> Commands::recover(Takeovers takeover, Done done)
{
    recovering_.insert(takeover->lost.id);
    Result<void> result = co_await claim(takeover);
    if (result) {
        result = co_await fence(takeover);
        if (result)
            result = co_await carry_out(takeover);
        co_await close(takeover, result);
    }
    recovering_.erase(takeover->lost.id);
    if (result)
        done(tell_recovered(*takeover));
    else
        done(result.error());
}

/// Those of a former run, which nobody goes on with.
void Commands::give_up_recoveries()
{
    for (const db::Recovery& row : world().ledger.recoveries()) {
        if (row.state != "running" || row.by != world().self() || recovering_.contains(row.vm))
            continue;
        db::Recovery to = row;
        to.state = "failed";
        to.text = "holdfast-hookd of " + row.by + " was restarted meanwhile";
        ++to.attempts;
        to.changed = now_ns();
        daemon_.fleet().put_recovery(to, row, [](const Result<void>&) {}); // Else changed already.
    }
}

/// The daemon that decides looks at the rows; where there is none nothing is recovered by itself.
void Commands::nudge_recoveryd()
{
    auto ask = [](AsyncControlClient& recoveryd) -> asio::awaitable<void> {
        std::string method{"look"};
        std::vector<std::string> words;
        co_await recoveryd.call(std::move(method), std::move(words), std::chrono::seconds{5});
    };
    asio::co_spawn(daemon_.io(), ask(recoveryd_), asio::detached);
}

} // namespace holdfast::hookd
