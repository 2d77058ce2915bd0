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
    auto done = ledger.apply(change);
    problem("store", done ? "" : done.error().message);
    if (done && on_change)
        on_change(change);
    return done;
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
