// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/chain-change (spec C7): every frame sees all hops of the old chain or all of the
// new one, and none twice, whatever mixture of two states following each other it meets.
#include <config.h>

#include "hookd/chain-change.h"

#include <algorithm>
#include <random>
#include <set>

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;

namespace {

/// A chain in a word: "a b|c -d" is hop a, the group of b and c, and d, to which nothing is led.
std::vector<db::Hop> hops(const std::string& text)
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

db::Chain chain(const std::string& text)
{
    db::Chain row;
    row.name = "web";
    row.hops = hops(text);
    return row;
}

std::string text_of(const db::Chain& row)
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

/// The steps, with a * before one that waits for what is inside of the hops.
std::string steps(const std::string& from, const std::string& to)
{
    auto all = change_steps(chain(from), chain(to));
    if (!all)
        return all.error().message;
    std::string text;
    for (const ChainStep& step : *all)
        text +=
            (text.empty() ? "" : ", ") + std::string{step.drain ? "*" : ""} + text_of(step.chain);
    return text;
}

/// Where frames go on in one state from behind `vm`, or from the entrance ("").  Empty: released;
/// "?": nobody knows the hop that it comes out of.
std::vector<std::string> next(const db::Chain& state, const std::string& vm)
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
bool saw_all(const std::vector<std::string>& seen, const db::Chain& whole)
{
    return std::all_of(whole.hops.begin(), whole.hops.end(), [&](const db::Hop& hop) {
        return std::any_of(hop.vms.begin(), hop.vms.end(), [&](const std::string& vm) {
            return std::find(seen.begin(), seen.end(), vm) != seen.end();
        });
    });
}

/// The states of a change, and which of them a frame can meet.
struct Change {
    db::Chain from;
    db::Chain to;
    std::vector<db::Chain> states; // From `from` to `to`.
    std::vector<bool> drains;      // Whether the state was waited for.

    /// The last state that a frame meets which entered under `entered`, when that was everywhere
    /// or not yet: before a state that is waited for, all came out that had entered before the
    /// state ahead of it was everywhere.
    std::size_t last(std::size_t entered, bool everywhere) const
    {
        std::size_t k = entered;
        while (k + 1 < states.size() && !(drains[k + 1] && (k > entered || !everywhere)))
            ++k;
        return k;
    }
};

/// All ways of a frame from behind `seen`, which can meet the states [lowest, last].
void walk(const Change& change, std::size_t lowest, std::size_t last,
          const std::vector<std::string>& seen)
{
    for (std::size_t i = lowest; i <= last; ++i) {
        for (const std::string& vm : next(change.states[i], seen.back())) {
            CHECK_TRUE(vm != "?");
            CHECK_TRUE(std::find(seen.begin(), seen.end(), vm) == seen.end());
            if (vm.empty()) {
                CHECK_TRUE(saw_all(seen, change.from) || saw_all(seen, change.to));
                continue;
            }
            auto further = seen;
            further.push_back(vm);
            // A state is published once the one before is everywhere.
            walk(change, std::max(lowest, i - std::min<std::size_t>(i, 1)), last, further);
        }
    }
}

/// Frames that enter in each of the states.
void check_all_ways(const std::string& from, const std::string& to)
{
    auto all = change_steps(chain(from), chain(to));
    CHECK_TRUE(bool(all));
    Change change{settled(chain(from)), chain(to), {chain(from)}, {false}};
    for (const ChainStep& step : *all) {
        change.states.push_back(step.chain);
        change.drains.push_back(step.drain);
    }
    for (std::size_t entered = 0; entered < change.states.size(); ++entered) {
        for (const std::string& vm : next(change.states[entered], "")) {
            walk(change, entered, change.last(entered, true), {vm});
            if (entered > 0)
                walk(change, entered - 1, change.last(entered, false), {vm});
        }
    }
}

} // namespace

TEST_GROUP(ChainChange){};

TEST(ChainChange, AHopIsAddedOnceItsExitIsKnownEverywhere)
{
    STRCMP_EQUAL("a -b, a b", steps("a", "a b").c_str());
}

TEST(ChainChange, AHopIsTakenOutOnceWhatIsInsideHasComeOut)
{
    STRCMP_EQUAL("a -b c, *a c", steps("a b c", "a c").c_str());
}

TEST(ChainChange, AHopIsReplacedByWayOfBoth)
{
    STRCMP_EQUAL("a -d b c, a d b c, *a d -b c, *a d c", steps("a b c", "a d c").c_str());
}

TEST(ChainChange, AGroupGrowsAndShrinksAtItsPlace)
{
    STRCMP_EQUAL("a b -c, a b|c", steps("a b", "a b|c").c_str());
    STRCMP_EQUAL("a b -c, *a b", steps("a b|c", "a b").c_str());
}

TEST(ChainChange, NothingToChangeIsOneStep)
{
    STRCMP_EQUAL("a b", steps("a b", "a b").c_str());
}

TEST(ChainChange, HopsThatChangePlacesAreRefused)
{
    STRCMP_CONTAINS("two hops change places", steps("a b", "b a").c_str());
    STRCMP_CONTAINS("two hops change places", steps("a|b c", "a b").c_str());
}

TEST(ChainChange, WhatACutOffChangeLeftOverGoesOnceEverySwitchLeadsNothingThere)
{
    STRCMP_EQUAL("a -b c, *a c", steps("a -b c", "a c").c_str());
    STRCMP_EQUAL("a -b c, a -d -b c, a d -b c, *a d c", steps("a -b c", "a d c").c_str());
    STRCMP_EQUAL("a -b, a b", steps("a -b", "a b").c_str());
}

TEST(ChainChange, SettledKeepsWhatIsLedTo)
{
    auto row = chain("a -b c");
    row.change = "set hv1";
    row = settled(row);
    STRCMP_EQUAL("a c", text_of(row).c_str());
    STRCMP_EQUAL("", row.change.c_str());
}

TEST(ChainChange, NoFrameSkipsAHopOrPassesOneTwiceInAnyMixture)
{
    std::mt19937 random{7};
    const std::string all = "abcdefg";
    for (int round = 0; round < 2000; ++round) {
        // Two chains with a common order: both are parts of one.
        std::string order = all, from, to;
        std::shuffle(order.begin(), order.end(), random);
        for (const char vm : order) {
            if (random() % 2)
                from += std::string{from.empty() ? "" : " "} + vm;
            if (random() % 2)
                to += std::string{to.empty() ? "" : " "} + vm;
        }
        if (from.empty() || to.empty())
            continue;
        check_all_ways(from, to);
        // From where a change was cut off.
        const auto half = change_steps(chain(from), chain(to));
        const auto& left = (*half)[random() % half->size()].chain;
        if (std::any_of(left.hops.begin(), left.hops.end(),
                        [](const auto& hop) { return hop.led; }))
            check_all_ways(text_of(left), random() % 2 ? from : to);
    }
}
