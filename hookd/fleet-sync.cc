// SPDX-License-Identifier: Apache-2.0
//
// hookd/fleet-sync: see fleet-sync.h.
#include <config.h>

#include "hookd/fleet-sync.h"

#include <algorithm>

#include "db/balancer.h"
#include "hookd/chain.h"
#include "hookd/health.h"
#include "hookd/index.h"
#include "hookd/records.h"

namespace holdfast::hookd {
namespace {

constexpr db::TimeNs history_limit = 600'000'000'000;

const db::Move* find_move(const std::vector<db::Move>& rows, const db::Move& wanted)
{
    auto found = std::find_if(rows.begin(), rows.end(), [&](const db::Move& row) {
        return row.id == wanted.id && row.role == wanted.role;
    });
    return found == rows.end() ? nullptr : &*found;
}

/// The rows but for what each side keeps for itself.
bool same(db::Hypervisor a, db::Hypervisor b)
{
    a.seen = b.seen = 0;
    a.self = b.self = false;
    a.lost = b.lost = a.answers = b.answers = false;
    return a == b;
}

/// The row with the load and the resources that `as` has.
db::Hypervisor loaded_as(const db::Hypervisor& as, db::Hypervisor row)
{
    row.load = as.load;
    row.period_load = as.period_load;
    row.resources = as.resources;
    return row;
}

void pull_hypervisors(const db::FleetSnapshot& fleet, const Shared& store, StoreChange& change)
{
    Index known{*store.hypervisors, &db::Hypervisor::name};
    Index members{fleet.hypervisors, &db::Hypervisor::name};
    for (db::Hypervisor row : fleet.hypervisors) {
        const db::Hypervisor* old = known.find(row.name);
        row.self = row.name == store.self;
        row.seen = old ? old->seen : 0;
        row.lost = old && old->lost;
        row.answers = old && old->answers && old->vtep == row.vtep;
        if (row.self || (old && same(*old, row)))
            continue;
        // Switches go by nothing that a load is.
        (old && same(*old, loaded_as(*old, row)) ? change.seen : change.put_hypervisors)
            .push_back(row);
    }
    // One that has another name now gives it to its VMs a moment later: until then they are there.
    std::set<std::string> named;
    for (const db::Vm& vm : fleet.vms)
        named.insert(vm.hypervisor);
    for (const db::Hypervisor& row : *store.hypervisors) {
        if (!row.self && !members.find(row.name) && !named.contains(row.name))
            change.remove_hypervisors.push_back(row.name);
    }
}

/// Rows with an owner and an epoch.
template <class Row>
void pull_owned(const std::vector<Row>& fleet, const std::vector<Row>& store,
                const std::string& self, bool adopt, std::vector<Row>& put,
                std::vector<std::string>& remove)
{
    Index known{store, &Row::id};
    Index shared{fleet, &Row::id};
    for (const Row& row : fleet) {
        const Row* old = known.find(row.id);
        if (!old) {
            if (row.hypervisor != self || adopt)
                put.push_back(row);
            continue;
        }
        bool newer = row.epoch > old->epoch;
        bool owners = row.epoch == old->epoch && row.hypervisor != self;
        if ((newer || owners) && *old != row)
            put.push_back(row);
    }
    for (const Row& row : store) {
        if (row.hypervisor != self && !shared.find(row.id))
            remove.push_back(row.id);
    }
}

/// Rows that belong to the fleet: those of its database, and no others.
template <class Row>
void pull_shared(const std::vector<Row>& fleet, const std::vector<Row>& store,
                 std::vector<Row>& put, std::vector<std::string>& remove,
                 std::string Row::*key = &Row::name)
{
    Index known{store, key};
    Index shared{fleet, key};
    for (const Row& row : fleet) {
        const Row* old = known.find(row.*key);
        if (!old || *old != row)
            put.push_back(row);
    }
    for (const Row& row : store) {
        if (!shared.find(row.*key))
            remove.push_back(row.*key);
    }
}

void pull_health(const db::FleetSnapshot& fleet, const Shared& store, const Unheard& unheard,
                 StoreChange& change)
{
    auto silent = unheard.silent;
    silent.insert(unheard.dead.begin(), unheard.dead.end());
    for (const db::ServerHealth& row : heard_health(fleet.health, fleet.balancers, silent)) {
        const db::ServerHealth* old = db::find_health(*store.health, db::HealthKey::of(row));
        if (row.hypervisor != store.self && (!old || *old != row) &&
            db::is_needed(row, fleet.balancers, fleet.hypervisors))
            change.put_health.push_back(row);
    }
    for (const db::ServerHealth& row : *store.health) {
        const auto key = db::HealthKey::of(row);
        if (row.hypervisor != store.self && !db::find_health(fleet.health, key))
            change.remove_health.push_back(key);
    }
}

void push_health(const db::FleetSnapshot& fleet, const Shared& store, db::FleetChange& change)
{
    for (const db::ServerHealth& row : *store.health) {
        const db::ServerHealth* old = db::find_health(fleet.health, db::HealthKey::of(row));
        if (row.hypervisor == store.self && (!old || *old != row))
            change.put_health.push_back(row);
    }
    for (const db::ServerHealth& row : fleet.health) {
        const auto key = db::HealthKey::of(row);
        if (row.hypervisor == store.self && !db::find_health(*store.health, key))
            change.remove_health.push_back(key);
    }
}

bool ended(const db::Move& row)
{
    return row.state == "back" || row.state == "cleaned" || row.state == "active" ||
           row.state == "failed";
}

bool history(const db::Move& row, db::TimeNs now)
{
    db::TimeNs newest = 0;
    for (const auto& [mark, time] : row.times)
        newest = std::max(newest, time);
    return ended(row) && now - newest > history_limit;
}

/// Rows with an owner and an epoch.
template <class Row>
void push_owned(const std::vector<Row>& fleet, const std::vector<Row>& store,
                const std::string& self, std::vector<Row>& put, std::vector<std::string>& remove)
{
    Index known{store, &Row::id};
    Index shared{fleet, &Row::id};
    for (const Row& row : store) {
        if (row.hypervisor != self)
            continue;
        const Row* old = shared.find(row.id);
        bool may =
            !old || old->epoch < row.epoch || (old->epoch == row.epoch && old->hypervisor == self);
        if (may && (!old || *old != row))
            put.push_back(row);
    }
    for (const Row& row : fleet) {
        if (row.hypervisor == self && !known.find(row.id))
            remove.push_back(row.id);
    }
}

void push_moves(const db::FleetSnapshot& fleet, const Shared& store, db::TimeNs now,
                db::FleetChange& change)
{
    for (const db::Move& row : *store.moves) {
        if (row.hypervisor != store.self)
            continue;
        if (history(row, now)) {
            if (db::is_damaged(fleet.damaged, "Move", db::key_of(row))) // Not among fleet.moves.
                change.remove_moves.push_back({row.id, row.role});
            continue;
        }
        const db::Move* old = find_move(fleet.moves, row);
        if (!old || *old != row)
            change.put_moves.push_back(row);
    }
    for (const db::Move& row : fleet.moves) {
        if (row.hypervisor != store.self)
            continue;
        const db::Move* mine = find_move(*store.moves, row);
        if (!mine || history(*mine, now))
            change.remove_moves.push_back({row.id, row.role});
    }
}

template <class Row>
void mend(std::vector<Row>& fleet, const std::vector<Row>& store, const char* table,
          const std::vector<db::Damage>& damaged)
{
    const auto key = [](const Row& row) { return db::key_of(row); };
    for (const Row& row : store)
        if (db::is_damaged(damaged, table, key(row)) &&
            std::ranges::find(fleet, key(row), key) == fleet.end())
            fleet.push_back(row);
    std::ranges::sort(fleet, {}, key);
}

/// The same of rows with an owner.
template <class Row>
void mend_others(std::vector<Row>& fleet, std::vector<Row> store, const char* table,
                 const std::string& self, const std::vector<db::Damage>& damaged)
{
    std::erase_if(store, [&](const Row& row) { return row.hypervisor == self; });
    mend(fleet, store, table, damaged);
}

} // namespace

db::FleetSnapshot mended(db::FleetSnapshot fleet, const Shared& store)
{
    mend(fleet.hypervisors, *store.hypervisors, "Hypervisor", fleet.damaged);
    mend_balancers(fleet.balancers, *store.balancers, fleet.damaged);
    mend_others(fleet.vms, *store.vms, "VM", store.self, fleet.damaged);
    mend_others(fleet.services, *store.services, "Service", store.self, fleet.damaged);
    mend_others(fleet.specifications, *store.specifications, "Specification", store.self,
                fleet.damaged);
    mend(fleet.recovery_policies, *store.recovery_policies, "Recovery_Policy", fleet.damaged);
    mend(fleet.recoveries, *store.recoveries, "Recovery", fleet.damaged);
    mend_others(fleet.health, *store.health, "Server_Health", store.self, fleet.damaged);
    std::ranges::sort(fleet.health, {}, &db::HealthKey::of);
    mend(fleet.leases, *store.leases, "Lease", fleet.damaged);
    mend(fleet.quotas, *store.quotas, "Quota", fleet.damaged);
    mend_others(fleet.moves, *store.moves, "Move", store.self, fleet.damaged);
    return fleet;
}

void mend_balancers(std::vector<db::Balancer>& fleet, const std::vector<db::Balancer>& store,
                    const std::vector<db::Damage>& damaged)
{
    mend(fleet, store, "Balancer", damaged);
}

std::vector<db::Vm> heard_vms(std::vector<db::Vm> vms, const std::set<std::string>& dead)
{
    for (db::Vm& vm : vms) {
        if (dead.contains(vm.hypervisor))
            vm.health = dead_text(vm.hypervisor);
        else if (vm.health == dead_text(vm.hypervisor))
            vm.health.clear(); // The next that its owner writes says how it is.
    }
    return vms;
}

StoreChange pull_changes(const db::FleetSnapshot& fleet, const Shared& store, bool adopt,
                         const Unheard& unheard)
{
    StoreChange change;
    pull_hypervisors(fleet, store, change);
    pull_owned(heard_vms(fleet.vms, unheard.dead), *store.vms, store.self, adopt, change.put_vms,
               change.remove_vms);
    pull_owned(fleet.services, *store.services, store.self, adopt, change.put_services,
               change.remove_services);
    pull_shared(fleet.chains, *store.chains, change.put_chains, change.remove_chains);
    pull_shared(fleet.balancers, *store.balancers, change.put_balancers, change.remove_balancers);
    pull_owned(fleet.specifications, *store.specifications, store.self, adopt,
               change.put_specifications, change.remove_specifications);
    pull_shared(fleet.recovery_policies, *store.recovery_policies, change.put_recovery_policies,
                change.remove_recovery_policies);
    pull_shared(fleet.recoveries, *store.recoveries, change.put_recoveries,
                change.remove_recoveries, &db::Recovery::id);
    pull_shared(fleet.leases, *store.leases, change.put_leases, change.remove_leases);
    pull_shared(fleet.quotas, *store.quotas, change.put_quotas, change.remove_quotas);
    pull_health(fleet, store, unheard, change);
    for (const db::Move& row : fleet.moves) {
        const db::Move* old = find_move(*store.moves, row);
        bool mine = row.hypervisor == store.self;
        if (mine ? adopt && !old && ended(row) : !old || *old != row)
            change.put_moves.push_back(row);
    }
    return change;
}

db::FleetChange push_changes(const db::FleetSnapshot& fleet, const Shared& store, db::TimeNs now)
{
    db::FleetChange change;
    Index members{fleet.hypervisors, &db::Hypervisor::id};
    for (const db::Hypervisor& row : *store.hypervisors) {
        const db::Hypervisor* old = members.find(row.id);
        const bool damaged = db::is_damaged(fleet.damaged, "Hypervisor", row.name);
        if (row.self && old && (damaged || !same(*old, row)))
            change.put_hypervisors.push_back(row);
    }
    push_owned(fleet.vms, *store.vms, store.self, change.put_vms, change.remove_vms);
    push_owned(fleet.services, *store.services, store.self, change.put_services,
               change.remove_services);
    push_owned(fleet.specifications, *store.specifications, store.self, change.put_specifications,
               change.remove_specifications);
    push_health(fleet, store, change);
    push_moves(fleet, store, now, change);
    return change;
}

Result<std::vector<db::Vm>> renumbered(const std::vector<db::Vm>& vms, int from, int to)
{
    std::vector<db::Vm> all = vms;
    std::vector<db::Vm> changed;
    for (db::Vm& vm : all) {
        if (static_cast<int>(vm.label >> 12) != from)
            continue;
        auto label = next_label(all, to);
        if (!label)
            return label.error();
        vm.label = *label;
        changed.push_back(vm);
    }
    return changed;
}

const db::Hypervisor* row_before(const std::vector<db::Hypervisor>& fleet,
                                 const db::Hypervisor& self)
{
    auto found = std::find_if(fleet.begin(), fleet.end(), [&](const db::Hypervisor& row) {
        return row.name == self.name && row.id != self.id && !row.vtep.empty() &&
               row.vtep == self.vtep;
    });
    return found == fleet.end() ? nullptr : &*found;
}

Result<std::vector<db::Vm>> labelled_as_before(const std::vector<db::Vm>& fleet,
                                               const std::vector<db::Vm>& store, int number)
{
    Index shared{fleet, &db::Vm::id};
    std::vector<db::Vm> all = fleet;
    std::vector<db::Vm> changed;
    for (db::Vm vm : store) {
        if (const db::Vm* before = shared.find(vm.id)) {
            changed.push_back(*before);
            continue;
        }
        auto label = next_label(all, number);
        if (!label)
            return label.error();
        vm.label = *label;
        all.push_back(vm);
        changed.push_back(vm);
    }
    return changed;
}

} // namespace holdfast::hookd
