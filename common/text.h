// SPDX-License-Identifier: Apache-2.0
//
// common/text: small helpers for words and lines shown to people.
//
// Pure.  Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast {

/// The candidate that differs least from `word`, for "did you mean".
/// Shape:   empty if nothing is near: more than a third of the word, and at least two
///          letters, would have to change.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// `text` without spaces, tabs, CR and LF at both ends.
std::string_view trimmed(std::string_view text);

/// `text` with small letters for the large ones of ASCII.
std::string lower(std::string_view text);

/// A whole decimal number, perhaps negative, and nothing after it; none otherwise.
std::optional<std::int64_t> parse_number(std::string_view text);

/// "A/B" as its two numbers, or "A" with B as 1; none if it is neither, or A is not 0 to 1,000,000,
/// or B not 1 to 10,000.
std::optional<std::pair<std::int64_t, std::int64_t>> parse_ratio(std::string_view text);

/// The address with the port, as 10.0.0.80:80 or [fd00::80]:80.
std::string endpoint_text(const std::string& address, int port);

/// A port number, 1 to 65535; none otherwise.
std::optional<int> parse_port(std::string_view text);

/// Whether people may call a thing so: letters, digits, - _ . and at most 64 of them.
bool is_name(std::string_view text);

/// Whether `text` is UTF-8 throughout.
/// Source: RFC 3629, section 4.
bool is_utf8(std::string_view text);

/// `text` as one line: control characters become spaces, and what is beyond `length` is cut.
std::string one_line(std::string_view text, std::size_t length = 400);

} // namespace holdfast
