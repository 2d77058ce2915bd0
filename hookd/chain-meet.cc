// SPDX-License-Identifier: Apache-2.0
//
// hookd/chain-meet: see chain-meet.h.
#include <config.h>

#include "hookd/chain-meet.h"

#include <algorithm>

#include "db/chain-order.h"
#include "db/find.h"
#include "hookd/chain-way.h"
#include "hookd/classifier.h"

namespace holdfast::hookd {
namespace {

/// Whether frames of `other`, unless it finds them first, go on by `chain` from a common hop, and
/// so by another way.
bool takes_by_mistake(const db::Chain& chain, const db::Chain& other)
{
    return share_any(chain.hops, other.hops) &&
           any_ways(chain, other, [&](const Way& way, const Way& from) {
               return (chain.dead != other.dead || !same_onward(way.hops, from.hops)) &&
                      mistakes(way.match, from.match);
           });
}

/// The name of a VM that both pass.
std::string common_vm(const db::Chain& a, const db::Chain& b, const std::vector<db::Vm>& vms)
{
    for (const db::Hop& hop : a.hops)
        for (const std::string& id : hop.vms)
            if (db::passes(b, id)) {
                const auto vm = db::find_vm(vms, id);
                return vm ? vm->name : id;
            }
    return {};
}

bool same_order(const db::Chain& a, const db::Chain& b)
{
    return db::chain_order(a.spi) == db::chain_order(b.spi);
}

/// Whether frames of both have passed the same hops, whichever of them they took.
bool same_in_the_end(const db::Chain& a, const db::Chain& b)
{
    return a.dead == b.dead &&
           std::is_permutation(a.hops.begin(), a.hops.end(), b.hops.begin(), b.hops.end());
}

bool meet_by_other_ways(const db::Chain& a, const db::Chain& b)
{
    return a.priority == b.priority && share_any(a.hops, b.hops) &&
           (same_order(a, b) || !same_in_the_end(a, b)) &&
           any_ways(a, b, [&](const Way& way, const Way& other) {
               return (a.dead != b.dead || way.hops != other.hops) &&
                      relate(way.match, other.match).meet;
           });
}

} // namespace

Result<void> check_in_port(const db::Chain& chain, const std::vector<db::Chain>& chains,
                           const std::vector<db::Vm>& vms)
{
    for (const db::Chain& other : chains) {
        if (other.name == chain.name)
            continue;
        for (const auto& [taker, loser] : {std::pair{&chain, &other}, std::pair{&other, &chain}}) {
            if (taker->priority < loser->priority || !takes_by_mistake(*taker, *loser))
                continue;
            const bool either = takes_by_mistake(*loser, *taker);
            return Error{Errc::invalid,
                         "chain " + chain.name + ": behind VM " + common_vm(chain, other, vms) +
                             " nothing is known of the in_port of chain " + taker->name +
                             ", which would take frames of chain " + loser->name +
                             " there: leave in_port out, " +
                             (either ? "" : "give " + loser->name + " a higher --priority, ") +
                             "or let them have no VM in common"};
        }
    }
    return {};
}

std::string note_same_priority(const db::Chain& chain, const std::vector<db::Chain>& chains)
{
    // One is enough to say: of thousands through a VM, each may meet all others.
    const auto other = std::find_if(chains.begin(), chains.end(), [&](const db::Chain& row) {
        return row.name != chain.name && meet_by_other_ways(chain, row);
    });
    if (other == chains.end())
        return {};
    return "chain " + chain.name + " has frames and a hop in common with chain " + other->name +
           " at the same priority, " + std::to_string(chain.priority) +
           (same_order(chain, *other)
                ? ": such frames may go by either, and skip a hop"
                : ": such frames go by " + (db::is_over(chain, *other) ? chain.name : other->name) +
                      " alone") +
           ": give each another --priority";
}

} // namespace holdfast::hookd
