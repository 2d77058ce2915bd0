// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "recovery/features.h"

#include <algorithm>
#include <vector>

#include "common/text.h"

namespace holdfast::recovery {
namespace {

/// The parts between commas, without blanks around them.
std::vector<std::string> names_of(std::string_view text)
{
    std::vector<std::string> names;
    for (;;) {
        const auto comma = text.find(',');
        names.emplace_back(trimmed(text.substr(0, comma)));
        if (comma == std::string_view::npos)
            return names;
        text.remove_prefix(comma + 1);
    }
}

/// "NAME" or "NAME = OTHER NAME, OTHER NAME": all of them, the first in front.
std::vector<std::string> software_names(std::string_view line)
{
    const auto equals = line.find('=');
    std::vector<std::string> names{std::string{trimmed(line.substr(0, equals))}};
    if (equals != std::string_view::npos)
        std::ranges::move(names_of(line.substr(equals + 1)), std::back_inserter(names));
    return names;
}

} // namespace

bool is_feature(std::string_view text)
{
    return !text.empty() && text.size() <= 40 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

Result<void> FeatureTable::add(std::string_view text, const std::string& file)
{
    FeatureTable with = *this;
    std::string feature;
    for (int number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        const auto line = trimmed(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        const auto wrong = [&](const std::string& what) {
            return Error{Errc::invalid, file + ":" + std::to_string(number) + ": " + what};
        };
        if (line.empty() || line.front() == '#')
            continue;
        if (!is_utf8(line))
            return wrong("a byte that is no UTF-8: write the file in UTF-8");
        if (line.front() == '[') {
            if (line.back() != ']' || !is_feature(line.substr(1, line.size() - 2)))
                return wrong("\"" + one_line(line, 40) +
                             "\" is no feature: write [FEATURE], in small letters");
            feature = line.substr(1, line.size() - 2);
            with.features_.insert(feature);
            continue;
        }
        if (feature.empty())
            return wrong("\"" + one_line(line, 40) +
                         "\" is of no feature: write [FEATURE] on a line before it");
        const auto names = software_names(line);
        if (std::ranges::count(names, std::string{}) > 0)
            return wrong("\"" + one_line(line, 40) +
                         "\" has an empty name: write NAME, or NAME = "
                         "OTHER NAME, several with commas");
        for (const auto& name : names)
            with.software_[lower(name)] = {names.front(), feature};
    }
    *this = std::move(with);
    return {};
}

Element FeatureTable::software(const std::string& name, const std::string& version,
                               const std::string& feature) const
{
    const auto known = software_.find(lower(name));
    if (known == software_.end())
        return {feature.empty() ? other_software : feature, name, version};
    return {feature.empty() ? known->second.feature : feature, known->second.name, version};
}

} // namespace holdfast::recovery
