// SPDX-License-Identifier: Apache-2.0
//
// ctl/verb-chain: `holdfast chain …`.
#include <config.h>

#include "common/text.h"
#include "ctl/answers.h"
#include "ctl/lookup.h"
#include "ctl/verbs.h"

namespace holdfast::ctl {

Result<void> chain_add(const Session& session, const ChainOrder& order)
{
    auto answer = session.ask_hookd("chain/add", {{"name", order.name},
                                                  {"match", order.match},
                                                  {"via", order.via},
                                                  {"symmetric", order.symmetric},
                                                  {"priority", order.priority},
                                                  {"dead", order.dead}});
    if (!answer)
        return answer.error();
    if (session.json) {
        session.print_json(*answer);
        return {};
    }
    session.print("chain " + one_line(order.name) + " added\n");
    for (const auto& name : texts_of(*answer, "pending"))
        session.print("pending: " + one_line(name) +
                      " is plugged in nowhere; the chain is ready once it is started\n");
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
    auto chain = find_chain(*world, name);
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
    auto answer = session.ask_hookd("chain/del", {{"name", name}});
    if (!answer)
        return answer.error();
    if (session.json)
        session.print_json(*answer);
    else
        session.print("chain " + one_line(name) + " deleted\n");
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
