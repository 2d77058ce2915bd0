// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-chain: chain/add, chain/del and chain/check.
#include <config.h>

#include <algorithm>
#include <climits>
#include <cstdint>

#include <spdlog/spdlog.h>

#include "common/text.h"
#include "db/find.h"
#include "hookd/chain-meet.h"
#include "hookd/chain.h"
#include "hookd/classifier.h"
#include "hookd/commands.h"
#include "hookd/path.h"

namespace holdfast::hookd {
namespace {

using Json = nlohmann::json;

constexpr auto task_limit = std::chrono::seconds{10};

/// The probe's packet, normalised; "" and "off" are none.
Result<std::string> read_probe(const std::string& chain, const std::string& text)
{
    if (text.empty() || text == "off")
        return std::string{};
    auto packet = parse_match(text);
    if (!packet) {
        return Error{Errc::invalid, "chain " + one_line(chain, 64) + ": probe \"" +
                                        one_line(text, 80) + "\": " + packet.error().message};
    }
    return packet->normalized;
}

Result<ChainRequest> read_request(const Json& arguments)
{
    ChainRequest request;
    for (auto [key, into] :
         {std::pair{"name", &request.name}, std::pair{"match", &request.match}}) {
        auto text = text_argument(arguments, key);
        if (!text)
            return text.error();
        *into = *text;
    }
    request.via = arguments.value("via", std::vector<std::string>{});
    request.symmetric = arguments.value("symmetric", false);
    // Beyond what int holds it is refused as any other that is too large.
    request.priority = static_cast<int>(
        std::clamp<std::int64_t>(arguments.value("priority", std::int64_t{1000}), -1, INT_MAX));
    request.dead = arguments.value("dead", "drop");
    auto probe = read_probe(request.name, arguments.value("probe", ""));
    if (!probe)
        return probe.error();
    request.probe = *probe;
    return request;
}

Json names_of(const std::vector<db::Vm>& vms)
{
    Json names = Json::array();
    for (const db::Vm& vm : vms)
        names.push_back(vm.name);
    return names;
}

/// What is to be said of a chain that is taken as it is.
Json notes_on(const db::Chain& chain, const std::vector<db::Chain>& chains)
{
    Json notes = Json::array();
    if (auto note = note_same_priority(chain, chains); !note.empty())
        notes.push_back(note);
    return notes;
}

/// Numbers in the lines of the switch's check: "ok N flows".
int count_of(const std::string& text)
{
    return text.starts_with("ok ") ? std::atoi(text.c_str() + 3) : 0;
}

/// The answers of all hypervisors, put together when the last has come.
struct Gathering {
    std::size_t missing = 0;
    bool ok = true;
    Json rows = Json::array();
    Commands::Done done;

