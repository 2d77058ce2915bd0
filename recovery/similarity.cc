// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "recovery/similarity.h"

#include <algorithm>
#include <cstdio>

#include "common/text.h"

namespace holdfast::recovery {
namespace {

using Wide = __int128; // A weight by a weight, or by a quantity, does not fit into 64 bits.

/// The elements that count, by what they are compared by.
std::map<std::string, const Element*> by_key(const Specification& specification, Versions versions)
{
    std::map<std::string, const Element*> elements;
    for (const auto& element : specification.elements)
        elements.emplace(key_of(element, versions), &element);
    return elements;
}

void add_quantities(Similarity& similarity, const Quantities& needed, const Quantities& there,
                    const Policy& policy)
{
    for (std::size_t i = 0; i < n_quantities; ++i) {
        const Weight weight = policy.weight(static_cast<Quantity>(i));
        similarity.shared += shared_quantity(weight, needed[i], there[i], policy.measure);
        if (needed[i] > 0 || (there[i] > 0 && policy.measure == Measure::jaccard))
            similarity.all += weight;
    }
}

} // namespace

bool Similarity::reaches(Weight threshold) const
{
    return Wide{shared} * weight_one >= Wide{all} * threshold && (all > 0 || threshold == 0);
}

std::strong_ordering operator<=>(const Similarity& a, const Similarity& b)
{
    // One of nothing is 0 of 1.
    return Wide{a.shared} * std::max<Weight>(b.all, 1) <=>
           Wide{b.shared} * std::max<Weight>(a.all, 1);
}

std::string text_of(const Similarity& similarity)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", similarity.value());
    return text;
}

std::string key_of(const Element& element, Versions versions)
{
    std::string key = element.feature + '\n' + lower(element.name);
    if (versions == Versions::exact)
        key += '\n' + lower(element.version);
    else if (versions == Versions::major)
        key += '\n' + element.version.substr(0, element.version.find_first_not_of("0123456789"));
    return key;
}

Weight shared_quantity(Weight weight, std::int64_t needed, std::int64_t there, Measure measure)
{
    if (needed <= 0 || there <= 0)
        return 0;
    const auto most = measure == Measure::coverage ? needed : std::max(needed, there);
    return static_cast<Weight>(Wide{weight} * std::min(needed, there) / most);
}

Match compare(const Specification& needed, const Specification& there, const Policy& policy)
{
    Match match;
    const auto ours = by_key(needed, policy.versions);
    const auto theirs = by_key(there, policy.versions);
    for (const auto& [key, element] : ours) {
        const Weight weight = policy.weight(element->feature);
        match.similarity.all += weight;
        if (const auto other = theirs.find(key); other == theirs.end()) {
            match.missing.push_back(*element);
        } else {
            match.similarity.shared += weight;
            match.shared.push_back({*element, other->second->version});
        }
    }
    for (const auto& [key, element] : theirs) {
        if (ours.contains(key))
            continue;
        match.surplus.push_back(*element);
        if (policy.measure == Measure::jaccard)
            match.similarity.all += policy.weight(element->feature);
    }
    add_quantities(match.similarity, needed.quantities, there.quantities, policy);
    return match;
}

std::optional<Quantity> lacks(const Quantities& needed, const Quantities& there,
                              const Policy& policy)
{
    for (std::size_t i = 0; i < n_quantities; ++i)
        if (policy.required[i] && there[i] < needed[i])
            return static_cast<Quantity>(i);
    return std::nullopt;
}

} // namespace holdfast::recovery
