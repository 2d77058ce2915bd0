// SPDX-License-Identifier: Apache-2.0
//
// Tests of recovery/index and recovery/bit-sum: the same as a plain scan, on pools by chance.
#include <config.h>

#include "recovery/index.h"

#include <algorithm>
#include <random>

#include <CppUTest/TestHarness.h>

using namespace holdfast::recovery;

namespace {

using Random = std::mt19937_64;

/// A pool by chance; `kinds` is how many different specifications it has, so that there are ties.
struct Case {
    CodedPool pool;
    Scale scale;
    Query query;
};

std::vector<ElementNumber> some_elements(Random& random, std::size_t n_elements, std::size_t most)
{
    std::vector<ElementNumber> elements;
    for (std::size_t n = random() % (most + 1); n > 0; --n)
        // The lower the number, the more VMs have it: some get planes, some lists.
        elements.push_back(
            static_cast<ElementNumber>(std::min(random() % n_elements, random() % n_elements)));
    std::ranges::sort(elements);
    elements.erase(std::ranges::unique(elements).begin(), elements.end());
    return elements;
}

Quantities some_quantities(Random& random)
{
    Quantities quantities{};
    for (auto& one : quantities)
        one =
            random() % 4 == 0 ? 0 : static_cast<std::int64_t>(1 + random() % (1 << random() % 20));
    return quantities;
}

Case some_case(Random& random, std::size_t n_vms)
{
    Case one;
    const std::size_t n_elements = 1 + random() % 300, most = 1 + random() % 40;
    const Weight step = random() % 2 ? 100'000 : 1; // Of few weights, or of many.
    for (std::size_t i = 0; i < n_elements; ++i)
        one.scale.elements.push_back(
            step * static_cast<Weight>(1 + random() % (step == 1 ? 1'000'000 : 5)));
    if (random() % 2)
        for (auto& weight : one.scale.quantities)
            weight = static_cast<Weight>(random() % 3 * 150'000);
    one.scale.measure = random() % 2 ? Measure::jaccard : Measure::coverage;
    const std::size_t n_kinds = 1 + random() % (2 * n_vms + 1);
    std::vector<std::pair<std::vector<ElementNumber>, Quantities>> kinds;
    for (std::size_t i = 0; i < std::min(n_kinds, n_vms); ++i)
        kinds.emplace_back(some_elements(random, n_elements, most), some_quantities(random));
    for (std::size_t i = 0; i < n_vms; ++i) {
        const auto& [elements, quantities] = kinds[random() % kinds.size()];
        one.pool.add(elements, quantities);
    }
    one.query.elements = some_elements(random, n_elements, most);
    one.query.quantities = some_quantities(random);
    one.query.others = random() % 2 ? static_cast<Weight>(random() % 500'000) : 0;
    one.query.most = random() % 20;
    return one;
}

Similarity plain_similarity(const Case& one, PoolPlace place)
{
    const auto there = one.pool.elements_of(place);
    Similarity similarity{0, one.query.others};
    for (ElementNumber i = 0; i < one.scale.elements.size(); ++i) {
        const bool ours = std::ranges::count(one.query.elements, i) > 0;
        const bool theirs = std::ranges::count(there, i) > 0;
        similarity.shared += ours && theirs ? one.scale.elements[i] : 0;
        if (ours || (theirs && one.scale.measure == Measure::jaccard))
            similarity.all += one.scale.elements[i];
    }
    for (std::size_t i = 0; i < n_quantities; ++i) {
        const auto ours = one.query.quantities[i], theirs = one.pool.quantities[place][i];
        similarity.shared +=
            shared_quantity(one.scale.quantities[i], ours, theirs, one.scale.measure);
        if (ours > 0 || (theirs > 0 && one.scale.measure == Measure::jaccard))
            similarity.all += one.scale.quantities[i];
    }
    return similarity;
}

std::vector<Found> plain_scan(const Case& one)
{
    std::vector<Found> found;
    for (PoolPlace place = 0; place < one.pool.size(); ++place)
        if (const auto similarity = plain_similarity(one, place);
            similarity.shared > 0 && one.query.allowed(place))
            found.push_back({place, similarity});
    std::ranges::sort(found, [&](const Found& a, const Found& b) {
        const auto order = a.similarity <=> b.similarity;
        return order != 0 ? order > 0 : one.query.before(a.place, b.place);
    });
    found.resize(std::min(found.size(), one.query.most));
    return found;
}

} // namespace

TEST_GROUP(R4Index){};

TEST(R4Index, FindsWhatAPlainScanFindsOnPoolsByChance)
{
    Random random{4};
    std::size_t n_found = 0;
    for (int i = 0; i < 400; ++i) {
        Case one = some_case(random, i < 380 ? random() % 300 : 4000 + random() % 6000);
        if (random() % 2)
            one.query.before = std::greater<>{};
        if (random() % 2)
            one.query.allowed = [](PoolPlace place) { return place % 3 != 0; };
        const auto found = Index{one.scale, one.pool}.best(one.query);
        CHECK_TRUE(found == plain_scan(one));
        n_found += found.size();
    }
    CHECK_TRUE(n_found > 1000); // The cases are no empty ones.
}

TEST(R4Index, AnEmptyPoolHasNone)
{
    CHECK_TRUE(Index({}, {}).best({}).empty());
}

TEST(R4Index, WhatNoVmHasStillCounts)
{
    CodedPool pool;
    pool.add(std::vector<ElementNumber>{0}, {});
    const Index index{{Measure::jaccard, {300'000}}, pool};
    const auto found = index.best({{0}, 300'000});
    CHECK_TRUE(found == (std::vector<Found>{{0, {300'000, 600'000}}}));
}

TEST(R4Index, SumsReachTheBarExactlyWhereTheyShould)
{
    Random random{5};
    for (int i = 0; i < 300; ++i) {
        std::vector<std::array<std::uint64_t, 16>> bits(random() % 70);
        std::vector<Plane> planes;
        std::uint64_t most = 0;
        for (auto& one : bits) {
            std::ranges::generate(one, std::ref(random));
            planes.push_back({one.data(), static_cast<std::uint32_t>(1 + random() % 63)});
            most += planes.back().weight;
        }
        const std::uint64_t bar = random() % (most + 2);
        const GroupBits reached = reach(planes, 1, bar);
        for (std::size_t vm = 0; vm < group_size; ++vm) {
            std::uint64_t sum = 0;
            for (const auto& plane : planes)
                sum += plane.bits[8 + vm / 64] >> vm % 64 & 1 ? plane.weight : 0;
            CHECK_EQUAL(sum >= bar, (reached[vm / 64] >> vm % 64 & 1) != 0);
        }
    }
}
