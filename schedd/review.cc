// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "schedd/review.h"

#include <algorithm>

#include "db/row-check.h"

namespace holdfast::schedd {

namespace {

/// The nodes that an amount can be at most: no row holds more.
Load most_nodes(const SharePolicy& policy)
{
    return db::amount_max / policy.base;
}

Review more(Review review, const SharePolicy& policy, const Period& period, Load load)
{
    const Load aim = (policy.grow_at + policy.shrink_at) / 2;
    const auto n_aim = (period.n_nodes * load + aim - 1) / aim;
    // One more at least, twice as many at most: a load can be others' as well.
    const auto n = std::clamp<Load>(n_aim, period.n_nodes + 1, 2 * period.n_nodes);
    const auto n_fleet = static_cast<Load>(period.n_fleet);
    const Load most = std::min(n_fleet, most_nodes(policy));
    review.change = static_cast<int>(std::max<Load>(0, std::min<Load>(n, most) - period.n_nodes));
    review.low_reviews = 0;
    review.reason +=
        ", at or over " + load_text(policy.grow_at) + ": " +
        (review.change > 0 ? count_text(review.change, "node") + " more"
         : most == n_fleet ? "but the fleet has no more nodes"
                           : "but an amount of " + amount_text(db::amount_max) + " is the most");
    return review;
}

Review fewer(Review review, const SharePolicy& policy, const Period& period, Load load)
{
    // No more are counted than are asked for: it can be so for years.
    review.low_reviews = std::min(period.low_reviews + 1, policy.shrink_after);
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
    if (period.n_nodes - 1 > most_nodes(policy)) {
        review.reason +=
            ": no change, an amount of " + amount_text(db::amount_max) + " is the most";
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
