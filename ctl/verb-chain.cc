// SPDX-License-Identifier: Apache-2.0
//
// ctl/verb-chain: `holdfast chain …`.
#include <config.h>

#include <iostream>

#include "common/text.h"
#include "ctl/answers.h"
#include "ctl/verbs.h"
#include "db/find.h"

namespace holdfast::ctl {
namespace {

// A change waits for every hypervisor, and for what is inside of the hops.
constexpr auto change_limit = std::chrono::seconds{60};

/// What became of a chain: `word` says it.
void tell(const Session& session, const Json& answer, const std::string& chain, const char* word)
{
    if (session.json) {
        session.print_json(answer);
        return;
    }
    session.print("chain " + one_line(chain) + " " + word + "\n");
    for (const auto& name : texts_of(answer, "pending"))
        session.print("pending: " + one_line(name) +
                      " is plugged in nowhere; the chain is ready once it is started\n");
    for (const auto& name : texts_of(answer, "left"))
        session.print("left out: " + one_line(name) +
                      " was not heard of; it follows when it is back\n");
    for (const auto& note : texts_of(answer, "notes"))
        std::cerr << "holdfast: " << one_line(note, 4000) << "\n";
}

} // namespace

Result<void> chain_add(const Session& session, const ChainOrder& order)
{
    Json request{{"name", order.name},         {"match", order.match},
                 {"via", order.via},           {"symmetric", order.symmetric},
                 {"priority", order.priority}, {"dead", order.dead}};
    if (!order.probe.empty())
        request["probe"] = order.probe;
    auto answer = session.ask_hookd("chain/add", request, change_limit);
    if (!answer)
        return answer.error();
    tell(session, *answer, order.name, "added");
    return {};
}

Result<void> chain_set(const Session& session, const ChainChange& change)
{
    Json request{{"name", change.name}};
    if (!change.via.empty())
        request["via"] = change.via;
    if (!change.dead.empty())
        request["dead"] = change.dead;
    if (!change.probe.empty())
        request["probe"] = change.probe;
    if (request.size() == 1)
        return Error{Errc::invalid, "chain set: nothing to change: give --via, --dead or --probe"};
    auto answer = session.ask_hookd("chain/set", request, change_limit);
    if (!answer)
        return answer.error();
    tell(session, *answer, change.name, "changed");
    return {};
}

Result<void> chain_list(const Session& session)
{
    auto world = read_world(session);
    if (!world)
        return world.error();
    if (!session.json) {
        session.print(chain_table(*world, session.style));
        return {};
    }
    Json all = Json::array();
    for (const auto& chain : world->chains)
        all.push_back(chain_json(chain, *world));
    session.print_json(all);
    return {};
}

Result<void> chain_show(const Session& session, const std::string& name)
{
    auto world = read_world(session);
    if (!world)
        return world.error();
    auto chain = db::find_chain(world->chains, name);
    if (!chain)
        return chain.error();
    if (session.json)
        session.print_json(chain_json(*chain, *world));
    else
        session.print(chain_page(*chain, *world, session.style));
    return {};
}

Result<void> chain_del(const Session& session, const std::string& name)
{
    auto answer = session.ask_hookd("chain/del", {{"name", name}}, change_limit);
    if (!answer)
        return answer.error();
    tell(session, *answer, name, "deleted");
    return {};
}

Result<void> chain_trace(const Session& session, const std::string& name, const std::string& packet)
{
    auto answer = session.ask_hookd("chain/trace", {{"name", name}, {"packet", packet}},
                                    std::chrono::seconds{30});
    if (!answer)
        return answer.error();
    if (session.json)
        session.print_json(*answer);
    else
        session.print(trace_page(*answer, session.style));
    return {};
}

Result<void> chain_check(const Session& session)
{
    auto answer = session.ask_hookd("chain/check", nullptr, std::chrono::seconds{30});
    if (!answer)
        return answer.error();
    if (session.json)
        session.print_json(*answer);
    else
        session.print(check_page(*answer, session.style));
    if (auto failure = check_failure(*answer))
        return Error{Errc::invalid, *failure};
    return {};
}

} // namespace holdfast::ctl
