// SPDX-License-Identifier: Apache-2.0
//
// hookd/chain-change: see chain-change.h.
#include <config.h>

#include "hookd/chain-change.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace holdfast::hookd {
namespace {

bool is_in(const db::Hop& hop, const std::string& vm)
{
    return std::find(hop.vms.begin(), hop.vms.end(), vm) != hop.vms.end();
}

/// `a` without the VMs of `b`.
db::Hop less(const db::Hop& a, const db::Hop& b)
{
    db::Hop rest = a;
    std::erase_if(rest.vms, [&](const std::string& vm) { return is_in(b, vm); });
    return rest;
}

/// One place of the order that fits both chains: what it was, and what it shall be.
struct Place {
    std::optional<db::Hop> old;
    std::optional<db::Hop> next;
};

Error cannot_mix(const db::Chain& chain, const std::string& what)
{
    return {Errc::invalid,
            "chain " + chain.name + ": " + what +
                ": frames inside of them cannot be told apart while traffic runs; take one of "
                "them out first, then put it in at its new place"};
}

/// The old chain's place that shares a VM with `hop`, at or after `begin`; `end` if there is none.
/// Errors: invalid if it lies before `begin`, or there are two.
Result<std::size_t> counterpart(const db::Chain& from, const db::Hop& hop, std::size_t begin)
{
    std::size_t found = from.hops.size();
    for (std::size_t i = 0; i < from.hops.size(); ++i) {
        if (!share(from.hops[i], hop))
            continue;
        if (i < begin || found != from.hops.size())
            return cannot_mix(from, "two hops change places");
        if (from.hops[i].kind != hop.kind)
            return cannot_mix(from, "a hop changes its kind");
        found = i;
    }
    return found;
}

/// The order that fits both: between two common hops, the new ones come before the old.
Result<std::vector<Place>> merged(const db::Chain& from, const db::Chain& to)
{
    std::vector<Place> places;
    std::size_t done = 0; // Old places taken in so far.
    for (const db::Hop& hop : to.hops) {
        auto at = counterpart(from, hop, done);
        if (!at)
            return at.error();
        if (*at < from.hops.size()) {
            for (; done < *at; ++done)
                places.push_back({from.hops[done], std::nullopt});
            places.push_back({from.hops[done++], hop});
        } else {
            places.push_back({std::nullopt, hop});
        }
    }
    for (; done < from.hops.size(); ++done)
        places.push_back({from.hops[done], std::nullopt});
    return places;
}

/// One state of the change.  `old_led`, `next_led`: whether frames are led to what only the old,
/// or only the new chain has.  A group is one place: its members change in one step.
std::vector<db::Hop> state(const std::vector<Place>& places, bool old_led, bool next_led)
{
    std::vector<db::Hop> hops;
    const auto put = [&hops](db::Hop hop, bool led) {
        hop.led = hop.led && led;
        if (!hop.vms.empty())
            hops.push_back(std::move(hop));
    };
    for (const Place& place : places) {
        if (!place.next) {
            put(*place.old, old_led);
        } else if (!place.old) {
            put(*place.next, next_led);
        } else {
            const db::Hop& now = next_led ? *place.next : *place.old;
            put(now, true);
            put(less(next_led ? *place.old : *place.next, now), false);
        }
    }
    return hops;
}

} // namespace

bool share(const db::Hop& a, const db::Hop& b)
{
    return std::any_of(a.vms.begin(), a.vms.end(),
                       [&](const std::string& vm) { return is_in(b, vm); });
}

Result<std::vector<ChainStep>> change_steps(const db::Chain& from, const db::Chain& to)
{
    auto places = merged(from, to);
    if (!places)
        return places.error();
    std::vector<ChainStep> steps;
    std::vector<db::Hop> last = from.hops;
    const auto is_led = [](const db::Hop& hop) { return hop.led; };
    if (!std::all_of(last.begin(), last.end(), is_led)) {
        steps.push_back({to, false}); // Not everywhere, as far as is known.
        steps.back().chain.hops = last;
    }
    const auto add = [&](std::vector<db::Hop> hops, bool drain) {
        if (hops == last)
            return;
        steps.push_back({to, drain && !steps.empty()});
        steps.back().chain.hops = last = std::move(hops);
    };
    add(state(*places, true, false), false);
    add(state(*places, true, true), false);
    add(state(*places, false, true), true);
    add(to.hops, true);
    if (steps.empty())
        steps.push_back({to, false});
    return steps;
}

db::Chain settled(db::Chain chain)
{
    std::erase_if(chain.hops, [](const db::Hop& hop) { return !hop.led; });
    chain.change.clear();
    return chain;
}

} // namespace holdfast::hookd
