// SPDX-License-Identifier: Apache-2.0
//
// hookd/commands-balancer-routes: balancer/routes: whether the directors have the routes that they
// need, asked of the switches where they are.
#include <config.h>

#include <memory>
#include <set>

#include "db/find.h"
#include "hookd/commands.h"
#include "hookd/director-routes.h"

namespace holdfast::hookd {
namespace {

using Json = nlohmann::json;

constexpr auto task_limit = std::chrono::seconds{5};

const char* word(DirectorRoutes::State state)
{
    using State = DirectorRoutes::State;
    switch (state) {
    case State::used:
        return "used";
    case State::unused:
        return "unused";
    case State::missing:
        return "missing";
    case State::unknown:
        break;
    }
    return "unknown";
}

/// What is awaited of some switches.
struct Gathered {
    db::Balancer balancer;
    Commands::Done done;
    std::map<std::string, Result<Json>> answers;
    std::size_t n_awaited = 0;
};

void answer(const Gathered& asked, const std::vector<db::Vm>& vms)
{
    Json directors = Json::array();
    for (const DirectorRoutes& one : judge_directors(asked.balancer, vms, asked.answers))
        directors.push_back({{"vm", one.director},
                             {"hypervisor", one.hypervisor},
                             {"routes", word(one.state)},
                             {"used", one.used},
                             {"text", one.text}});
    asked.done(Json{{"balancer", asked.balancer.name}, {"directors", directors}});
}

} // namespace

void Commands::balancer_routes(const Json& arguments, Done done)
{
    auto name = text_argument(arguments, "name");
    auto balancer = name ? db::find_balancer(world().ledger.balancers(), *name)
                         : Result<db::Balancer>{name.error()};
    if (!balancer) {
        done(balancer.error());
        return;
    }
    auto asked = std::make_shared<Gathered>(Gathered{*balancer, std::move(done), {}, 1});
    std::set<std::string> hypervisors;
    for (const std::string& id : balancer->directors)
        if (const db::Vm* vm = world().ledger.vm(id); vm && !vm->hypervisor.empty())
            hypervisors.insert(vm->hypervisor);
    auto came = [this, asked] {
        if (--asked->n_awaited == 0)
            answer(*asked, world().ledger.vms());
    };
    for (const std::string& hypervisor : hypervisors) {
        ++asked->n_awaited;
        auto take = [asked, hypervisor, came](const Result<Json>& said) {
            asked->answers.emplace(hypervisor, said);
            came();
        };
        if (hypervisor == world().self())
            do_task("director-step", Json::object(), take);
        else
            daemon_.fleet().ask(hypervisor, "director-step", Json::object(), task_limit, take);
    }
    came(); // Not before all are asked.
}

/// What this switch has seen of the directors that are here.
void Commands::directors_here(Done done)
{
    daemon_.ask_switch("holdfast/directors", {}, [done](const Result<std::string>& said) {
        if (!said) {
            done(said.error());
            return;
        }
        Json answer = Json::parse(*said, nullptr, false);
        if (answer.is_object())
            done(answer);
        else
            done(Error{Errc::damaged, "the switch's answer is no JSON object"});
    });
}

} // namespace holdfast::hookd
