// SPDX-License-Identifier: Apache-2.0
//
// ctl/verb-events: `holdfast events`, from the store alone.
#include <config.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <set>

#include "ctl/store-watch.h"
#include "ctl/verbs.h"
#include "db/find.h"

namespace holdfast::ctl {

namespace {

/// The VM's id, from its name; an id of a VM that is gone is taken as it is.
std::string vm_id(const World& world, const std::string& name)
{
    auto vm = db::find_vm(world.vms, name);
    return vm ? vm->id : name;
}

bool wanted(const db::Event& event, const EventFilter& filter, const World& world)
{
    if (!filter.vm.empty() && event.vm != vm_id(world, filter.vm))
        return false;
    if (filter.chain.empty() || event.chain == filter.chain)
        return true;
    // What happens to a hop of the chain happens to the chain.
    for (const auto& chain : world.chains)
        if (chain.name == filter.chain && !event.vm.empty())
            return db::passes(chain, event.vm);
    return false;
}

bool wanted(const MoveLine& move, const EventFilter& filter, const World& world)
{
    db::Event about;
    about.vm = move.vm;
    return wanted(about, filter, world);
}

/// The newest events after `id` that are wanted, oldest first; `id` is moved to the newest read.
Result<std::deque<db::Event>> newest(db::Store& store, std::int64_t& id, const EventFilter& filter,
                                     const World& world)
{
    std::deque<db::Event> all;
    for (;;) {
        auto page = store.events_after(id);
        if (!page)
            return page.error();
        if (page->empty())
            return all;
        id = page->back().id;
        for (auto& event : *page) {
            if (!wanted(event, filter, world))
                continue;
            all.push_back(std::move(event));
            if (all.size() > static_cast<std::size_t>(filter.last))
                all.pop_front();
        }
    }
}

/// Returns how many were shown.
Result<std::size_t> show_events(const Session& session, db::Store& store, std::int64_t& id,
                                const EventFilter& filter, const World& world)
{
    auto all = newest(store, id, filter, world);
    if (!all)
        return all.error();
    Json list = Json::array();
    for (const auto& event : *all) {
        if (session.json && filter.follow)
            session.print_json_line(event_json(event, world));
        else if (session.json)
            list.push_back(event_json(event, world));
        else
            session.print(event_line(event, world, session.style));
    }
    if (session.json && !filter.follow)
        session.print_json(list);
    return all->size();
}

/// Returns how many were shown; those in `shown` are not shown again.
std::size_t show_moves(const Session& session, std::set<std::string>& shown,
                       const EventFilter& filter, const World& world)
{
    auto moves = move_lines(world.moves);
    std::erase_if(moves, [&](const MoveLine& move) { return !wanted(move, filter, world); });
    if (moves.size() > static_cast<std::size_t>(filter.last))
        moves.erase(moves.begin(), moves.end() - filter.last);
    Json list = Json::array();
    for (const auto& move : moves) {
        // A move that is followed is shown when it has ended: its lines belong together.
        bool ended = move.outcome != Outcome::under_way;
        if (filter.follow && (!ended || !shown.insert(move.id).second))
            continue;
        if (session.json && filter.follow)
            session.print_json_line(move_json(move, world));
        else if (session.json)
            list.push_back(move_json(move, world));
        else
            session.print(move_page(move, world, session.style) + "\n");
    }
    if (session.json && !filter.follow)
        session.print_json(list);
    return moves.size();
}

/// What was asked for was not found: say so if its name cannot be right.
Result<void> nothing_found(const World& world, const EventFilter& filter)
{
    if (!filter.vm.empty())
        if (auto vm = db::find_vm(world.vms, filter.vm); !vm)
            return vm.error();
    if (!filter.chain.empty())
        if (auto chain = db::find_chain(world.chains, filter.chain); !chain)
            return chain.error();
    return {};
}

} // namespace

Result<void> events(const Session& session, const EventFilter& filter)
{
    auto store = session.open_store();
    if (!store)
        return store.error();
    auto watch = StoreWatch::on(*session.store_path());
    if (!watch)
        return watch.error();
    std::int64_t id = 0;
    std::set<std::string> shown;
    for (;;) {
        auto world = read_world(*store);
        if (!world)
            return world.error();
        Result<std::size_t> n =
            filter.moves ? Result<std::size_t>{show_moves(session, shown, filter, *world)}
                         : show_events(session, *store, id, filter, *world);
        if (!n)
            return n.error();
        if (!filter.follow)
            return *n > 0 ? Result<void>{} : nothing_found(*world, filter);
        while (!watch->wait(std::chrono::seconds{5})) {
        }
    }
}

} // namespace holdfast::ctl
