// SPDX-License-Identifier: Apache-2.0
//
// Tests of hookd/chain-over (spec C7, C8): a chain comes and goes over another that has some of its
// frames and some of its hops, and no frame skips a hop or passes one twice.
#include <config.h>

#include "hookd/chain-over.h"

#include <algorithm>
#include <random>
#include <set>

#include "hookd/classifier.h"
#include "hookd/tests/chain-walk.h"

#include <CppUTest/TestHarness.h>

using namespace holdfast;
using namespace holdfast::hookd;
using namespace holdfast::hookd::tests;

namespace {

constexpr const char* to_web = "ip,nw_dst=10.0.0.20";
constexpr const char* to_web_http = "tcp,nw_dst=10.0.0.20,tp_dst=80";
constexpr const char* http = "tcp,tp_dst=80";
constexpr const char* elsewhere = "ip,nw_dst=10.0.0.30";

/// A chain by its hops, as in chain-walk.h.
db::Chain row(const std::string& name, int priority, const std::string& match,
              const std::string& hops)
{
    auto made = chain(hops);
    made.name = name;
    made.priority = priority;
    made.match = match;
    return made;
}

/// The same both ways.
db::Chain both_ways(db::Chain made)
{
    made.symmetric = true;
    for (const auto& [source, reversed] :
         {std::pair{to_web, "ip,nw_src=10.0.0.20"},
          std::pair{to_web_http, "tcp,nw_src=10.0.0.20,tp_src=80"}})
        if (made.match == source)
            made.match_reverse = reversed;
    return made;
}

db::Chain lower(const std::string& hops, const std::string& match = to_web)
{
    return row("lower", 1000, match, hops);
}

db::Chain higher(const std::string& hops, const std::string& match = to_web_http)
{
    return row("higher", 2000, match, hops);
}

/// "apart", "mixed", or when frames enter and the hops of the lower chain.
std::string under(const db::Chain& chain, const std::vector<db::Chain>& chains)
{
    const auto found = way_under(chain, chains);
    if (found.enter == Under::Enter::apart)
        return "apart";
    if (found.enter == Under::Enter::mixed)
        return "mixed";
    auto with = chain;
    with.hops = found.hops;
    return (found.enter == Under::Enter::first ? "first " : "last ") + text_of(with);
}

/// Why a chain may not be changed; empty if it may.
std::string refusal(const db::Chain& chain, const std::vector<db::Chain>& chains,
                    const std::set<std::string>& busy)
{
    const auto may = may_change_beside(chain, chains, busy);
    if (!may)
        CHECK_TRUE(may.error().code == Errc::unavailable);
    return may ? "" : may.error().message;
}

/// All ways of frames of both chains, or of the higher one alone, through these steps.
void check_steps(const db::Chain& high, const db::Chain& low, bool is_there,
                 const std::vector<ChainStep>& steps)
{
    struct State {
        db::Chain chain;
        bool is_there;
    };
    std::vector<State> states{{high, is_there}};
    Change change;
    change.drains = {false};
    for (const ChainStep& step : steps) {
        states.push_back({step.chain, !step.gone});
        change.drains.push_back(step.drain);
    }
    const auto knows = [&](const State& state, const std::string& vm) {
        return state.is_there &&
               (vm.empty() ? state.chain.open : next(state.chain, vm) != Seen{"?"});
    };
    change.next = [&](std::size_t i, const std::string& vm) {
        return knows(states[i], vm) ? next(states[i].chain, vm) : next(low, vm);
    };
    change.right = [&](const Seen& seen) { return saw_all(seen, high) || saw_all(seen, low); };
    change.check_all_ways();

    if (relate(high.match, low.match).within)
        return;
    change.next = [&](std::size_t i, const std::string& vm) {
        return knows(states[i], vm) ? next(states[i].chain, vm) : Seen{vm.empty() ? "" : "?"};
    };
    change.right = [&](const Seen& seen) {
        return saw_all(seen, high) && std::all_of(seen.begin(), seen.end(), [&](const auto& vm) {
                   return db::passes(high, vm);
               });
    };
    change.check_all_ways();
}

/// The higher one comes and goes.
void check_coming_and_going(const db::Chain& high, const db::Chain& low)
{
    const auto found = way_under(high, {low});
    CHECK_TRUE(found.enter != Under::Enter::mixed);
    check_steps(high, low, false, add_steps(high, found));
    check_steps(high, low, true, remove_steps(high, found));
}

std::string steps_text(const std::vector<ChainStep>& steps)
{
    std::string text;
    for (const ChainStep& step : steps)
        text += (text.empty() ? "" : ", ") + std::string{step.drain ? "*" : ""} +
                (step.gone         ? "gone"
                 : step.chain.open ? text_of(step.chain)
                                   : "(" + text_of(step.chain) + ")");
    return text;
}

} // namespace

