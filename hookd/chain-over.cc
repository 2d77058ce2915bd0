// SPDX-License-Identifier: Apache-2.0
//
// hookd/chain-over: see chain-over.h.
#include <config.h>

#include "hookd/chain-over.h"

#include <algorithm>
#include <iterator>

#include "db/chain-order.h"
#include "hookd/chain-way.h"
#include "hookd/classifier.h"

namespace holdfast::hookd {
namespace {

/// Whether each hop of `some` is one of `all`.
bool has_all(const Hops& all, const Hops& some)
{
    return std::all_of(some.begin(), some.end(), [&](const db::Hop& hop) {
        return std::find(all.begin(), all.end(), hop) != all.end();
    });
}

/// What one direction of a chain has under it.
struct Beneath {
    const Way* way = nullptr; // That has a hop in common, and frames.
    bool onward = true;       // From its common hops frames go on as on this one.
    bool alone = true;        // There is no other such.
    bool within = false;      // It has all frames of this one.
};

/// How frames of one way pass another chain.
struct Passing {
    const Way* way = nullptr; // Null if it has none of them, or some by either way.
    bool meet = false;        // It has some.
    bool within = false;      // It has all, by `way`.
};

Passing passing(const std::string& match, const std::vector<Way>& chain)
{
    Passing found;
    for (const Way& way : chain) {
        const Relation relation = relate(match, way.match);
        if (relation.within)
            return {&way, true, true};
        if (relation.meet)
            found = {found.meet ? nullptr : &way, true, false};
    }
    return found;
}

/// `lower` is by falling priority.
Beneath beneath(const Way& way, const std::vector<std::vector<Way>>& lower)
{
    Beneath found;
    bool others = false; // Some frames are those of chains that have no hop in common.
    for (const std::vector<Way>& chain : lower) {
        const auto passed = passing(way.match, chain);
        if (!passed.meet)
            continue;
        if (share_any(way.hops, chain.front().hops)) {
            found.alone = !found.way && passed.way;
            found.way = passed.way ? passed.way : &chain.front();
            found.onward = found.onward && same_onward(way.hops, found.way->hops) && passed.way;
            found.within = passed.within && !others;
        }
        others = true;
        if (passed.within)
            break; // No frame gets further down.
    }
    return found;
}

/// Whether a frame can be of both.
bool meet(const db::Chain& a, const db::Chain& b)
{
    return any_ways(
        a, b, [](const Way& way, const Way& other) { return relate(way.match, other.match).meet; });
}

/// The open chains beneath it, the uppermost first.
std::vector<std::vector<Way>> ways_below(const db::Chain& chain,
                                         const std::vector<db::Chain>& chains)
{
    std::vector<std::vector<Way>> lower;
    for (const db::Chain& other : chains)
        if (other.open && db::is_over(chain, other) && other.name != chain.name)
            lower.push_back(ways_of(other));
    std::stable_sort(lower.begin(), lower.end(), [](const auto& a, const auto& b) {
        return db::is_over(*a.front().chain, *b.front().chain);
    });
    return lower;
}

/// Whether there can be anything to heed: for the many chains where there is not.
bool may_matter(const std::vector<Way>& ways, const std::vector<std::vector<Way>>& lower)
{
    const auto differs = [&](const Way& other) {
        return std::any_of(ways.begin(), ways.end(), [&](const Way& way) {
            return share_any(way.hops, other.hops) && !same_onward(way.hops, other.hops);
        });
    };
    return std::any_of(lower.begin(), lower.end(), [&](const std::vector<Way>& chain) {
        return std::any_of(chain.begin(), chain.end(), differs);
    });
}

/// Whether its change, if it is under way, is its adding or removing.
bool comes_or_goes(const db::Chain& chain)
{
    return !chain.change.empty() && db::ChainChange::of(chain).verb != "set";
}

/// The chain with these hops and without its probe, which is not for hops that are not its own.
db::Chain with_hops(db::Chain chain, Hops hops, bool open)
{
    chain.hops = std::move(hops);
    chain.open = open;
    chain.probe.clear();
    return chain;
}

void append(std::vector<ChainStep>& steps, Result<std::vector<ChainStep>> more)
{
    std::ranges::move(*more, std::back_inserter(steps));
}

} // namespace

bool by_steps(const Under& under)
{
    return under.enter == Under::Enter::first || under.enter == Under::Enter::last;
}

Under way_under(const db::Chain& chain, const std::vector<db::Chain>& chains)
{
    const auto ways = ways_of(chain);
    const auto lower = ways_below(chain, chains);
    if (!may_matter(ways, lower))
        return {};
    bool onward = true, alone = true, within = true;
    Under under;
    for (const Way& way : ways) {
        const auto found = beneath(way, lower);
        onward = onward && found.onward;
        within = within && found.within;
        alone = alone && found.alone;
        if (!found.way)
            continue;
        auto hops = found.way->hops;
        if (&way != &ways.front())
            std::reverse(hops.begin(), hops.end());
        alone = alone && (under.chain.empty() || under.hops == hops);
        under.chain = found.way->chain->name;
        under.hops = std::move(hops);
    }
    if (onward)
        return {};
    const bool more = has_all(chain.hops, under.hops);
    const bool orderly = bool(change_steps(with_hops(chain, under.hops, true), chain));
    if (alone && orderly && (more || within))
        under.enter = more ? Under::Enter::last : Under::Enter::first;
    else
        under.enter = Under::Enter::mixed;
    return under;
}

Result<Under> quiet_way_under(const db::Chain& chain, const std::vector<db::Chain>& chains,
                              const std::set<std::string>& busy)
{
    Under found = way_under(chain, chains);
    if (busy.contains(found.chain)) // What it is while it changes says nothing of what it will be.
        return Error{Errc::unavailable, "chain " + chain.name + ": chain " + found.chain +
                                            " of lower priority, with hops in common, is being "
                                            "changed just now: try again in some seconds"};
    return found;
}

Result<void> may_change_beside(const db::Chain& chain, const std::vector<db::Chain>& chains,
                               const std::set<std::string>& busy)
{
    for (const db::Chain& other : chains) {
        const bool cut_off = !other.open && other.change.empty();
        const bool at_it = comes_or_goes(other) && busy.contains(other.name);
        if (!(cut_off || at_it) || !db::is_over(other, chain) ||
            !share_any(other.hops, chain.hops) || !meet(other, chain))
            continue;
        if (cut_off)
            return Error{Errc::unavailable, "chain " + chain.name +
                                                ": the adding or removing of chain " + other.name +
                                                " over it was cut off: delete that one "
                                                "first"};
        return Error{Errc::unavailable, "chain " + chain.name + ": chain " + other.name +
                                            " comes or goes over it just now: try again in "
                                            "some seconds"};
    }
    return {};
}

std::vector<ChainStep> add_steps(const db::Chain& chain, const Under& under)
{
    if (!by_steps(under)) {
        auto closed = chain;
        closed.open = false;
        return {{closed}, {chain}};
    }
    const bool open = under.enter == Under::Enter::first;
    const auto first = with_hops(chain, under.hops, open);
    std::vector<ChainStep> steps{{first}};
    append(steps, change_steps(first, with_hops(chain, chain.hops, open)));
    steps.push_back({chain});
    return steps;
}

std::vector<ChainStep> remove_steps(const db::Chain& chain, const Under& under)
{
    const bool open = under.enter == Under::Enter::first;
    const auto begin = with_hops(chain, chain.hops, open);
    std::vector<ChainStep> steps{{begin}};
    if (by_steps(under)) {
        append(steps, change_steps(begin, with_hops(chain, under.hops, open)));
        steps[1].drain = !open; // Frames that are this chain's alone have passed all of its hops.
        steps.push_back({steps.back().chain});
    } else {
        steps.push_back({begin, true});
    }
    steps.back().gone = true;
    return steps;
}

} // namespace holdfast::hookd
