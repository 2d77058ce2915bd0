// SPDX-License-Identifier: Apache-2.0
//
// hookd/classifier: see classifier.h.
#include <config.h>

#include "hookd/classifier.h"

#include <cstdlib>
#include <memory>

#include "common/flow-match.h"
#include "common/text.h"

namespace holdfast::hookd {
namespace {

struct Free {
    void operator()(char* text) const { std::free(text); }
};
using Text = std::unique_ptr<char, Free>;

} // namespace

Result<ParsedMatch> parse_match(const std::string& text)
{
    char* normalized = nullptr;
    char* reversed = nullptr;
    Text error{flow_match_parse(text.c_str(), &normalized, &reversed)};
    Text first{normalized};
    Text second{reversed};
    if (error)
        return Error{Errc::invalid, one_line(error.get())};
    ParsedMatch match;
    match.normalized = normalized;
    if (reversed)
        match.reversed = reversed;
    return match;
}

Relation relate(const std::string& first, const std::string& second)
{
    Relation found;
    const Text error{flow_match_relate(first.c_str(), second.c_str(), &found.meet, &found.within)};
    return found;
}

bool mistakes(const std::string& first, const std::string& second)
{
    // Few have one; of the others nothing need be read.
    if (first.find("in_port=") == std::string::npos)
        return false;
    bool found = false;
    const Text error{flow_match_mistakes(first.c_str(), second.c_str(), &found)};
    return found;
}

} // namespace holdfast::hookd
