// SPDX-License-Identifier: Apache-2.0
//
// hookd/world: see world.h.
#include <config.h>

#include "hookd/world.h"

#include <spdlog/spdlog.h>

namespace holdfast::hookd {

std::string World::name_of(const std::string& vm) const
{
    if (const db::Vm* row = ledger.vm(vm))
        return row->name;
    auto domain = domains.find(vm);
    return domain == domains.end() ? vm : domain->second.xml.name;
}

Result<void> World::commit(const StoreChange& change)
{
    if (change.empty())
        return {};
    if (auto kept = keep_store(); !kept)
        return kept;
    auto done = ledger.apply(change);
    problem("store", done ? "" : done.error().message);
    if (done && on_change)
        on_change(change);
    return done;
}

Result<void> World::keep_store()
{
    const auto kept = ledger.keep_file();
    problem("store's file", kept ? "" : kept.error().message);
    if (!kept)
        return kept.error();
    if (!*kept)
        return {};
    StoreChange told;
    told.events = {event("store-rewritten",
                         config.store + " had gone: all that was in it was written anew",
                         now_ns())};
    spdlog::warn("{}", told.events[0].text);
    return ledger.apply(told);
}

void World::problem(const std::string& subject, const std::string& text)
{
    if (text.empty()) {
        problems.erase(subject);
        return;
    }
    std::string& noted = problems[subject];
    if (noted != text)
        spdlog::error("{}: {}", subject, text);
    noted = text;
}

db::Event World::event(const std::string& kind, const std::string& text, db::TimeNs time) const
{
    db::Event event;
    event.time = time;
    event.hypervisor = self();
    event.kind = kind;
    event.text = text;
    return event;
}

} // namespace holdfast::hookd
