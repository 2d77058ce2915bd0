// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "schedd/spare.h"

#include <algorithm>

namespace holdfast::schedd {

SpareChoice choose_spare(const Pool& pool)
{
    SpareChoice choice;
    for (std::uint32_t i = 0; i < pool.nodes().size(); ++i) {
        const Node& node = pool.nodes()[i];
        if (node.offer == Offer::spare)
            choice.before = NodeId{i};
        if (node.offer != Offer::open && node.offer != Offer::spare)
            continue;
        if (choice.spare == no_node || node.average < pool.node(choice.spare).average)
            choice.spare = NodeId{i};
    }
    choice.reason = choice.spare == no_node
                        ? "no spare: all nodes are drained or have failed"
                        : "spare is " + pool.node(choice.spare).name + ": its average load of " +
                              load_text(pool.node(choice.spare).average) + " is the lowest";
    return choice;
}

std::vector<Loan> share_spare(const Pool& pool, NodeId spare)
{
    std::vector<Loan> loans;
    for (std::uint32_t i = 0; i < pool.users().size(); ++i) {
        const User& user = pool.users()[i];
        for (NodeId held : user.borrowed)
            if (held != spare)
                loans.push_back({UserId{i}, held, false,
                                 user.name + ": " + pool.node(held).name +
                                     " is no spare any more and leaves the share"});
        if (user.share.empty() || spare == no_node)
            continue;
        Load sum = 0;
        for (const Reservation& one : user.share)
            sum += pool.node(one.node).average;
        const Load load = sum / static_cast<Load>(user.share.size());
        const bool lent = load >= pool.policy().spare_at;
        const bool held =
            std::find(user.borrowed.begin(), user.borrowed.end(), spare) != user.borrowed.end();
        if (lent == held)
            continue;
        loans.push_back({UserId{i}, spare, lent,
                         user.name + ": the average load of " +
                             count_text(static_cast<std::int64_t>(user.share.size()), "node") +
                             " is " + load_text(load) + (lent ? ", at or over " : ", under ") +
                             load_text(pool.policy().spare_at) + ": the spare " +
                             pool.node(spare).name +
                             (lent ? " comes to the share" : " leaves the share")});
    }
    return loans;
}

void apply(Pool& pool, const SpareChoice& choice)
{
    if (choice.before != no_node && choice.before != choice.spare)
        pool.set_offer(choice.before, Offer::open);
    if (choice.spare != no_node)
        pool.set_offer(choice.spare, Offer::spare);
}

void apply(Pool& pool, const Loan& loan)
{
    if (loan.lent)
        pool.lend(loan.user, loan.spare);
    else
        pool.take_back(loan.user, loan.spare);
}

} // namespace holdfast::schedd
