// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/chain-change (spec C7): every frame sees all hops of the old chain or all of the
// new one, and none twice, whatever mixture of two states following each other it meets.
#include <config.h>

#include "hookd/chain-change.h"

#include <algorithm>
#include <random>

#include "hookd/tests/chain-walk.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;
using namespace holdfast::hookd::tests;

namespace {

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

void check_all_ways(const std::string& from, const std::string& to)
{
    auto all = change_steps(chain(from), chain(to));
    CHECK_TRUE(bool(all));
    std::vector<db::Chain> states{chain(from)};
    Change change;
    change.drains = {false};
    for (const ChainStep& step : *all) {
        states.push_back(step.chain);
        change.drains.push_back(step.drain);
    }
    change.next = [&](std::size_t state, const std::string& vm) { return next(states[state], vm); };
    change.right = [old = settled(chain(from)), now = chain(to)](const Seen& seen) {
        return saw_all(seen, old) || saw_all(seen, now);
    };
    change.check_all_ways();
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
