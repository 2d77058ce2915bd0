// SPDX-License-Identifier: Apache-2.0
//
// hookd/chain-rollout: see chain-rollout.h.
#include <config.h>

#include "hookd/chain-rollout.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>

#include <spdlog/spdlog.h>

#include "common/decide.h"
#include "hookd/await.h"
#include "hookd/chain-meet.h"
#include "hookd/chain.h"

// g++ 12 takes a coroutine's own operator delete for a mismatch of its operator new, once both are
// inlined.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace holdfast::hookd {
namespace {

namespace asio = boost::asio;

// How long a frame may take from a hop's port to its way out again.  Nobody can see into a hop.
constexpr auto drain_time = std::chrono::seconds{1};
// Until what was cut off and could not be ended is tried again.
constexpr auto retry_time = std::chrono::seconds{5};
// How long a hypervisor has to say that its switch has the flows.
constexpr auto answer_limit = std::chrono::seconds{10};
// Of db::ChainChange.
constexpr std::string_view verb_add = "add";
constexpr std::string_view verb_over =
    "over"; // Added over another chain, with that one's hops at first.
constexpr std::string_view verb_set = "set";
constexpr std::string_view verb_del = "del";
// What became of a chain whose change stopped between two steps.
constexpr auto left_open =
    "; the chain keeps every hop that is led to now: see holdfast chain show";
constexpr auto left_closed = "; the chain is there and takes no traffic: delete it when the "
                             "hypervisor answers";

} // namespace

std::string ChainRollout::mark(std::string_view verb) const
{
    return db::ChainChange{std::string{verb}, daemon_.world().self()}.text();
}

std::vector<db::Chain> ChainRollout::taken() const
{
    auto all = daemon_.world().ledger.chains();
    for (const auto& [name, chain] : adding_) {
        if (std::none_of(all.begin(), all.end(),
                         [&](const db::Chain& row) { return row.name == name; }))
            all.push_back(chain);
    }
    return all;
}

/// Who changes the chain now; empty if nobody does, or one who is dead and so never ends it.
std::string ChainRollout::changer(const db::Chain& chain) const
{
    const std::string self = daemon_.world().self();
    if (changing_.contains(chain.name))
        return self;
    const std::string who = db::ChainChange::of(chain).hypervisor;
    const bool lives = daemon_.world().ledger.hypervisor(who) &&
                       !daemon_.world().problems.contains("hypervisor " + who);
    return who != self && lives ? who : "";
}

/// Those of the chains that somebody who lives changes now.
std::set<std::string> ChainRollout::busy(const Chains& chains) const
{
    std::set<std::string> names;
    for (const db::Chain& chain : chains)
        if (!changer(chain).empty())
            names.insert(chain.name);
    return names;
}

Result<void> ChainRollout::may_change(const db::Chain& chain) const
{
    if (const std::string who = changer(chain); !who.empty())
        return Error{Errc::unavailable, "chain " + chain.name + ": " + who +
                                            " is changing it just now: try again in some seconds"};
    auto chains = taken();
    for (db::Chain& other : chains) // What is begun here may not be stored yet.
        if (const auto begun = changing_.find(other.name); begun != changing_.end())
            other.change = mark(begun->second);
    return may_change_beside(chain, chains, busy(chains));
}

Result<void> ChainRollout::may_set(const db::Chain& from, const db::Chain& to) const
{
    if (auto plan = plan_set(from, to); !plan)
        return plan.error();
    return {};
}

void ChainRollout::resume()
{
    for (const db::Chain& chain : daemon_.world().ledger.chains()) {
        const auto told = [this, name = chain.name](const Result<Left>& done) {
            if (!done) {
                spdlog::warn("chain {}: its change was cut off: {}", name, done.error().message);
                resume_later();
                return;
            }
            spdlog::info("chain {}: the change that was cut off has ended", name);
            resume(); // Of those that could not be changed beside this one.
        };
        if (db::ChainChange::of(chain).hypervisor != daemon_.world().self() ||
            changing_.contains(chain.name))
            continue;
        if (!may_change(chain)) {
            resume_later();
            continue;
        }
        if (chain.change == mark(verb_add))
            add(chain, told);
        else if (chain.change == mark(verb_del) || chain.change == mark(verb_over))
            remove(chain, told);
        else if (chain.change == mark(verb_set))
            set(chain, settled(chain), told);
    }
}

