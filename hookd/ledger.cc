// SPDX-License-Identifier: Apache-2.0
//
// hookd/ledger: see ledger.h.
#include <config.h>

#include "hookd/ledger.h"

#include <ctime>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>

#include "db/balancer.h"
#include "hookd/path.h"

namespace holdfast::hookd {
namespace {

/// Puts rows over those with the same key, or at the end.
template <class Row, class Key>
void put_all(std::vector<Row>& rows, const std::vector<Row>& news, Key key)
{
    if (news.empty())
        return;
    std::unordered_map<std::string, std::size_t> places;
    for (std::size_t i = 0; i < rows.size(); ++i)
        places.emplace(key(rows[i]), i);
    for (const Row& row : news) {
        auto [place, added] = places.emplace(key(row), rows.size());
        if (added)
            rows.push_back(row);
        else
            rows[place->second] = row;
    }
}

template <class Row>
void remove_all(std::vector<Row>& rows, const std::vector<std::string>& keys, std::string Row::*key)
{
    if (keys.empty())
        return;
    std::unordered_set<std::string> gone{keys.begin(), keys.end()};
    std::erase_if(rows, [&](const Row& row) { return gone.contains(row.*key); });
}

template <class Row>
auto by(std::string Row::*key)
{
    return [key](const Row& row) { return row.*key; };
}

std::string move_key(const db::Move& row)
{
    return row.id + " " + row.role;
}

} // namespace

bool StoreChange::empty() const
{
    return !concerns_flows() && put_services.empty() && remove_services.empty() &&
           put_moves.empty() && events.empty() && put_tasks.empty() && seen.empty() &&
           remove_tasks.empty() && put_specifications.empty() && remove_specifications.empty() &&
           put_recovery_policies.empty() && remove_recovery_policies.empty() &&
           put_recoveries.empty() && remove_recoveries.empty() && put_leases.empty() &&
           remove_leases.empty() && put_quotas.empty() && remove_quotas.empty();
}

bool StoreChange::concerns_flows() const
{
    return concerns_paths() || !put_hypervisors.empty() || !remove_hypervisors.empty() ||
           !put_balancers.empty() || !remove_balancers.empty() || !put_health.empty() ||
           !remove_health.empty();
}

bool StoreChange::concerns_paths() const
{
    return !put_vms.empty() || !remove_vms.empty() || !put_chains.empty() || !remove_chains.empty();
}

Result<Ledger> Ledger::open(const std::string& path)
{
    auto store = db::Store::open(path);
    if (!store)
        return store.error();
    Ledger ledger{std::move(*store)};
    if (auto done = ledger.read(); !done)
        return done.error();
    return ledger;
}

Result<void> Ledger::read()
{
    auto take = [](auto result, auto& into) -> Result<void> {
        if (!result)
            return result.error();
        into = std::move(*result);
        return {};
    };
    for (auto done : {take(store_.hypervisors(), hypervisors_), take(store_.vms(), vms_),
                      take(store_.chains(), chains_), take(store_.balancers(), balancers_),
                      take(store_.health(), health_), take(store_.services(), services_),
                      take(store_.specifications(), specifications_),
                      take(store_.recovery_policies(), recovery_policies_),
                      take(store_.recoveries(), recoveries_), take(store_.leases(), leases_),
                      take(store_.quotas(), quotas_), take(store_.paths(), paths_),
                      take(store_.moves(), moves_)}) {
        if (!done)
            return done;
    }
    sort_paths(paths_);
    return {};
}

Result<void> Ledger::write(const StoreChange& change)
{
    Result<void> done;
    auto put_each = [&](const auto& rows) {
        for (const auto& row : rows)
            done = done ? store_.put(row) : done;
    };
    auto remove_each = [&](const auto& keys, auto remove) {
        for (const auto& key : keys)
            done = done ? (store_.*remove)(key) : done;
    };
    remove_each(change.remove_hypervisors, &db::Store::remove_hypervisor);
    remove_each(change.remove_vms, &db::Store::remove_vm);
    remove_each(change.remove_chains, &db::Store::remove_chain);
    remove_each(change.remove_balancers, &db::Store::remove_balancer);
    remove_each(change.remove_health, &db::Store::remove_health);
    remove_each(change.remove_services, &db::Store::remove_service);
    remove_each(change.remove_specifications, &db::Store::remove_specification);
    remove_each(change.remove_recovery_policies, &db::Store::remove_recovery_policy);
    remove_each(change.remove_recoveries, &db::Store::remove_recovery);
    remove_each(change.remove_leases, &db::Store::remove_lease);
    remove_each(change.remove_quotas, &db::Store::remove_quota);
    put_each(change.put_hypervisors);
    put_each(change.seen);
    put_each(change.put_vms);
    put_each(change.put_chains);
    put_each(change.put_balancers);
    put_each(change.put_health);
    put_each(change.put_services);
    put_each(change.put_specifications);
    put_each(change.put_recovery_policies);
    put_each(change.put_recoveries);
    put_each(change.put_leases);
    put_each(change.put_quotas);
    put_each(change.put_moves);
    remove_each(change.remove_tasks, &db::Store::remove_task);
    put_each(change.put_tasks);
    for (const db::Event& event : change.events)
        done = done ? store_.add(event) : done;
    return done;
}

Result<void> Ledger::apply(const StoreChange& change)
{
    if (change.empty())
        return {};
    // What the transaction would make of memory; swapped in when it is done.
    std::vector<db::Vm> vms;
    std::vector<db::Chain> chains;
    std::vector<db::PathHop> paths;
    PathChange path_rows;
    if (change.concerns_paths()) {
        vms = vms_;
        chains = chains_;
        remove_all(vms, change.remove_vms, &db::Vm::id);
        put_all(vms, change.put_vms, by(&db::Vm::id));
        remove_all(chains, change.remove_chains, &db::Chain::name);
        put_all(chains, change.put_chains, by(&db::Chain::name));
        paths = compute_paths(chains, vms);
        path_rows = path_change(paths_, paths);
    }
    db::Store::Transaction transaction{store_};
    if (auto done = write(change); !done)
        return done;
    if (auto done = store_.change_paths(path_rows.put, path_rows.gone); !done)
        return done;
    if (auto done = transaction.commit(); !done)
        return done;
    if (change.concerns_paths()) {
        vms_ = std::move(vms);
        chains_ = std::move(chains);
        paths_ = std::move(paths);
    }
    take_the_rest(change);
    return {};
}

/// Brings into memory what no path depends on.
void Ledger::take_the_rest(const StoreChange& change)
{
    remove_all(hypervisors_, change.remove_hypervisors, &db::Hypervisor::name);
    put_all(hypervisors_, change.put_hypervisors, by(&db::Hypervisor::name));
    put_all(hypervisors_, change.seen, by(&db::Hypervisor::name));
    remove_all(balancers_, change.remove_balancers, &db::Balancer::name);
    put_all(balancers_, change.put_balancers, by(&db::Balancer::name));
    take_health(change);
    remove_all(services_, change.remove_services, &db::Service::id);
    put_all(services_, change.put_services, by(&db::Service::id));
    remove_all(specifications_, change.remove_specifications, &db::Specification::id);
    put_all(specifications_, change.put_specifications, by(&db::Specification::id));
    remove_all(recovery_policies_, change.remove_recovery_policies, &db::RecoveryPolicy::name);
    put_all(recovery_policies_, change.put_recovery_policies, by(&db::RecoveryPolicy::name));
    remove_all(recoveries_, change.remove_recoveries, &db::Recovery::id);
    put_all(recoveries_, change.put_recoveries, by(&db::Recovery::id));
    remove_all(leases_, change.remove_leases, &db::Lease::name);
    put_all(leases_, change.put_leases, by(&db::Lease::name));
    remove_all(quotas_, change.remove_quotas, &db::Quota::name);
    put_all(quotas_, change.put_quotas, by(&db::Quota::name));
    put_all(moves_, change.put_moves, move_key);
    constexpr std::size_t most_moves = 1000;
    if (moves_.size() > most_moves)
        moves_.erase(moves_.begin(), moves_.end() - most_moves);
}

/// As the store does, which takes a row with its balancer, its server or its hypervisor.
void Ledger::take_health(const StoreChange& change)
{
    if (change.put_health.empty() && change.remove_health.empty() && change.put_balancers.empty() &&
        change.remove_balancers.empty() && change.remove_hypervisors.empty())
        return;
    std::map<db::HealthKey, db::ServerHealth> rows;
    for (db::ServerHealth& row : health_)
        rows.emplace(db::HealthKey::of(row), std::move(row));
    for (const db::HealthKey& key : change.remove_health)
        rows.erase(key);
    for (const db::ServerHealth& row : change.put_health)
        rows.insert_or_assign(db::HealthKey::of(row), row);
    health_.clear();
    for (auto& [key, row] : rows) {
        if (db::is_needed(row, balancers_, hypervisors_))
            health_.push_back(std::move(row));
    }
}

bool Ledger::is_damaged(const std::string& table, const std::string& key)
{
    const auto snapshot = store_.snapshot();
    return snapshot && db::is_damaged(snapshot->damaged, table, key);
}

db::Hypervisor Ledger::self() const
{
    auto row = std::find_if(hypervisors_.begin(), hypervisors_.end(),
                            [](const db::Hypervisor& h) { return h.self; });
    return row == hypervisors_.end() ? db::Hypervisor{} : *row;
}

const db::Vm* Ledger::vm(const std::string& id) const
{
    auto row =
        std::find_if(vms_.begin(), vms_.end(), [&](const db::Vm& vm) { return vm.id == id; });
    return row == vms_.end() ? nullptr : &*row;
}

const db::Hypervisor* Ledger::hypervisor(const std::string& name) const
{
    auto row = std::find_if(hypervisors_.begin(), hypervisors_.end(),
                            [&](const db::Hypervisor& h) { return h.name == name; });
    return row == hypervisors_.end() ? nullptr : &*row;
}

const db::Service* Ledger::service(const std::string& id) const
{
    auto row = std::find_if(services_.begin(), services_.end(),
                            [&](const db::Service& service) { return service.id == id; });
    return row == services_.end() ? nullptr : &*row;
}

const db::Lease* Ledger::lease(const std::string& name) const
{
    auto row = std::find_if(leases_.begin(), leases_.end(),
                            [&](const db::Lease& lease) { return lease.name == name; });
    return row == leases_.end() ? nullptr : &*row;
}

db::TimeNs now_ns()
{
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * db::TimeNs{1'000'000'000} + now.tv_nsec;
}

std::string new_uuid()
{
    return boost::uuids::to_string(boost::uuids::random_generator{}());
}

} // namespace holdfast::hookd
