// SPDX-License-Identifier: Apache-2.0
//
// recovery/policy: what counts how much when VMs are compared, and from when on one is similar
// enough (spec recovery.md, R2, R3, R4).
//
// A value, and the check of what an operator writes.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/result.h"
#include "recovery/specification.h"

namespace holdfast::recovery {

/// Millionths: sums of them are exact, so that equal similarities are equal.
using Weight = std::int64_t;
constexpr Weight weight_one = 1'000'000;
constexpr Weight largest_weight = 1000 * weight_one;

/// How two VMs are compared.
enum class Measure {
    jaccard,  // What both have, by what either has.
    coverage, // What both have, by what the one to be recovered has.
};

/// When two elements of one name are the same.
enum class Versions {
    ignore, // Always; the difference says where versions differ.
    major,  // If their versions begin with the same number; one not known is like no other.
    exact,  // If their versions are the same.
};

struct Policy {
    std::map<std::string, Weight> weights{
        {"language", 300'000}, {"database", 200'000}, {"web-server", 100'000}}; // Else 0.
    Weight threshold = 500'000; // Who is less similar is out.
    Measure measure = Measure::jaccard;
    Versions versions = Versions::ignore;
    std::array<bool, n_quantities> required{}; // A candidate has at least as much; no weight then.

    bool operator==(const Policy&) const = default;

    Weight weight(const std::string& feature) const;
    /// 0 of one that is a condition.
    Weight weight(Quantity quantity) const;
};

/// "0.25" as 250000: at most 6 digits after the point.
std::optional<Weight> parse_decimal(std::string_view text);
/// 250000 as "0.25".
std::string decimal_text(Weight value);

std::string_view name_of(Measure measure);
std::string_view name_of(Versions versions);
std::optional<Measure> measure_named(std::string_view name);
std::optional<Versions> versions_named(std::string_view name);
std::optional<Quantity> quantity_named(std::string_view name);

/// The weights with those of `text` ("database=0.3") put in; 0 takes one out.
/// Errors:  invalid: no number from 0 to 1000; a feature that is not among `known`; nothing would
///          have a weight.
Result<Policy> with_weights(Policy policy, const std::vector<std::string>& texts,
                            const std::set<std::string>& known);
/// The policy with one of its settings put in: "threshold=0.6", "measure=coverage",
/// "versions=major", "require=cpu,memory" or "require=none".
/// Errors:  invalid: no such setting or value; nothing would have a weight.
Result<Policy> with_setting(Policy policy, const std::string& text);

} // namespace holdfast::recovery