TEST_GROUP(ChainOver){};

TEST(ChainOver, ClassifiersMeetOrLieWithinEachOther)
{
    const auto inside = relate("tcp,nw_dst=10.0.0.20", "ip,nw_dst=10.0.0.0/24");
    CHECK_TRUE(inside.meet && inside.within);
    const auto outside = relate("ip,nw_dst=10.0.0.0/24", "tcp,nw_dst=10.0.0.20");
    CHECK_TRUE(outside.meet && !outside.within);
    const auto across = relate("tcp,tp_dst=80", to_web);
    CHECK_TRUE(across.meet && !across.within);
    const auto apart = relate(to_web, elsewhere);
    CHECK_TRUE(!apart.meet && !apart.within);
    CHECK_TRUE(relate(to_web, "").within);
    CHECK_FALSE(relate("no match", "").meet);
}

TEST(ChainOver, ChainsWithoutCommonHopsOrFramesAreApart)
{
    STRCMP_EQUAL("apart", under(higher("c d"), {lower("a b")}).c_str());
    STRCMP_EQUAL("apart", under(higher("a c"), {lower("a b", elsewhere)}).c_str());
    STRCMP_EQUAL("apart", under(lower("a c"), {higher("a b")}).c_str());
    STRCMP_EQUAL("apart", under(higher("c a b"), {lower("a b")}).c_str());
    auto closed = lower("a b");
    closed.open = false;
    STRCMP_EQUAL("apart", under(higher("a c"), {closed}).c_str());
}

TEST(ChainOver, AChainWhoseFramesAreAllTheLowerOnesBeginsWithItsHops)
{
    STRCMP_EQUAL("first a b", under(higher("a c"), {lower("a b")}).c_str());
    const auto found = way_under(higher("a c"), {lower("a b")});
    STRCMP_EQUAL("a b, a -c b, a c b, *a c -b, *a c, a c",
                 steps_text(add_steps(higher("a c"), found)).c_str());
    STRCMP_EQUAL("a c, a -b c, a b c, *a b -c, *a b, gone",
                 steps_text(remove_steps(higher("a c"), found)).c_str());
}

TEST(ChainOver, AChainWithTheLowerOnesHopsAndMoreIsEnteredAtTheEnd)
{
    STRCMP_EQUAL("last a", under(higher("a c", http), {lower("a")}).c_str());
    const auto found = way_under(higher("a c", http), {lower("a")});
    STRCMP_EQUAL("(a), (a -c), (a c), a c",
                 steps_text(add_steps(higher("a c", http), found)).c_str());
    STRCMP_EQUAL("(a c), *(a -c), *(a), gone",
                 steps_text(remove_steps(higher("a c", http), found)).c_str());
}

TEST(ChainOver, WhatCannotBeKeptApartIsSaid)
{
    // Some frames would meet b, which is none of theirs.
    STRCMP_EQUAL("mixed", under(higher("a c", http), {lower("a b")}).c_str());
    STRCMP_EQUAL("mixed", under(higher("b a"), {lower("a b")}).c_str());
    // Part of the frames are another chain's.
    const auto part = row("part", 1500, "tcp,nw_src=10.0.0.1", "a d");
    STRCMP_EQUAL("mixed", under(higher("a c"), {lower("a b"), part}).c_str());
    STRCMP_EQUAL("mixed", under(both_ways(higher("a c")), {lower("a b")}).c_str());
}

TEST(ChainOver, AChainInBetweenThatHasAllFramesHidesWhatIsFurtherDown)
{
    const auto between = row("between", 1500, to_web, "d e");
    STRCMP_EQUAL("apart", under(higher("a c"), {lower("a b"), between}).c_str());
}

TEST(ChainOver, BothWaysOfAChainComeOverBothWaysOfAnother)
{
    STRCMP_EQUAL("first a b", under(both_ways(higher("a c")), {both_ways(lower("a b"))}).c_str());
}

