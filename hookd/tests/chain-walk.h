// SPDX-License-Identifier: Apache-2.0
//
// hookd/tests/chain-walk: all ways that frames can take while chains change (spec C7).
//
// What frames meet is given as states that follow each other: a state is published once all
// switches have the one before, so a frame meets any mixture of two.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "db/rows.h"

#include <CppUTest/TestHarness.h>

namespace holdfast::hookd::tests {

/// A chain in a word: "a b|c -d" is hop a, the group of b and c, and d, to which nothing is led.
inline std::vector<db::Hop> hops(const std::string& text)
{
    std::vector<db::Hop> all;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        db::Hop hop;
        for (const char c : text.substr(at, end - at)) {
            if (c == '-')
                hop.led = false;
            else if (c != '|')
                hop.vms.emplace_back(1, c);
        }
        all.push_back(hop);
        at = end + 1;
    }
    return all;
}

inline db::Chain chain(const std::string& text)
{
    db::Chain row;
    row.name = "web";
    row.hops = hops(text);
    return row;
}

/// The word of a chain.
inline std::string text_of(const db::Chain& row)
{
    std::string text;
    for (const db::Hop& hop : row.hops) {
        text += text.empty() ? "" : " ";
        text += hop.led ? "" : "-";
        for (std::size_t i = 0; i < hop.vms.size(); ++i)
            text += (i ? "|" : "") + hop.vms[i];
    }
    return text;
}

using Seen = std::vector<std::string>; // VMs, in the order in which a frame passed them.

/// Where frames go on in one state of a chain from behind `vm`, or from the entrance ("").  "":
/// they are released; "?": nobody knows the hop that they come out of.
inline std::vector<std::string> next(const db::Chain& state, const std::string& vm)
{
    auto at = state.hops.begin();
    if (!vm.empty()) {
        at = std::find_if(at, state.hops.end(), [&](const db::Hop& hop) {
            return std::find(hop.vms.begin(), hop.vms.end(), vm) != hop.vms.end();
        });
        if (at == state.hops.end())
            return {"?"};
        ++at;
    }
    at = std::find_if(at, state.hops.end(), [](const db::Hop& hop) { return hop.led; });
    return at == state.hops.end() ? std::vector<std::string>{""} : at->vms;
}

/// Whether the hops that a frame has seen are all of a chain: of each group at least one.
inline bool saw_all(const Seen& seen, const db::Chain& whole)
{
    return std::all_of(whole.hops.begin(), whole.hops.end(), [&](const db::Hop& hop) {
        return std::any_of(hop.vms.begin(), hop.vms.end(), [&](const std::string& vm) {
            return std::find(seen.begin(), seen.end(), vm) != seen.end();
        });
    });
}

/// The states of a change, and which of them a frame can meet.
struct Change {
    std::vector<bool> drains; // For each state, whether it was waited for.
    std::function<std::vector<std::string>(std::size_t state, const std::string& vm)> next;
    std::function<bool(const Seen& seen)>
        right; // Whether a frame that came out may have seen these.

    /// Frames that enter in each of the states.
    void check_all_ways() const
    {
        for (std::size_t entered = 0; entered < drains.size(); ++entered) {
            for (const std::string& vm : next(entered, "")) {
                if (vm.empty())
                    continue; // It enters no chain.
                walk(entered, last(entered, true), {vm});
                if (entered > 0)
                    walk(entered - 1, last(entered, false), {vm});
            }
        }
    }

private:
    /// The last state that a frame meets which entered under `entered`, when that was everywhere
    /// or not yet: before a state that is waited for, all came out that had entered before the
    /// state ahead of it was everywhere.
    std::size_t last(std::size_t entered, bool everywhere) const
    {
        std::size_t k = entered;
        while (k + 1 < drains.size() && !(drains[k + 1] && (k > entered || !everywhere)))
            ++k;
        return k;
    }

    /// All ways of a frame from behind `seen`, which can meet the states [lowest, last].
    void walk(std::size_t lowest, std::size_t last, const Seen& seen) const
    {
        for (std::size_t i = lowest; i <= last; ++i) {
            for (const std::string& vm : next(i, seen.back())) {
                CHECK_TRUE(vm != "?");
                CHECK_TRUE(std::find(seen.begin(), seen.end(), vm) == seen.end());
                if (vm.empty()) {
                    CHECK_TRUE(right(seen));
                    continue;
                }
                auto further = seen;
                further.push_back(vm);
                // A state is published once the one before is everywhere.
                walk(std::max(lowest, i - std::min<std::size_t>(i, 1)), last, further);
            }
        }
    }
};

} // namespace holdfast::hookd::tests
