// SPDX-License-Identifier: Apache-2.0
//
// hookd/recovery-follow: see recovery-follow.h.
#include <config.h>

#include "hookd/recovery-follow.h"

#include <algorithm>

#include "common/synthetic-mac.h"
#include "common/text.h"
#include "db/balancer.h"
#include "hookd/balancer.h"

namespace holdfast::hookd {
namespace {

std::string hop_word(const db::Hop& hop)
{
    std::string word = hop.kind == "pass" ? "" : hop.kind + ":";
    for (std::size_t i = 0; i < hop.vms.size(); ++i)
        word += (i == 0 ? "" : "|") + hop.vms[i];
    return word;
}

/// The ids with `next` for `lost`, each once.
void take_place(std::vector<std::string>& ids, const std::string& lost, const std::string& next)
{
    if (std::ranges::count(ids, lost) == 0)
        return;
    if (std::ranges::count(ids, next) > 0)
        std::erase(ids, lost);
    else
        std::ranges::replace(ids, lost, next);
}

/// As add_server() reads it.
std::string server_words(const std::string& address, const db::RealServer& was, bool builtin)
{
    std::string words = endpoint_text(address, was.port) + ",way=" + was.way;
    if (builtin) // An external director has weights and limits of its own.
        words += ",weight=" + std::to_string(was.weight) + ",limit=" + std::to_string(was.limit);
    return words;
}

Result<db::Balancer> with_server(const db::Balancer& balancer, const db::RealServer& was,
                                 const db::Vm& next, const std::vector<db::Balancer>& balancers,
                                 const std::vector<db::Vm>& vms)
{
    const auto is_next = [&](const db::RealServer& one) {
        return db::has_address(next, one.address);
    };
    if (std::ranges::any_of(balancer.servers, is_next))
        return balancer;
    const auto address = std::ranges::find_if(
        next.ips, [&](const std::string& one) { return is_ipv6(one) == is_ipv6(balancer.vip); });
    if (address == next.ips.end())
        return Error{Errc::invalid, "balancer " + balancer.name + ": " + next.name +
                                        " has no address of the VIP's family: give it one in its "
                                        "metadata"};
    auto with =
        add_server(balancer, server_words(*address, was, db::is_builtin(balancer)), balancers, vms);
    return with && was.state == "draining" ? drain_server(*with, *address) : with;
}

} // namespace

std::vector<std::string> followed_via(const db::Chain& chain, const std::string& lost,
                                      const std::string& next)
{
    std::vector<std::string> via;
    for (db::Hop hop : chain.hops) {
        take_place(hop.vms, lost, next);
        via.push_back(hop_word(hop));
    }
    return via;
}

Result<db::Balancer> followed_balancer(const db::Balancer& balancer, const db::Vm& lost,
                                       const db::Vm& next,
                                       const std::vector<db::Balancer>& balancers,
                                       const std::vector<db::Vm>& vms)
{
    const auto is_lost = [&](const std::string& address) {
        return db::has_address(lost, address) && std::ranges::none_of(vms, [&](const db::Vm& vm) {
                   return vm.id != lost.id && vm.state == "running" && db::has_address(vm, address);
               });
    };
    if (is_lost(balancer.sorry))
        return Error{Errc::invalid, "balancer " + balancer.name + ": " + lost.name +
                                        " is its sorry server: add it anew with another one"};
    db::Balancer to = balancer;
    take_place(to.directors, lost.id, next.id);
    std::ranges::sort(to.directors);
    for (const db::RealServer& server : balancer.servers) {
        if (!is_lost(server.address))
            continue;
        auto with = with_server(to, server, next, balancers, vms);
        auto without = with ? remove_server(*with, server.address) : with;
        if (!without)
            return without.error();
        to = *without;
    }
    return to;
}

} // namespace holdfast::hookd
