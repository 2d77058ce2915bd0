// SPDX-License-Identifier: Apache-2.0
//
// common/text: see text.h.
#include <config.h>

#include "common/text.h"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace holdfast {
namespace {

/// How many letters must be changed, added or taken away to make `b` of `a` (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            std::size_t replaced = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

} // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates)
{
    constexpr std::size_t longest_word = 256; // The cost is quadratic, and input may be hostile.
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
    if (word.size() > longest_word)
        return best;
    for (const std::string& candidate : candidates) {
        if (candidate.size() > longest_word)
            continue;
        std::size_t found = distance(word, candidate);
        if (found < best_distance) {
            best_distance = found;
            best = candidate;
        }
    }
    return best;
}

std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view blank = " \t\r\n";
    std::size_t first = text.find_first_not_of(blank);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::string lower(std::string_view text)
{
    std::string small{text};
    for (char& letter : small) {
        if (letter >= 'A' && letter <= 'Z')
            letter = static_cast<char>(letter - 'A' + 'a');
    }
    return small;
}

std::optional<std::int64_t> parse_number(std::string_view text)
{
    std::int64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::optional<std::pair<std::int64_t, std::int64_t>> parse_ratio(std::string_view text)
{
    constexpr std::int64_t most = 1'000'000;
    constexpr std::int64_t most_below = 10'000;
    const auto slash = text.find('/');
    const auto above = parse_number(text.substr(0, slash));
    const auto below = slash == std::string_view::npos ? std::optional<std::int64_t>{1}
                                                       : parse_number(text.substr(slash + 1));
    if (!above || !below || *above < 0 || *above > most || *below < 1 || *below > most_below)
        return std::nullopt;
    return std::pair{*above, *below};
}

std::string endpoint_text(const std::string& address, int port)
{
    const bool v6 = address.find(':') != std::string::npos;
    return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

std::optional<int> parse_port(std::string_view text)
{
    const auto port = parse_number(text);
    if (!port || *port < 1 || *port > 65535)
        return std::nullopt;
    return static_cast<int>(*port);
}

bool is_name(std::string_view text)
{
    constexpr std::size_t longest = 64;
    constexpr std::string_view allowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    return !text.empty() && text.size() <= longest &&
           text.find_first_not_of(allowed) == std::string_view::npos;
}

bool is_utf8(std::string_view text)
{
    for (std::size_t i = 0; i < text.size();) {
        auto byte = [&](std::size_t at) -> unsigned {
            return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
        };
        unsigned first = byte(i);
        std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        if ((first >= 0x80 && first < 0xc2) || first > 0xf4)
            return false;
        for (std::size_t k = 1; k < length; ++k) {
            if ((byte(i + k) & 0xc0) != 0x80)
                return false;
        }
        // Too long a form, a surrogate, or beyond U+10FFFF.
        unsigned second = byte(i + 1);
        if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
            (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) {
            return false;
        }
        i += length;
    }
    return true;
}

std::string one_line(std::string_view text, std::size_t length)
{
    std::string line{trimmed(text)};
    if (line.size() > length) {
        line.resize(length);
        line += "...";
    }
    std::replace_if(
        line.begin(), line.end(),
        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    return line;
}

} // namespace holdfast
