// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "recovery/index.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace holdfast::recovery {
namespace {

using Wide = __int128;

/// Quantities are told apart by their two binary digits after the first: in a plane of one of
/// these sizes is who has less than a quarter more than the least of it.
int size_of(std::int64_t amount)
{
    const int digits = std::bit_width(static_cast<std::uint64_t>(amount));
    const int next =
        static_cast<int>(digits >= 3 ? amount >> (digits - 3) & 3 : amount << (3 - digits) & 3);
    return digits * 4 + next;
}

/// The least and the most of a size.
std::pair<std::int64_t, std::int64_t> limits(int size)
{
    const auto least_of = [](int one) {
        const int digits = one / 4;
        const std::uint64_t head = 4U + static_cast<unsigned>(one) % 4;
        return static_cast<std::int64_t>(digits >= 3 ? head << (digits - 3) : head >> (3 - digits));
    };
    const auto least = least_of(size);
    return {least, std::max(least, least_of(size + 1) - 1)};
}

/// What a plane's weights are counted in: exactly, if they are few steps, else rounded up, which
/// leaves the sum an upper bound.
Weight unit_for(std::span<const Weight> weights)
{
    constexpr Weight most_steps = 15;
    Weight unit = 0, largest = 1;
    for (Weight weight : weights) {
        unit = std::gcd(unit, weight);
        largest = std::max(largest, weight);
    }
    return std::max({unit, (largest + most_steps - 1) / most_steps, Weight{1}});
}

Weight rounded_up(Wide number, Wide by)
{
    return static_cast<Weight>((number + by - 1) / by);
}

} // namespace

void CodedPool::add(std::span<const ElementNumber> elements_of_one,
                    const Quantities& quantities_of_one)
{
    elements.insert(elements.end(), elements_of_one.begin(), elements_of_one.end());
    ends.push_back(elements.size());
    quantities.push_back(quantities_of_one);
}

std::span<const ElementNumber> CodedPool::elements_of(PoolPlace place) const
{
    const std::size_t begin = place == 0 ? 0 : ends[place - 1];
    return std::span{elements}.subspan(begin, ends[place] - begin);
}

/// Something that the query asks of VMs, and who has it.
struct Term {
    const std::vector<std::uint64_t>* plane = nullptr;
    const std::vector<std::uint32_t>* positions = nullptr;
    Weight weight = 0; // Exactly; of a quantity's size the most that it can share.
};

/// One query on its way through the blocks.
struct Index::Search {
    const Query& query;
    Weight total = 0;             // Of all the query has.
    Weight quantities = 0;        // Of its quantities alone.
    std::vector<Term> terms;      // Elements, then quantities' sizes.
    std::size_t n_elements = 0;   // Of the terms.
    Weight unit = 1;              // Of the planes' weights.
    std::vector<Found> best = {}; // A heap, the worst in front.
    // Of the block that is looked at:
    std::vector<Plane> planes = {};
    std::vector<std::uint64_t> unpacked = {};                        // Of lists.
    std::vector<std::pair<const std::uint64_t*, Weight>> exact = {}; // Elements' bits and weights.
    std::size_t first = 0;                                           // Its first position.

    bool better(const Found& a, const Found& b) const
    {
        const auto order = a.similarity <=> b.similarity;
        return order != 0 ? order > 0 : query.before(a.place, b.place);
    }
    bool full() const { return best.size() == query.most; }
    Similarity worst() const { return full() ? best.front().similarity : Similarity{}; }
    std::uint64_t bar(Measure measure, Weight least_total) const;
    void plan_block(std::size_t block);
    void keep(const Found& found);
};

