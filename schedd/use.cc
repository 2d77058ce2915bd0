// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "schedd/use.h"

#include <algorithm>

namespace holdfast::schedd {

Result<void> pick(const Pool& pool, UserId user, const std::vector<NodeId>& nodes)
{
    for (auto one = nodes.begin(); one != nodes.end(); ++one) {
        if (auto allowed = pool.may_run(user, *one); !allowed)
            return allowed.error();
        if (std::find(nodes.begin(), one, *one) != one)
            return Error{Errc::invalid,
                         "node " + pool.node(*one).name + " is picked twice: leave one out"};
    }
    return {};
}

std::vector<Use> uses(const Pool& pool, UserId id, Seconds elapsed)
{
    std::vector<Use> found;
    if (elapsed <= Seconds{0})
        return found;
    const User& user = pool.user(id);
    for (NodeId node : user.in_use) {
        // What is lent is not reserved: it gives what a node gives.
        Amount amount = pool.policy().base;
        for (const Reservation& one : user.share)
            if (one.node == node)
                amount = one.amount;
        found.push_back({id, node, amount * elapsed.count()});
    }
    return found;
}

} // namespace holdfast::schedd
