// SPDX-License-Identifier: Apache-2.0
//
// hookd/chain-rollout: see chain-rollout.h.
#include <config.h>

#include "hookd/chain-rollout.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>

#include <spdlog/spdlog.h>

#include "hookd/await.h"

// g++ 12 takes a coroutine's own operator delete for a mismatch of its operator new, once both are
// inlined.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace holdfast::hookd {
namespace {

namespace asio = boost::asio;

// How long a frame may take from a hop's port to its way out again.  Nobody can see into a hop.
constexpr auto drain_time = std::chrono::seconds{1};
// How long a hypervisor has to say that its switch has the flows.
constexpr auto answer_limit = std::chrono::seconds{10};

} // namespace

std::string ChainRollout::mark(const char* verb) const
{
    return db::ChainChange{verb, daemon_.world().self()}.text();
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

Result<void> ChainRollout::may_change(const db::Chain& chain) const
{
    const std::string self = daemon_.world().self();
    const std::string who = db::ChainChange::of(chain).hypervisor;
    const bool lives = daemon_.world().ledger.hypervisor(who) &&
                       !daemon_.world().problems.contains("hypervisor " + who);
    if (changing_.contains(chain.name) || (!chain.change.empty() && who != self && lives)) {
        return Error{Errc::unavailable, "chain " + chain.name + ": " +
                                            (changing_.contains(chain.name) ? self : who) +
                                            " is changing it just now: try again in some seconds"};
    }
    return {};
}

void ChainRollout::resume()
{
    for (const db::Chain& chain : daemon_.world().ledger.chains()) {
        const auto told = [name = chain.name](const Result<Left>& done) {
            if (done)
                spdlog::info("chain {}: the change that was cut off has ended", name);
            else
                spdlog::warn("chain {}: its change was cut off: {}", name, done.error().message);
        };
        if (changing_.contains(chain.name))
            continue;
        if (chain.change == mark("add"))
            add(chain, told);
        else if (chain.change == mark("del"))
            remove(chain, told);
        else if (chain.change == mark("set"))
            set(chain, settled(chain), told);
    }
}

void ChainRollout::run(const std::string& chain, Work work, Done done)
{
    changing_.insert(chain);
    asio::co_spawn(daemon_.io(), to_its_end(chain, std::move(work), std::move(done)),
                   [](const std::exception_ptr& failure) {
                       if (failure)
                           std::rethrow_exception(failure);
                   });
}

asio::awaitable<void> ChainRollout::to_its_end(std::string chain, Work work, Done done)
{
    const auto result = co_await std::move(work);
    changing_.erase(chain);
    done(result);
}

void ChainRollout::add(const db::Chain& chain, Done done)
{
    adding_[chain.name] = chain;
    run(chain.name, add_all(chain), [this, name = chain.name, done](const Result<Left>& result) {
        adding_.erase(name);
        done(result);
    });
}

void ChainRollout::set(const db::Chain& from, const db::Chain& to, Done done)
{
    run(from.name, set_all(from, to), std::move(done));
}

void ChainRollout::remove(const db::Chain& chain, Done done)
{
    run(chain.name, remove_all(chain), std::move(done));
}

ChainRollout::Work ChainRollout::add_all(db::Chain chain)
{
    chain.open = false;
    chain.change = mark("add");
    if (auto put = co_await publish(chain, std::nullopt); !put)
        co_return put.error();
    auto left = co_await in_place_everywhere();
    if (!left) {
        co_await withdraw(chain.name, mark("add"));
        co_return left.error();
    }
    chain.open = true;
    chain.change.clear();
    if (auto put = co_await publish(chain, mark("add")); !put)
        co_return put.error();
    if (auto there = co_await in_place_everywhere(); !there)
        spdlog::warn("chain {}: it is open; {}", chain.name, there.error().message);
    co_return left;
}

ChainRollout::Work ChainRollout::set_all(db::Chain from, db::Chain to)
{
    std::string was = from.change;
    auto steps = change_steps(from, to);
    if (!steps) // A hop that the one cut off before left over is in the way of this one.
        steps = change_steps(settled(from), to);
    if (!steps)
        co_return steps.error();
    Left left;
    for (ChainStep& step : *steps) {
        if (step.drain)
            co_await drain();
        const bool last = &step == &steps->back();
        step.chain.change = last ? "" : mark("set");
        if (auto put = co_await publish(step.chain, was); !put)
            co_return put.error();
        was = step.chain.change;
        auto there = co_await in_place_everywhere();
        if (!there) {
            // The exits stay: a switch that did not answer may still lead there.
            step.chain.change.clear();
            co_await publish(step.chain, was);
            co_return Error{there.error().code, there.error().message +
                                                    "; the chain keeps every hop that is led to "
                                                    "now: see holdfast chain show"};
        }
        left = *there;
    }
    co_return left;
}

ChainRollout::Work ChainRollout::remove_all(db::Chain chain)
{
    const std::string was = chain.change;
    chain.open = false;
    chain.change = mark("del");
    if (auto put = co_await publish(chain, was); !put)
        co_return put.error();
    auto left = co_await in_place_everywhere();
    if (!left)
        spdlog::warn("chain {}: {}: it is removed all the same", chain.name, left.error().message);
    co_await drain();
    if (auto gone = co_await withdraw(chain.name, mark("del")); !gone)
        co_return gone.error();
    left = co_await in_place_everywhere();
    co_return left ? *left : Left{};
}

asio::awaitable<Result<void>> ChainRollout::publish(const db::Chain& chain,
                                                    const std::optional<std::string>& was)
{
    return await_answer<Result<void>>(daemon_.io(), [this, chain, was](auto done) {
        daemon_.fleet().put_chain(chain, was, done);
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
        daemon_.in_place(take);
        for (const std::string& name : others) {
            daemon_.fleet().ask(name, "sync", nlohmann::json::object(), answer_limit,
                                [take](const Result<nlohmann::json>& answer) {
                                    take(answer ? Result<void>{} : answer.error());
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

asio::awaitable<void> ChainRollout::drain()
{
    asio::steady_timer timer{daemon_.io(), drain_time};
    co_await timer.async_wait(asio::use_awaitable);
}

} // namespace holdfast::hookd
