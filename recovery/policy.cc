// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "recovery/policy.h"

#include <algorithm>

#include "common/text.h"

namespace holdfast::recovery {
namespace {

constexpr std::array<std::string_view, 2> measure_names{"jaccard", "coverage"};
constexpr std::array<std::string_view, 3> versions_names{"ignore", "major", "exact"};

/// The place of `name` among `names`, as the enumerator that has this number.
template <class Enum, std::size_t n>
std::optional<Enum> enumerator(const std::array<std::string_view, n>& names, std::string_view name)
{
    const auto found = std::ranges::find(names, name);
    if (found == names.end())
        return std::nullopt;
    return static_cast<Enum>(found - names.begin());
}

/// "a, b or c".
template <class Names>
std::string one_of(const Names& names)
{
    std::string text;
    for (auto one = names.begin(); one != names.end(); ++one) {
        if (one != names.begin())
            text += std::next(one) == names.end() ? " or " : ", ";
        text += *one;
    }
    return text;
}

Error invalid(std::string message)
{
    return {Errc::invalid, std::move(message)};
}

/// What is before and after the first "=".
std::optional<std::pair<std::string, std::string>> split(const std::string& text)
{
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
        return std::nullopt;
    return std::pair{std::string{trimmed(text.substr(0, equals))},
                     std::string{trimmed(text.substr(equals + 1))}};
}

Error unknown_feature(const std::string& feature, const std::set<std::string>& known)
{
    const auto near = nearest(feature, {known.begin(), known.end()});
    return invalid("weights: there is no feature \"" + one_line(feature, 40) + "\": " +
                   (near.empty() ? "write " + one_of(known) : "did you mean " + near + "?"));
}

/// What is required has no weight.
bool weighs_nothing(const Policy& policy)
{
    return std::ranges::none_of(policy.weights, [&](const auto& one) {
        const auto quantity = quantity_named(one.first);
        return (quantity ? policy.weight(*quantity) : one.second) > 0;
    });
}

Result<void> require(Policy& policy, const std::string& value)
{
    policy.required = {};
    if (value == "none")
        return {};
    for (std::string_view rest = value;;) {
        const auto comma = rest.find(',');
        const auto word = trimmed(rest.substr(0, comma));
        const auto quantity = quantity_named(word);
        if (!quantity)
            return invalid("require: \"" + one_line(word, 40) + "\" is no quantity: write " +
                           one_of(quantity_names) + ", several with commas, or none");
        policy.required[static_cast<std::size_t>(*quantity)] = true;
        if (comma == std::string_view::npos)
            break;
        rest.remove_prefix(comma + 1);
    }
    if (weighs_nothing(policy))
        return invalid("require: nothing else has a weight, and no VM would be like another: give "
                       "a feature that is not required a weight first");
    return {};
}

} // namespace

std::string text_of(const Element& element)
{
    return element.version.empty() ? element.name : element.name + " " + element.version;
}

Weight Policy::weight(const std::string& feature) const
{
    const auto found = weights.find(feature);
    return found == weights.end() ? 0 : found->second;
}

Weight Policy::weight(Quantity quantity) const
{
    const auto place = static_cast<std::size_t>(quantity);
    return required[place] ? 0 : weight(std::string{quantity_names[place]});
}

std::optional<Weight> parse_decimal(std::string_view text)
{
    const bool negative = text.starts_with('-');
    if (negative)
        text.remove_prefix(1);
    const auto point = text.find('.');
    std::string digits{text.substr(0, point)};
    const auto after =
        point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
    const bool pointless = point != std::string_view::npos && after.empty();
    if (digits.empty() || digits.size() > 6 || after.size() > 6 || pointless)
        return std::nullopt;
    digits += std::string{after} + std::string(6 - after.size(), '0');
    if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; }))
        return std::nullopt;
    const auto value = parse_number(digits);
    return value && negative ? -*value : value;
}

std::string decimal_text(Weight value)
{
    std::string text = std::to_string(value / weight_one);
    std::string after = std::to_string(weight_one + value % weight_one).substr(1);
    after.erase(after.find_last_not_of('0') + 1);
    return after.empty() ? text : text + "." + after;
}

std::string_view name_of(Measure measure)
{
    return measure_names[static_cast<std::size_t>(measure)];
}

std::string_view name_of(Versions versions)
{
    return versions_names[static_cast<std::size_t>(versions)];
}

std::optional<Measure> measure_named(std::string_view name)
{
    return enumerator<Measure>(measure_names, name);
}

std::optional<Versions> versions_named(std::string_view name)
{
    return enumerator<Versions>(versions_names, name);
}

std::optional<Quantity> quantity_named(std::string_view name)
{
    return enumerator<Quantity>(quantity_names, name);
}

Result<Policy> with_weights(Policy policy, const std::vector<std::string>& texts,
                            const std::set<std::string>& known)
{
    for (const auto& text : texts) {
        const auto parts = split(text);
        if (!parts)
            return invalid("weights: \"" + one_line(text, 40) + "\": write FEATURE=WEIGHT");
        const auto& [feature, number] = *parts;
        if (!known.contains(feature))
            return unknown_feature(feature, known);
        const auto weight = parse_decimal(number);
        if (!weight || *weight < 0 || *weight > largest_weight)
            return invalid("weights: the weight of " + feature + " is \"" + one_line(number, 40) +
                           "\": write a number from 0 to 1000, such as 0.25");
        if (*weight == 0)
            policy.weights.erase(feature);
        else
            policy.weights[feature] = *weight;
    }
    if (weighs_nothing(policy))
        return invalid("weights: all would be 0, and no VM like another: leave one above 0");
    return policy;
}

Result<Policy> with_setting(Policy policy, const std::string& text)
{
    const auto parts = split(text);
    if (!parts)
        return invalid("policy: \"" + one_line(text, 40) + "\": write SETTING=VALUE");
    const auto& [setting, value] = *parts;
    const auto wrong = [&](const std::string& mend) {
        return invalid(setting + ": \"" + one_line(value, 40) + "\": write " + mend);
    };
    if (setting == "threshold") {
        const auto number = parse_decimal(value);
        if (!number || *number < 0 || *number > weight_one)
            return wrong("a number from 0 to 1, such as 0.5");
        policy.threshold = *number;
    } else if (setting == "measure") {
        const auto measure = measure_named(value);
        if (!measure)
            return wrong(one_of(measure_names));
        policy.measure = *measure;
    } else if (setting == "versions") {
        const auto versions = versions_named(value);
        if (!versions)
            return wrong(one_of(versions_names));
        policy.versions = *versions;
    } else if (setting == "require") {
        if (auto done = require(policy, value); !done)
            return done.error();
    } else {
        constexpr std::array<std::string_view, 4> settings{"threshold", "measure", "versions",
                                                           "require"};
        return invalid("policy: there is no setting \"" + one_line(setting, 40) + "\": write " +
                       one_of(settings));
    }
    return policy;
}

} // namespace holdfast::recovery