    void take(const Json& row)
    {
        ok = ok && row.value("ok", false);
        rows.push_back(row);
        if (--missing == 0)
            done(Json{{"ok", ok}, {"hypervisors", rows}});
    }
};

} // namespace

void Commands::chain_add(const Json& arguments, Done done)
{
    auto request = read_request(arguments);
    if (!request) {
        done(request.error());
        return;
    }
    auto match = parse_match(request->match);
    if (!match) {
        done(Error{Errc::invalid, "chain " + one_line(request->name, 64) + ": classifier \"" +
                                      one_line(request->match, 80) +
                                      "\": " + match.error().message});
        return;
    }
    const Ledger& ledger = world().ledger;
    const auto taken = rollout_.taken();
    auto chain = make_chain(*request, *match, taken, ledger.vms(), ledger.self().number);
    if (!chain) {
        done(chain.error());
        return;
    }
    if (auto may = rollout_.may_change(*chain); !may) {
        done(may.error());
        return;
    }
    const auto notes = notes_on(*chain, taken);
    rollout_.add(*chain, [this, chain, notes, done](const Result<ChainRollout::Left>& left) {
        if (!left) {
            done(left.error());
            return;
        }
        note("chain-added", "chain " + chain->name + " for " + chain->match + " is in place",
             chain->name);
        done(Json{{"chain", chain->name},
                  {"spi", chain->spi},
                  {"rspi", chain->rspi},
                  {"pending", names_of(pending_hops(*chain, world().ledger.vms()))},
                  {"left", *left},
                  {"notes", notes}});
    });
}

/// The chain as it shall be: what the request does not name stays.
Result<db::Chain> Commands::changed_chain(const db::Chain& from, const Json& arguments)
{
    ChainRequest request;
    request.name = from.name;
    request.dead = arguments.value("dead", from.dead);
    request.via = arguments.value("via", std::vector<std::string>{});
    db::Chain to = settled(from);
    to.dead = request.dead;
    if (auto fine = check_dead(request); !fine)
        return fine.error();
    if (!request.via.empty()) {
        auto hops = make_hops(request, world().ledger.vms());
        if (!hops)
            return hops.error();
        to.hops = *hops;
    }
    if (arguments.contains("probe")) {
        auto probe = read_probe(from.name, arguments.at("probe").get<std::string>());
        if (!probe)
            return probe.error();
        to.probe = *probe;
    }
    return to;
}

/// The change that is asked for, if it can be made beside these chains: nothing that is known
/// before it begins is in its way.
Result<Commands::ChainTurn> Commands::chain_turn(const Json& arguments,
                                                 const std::vector<db::Chain>& beside)
{
    const auto from = changeable_chain(arguments);
    if (!from)
        return from.error();
    if (!from->open)
        return Error{Errc::unavailable, "chain " + from->name +
                                            ": its adding or removing was cut off, and it takes no "
                                            "traffic: delete it, then add it"};
    const auto to = changed_chain(*from, arguments);
    if (!to)
        return to.error();
    if (auto fine = check_in_port(*to, beside, world().ledger.vms()); !fine)
        return fine.error();
    if (auto fine = rollout_.may_set(*from, *to); !fine)
        return fine.error();
    return ChainTurn{*from, *to};
}

void Commands::chain_set(const Json& arguments, Done done)
{
    const auto taken = rollout_.taken();
    const auto turn = chain_turn(arguments, taken);
    if (!turn) {
        done(turn.error());
        return;
    }
    const auto to = turn->to;
    const auto notes = notes_on(to, taken);
    rollout_.set(turn->from, to, [this, to, notes, done](const Result<ChainRollout::Left>& left) {
        if (!left) {
            done(left.error());
            return;
        }
        note("chain-changed", "chain " + to.name + " is changed", to.name);
        done(Json{{"chain", to.name},
                  {"pending", names_of(pending_hops(to, world().ledger.vms()))},
                  {"left", *left},
                  {"notes", notes}});
    });
}

/// The chain that the argument `name` names.
Result<db::Chain> Commands::named_chain(const Json& arguments)
{
    auto name = text_argument(arguments, "name");
    if (!name)
        return name.error();
    return db::find_chain(world().ledger.chains(), *name);
}

/// The same, if it may be changed now.
Result<db::Chain> Commands::changeable_chain(const Json& arguments)
{
    auto chain = named_chain(arguments);
    if (chain)
        if (auto may = rollout_.may_change(*chain); !may)
            return may.error();
    return chain;
}

void Commands::chain_del(const Json& arguments, Done done)
{
    auto chain = changeable_chain(arguments);
    if (!chain) {
        done(chain.error());
        return;
    }
    rollout_.remove(*chain, [this, chain, done](const Result<ChainRollout::Left>& left) {
        if (!left) {
            done(left.error());
            return;
        }
        note("chain-deleted", "chain " + chain->name + " is gone", chain->name);
        done(Json{{"chain", chain->name}, {"left", *left}});
    });
}

void Commands::check_here(Done done)
{
    auto stored = world().ledger.stored_paths();
    std::vector<std::string> problems;
    if (!stored)
        problems.push_back(stored.error().message);
    else
        problems =
            path_differences(*stored, compute_paths(world().ledger.chains(), world().ledger.vms()));
    daemon_.ask_switch("holdfast/check", {},
                       [this, problems, done](const Result<std::string>& answer) {
                           Json lines = problems;
                           std::string text = answer ? *answer : answer.error().message;
                           for (std::size_t at = 0; !answer && at < text.size();) {
                               std::size_t end = std::min(text.find('\n', at), text.size());
                               if (end > at)
                                   lines.push_back(one_line(text.substr(at, end - at)));
                               at = end + 1;
                           }
                           done(Json{{"hypervisor", world().self()},
                                     {"ok", lines.empty()},
                                     {"flows", answer ? count_of(text) : 0},
                                     {"problems", lines}});
                       });
}

void Commands::chain_check(const Json&, Done done)
{
    auto gathering = std::make_shared<Gathering>();
    gathering->missing = world().ledger.hypervisors().size();
    gathering->done = std::move(done);
    std::vector<db::Hypervisor> all = world().ledger.hypervisors();
    for (const db::Hypervisor& row : all) {
        auto take = [gathering, name = row.name](const Result<Json>& answer) {
            if (answer)
                gathering->take(*answer);
            else
                gathering->take(Json{{"hypervisor", name},
                                     {"ok", false},
                                     {"flows", 0},
                                     {"problems", {answer.error().message}}});
        };
        if (row.self)
            check_here(take);
        else
            daemon_.fleet().ask(row.name, "check", Json::object(), task_limit, take);
    }
}

} // namespace holdfast::hookd