void ChainRollout::resume_later()
{
    if (retries_)
        return;
    retries_ = true;
    retry_.expires_after(retry_time);
    retry_.async_wait([this](boost::system::error_code ended) {
        if (ended)
            return; // With all of this.
        retries_ = false;
        resume();
    });
}

void ChainRollout::run(const db::Chain& chain, std::string_view verb, Planner planner, Done done)
{
    changing_[chain.name] = verb;
    asio::co_spawn(daemon_.io(), to_its_end(chain, std::move(planner), std::move(done)),
                   [](const std::exception_ptr& failure) {
                       if (failure)
                           std::rethrow_exception(failure);
                   });
}

asio::awaitable<void> ChainRollout::to_its_end(db::Chain chain, Planner planner, Done done)
{
    const auto result = co_await change(chain, planner);
    changing_.erase(chain.name);
    done(result);
}

void ChainRollout::add(const db::Chain& chain, Done done)
{
    adding_[chain.name] = chain;
    run(
        chain, verb_add, [this, chain](const Chains& chains) { return plan_add(chain, chains); },
        [this, name = chain.name, done](const Result<Left>& result) {
            adding_.erase(name);
            done(result);
        });
}

void ChainRollout::set(const db::Chain& from, const db::Chain& to, Done done)
{
    run(
        from, verb_set, [this, from, to](const Chains&) { return plan_set(from, to); },
        std::move(done));
}

void ChainRollout::remove(const db::Chain& chain, Done done)
{
    run(
        chain, verb_del, [this, chain](const Chains& chains) { return plan_remove(chain, chains); },
        std::move(done));
}

/// What lies under the chain, which shall come or go.
Result<Under> ChainRollout::under(const db::Chain& chain, const Chains& chains) const
{
    const auto found = quiet_way_under(chain, chains, busy(chains));
    if (found && found->enter == Under::Enter::mixed)
        spdlog::warn(
            "chain {}: frames that are inside of its hops now and have come by chain {} go on "
            "by the one that is there when they come out",
            chain.name, found->chain);
    return found;
}

Result<ChainRollout::Plan> ChainRollout::plan_add(const db::Chain& chain,
                                                  const Chains& chains) const
{
    // Another hypervisor may have added one since the request was looked at.
    if (auto fine = check_free(chain, chains); !fine)
        return fine.error();
    if (auto fine = check_in_port(chain, chains, daemon_.world().ledger.vms()); !fine)
        return fine.error();
    const auto found = under(chain, chains);
    if (!found)
        return found.error();
    return Plan{by_steps(*found) ? verb_over : verb_add, add_steps(chain, *found), std::nullopt};
}

Result<ChainRollout::Plan> ChainRollout::plan_set(const db::Chain& from, const db::Chain& to) const
{
    auto steps = change_steps(from, to);
    if (!steps) // A hop that the one cut off before left over is in the way of this one.
        steps = change_steps(settled(from), to);
    if (!steps)
        return steps.error();
    return Plan{verb_set, std::move(*steps), from.change};
}

Result<ChainRollout::Plan> ChainRollout::plan_remove(const db::Chain& chain,
                                                     const Chains& chains) const
{
    const auto found = under(chain, chains);
    if (!found)
        return found.error();
    return Plan{verb_del, remove_steps(chain, *found), chain.change};
}

/// The whole change.  What it is decided by is read from the fleet's database, and the first step
/// is published only if that is so still: of two hypervisors that begin at the same instant what
/// may not be beside each other, one begins, and the other decides again and is refused.
ChainRollout::Work ChainRollout::change(const db::Chain& chain, const Planner& planner)
{
    std::function<Work()> once = [this, &chain, &planner] { return change_once(chain, planner); };
    return decide<Left>(daemon_.io(), "chain", chain.name, std::move(once));
}

ChainRollout::Work ChainRollout::change_once(const db::Chain& chain, const Planner& planner)
{
    auto seen = co_await read_chains();
    if (!seen)
        co_return seen.error();
    if (auto may = may_change_beside(chain, seen->rows, busy(seen->rows)); !may)
        co_return may.error();
    auto plan = planner(seen->rows);
    if (!plan)
        co_return plan.error();
    co_return co_await take_steps(std::move(*plan), std::move(seen->versions));
}

