// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-quota: quota/request, quota/select, quota/del and quota/review, which the leading
// holdfast-schedd decides, wherever it is; and lease/step and node/load, by which a schedd has its
// decisions and its measurements written.
#include <config.h>

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "common/json-text.h"
#include "common/text.h"
#include "db/row-check.h"
#include "db/share-json.h"
#include "hookd/commands.h"

namespace asio = boost::asio;

namespace holdfast::hookd {
namespace {

using Json = nlohmann::json;

constexpr std::chrono::seconds leader_limit{20};
constexpr std::chrono::seconds load_limit{5};

Result<db::LeaseStep> step_from(const Json& arguments)
{
    auto was = db::lease_from(arguments.at("was"));
    if (!was)
        return was.error();
    auto to = db::lease_from(arguments.at("to"));
    if (!to)
        return to.error();
    if (to->term < 1 || to->name.empty() || to->name != was->name)
        return Error{Errc::invalid, "a lease's step is from a row to a later one of its name"};
    return db::LeaseStep{*was, *to};
}

using ClientPtr = std::shared_ptr<AsyncControlClient>;

Json reply_from(const std::string& text)
{
    return Json::parse(text, nullptr, false);
}

} // namespace

/// What another had changed meanwhile is no failure, but the answer.
void Commands::lease_step(const Json& arguments, Done done)
{
    auto step = step_from(arguments);
    if (!step) {
        done(step.error());
        return;
    }
    FleetLink::QuotaChange change;
    for (const Json& row : arguments.value("put", Json::array())) {
        auto quota = db::quota_from(row);
        if (!quota) {
            done(quota.error());
            return;
        }
        change.put.push_back(*quota);
    }
    change.remove = arguments.value("remove", std::vector<std::string>{});
    for (const std::string& text : arguments.value("events", std::vector<std::string>{}))
        change.events.push_back(world().event("quota", one_line(text), now_ns()));
    daemon_.fleet().step_lease(*step, change, [done](const Result<void>& taken) {
        const bool late =
            !taken && (taken.error().code == Errc::outdated || taken.error().code == Errc::exists);
        if (taken || late)
            done(Json{{"outdated", late}});
        else
            done(taken.error());
    });
}

void Commands::node_load(const Json& arguments, Done done)
{
    db::Hypervisor row = world().ledger.self();
    row.load = arguments.at("load");
    row.period_load = arguments.at("period_load");
    if (auto wrong = db::fault(row); !wrong.empty()) {
        done(Error{Errc::invalid, wrong});
        return;
    }
    StoreChange change;
    change.seen = {row};
    auto stored = world().commit(change);
    done(stored ? Result<Json>{Json::object()} : Result<Json>{stored.error()});
}

namespace {

/// What is asked of many hypervisors: answers once all have, or have had their time.
struct Gathered {
    Json answers = Json::object();
    std::size_t left = 0;
    Commands::Done done;

    void take(const std::string& name, const Result<Json>& answer)
    {
        answers[name] = answer ? *answer : Json{{"error", one_line(answer.error().message)}};
        if (--left == 0)
            done(answers);
    }
};

} // namespace

/// Of all hypervisors that give something: for the schedd that leads, and for no other.
void Commands::node_loads(const Json&, Done done)
{
    std::vector<std::string> names;
    for (const db::Hypervisor& row : world().ledger.hypervisors())
        if (row.capacity > 0 && !row.lost)
            names.push_back(row.name);
    if (names.empty()) {
        done(Json::object());
        return;
    }
    auto all = std::make_shared<Gathered>();
    all->left = names.size();
    all->done = std::move(done);
    for (const std::string& name : names) {
        auto take = [all, name](const Result<Json>& answer) { all->take(name, answer); };
        if (name == world().self())
            ask_schedd("load/tell", Json::object(), take);
        else
            daemon_.fleet().ask(name, "node-loads", Json::object(), load_limit, take);
    }
}

void Commands::ask_leader(const std::string& verb, const Json& arguments, Done done)
{
    const db::Lease* lease = world().ledger.lease(db::schedd_lease);
    if (!lease || lease->holder.empty())
        done(Error{Errc::unavailable, "no holdfast-schedd leads: start it on the hypervisors that "
                                      "are to decide, and try again in some seconds"});
    else if (lease->holder == world().self())
        ask_schedd(verb, arguments, std::move(done));
    else
        daemon_.fleet().ask(lease->holder, "quota", Json{{"verb", verb}, {"arguments", arguments}},
                            leader_limit, std::move(done));
}

/// Asks the schedd of this machine.  Its load is asked for by a connection of its own: the one that
/// leads asks for it while it is asked for something else.
void Commands::ask_schedd(const std::string& verb, const Json& arguments, Done done)
{
    auto ask = [](AsyncControlClient& shared, ClientPtr own, std::string method,
                  std::vector<std::string> words, Done then) -> asio::awaitable<void> {
        AsyncControlClient& schedd = own ? *own : shared;
        auto text = co_await schedd.call(std::move(method), std::move(words), leader_limit);
        Result<Json> answer = text ? Result<Json>{reply_from(*text)} : Result<Json>{text.error()};
        if (answer && !answer->is_object())
            answer =
                Error{Errc::damaged, "holdfast-schedd answers what is no JSON object: is it of "
                                     "another version?"};
        then(answer);
    };
    ClientPtr own;
    if (verb == "load/tell")
        own = std::make_shared<AsyncControlClient>(
            daemon_.io().get_executor(),
            [] { return Result<std::string>{holdfast_control_socket("holdfast-schedd")}; },
            "holdfast-schedd");
    asio::co_spawn(daemon_.io(),
                   ask(schedd_, std::move(own), verb, {to_text(arguments)}, std::move(done)),
                   asio::detached);
}

void Commands::quota_request(const Json& arguments, Done done)
{
    ask_leader("quota/request", arguments, std::move(done));
}

void Commands::quota_select(const Json& arguments, Done done)
{
    ask_leader("quota/select", arguments, std::move(done));
}

void Commands::quota_del(const Json& arguments, Done done)
{
    ask_leader("quota/del", arguments, std::move(done));
}

void Commands::quota_review(const Json& arguments, Done done)
{
    ask_leader("quota/review", arguments, std::move(done));
}

} // namespace holdfast::hookd
