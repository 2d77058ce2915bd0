// SPDX-License-Identifier: Apache-2.0
//
// hookd/drainer: see drainer.h.
#include <config.h>

#include "hookd/drainer.h"

#include <algorithm>
#include <iterator>

#include <spdlog/spdlog.h>

#include "hookd/migrate.h"
#include "hookd/share-rules.h"

namespace holdfast::hookd {
namespace {

// For what comes without our doing: others' moves that end, VMs that start.
constexpr auto look_interval = std::chrono::seconds{1};

/// {"node","moved":[{"vm","to"}..],"stayed":[{"vm","why"}..]}
nlohmann::json report(const std::string& node, const std::vector<Drain::Outcome>& outcomes)
{
    nlohmann::json moved = nlohmann::json::array();
    nlohmann::json stayed = nlohmann::json::array();
    for (const auto& [vm, to, why] : outcomes) {
        if (why.empty())
            moved.push_back({{"vm", vm}, {"to", to}});
        else
            stayed.push_back({{"vm", vm}, {"why", why}});
    }
    return {{"node", node}, {"moved", moved}, {"stayed", stayed}};
}

} // namespace

FleetView fleet_view(const World& world)
{
    FleetView view{world.ledger.hypervisors(), world.ledger.vms(), world.ledger.moves(), now_ns()};
    for (const auto& [id, domain] : world.domains)
        for (const db::Hypervisor& row : world.ledger.hypervisors())
            if (!may_use(world.ledger.quotas(), domain.xml.owner, Owner::named, row.name))
                view.closed[id].insert(row.name);
    return view;
}

void Drainer::run(std::size_t parallel, Done done)
{
    waiting_.push_back(std::move(done));
    if (drain_) {
        drain_->allow(parallel);
    } else {
        drain_.emplace(world_.self(), parallel);
        StoreChange change;
        change.events = {world_.event(
            "drain-begun",
            std::to_string(running_on(fleet_view(world_), world_.self()).size()) + " run here",
            now_ns())};
        world_.commit(change);
    }
    step();
}

void Drainer::step()
{
    if (!drain_)
        return;
    for (const Drain::Order& order : drain_->next(fleet_view(world_)))
        begin(order);
    if (drain_->over()) {
        finish();
        return;
    }
    timer_.expires_after(look_interval); // Takes back the look that was planned before.
    timer_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled)
            step();
    });
}

void Drainer::begin(const Drain::Order& order)
{
    const db::Hypervisor* to = world_.ledger.hypervisor(order.to);
    if (!to)
        return; // The decision was made from these rows.
    spdlog::info("drain: {} goes to {}", order.vm.name, order.to);
    migrations_.run(
        [config = world_.config, id = order.vm.id, to = *to] { return migrate(config, id, to); },
        [this, vm = order.vm](const Result<std::string>& result) {
            if (result) {
                drain_->moved(vm.id, now_ns());
            } else {
                spdlog::warn("drain: {}: {}", vm.name, result.error().message);
                drain_->failed(vm.id, result.error().message);
            }
            step();
        });
}

void Drainer::finish()
{
    timer_.cancel();
    auto outcomes = drain_->outcomes();
    std::ranges::copy(entered_by(fleet_view(world_), world_.self()), std::back_inserter(outcomes));
    nlohmann::json end = report(world_.self(), outcomes);
    drain_.reset();
    StoreChange change;
    std::string text = std::to_string(end["moved"].size()) + " moved";
    for (const auto& one : end["stayed"])
        text += ", " + one["vm"].get<std::string>() + " stays: " + one["why"].get<std::string>();
    change.events = {world_.event("drain-ended", text, now_ns())};
    world_.commit(change);
    for (const Done& done : std::exchange(waiting_, {}))
        done(end);
}

} // namespace holdfast::hookd
