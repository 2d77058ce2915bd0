// SPDX-License-Identifier: Apache-2.0
//
// bench/candidates: times recovery's search for the ten most similar specifications, and a plain
// scan of the same ones.  bench/recovery starts it.
//
//   candidates chance|fleet VMS QUERIES SEED
//     -> {"making_s":..,"memory_mib":..}, then {"ms":..,"plain_ms":..,"equal":true|false} a query
//
// Each specification has 64 elements of 512, eight of each of eight features.  By chance they are
// all different; those of a fleet are made from 1,000 ways to build a VM, with up to four elements
// exchanged.  Queries are made as the others.
#include <config.h>

#include "common/text.h"
#include "recovery/index.h"

#include <malloc.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <ctime>
#include <iostream>
#include <random>
#include <stdexcept>
#include <system_error>

using namespace holdfast;
using namespace holdfast::recovery;

namespace {

constexpr std::size_t n_features = 8, each = 8, n_best = 10;
constexpr std::array<Weight, n_features> weights{300'000, 200'000, 100'000, 120'000,
                                                 80'000,  100'000, 50'000,  50'000};

/// A specification of the plain scan: a word of bits for each feature.
using Words = std::array<std::uint64_t, n_features>;
using Random = std::mt19937_64;

double seconds()
{
    timespec now{};
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0)
        throw std::system_error{errno, std::generic_category(), "clock_gettime"};
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

Words by_chance(Random& random)
{
    Words words{};
    for (auto& word : words)
        while (std::popcount(word) < static_cast<int>(each))
            word |= std::uint64_t{1} << random() % 64;
    return words;
}

/// With up to four of its elements exchanged for others of their features.
Words changed(Words words, Random& random)
{
    for (auto n = random() % 5; n > 0; --n) {
        auto& word = words[random() % n_features];
        word &= word - 1;
        while (std::popcount(word) < static_cast<int>(each))
            word |= std::uint64_t{1} << random() % 64;
    }
    return words;
}

std::vector<ElementNumber> numbers(const Words& words)
{
    std::vector<ElementNumber> elements;
    for (std::size_t feature = 0; feature < n_features; ++feature)
        for (std::uint64_t rest = words[feature]; rest != 0; rest &= rest - 1)
            elements.push_back(static_cast<ElementNumber>(
                feature * 64 + static_cast<std::size_t>(std::countr_zero(rest))));
    return elements;
}

Weight total(const Words& words)
{
    Weight sum = 0;
    for (std::size_t i = 0; i < n_features; ++i)
        sum += weights[i] * std::popcount(words[i]);
    return sum;
}

/// What all VMs have in common, looked at one by one; totals are known, as the index has them.
#if defined(__x86_64__)
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
std::vector<Found>
plain_scan(const std::vector<Words>& pool, const std::vector<Weight>& totals, const Words& query)
{
    const Weight own = total(query);
    const auto better = [](const Found& a, const Found& b) {
        const auto order = a.similarity <=> b.similarity;
        return order != 0 ? order > 0 : a.place < b.place;
    };
    std::vector<Found> best;
    for (PoolPlace place = 0; place < pool.size(); ++place) {
        Weight shared = 0;
        for (std::size_t i = 0; i < n_features; ++i)
            shared += weights[i] * std::popcount(pool[place][i] & query[i]);
        const Found found{place, {shared, own + totals[place] - shared}};
        if (best.size() == n_best && !better(found, best.back()))
            continue;
        best.insert(std::ranges::upper_bound(best, found, better), found);
        best.resize(std::min(best.size(), n_best));
    }
    return best;
}

std::vector<Words> make_pool(bool fleet, std::size_t n_vms, Random& random)
{
    std::vector<Words> kinds(fleet ? 1000 : 0), pool(n_vms);
    for (auto& kind : kinds)
        kind = by_chance(random);
    for (auto& one : pool)
        one = fleet ? changed(kinds[random() % kinds.size()], random) : by_chance(random);
    return pool;
}

Index make_index(const std::vector<Words>& pool)
{
    CodedPool coded;
    for (const auto& one : pool)
        coded.add(numbers(one), {});
    Scale scale;
    for (std::size_t i = 0; i < n_features * 64; ++i)
        scale.elements.push_back(weights[i / 64]);
    return Index{std::move(scale), coded};
}

void run(bool fleet, std::size_t n_vms, std::size_t n_queries, std::uint64_t seed)
{
    Random random{seed};
    const auto pool = make_pool(fleet, n_vms, random);
    std::vector<Weight> totals;
    std::ranges::transform(pool, std::back_inserter(totals), total);
    const double begun = seconds();
    const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    const Index index = make_index(pool);
    std::cout << nlohmann::json{{"making_s", seconds() - begun},
                                {"memory_mib",
                                 (mallinfo2().uordblks + mallinfo2().hblkhd - before) >> 20}}
              << "\n";
    for (std::size_t i = 0; i < n_queries; ++i) {
        const Words words =
            fleet ? changed(pool[random() % pool.size()], random) : by_chance(random);
        Query query;
        query.elements = numbers(words);
        query.most = n_best;
        const double start = seconds();
        const auto ours = index.best(query);
        const double middle = seconds();
        const auto plain = plain_scan(pool, totals, words);
        const double end = seconds();
        std::cout << nlohmann::json{{"ms", (middle - start) * 1000},
                                    {"plain_ms", (end - middle) * 1000},
                                    {"equal", ours == plain}}
                  << "\n";
    }
}

std::size_t number(const std::string& word)
{
    const auto value = parse_number(word);
    if (!value || *value < 1 || *value > 20'000'000)
        throw std::invalid_argument{"\"" + word + "\" is no number from 1 to 20000000"};
    return static_cast<std::size_t>(*value);
}

} // namespace

int main(int argc, char** argv)
{
    try {
        const std::vector<std::string> words{argv + 1, argv + argc};
        if (words.size() != 4 || (words[0] != "chance" && words[0] != "fleet"))
            throw std::invalid_argument{"usage: candidates chance|fleet VMS QUERIES SEED"};
        run(words[0] == "fleet", number(words[1]), number(words[2]), number(words[3]));
    } catch (const std::invalid_argument& error) {
        std::cerr << "candidates: " << error.what() << "\n";
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "candidates: " << error.what() << "\n";
        return 1;
    }
}
