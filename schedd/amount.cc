// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "schedd/amount.h"

#include <array>
#include <numeric>

namespace holdfast::schedd {

namespace {

// Four fractions whose denominators are at most 10^4, of numerators up to 10^18: 10^35 at most.
__extension__ typedef __int128 Wide;

struct Term {
    const char* name;
    std::int64_t quantity;
    std::int64_t most;
    Rate rate;
};

std::array<Term, 4> terms(const Usage& usage, const Rates& rates)
{
    constexpr std::int64_t most = 1'000'000'000;
    return {{{"hours a day", usage.hours_a_day, 24'000, rates.hour_a_day},
             {"hours a week", usage.hours_a_week, 168'000, rates.hour_a_week},
             {"storage", usage.storage, most, rates.storage},
             {"work per hour", usage.work_per_hour, most, rates.work_per_hour}}};
}

} // namespace

Result<void> check(const Rates& rates)
{
    for (const Term& term : terms({}, rates))
        if (term.rate.amount < 0 || term.rate.amount > 1'000'000 * unit || term.rate.per < 1 ||
            term.rate.per > 10'000)
            return Error{Errc::invalid, std::string{"rate of "} + term.name + " is " +
                                            amount_text(term.rate.amount) + " per " +
                                            std::to_string(term.rate.per) +
                                            ": give 0 to 1000000 per 1 to 10000"};
    return {};
}

Result<Amount> amount_of(const Usage& usage, const Rates& rates)
{
    std::int64_t denominator = 1;
    bool any = false;
    for (const Term& term : terms(usage, rates)) {
        if (term.quantity < 0 || term.quantity > term.most)
            return Error{Errc::invalid, std::string{term.name} + " " + amount_text(term.quantity) +
                                            ": give 0 to " + amount_text(term.most)};
        any |= term.quantity > 0;
        denominator = std::lcm(denominator, term.rate.per);
    }
    if (!any)
        return Error{Errc::invalid,
                     "a usage of nothing: give hours a day or a week, storage, or work per hour"};
    Wide sum = 0;
    for (const Term& term : terms(usage, rates))
        sum += Wide{term.quantity} * term.rate.amount * (denominator / term.rate.per);
    // Quantities are thousandths, and so are rates' amounts: one of the two is taken out.
    const Wide whole = Wide{denominator} * unit;
    return static_cast<Amount>((sum + whole - 1) / whole);
}

Result<int> nodes_for(Amount amount, Amount base, std::size_t n_fleet)
{
    if (amount <= 0 || base <= 0)
        return Error{Errc::invalid, "amount " + amount_text(amount) + " with a base amount of " +
                                        amount_text(base) + ": both must be more than 0"};
    // Not (amount + base - 1) / base: the sum could be too large for the type.
    const Amount n = amount / base + (amount % base != 0);
    if (n > static_cast<Amount>(n_fleet))
        return Error{Errc::invalid,
                     "amount " + amount_text(amount) + " wants " + count_text(n, "node") + " of " +
                         amount_text(base) + ", the fleet has " + std::to_string(n_fleet) +
                         ": ask for " + amount_text(base * static_cast<Amount>(n_fleet)) +
                         " at most"};
    return static_cast<int>(n);
}

} // namespace holdfast::schedd
