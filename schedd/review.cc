// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "schedd/review.h"

#include <algorithm>

namespace holdfast::schedd {

namespace {

Review more(Review review, const SharePolicy& policy, const Period& period, Load load)
{
    const Load aim = (policy.grow_at + policy.shrink_at) / 2;
    const auto n_aim = (period.n_nodes * load + aim - 1) / aim;
    // One more at least, twice as many at most: a load can be others' as well.
    const auto n = std::clamp<Load>(n_aim, period.n_nodes + 1, 2 * period.n_nodes);
    review.change = static_cast<int>(
        std::max<Load>(0, std::min<Load>(n, static_cast<Load>(period.n_fleet)) - period.n_nodes));
    review.low_reviews = 0;
    review.reason += ", at or over " + load_text(policy.grow_at) + ": " +
                     (review.change == 0 ? "but the fleet has no more nodes"
                                         : count_text(review.change, "node") + " more");
    return review;
}

Review fewer(Review review, const SharePolicy& policy, const Period& period, Load load)
{
    review.low_reviews = period.low_reviews + 1;
    review.reason += ", both under " + load_text(policy.shrink_at);
    if (period.n_nodes <= 1) {
        review.reason += ": no change, one node is the least";
        return review;
    }
    const Load after = load * period.n_nodes / (period.n_nodes - 1);
    if (after >= policy.grow_at) {
        review.reason += ": no change, one node fewer would load the others " + load_text(after);
        return review;
    }
    if (review.low_reviews < policy.shrink_after) {
        review.reason += ": no change yet, review " + std::to_string(review.low_reviews) + " of " +
                         std::to_string(policy.shrink_after) + " that finds so";
        return review;
    }
    review.change = -1;
    review.low_reviews = 0;
    review.reason += ": one node fewer";
    return review;
}

} // namespace

Review review(const SharePolicy& policy, const std::string& user, Amount amount,
              const Period& period)
{
    const Load load = policy.own_hours ? period.own_load : period.load;
    Review found{0, amount, 0,
                 user + ": " + count_text(period.n_nodes, "node") + " at " + load_text(load) +
                     (policy.own_hours ? " in own hours, " : ", ") + load_text(period.used) +
                     " used"};
    if (period.n_nodes == 0) {
        found.reason += ": no change, there is no share";
        return found;
    }
    if (load >= policy.grow_at && period.used >= policy.use_at)
        found = more(std::move(found), policy, period, load);
    else if (load >= policy.grow_at)
        found.reason +=
            ": no change, the load is others': less than " + load_text(policy.use_at) + " is used";
    else if (load < policy.shrink_at && period.used < policy.shrink_at)
        found = fewer(std::move(found), policy, period, load);
    else
        found.reason += ": no change";
    if (found.change != 0)
        found.amount = (period.n_nodes + found.change) * policy.base;
    return found;
}

} // namespace holdfast::schedd