/// What a VM's coarse sum must come up to, if it is to be as good as the worst of the best: with
/// s/a the similarity of that one, S what is shared at most, and T the query's total,
///   jaccard:  S a >= s (T + total - S - quantities of both)   coverage:  S a >= s T.
std::uint64_t Index::Search::bar(Measure measure, Weight least_total) const
{
    const auto [shared, all] = worst();
    if (shared == 0)
        return 1;
    const Wide needed =
        measure == Measure::coverage
            ? rounded_up(Wide{shared} * total, all)
            : rounded_up(Wide{shared} * (total + least_total - quantities), Wide{shared} + all);
    return static_cast<std::uint64_t>(std::max<Weight>(rounded_up(needed, unit), 1));
}

void Index::Search::plan_block(std::size_t block)
{
    planes.clear();
    exact.clear();
    first = block * block_size;
    unpacked.resize(terms.size() * block_words);
    for (std::size_t i = 0; i < terms.size(); ++i) {
        const Term& term = terms[i];
        const std::uint64_t* bits = nullptr;
        if (!term.plane->empty()) {
            bits = term.plane->data() + block * block_words;
        } else {
            auto one = std::ranges::lower_bound(*term.positions, first);
            if (one == term.positions->end() || *one >= first + block_size)
                continue;
            const auto here = unpacked.begin() + static_cast<std::ptrdiff_t>(i * block_words);
            std::fill_n(here, block_words, 0);
            for (; one != term.positions->end() && *one < first + block_size; ++one)
                here[(*one - first) / 64] |= std::uint64_t{1} << *one % 64;
            bits = &*here;
        }
        planes.push_back({bits, static_cast<std::uint32_t>(rounded_up(term.weight, unit))});
        if (i < n_elements)
            exact.emplace_back(bits, term.weight);
    }
}

void Index::Search::keep(const Found& found)
{
    const auto order = [this](const Found& a, const Found& b) { return better(a, b); };
    if (full()) {
        if (!better(found, best.front()))
            return;
        std::ranges::pop_heap(best, order);
        best.pop_back();
    }
    best.push_back(found);
    std::ranges::push_heap(best, order);
}

Index::Index(Scale scale, const CodedPool& pool) : scale_{std::move(scale)}
{
    sort(pool);
    fill(pool);
}

Weight Index::total(std::span<const ElementNumber> elements, const Quantities& quantities) const
{
    Weight sum = 0;
    for (ElementNumber element : elements)
        sum += scale_.elements[element];
    for (std::size_t i = 0; i < n_quantities; ++i)
        sum += quantities[i] > 0 ? scale_.quantities[i] : 0;
    return sum;
}

void Index::sort(const CodedPool& pool)
{
    std::vector<std::pair<Weight, PoolPlace>> all(pool.size());
    for (PoolPlace place = 0; place < pool.size(); ++place)
        all[place] = {total(pool.elements_of(place), pool.quantities[place]), place};
    std::ranges::sort(all);
    for (const auto& [weight, place] : all) {
        order_.push_back(place);
        totals_.push_back(weight);
        quantities_.push_back(pool.quantities[place]);
    }
}

void Index::fill(const CodedPool& pool)
{
    elements_.resize(scale_.elements.size());
    std::vector<std::size_t> counts(elements_.size());
    for (ElementNumber element : pool.elements)
        ++counts[element];
    const std::size_t n_words = (pool.size() + block_size - 1) / block_size * block_words;
    for (std::size_t i = 0; i < elements_.size(); ++i)
        if (counts[i] * 32 > pool.size())
            elements_[i].plane.resize(n_words);
        else
            elements_[i].positions.reserve(counts[i]);
    for (std::uint32_t position = 0; position < order_.size(); ++position) {
        const std::uint64_t bit = std::uint64_t{1} << position % 64;
        for (ElementNumber element : pool.elements_of(order_[position]))
            if (auto& holders = elements_[element]; holders.plane.empty())
                holders.positions.push_back(position);
            else
                holders.plane[position / 64] |= bit;
        for (std::size_t i = 0; i < n_quantities; ++i) {
            const auto amount = quantities_[position][i];
            if (amount <= 0 || scale_.quantities[i] == 0)
                continue;
            auto& holders = sizes_[i][size_of(amount)];
            holders.plane.resize(n_words);
            holders.plane[position / 64] |= bit;
        }
    }
}