TEST(ChainOver, AChainIsNotChangedWhileAHigherOneWithACommonHopComesOrGoes)
{
    auto over = higher("a c");
    STRCMP_EQUAL("", refusal(lower("a b"), {over}, {}).c_str());
    for (const auto* change : {"add hv2", "over hv2", "del hv2"}) {
        over.change = change;
        STRCMP_EQUAL("chain lower: chain higher comes or goes over it just now: try again in some "
                     "seconds",
                     refusal(lower("a b"), {lower("a b"), over}, {"higher"}).c_str());
        STRCMP_EQUAL("", refusal(lower("d b"), {over}, {"higher"}).c_str());
        over.priority = 1000;
        STRCMP_EQUAL("", refusal(lower("a b"), {over}, {"higher"}).c_str());
        over.priority = 2000;
        // Nobody who lives does it.
        STRCMP_EQUAL("", refusal(lower("a b"), {over}, {"lower"}).c_str());
    }
    over.change = "set hv2";
    STRCMP_EQUAL("", refusal(lower("a b"), {over}, {"higher"}).c_str());
}

TEST(ChainOver, OfOnePriorityItIsTheOneOfHigherOrderThatLiesOver)
{
    auto old = lower("a b");
    auto made = row("made", 1000, to_web_http, "a c");
    old.spi = 0x1001;
    made.spi = 0x1003;
    STRCMP_EQUAL("first a b", under(made, {old}).c_str());
    STRCMP_EQUAL("apart", under(old, {made}).c_str());
    made.change = "over hv2";
    STRCMP_CONTAINS("chain made comes or goes over it", refusal(old, {made}, {"made"}).c_str());
    STRCMP_EQUAL("",
                 refusal(lower("a b", elsewhere), {made}, {"made"}).c_str()); // No common frames.
    made.change.clear();
    std::swap(old.spi, made.spi);
    STRCMP_EQUAL("apart", under(made, {old}).c_str());
    STRCMP_EQUAL("first a b", under(row("made", 2000, to_web_http, "a c"), {old}).c_str());
}

TEST(ChainOver, AChainIsNotChangedUnderOneThatWasCutOff)
{
    auto over = higher("a c");
    over.open = false;
    STRCMP_EQUAL("chain lower: the adding or removing of chain higher over it was cut off: delete "
                 "that one first",
                 refusal(lower("a b"), {over}, {}).c_str());
    STRCMP_EQUAL("", refusal(lower("d b"), {over}, {}).c_str());
    over.change = "add hv2"; // Of one who is dead, and who ends it when it is back.
    STRCMP_EQUAL("", refusal(lower("a b"), {over}, {}).c_str());
}

TEST(ChainOver, AChainDoesNotComeByTheHopsOfOneThatIsChanged)
{
    const auto found = quiet_way_under(higher("a c"), {lower("a b")}, {"lower"});
    CHECK_FALSE(found);
    STRCMP_EQUAL("chain higher: chain lower of lower priority, with hops in common, is being "
                 "changed just now: try again in some seconds",
                 found.error().message.c_str());
    // Whatever it is just now: here one whose hops come in another order.
    CHECK_FALSE(quiet_way_under(higher("b a"), {lower("a b")}, {"lower"}));
    CHECK_TRUE(quiet_way_under(higher("a c"), {lower("a b")}, {"higher"}));
    CHECK_TRUE(quiet_way_under(higher("c d"), {lower("a b")}, {"lower"}));
}

TEST(ChainOver, TheProbeIsForTheChainsOwnHops)
{
    auto probed = higher("a c");
    probed.probe = "udp,tp_dst=9";
    const auto steps = add_steps(probed, way_under(probed, {lower("a b")}));
    CHECK_TRUE(std::all_of(steps.begin(), steps.end() - 1,
                           [](const ChainStep& step) { return step.chain.probe.empty(); }));
    CHECK_TRUE(steps.back().chain == probed);
}

TEST(ChainOver, NoFrameSkipsAHopOrPassesOneTwiceInAnyMixture)
{
    std::mt19937 random{11};
    const std::string all = "abcdef";
    int n_over = 0;
    for (int round = 0; round < 3000; ++round) {
        std::string order = all, low, high;
        std::shuffle(order.begin(), order.end(), random);
        for (const char vm : order) {
            if (random() % 2)
                low += std::string{low.empty() ? "" : " "} + vm;
            if (random() % 2)
                high += std::string{high.empty() ? "" : " "} + vm;
        }
        if (low.empty() || high.empty())
            continue;
        const auto* match = random() % 2 ? to_web_http : http;
        const auto found = way_under(higher(high, match), {lower(low)});
        if (found.enter == Under::Enter::mixed)
            continue;
        n_over += found.enter != Under::Enter::apart;
        check_coming_and_going(higher(high, match), lower(low));
    }
    CHECK_TRUE(n_over > 100);
}
