// SPDX-License-Identifier: Apache-2.0
//
// schedd/amount: what a user's usage is worth, and how many nodes that is (spec Q1).
//
// Pure, exact: fractions are added as fractions and rounded once.  Any thread.
#pragma once

#include "common/result.h"
#include "schedd/units.h"

namespace holdfast::schedd {

/// What one piece of usage is worth: `amount` for each `per` of it.
/// Shape:   amount 0 to 1,000,000 units, per 1 to 10,000.
struct Rate {
    Amount amount = unit;
    std::int64_t per = 1;
};

/// The configured rates.
struct Rates {
    Rate hour_a_day{10 * unit, 1};  // Of use each day.
    Rate hour_a_week{10 * unit, 7}; // Of use each week.
    Rate storage{unit, 10};         // A GiB.
    Rate work_per_hour{unit, 100};  // A piece of work each hour.
};

/// What a user asks for; one kind or several.
/// Units:   thousandths: 7500 hours a day are seven and a half.
/// Shape:   0 to 1,000,000,000 thousandths; hours at most those of a day, of a week.
struct Usage {
    std::int64_t hours_a_day = 0;
    std::int64_t hours_a_week = 0;
    std::int64_t storage = 0;
    std::int64_t work_per_hour = 0;
};

/// Whether rates can be counted with.
/// Errors:  invalid, with the rate's name and figures.
Result<void> check(const Rates& rates);

/// The amount that `usage` is, rounded up to a thousandth.
/// Errors:  invalid: a quantity is negative or too large, or nothing is asked for.
/// Source:  spec Q1.
Result<Amount> amount_of(const Usage& usage, const Rates& rates);

/// The nodes that `amount` is: amount / base, rounded up.
/// Errors:  invalid: the amount is zero or negative, or more than `n_fleet` nodes give.
/// Source:  spec Q1.
Result<int> nodes_for(Amount amount, Amount base, std::size_t n_fleet);

} // namespace holdfast::schedd