/// Each of the steps, once every switch has the one before.
/// Errors: outdated if the first is refused because the chains are no more those that were seen.
ChainRollout::Work ChainRollout::take_steps(Plan plan, std::optional<std::string> seen)
{
    const auto verb = plan.verb;
    auto& steps = plan.steps;
    auto& was = plan.was;
    const bool removes = steps.back().gone;
    Left left;
    for (ChainStep& step : steps) {
        if (step.drain)
            co_await wait(drain_time);
        const bool first = &step == &steps.front();
        const bool last = &step == &steps.back();
        step.chain.change = last && !removes ? "" : mark(verb);
        Result<void> done;
        if (step.gone)
            done = co_await withdraw(step.chain.name, *was);
        else
            done = co_await publish(step.chain, was, seen);
        if (!done)
            co_return done.error();
        seen.reset(); // From now on the mark keeps others off.
        const bool is_new = !was;
        was = step.chain.change;
        auto there = co_await in_place_everywhere();
        if (there) {
            left = *there;
            continue;
        }
        const auto& why = there.error();
        if (last && (removes || verb == verb_add)) {
            spdlog::warn("chain {}: {}: it is {} all the same", step.chain.name, why.message,
                         removes ? "removed" : "open");
        } else if (first && is_new) {
            co_await withdraw(step.chain.name, *was);
            co_return why;
        } else {
            // The exits stay: a switch that did not answer may still lead there.
            step.chain.change.clear();
            co_await publish(step.chain, was, seen);
            co_return Error{why.code, why.message + (step.chain.open ? left_open : left_closed)};
        }
    }
    co_return left;
}

asio::awaitable<Result<db::Seen<db::Chain>>> ChainRollout::read_chains()
{
    return await_answer<Result<db::Seen<db::Chain>>>(
        daemon_.io(), [this](auto done) { daemon_.fleet().read_chains(done); });
}

asio::awaitable<Result<void>> ChainRollout::publish(const db::Chain& chain,
                                                    const std::optional<std::string>& was,
                                                    const std::optional<std::string>& seen)
{
    return await_answer<Result<void>>(daemon_.io(), [this, chain, was, seen](auto done) {
        daemon_.fleet().put_chain(chain, was, seen, done);
    });
}

asio::awaitable<Result<void>> ChainRollout::withdraw(const std::string& name,
                                                     const std::string& was)
{
    return await_answer<Result<void>>(daemon_.io(), [this, name, was](auto done) {
        daemon_.fleet().remove_chain(name, was, done);
    });
}

/// Asks this switch and the others' at once.  Gives the first failure, if there was one.
asio::awaitable<Result<void>> ChainRollout::ask_all(const std::vector<std::string>& others)
{
    return await_answer<Result<void>>(daemon_.io(), [this, others](auto done) {
        struct Gathered {
            std::size_t missing;
            Result<void> result;
        };
        auto gathered = std::make_shared<Gathered>(Gathered{others.size() + 1, {}});
        auto take = [gathered, done](const Result<void>& there) {
            if (gathered->result)
                gathered->result = there;
            if (--gathered->missing == 0)
                done(gathered->result);
        };
        daemon_.in_place([take, self = daemon_.world().self()](const Result<void>& there) {
            take(there ? there : Error{there.error().code, self + ": " + there.error().message});
        });
        for (const std::string& name : others) {
            daemon_.fleet().ask(name, "sync", nlohmann::json::object(), answer_limit,
                                [take, name](const Result<nlohmann::json>& answer) {
                                    if (answer)
                                        return take({});
                                    const Error& why = answer.error();
                                    // What it says itself does not name it.
                                    const bool own = why.code == Errc::invalid;
                                    take(Error{why.code, (own ? name + ": " : "") + why.message});
                                });
        }
    });
}

/// Every switch has the flows of what is published.
ChainRollout::Work ChainRollout::in_place_everywhere()
{
    Left left;
    std::vector<std::string> others;
    for (const db::Hypervisor& row : daemon_.world().ledger.hypervisors()) {
        if (!row.self)
            (daemon_.world().problems.contains("hypervisor " + row.name) ? left : others)
                .push_back(row.name);
    }
    const auto there = co_await ask_all(others);
    if (!there)
        co_return there.error();
    co_return left;
}

asio::awaitable<void> ChainRollout::wait(std::chrono::milliseconds time)
{
    asio::steady_timer timer{daemon_.io(), time};
    co_await timer.async_wait(asio::use_awaitable);
}

} // namespace holdfast::hookd
