// SPDX-License-Identifier: Apache-2.0
//
// db/store-recovery: the store's tables of recovery, as db/store-rows has the others.
#include <config.h>

#include <nlohmann/json.hpp>

#include "common/text.h"
#include "db/row-check.h"
#include "db/store-impl.h"

namespace holdfast::db {
namespace {

using nlohmann::json;

std::vector<SpecificationElement> read_elements(const std::string& text)
{
    try {
        std::vector<SpecificationElement> elements;
        for (const auto& one : json::parse(text))
            elements.push_back({one.at(0), one.at(1), one.at(2)});
        return elements;
    } catch (const json::exception&) {
        throw BadRow{"elements is " + one_line(text, 40) +
                     ": it is to be JSON, [[feature, name, version]..]"};
    }
}

std::map<std::string, std::int64_t> read_weights(const std::string& text)
{
    try {
        return json::parse(text).get<std::map<std::string, std::int64_t>>();
    } catch (const json::exception&) {
        throw BadRow{"weights is " + one_line(text, 40) + ": it is to be JSON, {feature: number}"};
    }
}

Specification read_specification(Statement& from)
{
    Specification row;
    row.id = from.text();
    row.hypervisor = from.text();
    row.epoch = from.integer();
    row.cpus = from.integer();
    row.memory = from.integer();
    row.disk = from.integer();
    row.shared_disks = from.integer() != 0;
    row.elements = read_elements(from.text());
    row.lease = from.integer();
    row.xml = from.text();
    return row;
}

RecoveryPolicy read_policy(Statement& from)
{
    RecoveryPolicy row;
    row.name = from.text();
    row.ways = from.text();
    row.weights = read_weights(from.text());
    row.threshold = from.integer();
    row.measure = from.text();
    row.versions = from.text();
    row.required = from.text();
    row.pinned = from.text();
    row.forbidden = from.integer() != 0;
    row.automatic = from.text();
    return row;
}

Recovery read_recovery(Statement& from)
{
    Recovery row;
    row.id = from.text();
    row.vm = from.text();
    row.hypervisor = from.text();
    row.failure = from.text();
    row.state = from.text();
    row.way = from.text();
    row.replacement = from.text();
    row.target = from.text();
    row.by = from.text();
    row.text = from.text();
    row.attempts = from.integer();
    row.since = from.integer();
    row.changed = from.integer();
    return row;
}

/// All rows but those that are damaged, which are noted, if asked for.
/// Shape:   the query's first column is the row's key.
template <class Row>
std::vector<Row> read_all(Use query, Row (*read)(Statement&), const char* table,
                          std::vector<Damage>* damaged)
{
    std::vector<Row> rows;
    std::vector<Damage> found;
    while (query->step()) {
        try {
            rows.push_back(read(*query));
        } catch (const BadRow& bad) {
            found.push_back({table, query->first(), bad.what()});
        }
    }
    leave_out_damaged(rows, table, found);
    if (damaged)
        damaged->insert(damaged->end(), found.begin(), found.end());
    return rows;
}

} // namespace

Result<std::vector<Specification>> Store::specifications(std::vector<Damage>* damaged)
{
    return impl_->read([&](Connection& store) {
        return read_all(store.use("SELECT id, hypervisor, epoch, cpus, memory, disk, shared_disks, "
                                  "elements, lease, xml FROM specification ORDER BY id"),
                        read_specification, "specification", damaged);
    });
}

Result<void> Store::put(const Specification& row)
{
    auto elements = json::array();
    for (const auto& one : row.elements)
        elements.push_back(json::array({one.feature, one.name, one.version}));
    return impl_->write([&](Connection& store) {
        auto put =
            store.use("INSERT OR REPLACE INTO specification VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        put->bind(row.id).bind(row.hypervisor).bind(row.epoch).bind(row.cpus).bind(row.memory);
        put->bind(row.disk).bind(row.shared_disks).bind(elements.dump()).bind(row.lease);
        put->bind(row.xml).run();
    });
}

Result<void> Store::remove_specification(const std::string& id)
{
    return impl_->write([&](Connection& store) {
        auto remove = store.use("DELETE FROM specification WHERE id = ?");
        remove->bind(id).run();
    });
}

Result<std::vector<RecoveryPolicy>> Store::recovery_policies(std::vector<Damage>* damaged)
{
    return impl_->read([&](Connection& store) {
        return read_all(store.use("SELECT name, ways, weights, threshold, measure, versions, "
                                  "required, pinned, forbidden, automatic FROM recovery_policy "
                                  "ORDER BY name"),
                        read_policy, "recovery_policy", damaged);
    });
}

Result<void> Store::put(const RecoveryPolicy& row)
{
    return impl_->write([&](Connection& store) {
        auto put = store.use(
            "INSERT OR REPLACE INTO recovery_policy VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        put->bind(row.name).bind(row.ways).bind(json(row.weights).dump()).bind(row.threshold);
        put->bind(row.measure).bind(row.versions).bind(row.required).bind(row.pinned);
        put->bind(row.forbidden).bind(row.automatic).run();
    });
}

Result<void> Store::remove_recovery_policy(const std::string& name)
{
    return impl_->write([&](Connection& store) {
        auto remove = store.use("DELETE FROM recovery_policy WHERE name = ?");
        remove->bind(name).run();
    });
}

Result<std::vector<Recovery>> Store::recoveries(std::vector<Damage>* damaged)
{
    return impl_->read([&](Connection& store) {
        return read_all(store.use("SELECT id, vm, hypervisor, failure, state, way, replacement, "
                                  "target, by_hypervisor, text, attempts, since, changed "
                                  "FROM recovery ORDER BY id"),
                        read_recovery, "recovery", damaged);
    });
}

Result<void> Store::put(const Recovery& row)
{
    return impl_->write([&](Connection& store) {
        auto put = store.use(
            "INSERT OR REPLACE INTO recovery VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        put->bind(row.id).bind(row.vm).bind(row.hypervisor).bind(row.failure).bind(row.state);
        put->bind(row.way).bind(row.replacement).bind(row.target).bind(row.by).bind(row.text);
        put->bind(row.attempts).bind(row.since).bind(row.changed).run();
    });
}

Result<void> Store::remove_recovery(const std::string& id)
{
    return impl_->write([&](Connection& store) {
        auto remove = store.use("DELETE FROM recovery WHERE id = ?");
        remove->bind(id).run();
    });
}

} // namespace holdfast::db