/// How similar a VM of the block can be, by the weight of all it has.
Similarity Index::highest(const Search& search, std::size_t block) const
{
    const Weight least = totals_[block * block_size];
    const Weight most = totals_[std::min((block + 1) * block_size, size()) - 1];
    if (most < search.total)
        return {most, search.total};
    if (least > search.total && scale_.measure == Measure::jaccard)
        return {search.total, least};
    return {1, 1};
}

void Index::look_closely(Search& search, std::size_t position) const
{
    const PoolPlace place = order_[position];
    if (!search.query.allowed(place))
        return;
    const std::size_t word = (position - search.first) / 64;
    Weight common = 0; // Of elements that both have.
    for (const auto& [bits, weight] : search.exact)
        common += bits[word] >> position % 64 & 1 ? weight : 0;
    Weight shared = common;
    for (std::size_t i = 0; i < n_quantities; ++i) {
        const auto needed = search.query.quantities[i], there = quantities_[position][i];
        shared += shared_quantity(scale_.quantities[i], needed, there, scale_.measure);
        common += needed > 0 && there > 0 ? scale_.quantities[i] : 0;
    }
    const Weight all = scale_.measure == Measure::coverage
                           ? search.total
                           : search.total + totals_[position] - common;
    if (shared > 0)
        search.keep({place, {shared, all}});
}

void Index::look_at(Search& search, std::size_t block) const
{
    search.plan_block(block);
    const std::size_t end = std::min(search.first + block_size, size());
    for (std::size_t group = 0; search.first + group * group_size < end; ++group) {
        const std::size_t begin = search.first + group * group_size;
        const GroupBits reached =
            reach(search.planes, group, search.bar(scale_.measure, totals_[begin]));
        for (std::size_t word = 0; word < reached.size(); ++word)
            for (std::uint64_t rest = reached[word]; rest != 0; rest &= rest - 1)
                look_closely(search,
                             begin + word * 64 + static_cast<std::size_t>(std::countr_zero(rest)));
    }
}

std::vector<Found> Index::best(const Query& query) const
{
    Search search{query,
                  total(query.elements, query.quantities) + query.others,
                  total({}, query.quantities),
                  {},
                  query.elements.size()};
    if (query.most == 0)
        return {};
    std::vector<Weight> weights;
    for (ElementNumber element : query.elements) {
        const Holders& holders = elements_[element];
        search.terms.push_back({&holders.plane, &holders.positions, scale_.elements[element]});
    }
    for (std::size_t i = 0; i < n_quantities; ++i)
        for (const auto& [size, holders] : sizes_[i]) {
            const auto [least, most] = limits(size);
            const auto nearest = std::clamp(query.quantities[i], least, most);
            const Weight weight =
                shared_quantity(scale_.quantities[i], query.quantities[i], nearest, scale_.measure);
            if (weight > 0)
                search.terms.push_back({&holders.plane, &holders.positions, weight});
        }
    for (const Term& term : search.terms)
        weights.push_back(term.weight);
    search.unit = unit_for(weights);
    std::vector<std::pair<Similarity, std::size_t>> blocks;
    for (std::size_t block = 0; block * block_size < size(); ++block)
        blocks.emplace_back(highest(search, block), block);
    std::ranges::stable_sort(blocks, std::greater<>{}, &decltype(blocks)::value_type::first);
    for (const auto& [most, block] : blocks) {
        if (search.full() && most < search.worst())
            break;
        look_at(search, block);
    }
    std::ranges::sort(search.best,
                      [&](const Found& a, const Found& b) { return search.better(a, b); });
    return search.best;
}

} // namespace holdfast::recovery
