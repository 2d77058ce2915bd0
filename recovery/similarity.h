// SPDX-License-Identifier: Apache-2.0
//
// recovery/similarity: how like a VM is to one that is to be recovered, and what it lacks (spec
// recovery.md, R3, R6).
//
// Pure.
#pragma once

#include <compare>

#include "recovery/policy.h"
#include "recovery/specification.h"

namespace holdfast::recovery {

/// A fraction from 0 to 1, kept as one so that equal ones are equal.
struct Similarity {
    Weight shared = 0; // Of what both have.
    Weight all = 0;    // Of what is counted; 0: nothing is, and that is no similarity.

    double value() const
    {
        return all ? static_cast<double>(shared) / static_cast<double>(all) : 0;
    }
    bool reaches(Weight threshold) const;
};
std::strong_ordering operator<=>(const Similarity& a, const Similarity& b);
inline bool operator==(const Similarity& a, const Similarity& b)
{
    return (a <=> b) == 0;
}

/// "0.667".
std::string text_of(const Similarity& similarity);

/// What element is the same as another: equal keys.
std::string key_of(const Element& element, Versions versions);

/// What `needed` and `there` of a quantity add to what is shared; 0 if either is not known.
Weight shared_quantity(Weight weight, std::int64_t needed, std::int64_t there, Measure measure);

/// An element that both have.
struct Shared {
    Element element;   // As the one to be recovered has it.
    std::string there; // The version that the other has.

    bool operator==(const Shared&) const = default;
};

/// A VM beside the one to be recovered.
struct Match {
    Similarity similarity;
    std::vector<Shared> shared;
    std::vector<Element> missing; // Only the one to be recovered has it: to be installed.
    std::vector<Element> surplus; // Only the other has it.
};

/// Compares `there` with `needed`, the one to be recovered.  Lists are in the order of keys.
Match compare(const Specification& needed, const Specification& there, const Policy& policy);

/// Which quantity that is a condition `there` has too little of; none if it has enough.  One that
/// is not known of `needed` is no condition.
std::optional<Quantity> lacks(const Quantities& needed, const Quantities& there,
                              const Policy& policy);

} // namespace holdfast::recovery
