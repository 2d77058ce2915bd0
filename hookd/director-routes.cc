// SPDX-License-Identifier: Apache-2.0
//
// hookd/director-routes: see director-routes.h.
#include <config.h>

#include "hookd/director-routes.h"

#include <algorithm>
#include <set>

namespace holdfast::hookd {
namespace {

using Json = nlohmann::json;
using State = DirectorRoutes::State;

constexpr std::int64_t lately_ms = 60'000; // Of what went astray.
// Who uses a route sends there, or asks, within a minute.
constexpr std::int64_t used_lately_ms = 120'000;

/// What its switch says of the director; null if it says nothing.
Json seen_of(const Json& answer, const std::string& vm)
{
    for (const Json& one : answer.value("directors", Json::array()))
        if (one.value("vm", "") == vm)
            return one;
    return nullptr;
}

/// The synthetic addresses that it has asked for or sent to.
std::set<std::string> used_macs(const Json& seen)
{
    std::set<std::string> macs;
    for (const Json& one : seen.value("servers", Json::array()))
        if (one.value("used_ms_ago", used_lately_ms) < used_lately_ms)
            macs.insert(one.value("mac", ""));
    return macs;
}

/// Where it sends what is for the VIP, if that is none of the servers; else empty.
std::string stray_to(const Json& seen, const std::string& vip)
{
    for (const Json& one : seen.value("strays", Json::array()))
        if (one.value("vip", "") == vip && one.value("ms_ago", lately_ms) < lately_ms)
            return one.value("to", "");
    return {};
}

std::string joined(const std::vector<std::string>& words)
{
    std::string all;
    for (const std::string& word : words)
        all += (all.empty() ? "" : ", ") + word;
    return all;
}

void judge(const db::Balancer& balancer, const Json& seen, DirectorRoutes& routes)
{
    const auto macs = used_macs(seen);
    std::vector<std::string> missing;
    for (const db::RealServer& server : balancer.servers)
        (macs.contains(server.mac) ? routes.used : missing).push_back(server.address);
    const std::string to = stray_to(seen, balancer.vip);
    const std::string not_used =
        missing.empty() ? ""
                        : "it has neither asked for " + joined(missing) + " nor sent there lately";
    if (!to.empty()) {
        routes.state = State::missing;
        routes.text = "sends what is for " + balancer.vip + " to " + to +
                      ", none of its servers, and a gateway sends it back, in a circle" +
                      (missing.empty() ? "" : "; " + not_used) +
                      ": give it the routes that are named here";
    } else if (missing.empty()) {
        routes.state = State::used;
        routes.text = "asks for each server, or sends there: its routes are there";
    } else {
        routes.state = State::unused;
        routes.text = not_used + ": it uses no route there";
    }
}

} // namespace

std::vector<DirectorRoutes> judge_directors(const db::Balancer& balancer,
                                            const std::vector<db::Vm>& vms,
                                            const std::map<std::string, Result<Json>>& answers)
{
    std::vector<DirectorRoutes> all;
    for (const std::string& id : balancer.directors) {
        DirectorRoutes& routes = all.emplace_back();
        const auto vm = std::ranges::find(vms, id, &db::Vm::id);
        routes.director = vm == vms.end() ? id : vm->name;
        if (vm == vms.end() || vm->hypervisor.empty()) {
            routes.text = "is not known here: start it";
            continue;
        }
        routes.hypervisor = vm->hypervisor;
        const auto answer = answers.find(vm->hypervisor);
        if (answer == answers.end() || !answer->second) {
            routes.text =
                "cannot be judged: " + (answer == answers.end() ? "its switch was not asked"
                                                                : answer->second.error().message);
            continue;
        }
        try {
            const Json seen = seen_of(*answer->second, id);
            if (!answer->second->value("seen", true))
                routes.text = "cannot be judged: with the kernel's datapath the switch of " +
                              vm->hypervisor + " does not see what it sends";
            else if (seen.is_null())
                routes.text = "has no port on the switch of " + vm->hypervisor + ": start it";
            else
                judge(balancer, seen, routes);
        } catch (const Json::exception&) { // Of a member of another version.
            routes.text = "cannot be judged: " + vm->hypervisor +
                          " answers in a shape that is not known here: is it of another version?";
        }
    }
    return all;
}

} // namespace holdfast::hookd
